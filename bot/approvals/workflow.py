"""The deadline of a request for approval, and its reminder. Only here approvals meet the durability engine."""

from bot.approvals.approvals import EXPIRE, REMIND, Approvals
from bot.engine import step, workflow

_bound: list[Approvals] = []


def bind(approvals: Approvals) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [approvals]


@workflow(EXPIRE)
async def expire(approval_id: str) -> None:
    """End a request that nobody decided in time."""
    await step("approval.expire", _bound[-1].expire, approval_id)


@workflow(REMIND)
async def remind(approval_id: str) -> None:
    """Remind who may still decide and has not."""
    await step("approval.remind", _bound[-1].remind, approval_id)
