"""Every integration there is: ours, one line per tool, and those that third parties declare by entry points."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from integrations.contract import Integration

GROUP = "shipmate.integrations"

INTEGRATIONS: tuple[str, ...] = (
    "alertmanager",
    "gitlab",
    "jenkins",
    "local",
    "ntfy",
    "pagerduty",
    "prometheus",
    "smtp",
    "twilio",
    "webhook",
)


class PluginError(Exception):
    """An entry point declares no integration that can be used. Says which distribution it comes from."""


class Declared(Mapping[str, Integration]):
    """Declarations by name. One of ours is imported when it is looked up: a tool nobody configured costs nothing."""

    def __init__(self, others: Mapping[str, Integration]) -> None:
        self._others = others

    def __getitem__(self, name: str) -> Integration:
        if name not in INTEGRATIONS:
            return self._others[name]
        integration: Integration = import_module(f"integrations.{name}").INTEGRATION
        return integration

    def __contains__(self, name: object) -> bool:
        return name in INTEGRATIONS or name in self._others

    def __iter__(self) -> Iterator[str]:
        yield from INTEGRATIONS
        yield from self._others

    def __len__(self) -> int:
        return len(INTEGRATIONS) + len(self._others)


def declared() -> Declared:
    """Return every integration by name, ours first, then those of entry points in the group `shipmate.integrations`.

    An entry point's object is an `Integration`, and its name is the integration's.

    Raises:
        PluginError: an entry point cannot be imported, is no Integration, or takes a name that is in use.
    """
    others: dict[str, Integration] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        integration = _load(point)
        if integration.name in INTEGRATIONS or integration.name in others:
            raise PluginError(f"{_where(point)} takes the name {integration.name!r}, which is in use: give it another")
        others[integration.name] = integration
    return Declared(others)


def _load(point: EntryPoint) -> Integration:
    try:
        loaded = point.load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise PluginError(f"{_where(point)} cannot be imported: {error}; repair or uninstall it") from error
    if not isinstance(loaded, Integration):
        raise PluginError(
            f"{_where(point)} is a {type(loaded).__name__}; an integrations.contract.Integration is wanted"
        )
    if loaded.name != point.name:
        raise PluginError(f"{_where(point)} declares {loaded.name!r}: name and entry point must be equal")
    return loaded


def _where(point: EntryPoint) -> str:
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return f"the integration {point.name!r} ({point.value}){owner}"
