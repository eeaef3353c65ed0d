"""What freezes are made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import Audit
from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.command import Resource
from bot.freezes.troubles import Trouble
from bot.identity import Channel, Person
from bot.locks.rules import Scope
from bot.permissions import Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox


class Parts(Struct, frozen=True, kw_only=True):
    """What freezes are made of. `settings` and `catalog` are asked each time, so that a reload is seen at once.

    `channel_of` finds where a service's news goes; `zone_of` tells a person's time zone, "" where nobody knows it.
    `troubles` reads what is wrong and not over.
    """

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    permissions: Permissions
    settings: Callable[[], Settings]
    catalog: Callable[[], Catalog]
    toolbox: Toolbox
    channel_of: Callable[[Service, Channel | None], Awaitable[Channel | None]]
    zone_of: Callable[[Person], Awaitable[str]]
    troubles: Callable[[AsyncConnection], Awaitable[Sequence[Trouble]]]


def resource_of(scope: Scope) -> Resource:
    """Return what a permission is asked on."""
    return Resource(scope.service, scope.environment, scope.target)
