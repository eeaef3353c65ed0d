"""What work does that loses the store in the middle: it stops as if its process had died, and nothing is recorded."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc

from bot.store.database import Store
from bot.store.errors import StoreUnavailable, reason_of
from bot.store.starts import starts


class CutOff(asyncio.CancelledError):
    """The store went away under a workflow. A cancellation, because the engine records nothing of one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def cut_off_when_away() -> Iterator[None]:
    """Turn errors that say that the store is away into `CutOff`; let all others through."""
    try:
        yield
    except StoreUnavailable as error:
        raise CutOff(error.reason) from error
    except (sa_exc.DBAPIError, sa_exc.TimeoutError) as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise CutOff(reason) from error


def unless_away(record: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wrap what records the error that is being handled: that the store is away is no outcome of a step.

    Recorded, it would be told again whenever the step is replayed, long after the store is back.
    """

    async def guarded(*args: Any) -> None:  # noqa: ANN401 - passed on as they come
        error = sys.exception()
        if error is not None:
            with cut_off_when_away():
                _raise_if_away(error)
        await record(*args)

    return guarded


async def note_outage(store: Store, workflow_id: str) -> None:
    """Write that what a workflow went through was the store's fault: it does not count as a failure of its own.

    Raises:
        StoreUnavailable: the store is still away.
    """
    async with store.write() as tx:
        row = starts.c.workflow_id == workflow_id
        await tx.conn.execute(sa.update(starts).where(row).values(attempts=0))


def _raise_if_away(error: BaseException) -> None:
    if isinstance(error, StoreUnavailable) or reason_of(error) is not None:
        raise error
