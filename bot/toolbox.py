"""The connected tools, by name and by what they can do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from bot.closest import did_you_mean
from bot.errors import BadInput, Degraded
from integrations.contract import Adapter

T = TypeVar("T")


class Toolbox:
    """Holds every configured instance: an adapter, or why it could not be connected. Filled by `bot.app`."""

    def __init__(self) -> None:
        self._adapters: dict[str, Adapter] = {}
        self._broken: dict[str, str] = {}

    def add(self, adapter: Adapter) -> None:
        """Put a connected adapter in, under its instance's name; it replaces an older one of that name."""
        self._adapters[adapter.instance] = adapter
        self._broken.pop(adapter.instance, None)

    def note_broken(self, instance: str, reason: str) -> None:
        """Note that an instance is configured but could not be connected; `reason` is shown to people."""
        self._adapters.pop(instance, None)
        self._broken[instance] = reason

    def adapters(self) -> Mapping[str, Adapter]:
        """Return the connected adapters by instance."""
        return MappingProxyType(self._adapters)

    def broken(self) -> Mapping[str, str]:
        """Return the reasons of the instances that are not connected."""
        return MappingProxyType(self._broken)

    def get(self, capability: type[T], instance: str) -> T:
        """Return the instance as `capability`, typed.

        Raises:
            Degraded: `not_connected`: it is configured but could not be connected.
            BadInput: `unknown_integration` or `missing_capability`: there is none, or it cannot do this.
        """
        if instance in self._broken:
            raise Degraded("not_connected", f"{instance} is not connected: {self._broken[instance]}")
        adapter = self._adapters.get(instance)
        if adapter is None:
            near = did_you_mean(instance, sorted(self._adapters))
            raise BadInput("unknown_integration", f"{instance} is no configured integration. {near}".rstrip())
        if not isinstance(adapter, capability):
            able = [name for name, one in sorted(self._adapters.items()) if isinstance(one, capability)]
            others = f" These can: {', '.join(able)}." if able else ""
            raise BadInput("missing_capability", f"{instance} is no {capability.__name__}.{others}")
        return adapter

    async def close(self) -> None:
        """Close every adapter, the last one added first."""
        for instance in reversed(list(self._adapters)):
            await self._adapters.pop(instance).close()
