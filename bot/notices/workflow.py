"""The wake-ups of notices that wait. Only here notices meet the durability engine."""

from bot.engine import step, workflow
from bot.notices.notices import SEND, Notices

_bound: list[Notices] = []


def bind(notices: Notices) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [notices]


@workflow(SEND)
async def send(number: int) -> None:
    """Send what waits."""
    await step("notices.send", _bound[-1].send, number)
