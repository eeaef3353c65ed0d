"""`Sweeping`: once an hour and at start, for what Slack did not tell while we were away."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from bot.clock import Clock
from bot.identity import Person
from bot.leavers.leavers import Leavers
from bot.store import Store
from bot.store.starts import want

SWEEP = "leavers.sweep.v1"
EVERY = timedelta(hours=1)


class Sweeping:
    """Looks after everybody who holds something, and after those who `besides` names."""

    def __init__(self, leavers: Leavers, store: Store, clock: Clock, besides: Callable[[], Iterable[Person]]) -> None:
        self._leavers = leavers
        self._store = store
        self._clock = clock
        self._besides = besides

    async def begin(self) -> None:
        """Have one look in a minute, when the start is over; one for all replicas that start within the same minute."""
        at = self._clock.now().replace(second=0, microsecond=0) + timedelta(minutes=2)
        async with self._store.write() as tx:
            await want(tx, f"leavers/start/{at:%Y%m%dT%H%M}", SWEEP, at=at)

    async def plan(self) -> None:
        """Have the next full hour begin with a look, one for all replicas."""
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0) + EVERY
        async with self._store.write() as tx:
            await want(tx, f"leavers/sweep/{hour:%Y%m%dT%H}", SWEEP, at=hour)

    async def sweep(self) -> None:
        """Look now."""
        await self._leavers.sweep(self._besides())
