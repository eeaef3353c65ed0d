"""How the parts of the bot and the tools behind it are: asked at once, each with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bot.clock import Clock
from bot.errors import UserError
from integrations.contract import Adapter
from integrations.errors import IntegrationError

DEADLINE = 3.0
"""Seconds that a check may take."""

_LONGEST = 200


class Health(Struct, frozen=True):
    """How one thing is. `detail` is shown to people; `since` is when it was first found like this, if it is bad."""

    ok: bool
    detail: str = ""
    since: datetime | None = None


Check = Callable[[], Awaitable[Health]]


class HealthChecks:
    """What can be asked how it is, by name. Remembers since when something is not well."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checks: dict[str, Check] = {}
        self._bad_since: dict[str, datetime] = {}

    def add(self, name: str, check: Check) -> None:
        """Have `check` asked under `name`; it replaces an older one of that name."""
        self._checks[name] = check

    def add_adapter(self, adapter: Adapter) -> None:
        """Have an adapter pinged, under the name of its instance."""
        self.add(adapter.instance, lambda: _ping(adapter))

    def remove(self, name: str) -> None:
        """Forget a check, such as that of an instance that is configured no more."""
        self._checks.pop(name, None)
        self._bad_since.pop(name, None)

    def names(self) -> tuple[str, ...]:
        """Return what is asked."""
        return tuple(self._checks)

    async def ask(self, deadline: float = DEADLINE) -> Mapping[str, Health]:
        """Ask all at once and return how each is, those that are not well first. Takes `deadline` seconds at most."""
        names = list(self._checks)
        found = await asyncio.gather(*(self._ask(name, deadline) for name in names))
        healths = dict(zip(names, found, strict=True))
        return dict(sorted(healths.items(), key=lambda item: item[1].ok))

    async def _ask(self, name: str, deadline: float) -> Health:
        check = self._checks[name]
        try:
            async with asyncio.timeout(deadline):
                health = await check()
        except TimeoutError:
            health = Health(ok=False, detail=f"no answer within {deadline:g} s")
        except (IntegrationError, UserError, OSError) as error:
            health = Health(ok=False, detail=str(error)[:_LONGEST])
        if health.ok:
            self._bad_since.pop(name, None)
            return health
        since = self._bad_since.setdefault(name, health.since or self._clock.now())
        return replace(health, since=health.since or since)


async def _ping(adapter: Adapter) -> Health:
    pong = await adapter.ping()
    known = [part for part in (pong.version, f"as {pong.identity}" if pong.identity else "", pong.detail) if part]
    return Health(ok=True, detail=", ".join(known))
