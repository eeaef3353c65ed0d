"""One running Shipmate: in which order its parts start, and in which they stop."""

from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiohttp import web

from bot.activity import workflow as activity_workflow
from bot.activity.news import News
from bot.app.composition import App, engine_url
from bot.app.following import begin_following
from bot.app.heartbeat import heartbeat_of
from bot.app.oncall import follow_calendars
from bot.app.parts import activity_parts
from bot.app.pruning import Pruning
from bot.app.restoring import Keeping
from bot.app.tools import hooks
from bot.approvals import workflow as approval_workflow
from bot.engine import Engine
from bot.freezes import workflow as freeze_workflow
from bot.grants import workflow as grant_workflow
from bot.grants.page import ConnectPages
from bot.health import Health
from bot.identity import Person
from bot.locks import workflow as lock_workflow
from bot.notices import workflow as notice_workflow
from bot.reply import Message
from bot.reviews import workflow as review_workflow
from bot.signin.page import SignInPages
from bot.store import Tx
from bot.store.kept import keep, recall
from bot.webhooks import EventHandler, Webhooks
from integrations.capabilities.runs import RunRef
from integrations.contract import WebhookEvent

HANDED_OVER_AFTER = 3.0
"""Seconds that a workflow gets to end at a stop: enough to send what it is about to. A run is followed anew later."""

log = structlog.get_logger()


class Running:
    """Brings an `App` up, and takes it down so that the next process goes on with what is under way."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._heartbeat = heartbeat_of(app)
        self.keeping = Keeping(app, self._set_going)
        self._pruning = Pruning(app.store, app.clock, lambda: app.settings, engine_url(app.settings))

    async def start(self) -> None:
        """Bring everything up; what cannot be reached (a tool, Slack) is tried again while the bot runs without it.

        Raises:
            StoreUnavailable: the store cannot be used.
            OSError: the web server's port is taken.
        """
        app = self._app
        app.health.add("store", app.store_health)
        app.health.add("slack", self._slack_health)
        if app.settings.heartbeat.url.get_secret_value():
            app.health.add("heartbeat", self._heartbeat.health)
        await app.slack.open()
        await self._know_home()
        await app.policy.begin()
        app.slack.connection.on_usable.append(self._meet_slack)
        app.slack.previewer = self._preview
        app.permissions.add_source("usergroup", app.slack.usergroups)
        app.permissions.set_standing(app.is_member)
        await app.tools.connect()
        self._bind()
        app.health.add("restore", app.restoring.health)
        if await app.restoring.begin():
            await self._set_going()
        for section in (*app.deployments.home_sections(), app.freezes.overview.home, app.alerts.overview.home):
            app.slack.home.add(section)
        await app.starter.start()
        app.evidence.start()
        await app.slack.connect(app.dispatcher, app.registry, app.world)
        server = app.settings.server
        await app.web.start(server.host, server.port, self._routes())
        self._heartbeat.start()
        self.keeping.start()
        log.info(
            "shipmate.ready", port=app.web.port, services=len(app.catalog.services()), slack=app.settings.slack.mode
        )

    async def stop(self, *, grace: float = 15.0) -> None:
        """Take nothing more, end what ends within `grace` seconds, leave the rest to the next process."""
        app = self._app
        log.info("shipmate.stopping", workflows=app.engine.active if app.engine else 0)
        await self._heartbeat.stop()
        await self.keeping.stop_waiting()
        await app.web.stop()
        await app.continuing.polling.stop()
        await app.freezes.watching.stop()
        await app.oncall.feeds.stop()
        await app.oncall.following.stop()
        await app.freezes.following.stop()
        await app.starter.stop(grace)
        await app.alerts.stop()
        await app.paging.stop()
        await self._pruning.stop()
        if app.engine is not None:
            await app.engine.stop(grace=min(grace, HANDED_OVER_AFTER))
        await app.policy.stop()
        await self.keeping.stop()
        await app.slack.close()
        await app.evidence.stop()
        await app.deployments.close()
        await app.tools.close()
        await app.charts.close()
        await app.store.close()
        log.info("shipmate.stopped")

    def _bind(self) -> None:
        """Give the workflows what they work on, before the engine is launched."""
        app = self._app
        approval_workflow.bind(app.approvals)
        notice_workflow.bind(app.notices)
        lock_workflow.bind(app.locks)
        freeze_workflow.bind(app.freezes)
        grant_workflow.bind(app.lent)
        review_workflow.bind(app.reminders)
        activity_workflow.bind(app.activity)
        app.deployments.bind()
        app.continuing.bind()
        app.builds.bind()
        app.releases.bind()
        app.alerts.bind()
        app.oncall.bind()

    async def _set_going(self) -> None:
        """Have work done: not while a restored database is held."""
        app = self._app
        app.engine = await Engine.launch(
            app.store, clock=app.clock, engine_url=engine_url(app.settings), on_parked=self._parked
        )
        await self._go_on()
        app.alerts.start()
        await app.paging.begin()
        self._pruning.start()

    async def _go_on(self) -> None:
        """Take up what was under way when the last process ended, and what is looked at from time to time."""
        app = self._app
        await app.deployments.reconcile()
        await app.builds.reconcile()
        await app.releases.reconcile()
        await app.deployments.adopt()
        await app.lent.begin()
        await app.reminders.begin()
        await app.oncall.changes.begin()
        follow_calendars(app)
        await begin_following(app)
        app.continuing.polling.start()
        app.freezes.watching.start()
        app.freezes.following.start()

    def _routes(self) -> list[web.RouteDef]:
        """Return what the web server answers."""
        app = self._app
        told: dict[str, EventHandler] = {
            "run.changed": self._run_told,
            "run.finished": self._run_told,
            **app.alerts.handlers,
            **app.paging.answers.handlers,
            **News(activity_parts(app), app.activity).handlers,
        }
        webhooks = Webhooks(app.store, app.clock, hooks(app.settings), app.continuing.hearing(told), app.alerts.crowded)
        webhooks.why_closed = app.restoring.why
        server = app.settings.server
        return [
            *webhooks.routes(),
            *ConnectPages(app.linking, server.public_url).routes(),
            *SignInPages(app.signing, server.public_url).routes(),
            *app.slack.routes(),
            *app.terminal.routes(app.dispatcher, self._follow),
        ]

    async def _parked(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        """Note that a workflow stands still, on what it is of."""
        app = self._app
        await app.deployments.parked(workflow_id, name, args, why)
        await app.builds.parked(workflow_id, name, args, why)
        await app.releases.parked(workflow_id, name, args, why)
        await app.alerts.parked(workflow_id, name, args, why)

    def _follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a deployment or build whenever it changes, until it has ended."""
        app = self._app
        kinds = {"B-": app.builds.follow, "R-": app.releases.follow}
        return kinds.get(subject[:2], app.deployments.follow)(subject)

    async def _run_told(self, tx: Tx, event: WebhookEvent) -> None:
        """Have whoever follows a run look at once, because its tool says that something happened."""
        tx.after_commit(lambda: self._app.watch.wake(RunRef.parse(event.ref)))
        await self._app.activity.ran(tx, event)

    async def _preview(self, person: Person, url: str) -> Message | None:
        """Return what to show below a link that somebody posted."""
        return await self._app.previews.of(self._app.catalog, person, url)

    def _meet_slack(self) -> None:
        app = self._app
        identity = app.slack.connection.identity
        if identity is not None:
            app.permissions.set_home(identity.team, identity.enterprise)
        app.policy.look()

    async def _know_home(self) -> None:
        """Learn which workspace is ours: from Slack, or, when it is away, from the last time it was there.

        So the terminal works though Slack is down when Shipmate starts.
        """
        app = self._app
        self._meet_slack()
        identity = app.slack.connection.identity
        if identity is not None:
            await keep(app.store, "home", {"team": identity.team, "enterprise": identity.enterprise})
            return
        home = await recall(app.store, "home")
        if isinstance(home, dict):
            app.permissions.set_home(str(home["team"]), str(home["enterprise"]))

    async def _slack_health(self) -> Health:
        state = await self._app.slack.state()
        return Health(ok=state.ok, detail=state.detail, since=state.since)
