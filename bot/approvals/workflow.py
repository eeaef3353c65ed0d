"""The deadline of a request for approval. Only here approvals meet the durability engine."""

from bot.approvals.approvals import EXPIRE, Approvals
from bot.engine import step, workflow

_bound: list[Approvals] = []


def bind(approvals: Approvals) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [approvals]


@workflow(EXPIRE)
async def expire(approval_id: str) -> None:
    """End a request that nobody decided in time."""
    await step("approval.expire", _bound[-1].expire, approval_id)
