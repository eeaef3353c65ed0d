"""One look at a pipeline and what is shown of it. The only file of this package that meets the durability engine."""

from typing import Any

from bot.activity.activity import LOOK, Activity, Seen
from bot.engine import step, transact, workflow

_bound: list[Activity] = []


def bind(activity: Activity) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [activity]


@workflow(LOOK)
async def look(run: str, service: str, number: int, about: dict[str, Any]) -> None:
    """Look at a pipeline after an event, and show how it stands."""
    on = _bound[-1]
    seen: Seen | None = await step("activity.read", on.look, run, service, number, about)
    if seen is not None:
        await transact("activity.show", on.show, run, service, number, seen)
