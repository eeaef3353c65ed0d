"""`Heartbeat`: tells somebody outside that Shipmate works, again and again; who hears no more of it raises the alarm.

What is asked is a dead man's switch, such as healthchecks.io or Dead Man's Snitch. It is asked only while the work can
really be done: a process that turns but can keep nothing must not look alive.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp
import structlog

from bot.clock import Clock
from bot.health import Health
from bot.repeating import Repeating
from bot.settings import Settings
from bot.store import StoreUnavailable
from bot.store.kept import keep

if TYPE_CHECKING:
    from bot.app.composition import App

DEADLINE: Final = 10.0
"""Seconds that the switch may take to answer, and the store to be written."""
_IDLE = 60.0

log = structlog.get_logger()


class Heartbeat:
    """Beats while `why_not` answers "". Settings are asked each time, so that a reload is seen at once."""

    def __init__(self, settings: Callable[[], Settings], clock: Clock, why_not: Callable[[], Awaitable[str]]) -> None:
        self._settings = settings
        self._clock = clock
        self._why_not = why_not
        self._repeating = Repeating("heartbeat", self.beat, clock, pause=self._pause)
        self._problem = ""
        self._failed = 0
        self._last: datetime | None = None

    def start(self) -> None:
        """Begin."""
        self._repeating.start()

    async def stop(self) -> None:
        """End: nothing is told any more."""
        await self._repeating.stop()

    def _pause(self) -> float:
        heartbeat = self._settings().heartbeat
        return heartbeat.every.total_seconds() if heartbeat.url.get_secret_value() else _IDLE

    async def beat(self) -> None:
        """Tell the switch once, unless something is not well; a failure is counted and tried again the next time."""
        url = self._settings().heartbeat.url.get_secret_value()
        if not url:
            self._problem, self._failed = "", 0
            return
        problem = await self._trouble() or await self._tell(url)
        if not problem:
            self._problem, self._failed, self._last = "", 0, self._clock.now()
            return
        self._failed += 1
        if problem != self._problem:
            log.warning("heartbeat.failed", problem=problem)
        self._problem = problem

    async def health(self) -> Health:
        """Return how it stands: when it was told last, or why it is not."""
        if not self._settings().heartbeat.url.get_secret_value():
            return Health(ok=True, detail="not configured")
        last = f"last told at {self._last:%H:%M:%S} UTC" if self._last else "not told yet"
        if not self._failed:
            return Health(ok=True, detail=last)
        return Health(ok=False, detail=f"failed {self._failed} times: {self._problem}; {last}")

    async def _trouble(self) -> str:
        """Return why nothing may be told now, "" when all is well."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._why_not()
        except TimeoutError:
            return f"Shipmate itself did not answer within {DEADLINE:g} s"

    async def _tell(self, url: str) -> str:
        """Ask the switch's address, which is a secret; return what went wrong, without it."""
        settings = self._settings()
        where = "the switch"
        timeout = aiohttp.ClientTimeout(total=min(DEADLINE, settings.heartbeat.every.total_seconds()))
        try:
            where = urlsplit(url).hostname or where
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.request(
                    settings.heartbeat.method,
                    url,
                    proxy=settings.network.proxy or None,
                    ssl=_trust(settings.network.ca_file),
                    allow_redirects=False,
                ) as answer,
            ):
                return "" if answer.ok and answer.status < 300 else f"{where} answers {answer.status}"  # noqa: PLR2004 -- redirects of RFC 9110
        except TimeoutError:
            return f"{where} gave no answer within {timeout.total:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{where} cannot be asked: {type(error).__name__}"


def heartbeat_of(app: "App") -> Heartbeat:
    """Return the heartbeat of a running Shipmate."""

    async def why_not() -> str:
        if held := app.restoring.why():
            return held[:200]
        if app.engine is None:
            return "the engine is not launched"
        try:
            await keep(app.store, "heartbeat", app.clock.now().isoformat())
        except (StoreUnavailable, OSError) as error:
            return f"the store cannot be written: {error}"[:200]
        link = app.slack.link
        if link is not None and not link.connected.is_set():
            return f"no Socket Mode connection: {link.reason}"[:200]
        return ""

    return Heartbeat(lambda: app.settings, app.clock, why_not)


def _trust(ca_file: str) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=ca_file) if ca_file else True
