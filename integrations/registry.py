"""Every integration there is: ours, one line per tool, and those that third parties declare by entry points."""

from importlib.metadata import EntryPoint, entry_points

from integrations.contract import Integration
from integrations.gitlab import INTEGRATION as GITLAB
from integrations.jenkins import INTEGRATION as JENKINS
from integrations.local import INTEGRATION as LOCAL
from integrations.prometheus import INTEGRATION as PROMETHEUS

GROUP = "shipmate.integrations"

INTEGRATIONS: tuple[Integration, ...] = (
    GITLAB,
    JENKINS,
    LOCAL,
    PROMETHEUS,
)


class PluginError(Exception):
    """An entry point declares no integration that can be used. Says which distribution it comes from."""


def declared() -> dict[str, Integration]:
    """Return every integration by name, ours first, then those of entry points in the group `shipmate.integrations`.

    An entry point's object is an `Integration`, and its name is the integration's.

    Raises:
        PluginError: an entry point cannot be imported, is no Integration, or takes a name that is in use.
    """
    found = {integration.name: integration for integration in INTEGRATIONS}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        integration = _load(point)
        if integration.name in found:
            raise PluginError(f"{_where(point)} takes the name {integration.name!r}, which is in use: give it another")
        found[integration.name] = integration
    return found


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
