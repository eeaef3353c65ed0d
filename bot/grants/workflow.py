"""Housekeeping by the hour: leavers' grants are revoked. Only here grants meet the durability engine."""

from bot.engine import step, workflow
from bot.grants.housekeeping import SWEEP, Housekeeping

_bound: list[Housekeeping] = []


def bind(housekeeping: Housekeeping) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [housekeeping]


@workflow(SWEEP)
async def sweep() -> None:
    """Revoke what leavers lent, then come back in an hour."""
    housekeeping = _bound[-1]
    await step("grant.next_sweep", housekeeping.plan)  # first: a sweep that fails must not be the last one
    await step("grant.sweep", housekeeping.sweep)
