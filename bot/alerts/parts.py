"""What alerts are made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from bot.audit import Audit
from bot.catalog import Catalog, Service
from bot.charts import Charts
from bot.clock import Clock
from bot.identity import Channel, Person
from bot.paging.paging import Paging
from bot.permissions import Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox


class Parts(Struct, frozen=True, kw_only=True):
    """What alerts are made of. `settings` and `catalog` are asked each time, so that a reload is seen at once.

    `channel_of` finds where a service's news goes; `channel_named` a channel by name or id, None where there is none,
    and raises `Unavailable` where that cannot be told now. `zone_of` tells a person's time zone, "" where unknown.
    Without `charts` there are no pictures, and nothing is told of signals.
    `paging` wakes people for groups; without it nobody is woken.
    """

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    permissions: Permissions
    toolbox: Toolbox
    settings: Callable[[], Settings]
    catalog: Callable[[], Catalog]
    channel_of: Callable[[Service, Channel | None], Awaitable[Channel | None]]
    channel_named: Callable[[str], Awaitable[Channel | None]]
    zone_of: Callable[[Person], Awaitable[str]]
    charts: Charts | None = None
    paging: Paging | None = None
