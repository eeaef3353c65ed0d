"""Changes of who is on call: only here they meet the durability engine."""

from bot.engine import step, transact, workflow
from bot.oncall.changes import Changes, Look
from bot.oncall.overrides import CHANGE

_bound: list[Changes] = []


def bind(changes: Changes) -> None:
    """Give the workflows what they work on; called by the composition root before the engine is launched."""
    _bound[:] = [changes]


@workflow(CHANGE)
async def change(schedule: str) -> None:
    """Look who is on call for a schedule, and tell when that is somebody else."""
    look: Look = await step("oncall.look", _bound[-1].look, schedule)
    await transact("oncall.change", _bound[-1].tell, schedule, look)
