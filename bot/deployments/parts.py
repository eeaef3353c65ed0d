"""What the deployment road is made of, handed in by the composition root."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from msgspec import Struct, field

from bot.approvals.approvals import Approvals
from bot.audit import SHIPMATE, Audit
from bot.catalog import Catalog, Environment, Service
from bot.clock import Clock
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.freezes.freezes import Freezes
from bot.identity import Channel, Person
from bot.locks.locks import Locks
from bot.permissions import Permissions
from bot.policy.verdicts import Verdict
from bot.slack.outbox import Outbox
from bot.store import Store, Tx
from bot.toolbox import Toolbox
from bot.watch import Watch

ChannelOf = Callable[[Service, Channel | None], Awaitable[Channel | None]]
"""(service, where it was asked) -> where its cards go; None when there is no channel at all."""


async def no_link(_subject: str) -> str:
    """Return "": where there is no Slack, no card has an address."""
    return ""


Named = Callable[[Service, str], Awaitable[Release | None]]
"""(service, the word for a version) -> the release that was cut under it, None where there is none.

Raises: UserError when there is one and it cannot be deployed.
"""
Judge = Callable[[Service, Environment, Release], Awaitable[Verdict | None]]
"""(service, environment, what shall go there) -> what a rule above this layer says; None: nothing to say.

It may ask tools, so no connection to the store is held meanwhile.
"""
OnEnd = Callable[[Tx, Deployment], Awaitable[None]]
"""Called in the transaction that ends a deployment."""


async def no_release(_service: Service, _asked: str) -> Release | None:
    """Return None: nothing was cut."""
    return None


class Above(Struct):
    """What layers above deployments put in: how releases are found, further rules, and who hears of an end."""

    named: Named = no_release
    judges: list[Judge] = field(default_factory=list)
    on_end: list[OnEnd] = field(default_factory=list)

    async def verdicts(self, service: Service, environment: Environment, release: Release) -> list[Verdict]:
        """Return what the further rules say of putting this release there.

        Raises:
            IntegrationError: a system that is needed does not answer.
        """
        said = [await judge(service, environment, release) for judge in self.judges]
        return [verdict for verdict in said if verdict is not None]


class Parts(Struct, frozen=True, kw_only=True):
    """Everything the road uses. `catalog` is asked each time, so that a reload is seen at once.

    `channel_of` finds where the cards of a service go; it may ask Slack for a channel's id. `link_of` finds the address
    of a subject's card, "" when there is none. `longest_run` bounds one build or deploy. `links_only` tells in which
    tools nobody lets a waiting run go on from here, so that its buttons are links from the start. `above` is what
    layers above this one add.
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
    above: Above = field(default_factory=Above)

    def name_of(self, person: Person) -> str:
        """Return a person's name without @."""
        return "Shipmate" if person == SHIPMATE else self.permissions.name_of(person)
