"""Connecting the configured tools. What cannot be connected is noted and tried again; the bot runs without it."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Final, cast

import structlog
from msgspec.structs import replace

from bot.clock import Clock
from bot.endings import end
from bot.health import Check, Health, HealthChecks
from bot.settings import Settings
from bot.toolbox import Toolbox
from bot.webhooks import Hook, Wire
from integrations.contract import Adapter, Integration, Resources
from integrations.errors import IntegrationError
from integrations.registry import declared

RETRY_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 20.0

log = structlog.get_logger()


def resources(settings: Settings) -> Resources:
    """Return what adapters are lent."""
    return Resources(
        state_dir=str(settings.state_dir / "integrations"),
        proxy=settings.network.proxy,
        ca_file=settings.network.ca_file,
    )


def load(path: str) -> object:
    """Return what "module:name" names; imported here and only now, so that what is not configured costs nothing."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def hooks(settings: Settings) -> list[Hook]:
    """Return the instances whose tool sends webhooks."""
    known = declared()
    found = []
    for name, instance in settings.integrations.items():
        wire = known[instance.type].webhook
        if wire:
            module: ModuleType = importlib.import_module(wire)
            found.append(Hook(name, instance.settings, cast(Wire, module)))
    return found


class Tools:
    """Fills a toolbox from the settings and keeps trying what did not connect."""

    def __init__(self, settings: Settings, toolbox: Toolbox, health: HealthChecks, clock: Clock) -> None:
        self._settings = settings
        self._toolbox = toolbox
        self._health = health
        self._clock = clock
        self._known: Mapping[str, Integration] = declared()
        self._retries: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect all configured instances at once; those that fail are tried again every half minute."""
        failed = await self._try(list(self._settings.integrations))
        if failed:
            self._retries = asyncio.create_task(self._again(failed), name="tools-reconnect")

    async def close(self) -> None:
        """Stop trying, and let go of every tool."""
        await end([self._retries])
        await self._toolbox.close()

    async def _again(self, failed: list[str]) -> None:
        while failed:
            await self._clock.sleep(RETRY_SECONDS)
            failed = await self._try(failed)

    async def _try(self, names: list[str]) -> list[str]:
        done = await asyncio.gather(*(self._one(name) for name in names))
        return [name for name, connected in zip(names, done, strict=True) if not connected]

    async def _one(self, name: str) -> bool:
        instance = self._settings.integrations[name]
        integration = self._known[instance.type]
        try:
            connect = cast("Callable[..., Awaitable[Adapter]]", load(integration.connect))
            async with asyncio.timeout(CONNECT_SECONDS):
                lent = replace(resources(self._settings), now=self._clock.now)
                adapter = await connect(name, instance.settings, lent)
        except ImportError as error:
            reason = f"{integration.title} needs a package that is not installed ({error.name}): "
            reason += f"pip install 'shipmate[{integration.name}]'"
        except TimeoutError:
            reason = f"no answer within {CONNECT_SECONDS:g} s"
        except IntegrationError as error:
            reason = error.message
        else:
            self._toolbox.add(adapter)
            self._health.add_adapter(adapter)
            log.info("tool.connected", instance=name, tool=instance.type)
            return True
        log.warning("tool.not_connected", instance=name, tool=instance.type, reason=reason)
        self._toolbox.note_broken(name, reason)
        self._health.add(name, _broken(reason))
        return False


def _broken(reason: str) -> Check:
    async def check() -> Health:
        return Health(ok=False, detail=reason)

    return check
