"""The story of a build, read top to bottom. The only file of builds that meets the durability engine.

Killed anywhere, it goes on from the last step that was recorded; a start looks for its request id first.
"""

from msgspec import Struct

from bot.builds.effects import Effects
from bot.builds.ledger import FOLLOW
from bot.builds.road import Leg, Road
from bot.builds.sending import UNKNOWN
from bot.engine import Parked, step, transact, workflow


class Bound(Struct, frozen=True):
    """What the workflow works with."""

    road: Road
    effects: Effects


_bound: list[Bound] = []


def bind(bound: Bound) -> None:
    """Give the workflow what it works with; called by the composition root before the engine is launched."""
    _bound[:] = [bound]


@workflow(FOLLOW)
async def follow(build: str, attempt: int) -> None:
    """Start the build where it does not run yet, follow it, and write how it ended."""
    on = _bound[-1]
    leg: Leg | None = await transact("build.begin", on.road.begin, build, attempt)
    if leg is None:
        return
    ref = leg.run
    if not ref:
        sent = await step("build.start", on.effects.start, build)
        if sent.code == UNKNOWN:
            raise Parked("build.start", sent.words)
        if not sent.ref:
            await transact("build.refused", on.road.refused, build, sent)
            return
        ref = sent.ref
        await transact("build.sent", on.road.sent, build, ref)
    end = await step("build.follow", on.effects.follow, build, ref)
    await transact("build.end", on.road.ended, build, end)
