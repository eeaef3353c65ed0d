"""The running bot: what is made of what, in which order it starts, and in which it stops."""

import socket
import uuid
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from bot.activity import workflow as activity_workflow
from bot.activity.activity import Activity
from bot.activity.news import News
from bot.app.alerting import alerts_of
from bot.app.amending import PolicyInForce, amendments_of
from bot.app.continuing import Continuing
from bot.app.evidence import Evidence
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
from bot.app.rights import access_of, leavers_of
from bot.app.signing import bearers_of, signing_of
from bot.app.tools import Tools, hooks
from bot.approvals import workflow as approval_workflow
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
from bot.freezes import workflow as freeze_workflow
from bot.freezes.freezes import Freezes
from bot.grants import workflow as grant_workflow
from bot.grants.grants import Grants
from bot.grants.housekeeping import Housekeeping
from bot.grants.linking import Linking
from bot.grants.page import ConnectPages
from bot.health import Health, HealthChecks
from bot.help import Help
from bot.identity import Channel, Person
from bot.locks import workflow as lock_workflow
from bot.notices import workflow as notice_workflow
from bot.permissions import Permissions
from bot.previews import Previews
from bot.registry import Registry
from bot.reply import Message, Reply
from bot.reviews import workflow as review_workflow
from bot.settings import Settings
from bot.signin.page import SignInPages
from bot.slack.connection import SlackError
from bot.slack.freshness import SIGNAL as HOMES
from bot.slack.gateway import Gateway
from bot.slack.outbox import Outbox
from bot.starter import Starter
from bot.store import Store, Tx
from bot.store.kept import keep, recall
from bot.terminal import Terminal
from bot.toolbox import Toolbox
from bot.vault import for_moments
from bot.watch import Watch
from bot.web import Web
from bot.webhooks import EventHandler, Webhooks
from integrations.capabilities.runs import RunRef
from integrations.contract import WebhookEvent

HANDED_OVER_AFTER = 3.0
"""Seconds that a workflow gets to end at a stop: enough to send what it is about to. A run is followed anew later."""

log = structlog.get_logger()


class App:
    """One running Shipmate. `App.start` brings it up, `stop` takes it down and hands over what is under way."""

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
        self.watch = Watch(clock)
        self.charts = Charts()
        self.catalog = Catalog(settings)
        emails_of = partial(addresses_of, self)
        self.approvals = Approvals(store=store, clock=clock, permissions=self.permissions, emails_of=emails_of)
        self.delegations = delegations_of(self)
        self.notices = notices_of(self)
        self.locks, self.freezes = locks_of(self), Freezes(freeze_parts(self))
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
        self.terminal = Terminal(settings.terminal, deliveries, clock)
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
        self.starter = Starter(deliveries, self.dispatcher, clock=clock)
        self.web = Web(self._missing)
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
            self.store,
            self.registry,
            Help(self.registry, self.permissions, self.clock, slash=slash),
        ):
            self.world.add(part)
        self.world.add(self.slack.outbox, Outbox)

    # ------------------------------------------------------------------------------------------------- up and down

    async def start(self) -> None:
        """Bring everything up; what cannot be reached (a tool, Slack) is tried again while the bot runs without it.

        Raises:
            StoreUnavailable: the store cannot be used.
            OSError: the web server's port is taken.
        """
        self.health.add("store", self._store_health)
        self.health.add("slack", self._slack_health)
        await self.slack.open()
        await self._know_home()
        await self.policy.begin()
        self.slack.connection.on_usable.append(self._meet_slack)
        self.slack.previewer = self._preview
        self.permissions.add_source("usergroup", self.slack.usergroups)
        self.permissions.set_standing(self._is_member)
        await self.tools.connect()
        self._bind()
        self.engine = await Engine.launch(
            self.store, clock=self.clock, engine_url=engine_url(self.settings), on_parked=self._parked
        )
        await self._go_on()
        for section in (*self.deployments.home_sections(), self.freezes.overview.home):
            self.slack.home.add(section)
        await self.starter.start()
        self.evidence.start()
        self.alerts.poller.start()
        await self.slack.connect(self.dispatcher, self.registry, self.world)
        server = self.settings.server
        await self.web.start(server.host, server.port, self._routes())
        log.info(
            "shipmate.ready", port=self.web.port, services=len(self.catalog.services()), slack=self.settings.slack.mode
        )

    def _bind(self) -> None:
        """Give the workflows what they work on, before the engine is launched."""
        approval_workflow.bind(self.approvals)
        notice_workflow.bind(self.notices)
        lock_workflow.bind(self.locks)
        freeze_workflow.bind(self.freezes)
        grant_workflow.bind(self.lent)
        review_workflow.bind(self.reminders)
        activity_workflow.bind(self.activity)
        self.deployments.bind()
        self.continuing.bind()
        self.builds.bind()
        self.releases.bind()
        self.alerts.bind()

    async def _go_on(self) -> None:
        """Take up what was under way when the last process ended, and what is looked at from time to time."""
        await self.deployments.reconcile()
        await self.builds.reconcile()
        await self.releases.reconcile()
        await self.deployments.adopt()
        await self.lent.begin()
        await self.reminders.begin()
        self.continuing.polling.start()
        self.freezes.watching.start()

    def _routes(self) -> list[web.RouteDef]:
        """Return what the web server answers."""
        told: dict[str, EventHandler] = {
            "run.changed": self._run_told,
            "run.finished": self._run_told,
            **self.alerts.handlers,
            **News(activity_parts(self), self.activity).handlers,
        }
        webhooks = Webhooks(self.store, self.clock, hooks(self.settings), self.continuing.hearing(told))
        server = self.settings.server
        return [
            *webhooks.routes(),
            *ConnectPages(self.linking, server.public_url).routes(),
            *SignInPages(self.signing, server.public_url).routes(),
            *self.slack.routes(),
            *self.terminal.routes(self.dispatcher, self._follow),
        ]

    async def stop(self, *, grace: float = 15.0) -> None:
        """Take nothing more, end what ends within `grace` seconds, leave the rest to the next process."""
        log.info("shipmate.stopping", workflows=self.engine.active if self.engine else 0)
        await self.web.stop()
        await self.continuing.polling.stop()
        await self.freezes.watching.stop()
        await self.starter.stop(grace)
        await self.alerts.poller.stop()
        if self.engine is not None:
            await self.engine.stop(grace=min(grace, HANDED_OVER_AFTER))
        await self.policy.stop()
        await self.slack.close()
        await self.evidence.stop()
        await self.deployments.close()
        await self.tools.close()
        await self.charts.close()
        await self.store.close()
        log.info("shipmate.stopped")

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

    # ------------------------------------------------------------------------------------------- what parts ask of us

    async def _hand_over(self, tx: Tx, invocation: Invocation, reply: Reply) -> None:
        """Hand an answer to where it was asked: to a waiting terminal, or to Slack, unless a card there says it all."""
        if invocation.trigger is Trigger.TERMINAL:
            await self.terminal.keep(tx, invocation, reply)
        elif reply.shown_in is None or reply.shown_in != invocation.channel:
            await self.slack.outbox.whisper(tx, f"answer/{invocation.delivery_id}", invocation, reply)

    async def _parked(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        """Note that a workflow stands still, on what it is of."""
        await self.deployments.parked(workflow_id, name, args, why)
        await self.builds.parked(workflow_id, name, args, why)
        await self.releases.parked(workflow_id, name, args, why)
        await self.alerts.parked(workflow_id, name, args, why)

    def _follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a deployment or build whenever it changes, until it has ended."""
        kinds = {"B-": self.builds.follow, "R-": self.releases.follow}
        return kinds.get(subject[:2], self.deployments.follow)(subject)

    async def _run_told(self, tx: Tx, event: WebhookEvent) -> None:
        """Have whoever follows a run look at once, because its tool says that something happened."""
        tx.after_commit(lambda: self.watch.wake(RunRef.parse(event.ref)))
        await self.activity.ran(tx, event)

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

    async def _preview(self, person: Person, url: str) -> Message | None:
        """Return what to show below a link that somebody posted."""
        return await self.previews.of(self.catalog, person, url)

    async def _is_member(self, person: Person) -> bool:
        info = await self.slack.directory.info(person)
        return info.ours and not info.guest and not info.bot and not info.deactivated

    def _meet_slack(self) -> None:
        identity = self.slack.connection.identity
        if identity is not None:
            self.permissions.set_home(identity.team, identity.enterprise)
        self.policy.look()

    async def _know_home(self) -> None:
        """Learn which workspace is ours: from Slack, or, when it is away, from the last time it was there.

        So the terminal works though Slack is down when Shipmate starts.
        """
        self._meet_slack()
        identity = self.slack.connection.identity
        if identity is not None:
            await keep(self.store, "home", {"team": identity.team, "enterprise": identity.enterprise})
            return
        home = await recall(self.store, "home")
        if isinstance(home, dict):
            self.permissions.set_home(str(home["team"]), str(home["enterprise"]))

    async def _store_health(self) -> Health:
        async with self.store.read() as conn:
            await conn.exec_driver_sql("SELECT 1")
        return Health(ok=True, detail=self.store.dialect)

    async def _slack_health(self) -> Health:
        state = await self.slack.state()
        return Health(ok=state.ok, detail=state.detail, since=state.since)

    async def _missing(self) -> str:
        if self.engine is None:
            return "the engine is not launched"
        return "" if (await self._store_health()).ok else "the store cannot be read"


def engine_url(settings: Settings) -> str:
    """Return where the engine keeps its own tables: a file beside the store's, or the same PostgreSQL database."""
    if settings.on_sqlite:
        path = settings.state_dir / "engine.db"
        return f"sqlite:///{path}"
    return settings.database_url
