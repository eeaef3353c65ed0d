"""What on call is made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from bot.audit import Audit
from bot.catalog import Catalog
from bot.clock import Clock
from bot.identity import Channel, Person
from bot.oncall.calendars import Copy
from bot.permissions import Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.slack.signs import Signs
from bot.store import Store


class Parts(Struct, frozen=True, kw_only=True):
    """What on call is made of. `settings` and `catalog` are asked each time, so that a reload is seen at once.

    `channel_named` finds a channel by name or id, None where the bot sees none; `zone_of` tells a person's time zone,
    "" where nobody knows it; `is_active` whether they are an active member of ours, None where it cannot be told;
    `fetch` reads what is at an address, bounded, unless it still is what has this ETag, and raises `IntegrationError`;
    `signs` is what in Slack says who is on call.
    """

    store: Store
    clock: Clock
    audit: Audit
    outbox: Outbox
    permissions: Permissions
    settings: Callable[[], Settings]
    catalog: Callable[[], Catalog]
    channel_named: Callable[[str], Awaitable[Channel | None]]
    zone_of: Callable[[Person], Awaitable[str]]
    is_active: Callable[[Person], Awaitable[bool | None]]
    fetch: Callable[[str, str], Awaitable[Copy]]
    signs: Signs
