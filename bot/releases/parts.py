"""What releases are made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from msgspec import Struct

from bot.approvals.facts import EmailsOf
from bot.audit import SHIPMATE, Audit
from bot.builds.failures import Failures
from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.deployments.deployments import Deployments
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.slack.outbox import Outbox
from bot.store import Store
from bot.toolbox import Toolbox
from bot.watch import Watch

ChannelOf = Callable[[Service, Channel | None], Awaitable[Channel | None]]
"""(service, where it was asked) -> where its cards go; None when there is no channel at all."""


class Parts(Struct, frozen=True, kw_only=True):
    """Everything releases use. `catalog` is asked each time, so that a reload is seen at once.

    `failures` explains builds that fail, `longest_run` bounds one. `emails_of` finds the addresses of a person that
    nobody wrote down.
    """

    store: Store
    clock: Clock
    catalog: Callable[[], Catalog]
    toolbox: Toolbox
    permissions: Permissions
    audit: Audit
    outbox: Outbox
    watch: Watch
    deployments: Deployments
    failures: Failures
    channel_of: ChannelOf
    emails_of: EmailsOf | None = None
    longest_run: timedelta = timedelta(hours=2)

    def name_of(self, person: Person) -> str:
        """Return a person's name without @."""
        return "Shipmate" if person == SHIPMATE else self.permissions.name_of(person)
