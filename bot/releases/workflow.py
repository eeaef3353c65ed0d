"""The story of a release, read top to bottom. The only file of releases that meets the durability engine.

Killed anywhere, it goes on from the last step that was recorded; tag and release are looked up before they are made.
"""

from msgspec import Struct

from bot.builds.sending import UNKNOWN
from bot.engine import Parked, step, transact, workflow
from bot.releases.effects import Done, Effects
from bot.releases.ledger import CUT
from bot.releases.road import Leg, Road


class Bound(Struct, frozen=True):
    """What the workflow works with."""

    road: Road
    effects: Effects


_bound: list[Bound] = []


def bind(bound: Bound) -> None:
    """Give the workflow what it works with; called by the composition root before the engine is launched."""
    _bound[:] = [bound]


@workflow(CUT)
async def cut(release: str, attempt: int) -> None:
    """Build where the service builds, tag the commit, and make the release in the Git host."""
    on = _bound[-1]
    leg: Leg | None = await transact("release.begin", on.road.begin, release, attempt)
    if leg is None:
        return
    if leg.wants_build and not await _build(release, leg.run):
        return
    tagged = await step("release.tag", on.effects.tag, release)
    if not await _goes_on(release, "release.tag", tagged):
        return
    await transact("release.tagged", on.road.tagged, release)
    published = await step("release.publish", on.effects.publish, release)
    if await _goes_on(release, "release.publish", published):
        await transact("release.end", on.road.published, release, published)


async def _build(release: str, run: str) -> bool:
    """Build the artifact, or follow the build that was started; answer whether there is one."""
    on = _bound[-1]
    if not run:
        sent = await step("release.build", on.effects.start_build, release)
        if sent.code == UNKNOWN:
            raise Parked("release.build", sent.words)
        if not sent.ref:
            await transact("release.refused", on.road.failed, release, Done(code=sent.code, words=sent.words))
            return False
        run = sent.ref
        await transact("release.sent", on.road.sent, release, run)
    end = await step("release.follow", on.effects.follow, release, run)
    built: bool = await transact("release.built", on.road.built, release, end)
    return built


async def _goes_on(release: str, name: str, done: Done) -> bool:
    """Answer whether a step did what it was for; park where nobody knows, end the release where a tool says no."""
    if done.code == UNKNOWN:
        raise Parked(name, done.words)
    if done.code:
        await transact(f"{name}.failed", _bound[-1].road.failed, release, done)
    return not done.code
