"""The hourly look for people who left while nobody told us. Only here leavers meet the durability engine."""

from bot.engine import step, workflow
from bot.leavers.sweeping import SWEEP, Sweeping

_bound: list[Sweeping] = []


def bind(sweeping: Sweeping) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [sweeping]


@workflow(SWEEP)
async def sweep() -> None:
    """Look, and plan the next look."""
    await step("leavers.sweep", _bound[-1].sweep)
    await step("leavers.plan", _bound[-1].plan)
