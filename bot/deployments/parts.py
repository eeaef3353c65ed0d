"""What the deployment road is made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from bot.approvals.approvals import Approvals
from bot.audit import SHIPMATE, Audit
from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.freezes.freezes import Freezes
from bot.identity import Channel, Person
from bot.locks.locks import Locks
from bot.permissions import Permissions
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox
from bot.watch import Watch

ChannelOf = Callable[[Service, Channel | None], Awaitable[Channel | None]]
"""(service, where it was asked) -> where its cards go; None when there is no channel at all."""


async def no_link(_subject: str) -> str:
    """Return "": where there is no Slack, no card has an address."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the road uses. `catalog` is asked each time, so that a reload is seen at once.

    `channel_of` finds where the cards of a service go; it may ask Slack for a channel's id. `link_of` finds the address
    of a subject's card, "" when there is none. `longest_run` bounds one build or deploy. `links_only` tells in which
    tools nobody lets a waiting run go on from here, so that its buttons are links from the start.
    """

    store: Store
    clock: Clock
    catalog: Callable[[], Catalog]
    toolbox: Toolbox
    permissions: Permissions
    audit: Audit
    outbox: Outbox
    approvals: Approvals
    locks: Locks
    freezes: Freezes
    watch: Watch
    channel_of: ChannelOf
    longest_run: timedelta = timedelta(hours=2)
    link_of: Callable[[str], Awaitable[str]] = no_link
    links_only: Callable[[str], bool] = field(default=lambda _instance: False)

    def name_of(self, person: Person) -> str:
        """Return a person's name without @."""
        return "Shipmate" if person == SHIPMATE else self.permissions.name_of(person)
