"""What continuous deployment is made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from bot.audit import Audit
from bot.catalog import Catalog, Environment, Place, Service
from bot.clock import Clock
from bot.command import Invocation
from bot.deployments.deployments import Deployments
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.reply import Reply
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox

CONTINUOUS: Final = Person(team="account", user="continuous")
"""Who asks for what is deployed by itself: `account:continuous` in the configuration, granted nothing by default."""


class Parts(Struct, frozen=True, kw_only=True):
    """Everything this uses. `catalog` is asked each time, so that a reload is seen at once.

    `ask` takes a wish down the road that everybody's wishes take, and returns the answer. `channel_of` finds where a
    service's news goes.
    """

    store: Store
    clock: Clock
    audit: Audit
    catalog: Callable[[], Catalog]
    toolbox: Toolbox
    permissions: Permissions
    outbox: Outbox
    deployments: Deployments
    ask: Callable[[Invocation], Awaitable[Reply]]
    channel_of: Callable[[Service, Channel | None], Awaitable[Channel | None]]


def places_of(catalog: Catalog, service: str = "") -> dict[Place, Environment]:
    """Return the places whose environment has `continuous`, of all services or of one, in the order of promotion."""
    services = (catalog.service(service),) if service else catalog.services()
    return {
        Place(one.name, environment.name, target): environment
        for one in services
        for environment in one.environments
        if environment.continuous is not None
        for target in environment.targets or ("",)
    }
