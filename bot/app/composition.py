"""What the running bot is made of: which part is made of which."""

import socket
import uuid
from functools import partial

import structlog

from bot.activity.activity import Activity
from bot.app.alerting import alerts_of
from bot.app.amending import PolicyInForce, amendments_of
from bot.app.continuing import Continuing
from bot.app.evidence import Evidence
from bot.app.oncall import follow_calendars, oncall_of
from bot.app.paging import paging_of
from bot.app.parts import (
    activity_parts,
    addresses_of,
    build_parts,
    bundles_of,
    delegations_of,
    deployment_parts,
    freeze_parts,
    lending_of,
    locks_of,
    notices_of,
    releases_of,
    reminders_of,
    reviews_of,
)
from bot.app.restoring import restoring_of
from bot.app.rights import access_of, leavers_of, terminal_of
from bot.app.signing import bearers_of, signing_of
from bot.app.tools import Tools
from bot.approvals.approvals import Approvals
from bot.audit import Audit
from bot.builds.builds import Builds
from bot.catalog import Catalog, Service
from bot.charts import Charts
from bot.clock import Clock
from bot.command import Invocation, Trigger, World
from bot.deliveries import Deliveries
from bot.deployments.deployments import Deployments
from bot.dispatch import Dispatcher
from bot.engine import Engine
from bot.freezes.freezes import Freezes
from bot.grants.grants import Grants
from bot.grants.housekeeping import Housekeeping
from bot.grants.linking import Linking
from bot.health import Health, HealthChecks
from bot.help import Help
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.previews import Previews
from bot.registry import Registry
from bot.reply import Reply
from bot.settings import Settings
from bot.slack.connection import SlackError
from bot.slack.freshness import SIGNAL as HOMES
from bot.slack.gateway import Gateway
from bot.slack.outbox import Outbox
from bot.starter import Starter
from bot.store import Store, Tx
from bot.toolbox import Toolbox
from bot.vault import for_moments
from bot.watch import Watch
from bot.web import Web

log = structlog.get_logger()


class App:
    """What one Shipmate is made of. `bot.app.running` brings it up and takes it down."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, registry: Registry) -> None:
        self.settings, self.registry = settings, registry
        self.store, self.clock = store, clock
        owner = f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}"
        self.health = HealthChecks(clock)
        self.vault = for_moments(settings.encryption_keys)
        self.permissions = Permissions(settings, clock)
        self.audit = Audit(store, clock, wakes=(HOMES,))
        self.evidence = Evidence(settings, self.audit, self.health, owner=owner)
        self.toolbox = Toolbox()
        self.tools = Tools(settings, self.toolbox, self.health, clock)
        self.slack = Gateway(settings, store, clock, owner=owner)
        self.watch, self.charts = Watch(clock), Charts()
        self.catalog = Catalog(settings)
        emails_of = partial(addresses_of, self)
        self.approvals = Approvals(store=store, clock=clock, permissions=self.permissions, emails_of=emails_of)
        self.delegations = delegations_of(self)
        self.notices = notices_of(self)
        self.locks, self.freezes = locks_of(self), Freezes(freeze_parts(self))
        self.oncall, self.paging = oncall_of(self), paging_of(self, owner)
        self.alerts = alerts_of(self)
        self.deployments = Deployments(deployment_parts(self))
        lending = lending_of(self)
        self.grants = Grants(lending)
        self.builds = Builds(build_parts(self))
        self.builds.answers.finders["D-"] = self.deployments.waiting
        self.releases = releases_of(self)
        self.linking = Linking(lending, self.grants)
        self.lent = Housekeeping(lending, self.grants)
        self.signing = signing_of(self)
        self.reviews = reviews_of(self)
        self.reminders = reminders_of(self)
        self.amendments = amendments_of(self)
        self.access = access_of(self)
        self.permissions.set_for_a_while(self.access.held)
        self.leavers = leavers_of(self)
        self.policy = PolicyInForce(self)
        self.world = World()
        deliveries = Deliveries(store, clock, owner, self.vault)
        self.terminal = terminal_of(self, deliveries)
        self.dispatcher = Dispatcher(
            registry=registry,
            permissions=self.permissions,
            audit=self.audit,
            deliveries=deliveries,
            store=store,
            world=self.world,
            clock=clock,
            replier=self._hand_over,
        )
        self.dispatcher.open_form = self.slack.open_form
        self.dispatcher.why_not = self.terminal.tokens.why_not
        self.terminal.signed_in = bearers_of(self)
        self.starter, self.restoring = Starter(deliveries, self.dispatcher, clock=clock), restoring_of(self, engine_url)
        self.web = Web(self._missing, self.restoring.why)
        self.activity = Activity(activity_parts(self))
        self.previews = Previews(self.toolbox, self.permissions)
        self.continuing = Continuing(self)
        self.engine: Engine | None = None
        self._fill_world()

    def _fill_world(self) -> None:
        slash = {name: f"/{self.settings.slack.prefix}{name}" for name in ("deploy", *self.settings.slack.aliases)}
        for part in (
            self.catalog,
            self.toolbox,
            self.permissions,
            self.audit,
            self.health,
            self.charts,
            self.deployments,
            self.builds,
            self.releases,
            self.locks,
            self.freezes,
            self.alerts,
            self.oncall,
            self.paging,
            bundles_of(self),
            self.continuing.continuous,
            self.approvals,
            self.delegations,
            self.notices,
            self.grants,
            self.linking,
            self.signing,
            self.reviews,
            self.amendments,
            self.access,
            self.restoring,
            self.store,
            self.registry,
            Help(self.registry, self.permissions, self.clock, slash=slash),
        ):
            self.world.add(part)
        self.world.add(self.slack.outbox, Outbox)

    def put_in_force(self, settings: Settings) -> None:
        """Use other settings from now on, as far as that goes without a restart."""
        self.settings = settings
        self.permissions.replace(settings)
        self.terminal.tokens.settings = settings.terminal
        self.catalog = Catalog(settings)
        self.world.add(self.catalog)
        if self.engine is not None:
            self.continuing.polling.start()
            self.freezes.watching.start()
            follow_calendars(self)
            self.freezes.following.start()

    # ------------------------------------------------------------------------------------------- what parts ask of us

    async def _hand_over(self, tx: Tx, invocation: Invocation, reply: Reply) -> None:
        """Hand an answer to where it was asked: to a waiting terminal, or to Slack, unless a card there says it all."""
        if invocation.trigger is Trigger.TERMINAL:
            await self.terminal.keep(tx, invocation, reply)
        elif reply.shown_in is None or reply.shown_in != invocation.channel:
            await self.slack.outbox.whisper(tx, f"answer/{invocation.delivery_id}", invocation, reply)

    async def channel_of(self, service: Service, asked_in: Channel | None) -> Channel | None:
        """Return where a service's cards go: its own channel, else where it was asked."""
        if service.channel:
            try:
                found = await self.slack.directory.find_channel(service.channel.removeprefix("#"))
            except SlackError as error:
                log.warning("channel.unknown", channel=service.channel, reason=error.failure.reason)
                found = None
            if found is not None:
                return found
        return asked_in

    async def is_member(self, person: Person) -> bool:
        """Tell whether somebody is an active member of ours: no guest, no bot, not gone."""
        info = await self.slack.directory.info(person)
        return info.ours and not info.guest and not info.bot and not info.deactivated

    async def store_health(self) -> Health:
        """Return whether the store can be read."""
        async with self.store.read() as conn:
            await conn.exec_driver_sql("SELECT 1")
        return Health(ok=True, detail=self.store.dialect)

    async def _missing(self) -> str:
        if self.engine is None and self.restoring.hold is None:
            return "the engine is not launched"
        if not self.store.lease.held:
            return "this replica is cut off from the store, and others do its work"
        return "" if (await self.store_health()).ok else "the store cannot be read"


def engine_url(settings: Settings) -> str:
    """Return where the engine keeps its own tables: a file beside the store's, or the same PostgreSQL database."""
    if settings.on_sqlite:
        path = settings.state_dir / "engine.db"
        return f"sqlite:///{path}"
    return settings.database_url
