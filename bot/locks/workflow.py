"""The deadlines of locks: their end, and the question shortly before. Only here locks meet the durability engine."""

from bot.engine import step, workflow
from bot.locks.locks import EXPIRE, NAG, Locks

_bound: list[Locks] = []


def bind(locks: Locks) -> None:
    """Give the workflows what they work on; called by the composition root before the engine is launched."""
    _bound[:] = [locks]


@workflow(EXPIRE)
async def expire(lock_id: str) -> None:
    """End a lock whose time is over."""
    await step("lock.expire", _bound[-1].expire, lock_id)


@workflow(NAG)
async def nag(lock_id: str) -> None:
    """Ask its holder whether it is still needed."""
    await step("lock.nag", _bound[-1].nag, lock_id)
