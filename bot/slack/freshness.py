"""`Freshness`: shows home tabs anew when something changed, to those who looked at theirs of late.

Slack tells when a tab is opened, and it is made anew then; without this it would stay as it was while somebody
looks at it. A tab is sent again only where it differs, and no tab more often than every few seconds.
"""

import asyncio
import contextlib
from collections import OrderedDict

import structlog

from bot.clock import Clock
from bot.endings import end
from bot.slack.home import HomeTab
from bot.store import StoreUnavailable

SIGNAL = "home"
"""Set after a commit that may have changed what somebody's tab says."""

PAUSE = 5.0
"""Seconds between two rounds."""

_OPEN_FOR = 3600.0
_MOST_OPEN = 200
_LOOK_AGAIN = 60.0

_log = structlog.get_logger(__name__)


class Freshness:
    """Looks after the tabs of the people who opened theirs within the last hour, at most so many."""

    def __init__(self, home: HomeTab, signal: asyncio.Event, clock: Clock) -> None:
        self._home = home
        self._signal = signal
        self._clock = clock
        self._opened: OrderedDict[str, float] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="slack-homes")

    async def stop(self) -> None:
        """End."""
        await end([self._task])
        self._task = None

    async def opened(self, user: str) -> None:
        """Show a person the tab that they opened, and keep it fresh from now on."""
        self._opened[user] = self._clock.monotonic()
        self._opened.move_to_end(user)
        if len(self._opened) > _MOST_OPEN:
            gone, _ = self._opened.popitem(last=False)
            self._home.forget(gone)
        await self._home.publish(user)

    async def round(self) -> int:
        """Send the tabs that differ from what was sent; return how many."""
        now = self._clock.monotonic()
        for user in [user for user, at in self._opened.items() if now - at > _OPEN_FOR]:
            del self._opened[user]
            self._home.forget(user)
        return sum([await self._home.publish(user, anew=False) for user in list(self._opened)])

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):  # another replica's changes wake nobody here
                    await self._signal.wait()
            self._signal.clear()
            try:
                await self.round()
            except (OSError, StoreUnavailable) as error:
                _log.warning("home tabs could not be looked at", error=str(error))
            await self._clock.sleep(PAUSE)
