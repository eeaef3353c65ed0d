"""What builds are made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from msgspec import Struct

from bot.audit import SHIPMATE, Audit
from bot.builds.acting import Acting, OwnToken
from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox
from bot.vault import Vault
from bot.watch import Watch

ChannelOf = Callable[[Service, Channel | None], Awaitable[Channel | None]]
"""(service, where it was asked) -> where its cards go; None when there is no channel at all."""


class Parts(Struct, frozen=True, kw_only=True):
    """Everything builds use. `catalog` is asked each time, so that a reload is seen at once; `vault` seals secrets.

    `longest_run` bounds one build; what it waits for people is not counted. `by_person` does for people what tools
    decide by person; without one Shipmate's own token does everything.
    """

    store: Store
    clock: Clock
    catalog: Callable[[], Catalog]
    toolbox: Toolbox
    permissions: Permissions
    audit: Audit
    outbox: Outbox
    watch: Watch
    vault: Vault
    channel_of: ChannelOf
    longest_run: timedelta = timedelta(hours=24)
    by_person: Acting | None = None

    @property
    def acting(self) -> Acting:
        """What answers, retries and ends runs for people."""
        return self.by_person or OwnToken(self.toolbox)

    def name_of(self, person: Person) -> str:
        """Return a person's name without @."""
        return "Shipmate" if person == SHIPMATE else self.permissions.name_of(person)
