"""What `Restoring` is made of."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from bot.audit import Audit
from bot.builds.builds import Builds
from bot.catalog import Catalog
from bot.clock import Clock
from bot.deployments.deployments import Deployments
from bot.identity import Channel, Person
from bot.locks.locks import Locks
from bot.paging.paging import Paging
from bot.releases.releases import Releases
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.store.generation import Generation
from bot.toolbox import Toolbox


class Parts(Struct, frozen=True, kw_only=True):
    """The domains that may have had something in flight, and what is said through.

    `catalog` is asked each time. `announce_in` returns the channel of announcements, None without one, and raises
    SlackError while Slack does not tell. `engine_url` is where the durability engine keeps its tables.
    """

    store: Store
    generation: Generation
    clock: Clock
    audit: Audit
    outbox: Outbox
    toolbox: Toolbox
    catalog: Callable[[], Catalog]
    deployments: Deployments
    builds: Builds
    releases: Releases
    locks: Locks
    paging: Paging
    name_of: Callable[[Person], str]
    announce_in: Callable[[], Awaitable[Channel | None]]
    engine_url: str
