"""`Activity`: hears what tools tell by webhook, looks at the tool for what is true, and tells the service's channel.

An event is a hint: it may be late, repeated, or come after a newer one. A pipeline's message says what the tool
answers after the newest event.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
import structlog
from msgspec import Struct
from pydantic import JsonValue

from bot.activity import messages, records
from bot.activity.rules import Pipelines, is_shown, is_told
from bot.builds.failures import Failures
from bot.builds.logs import Tail, read_on
from bot.builds.records import builds
from bot.catalog import Catalog, Service
from bot.clock import Clock
from bot.deployments.records import deployments
from bot.identity import Channel
from bot.reply import Message
from bot.slack.outbox import Outbox
from bot.store import Store, Tx
from bot.store.starts import want
from bot.toolbox import Toolbox
from integrations.capabilities.runs import Run, RunRef, RunState, RunTracker
from integrations.contract import WebhookEvent
from integrations.errors import IntegrationError, NotFound

LOOK = "activity.look.v1"
SETTLE = timedelta(seconds=2)
"""Between an event and the look: a run of our own is noted by then, and several events make one look."""

log = structlog.get_logger()


class Parts(Struct, frozen=True, kw_only=True):
    """Everything this uses. `catalog` is asked each time, so that a reload is seen at once."""

    store: Store
    clock: Clock
    catalog: Callable[[], Catalog]
    toolbox: Toolbox
    outbox: Outbox
    failures: Failures
    channel_of: Callable[[Service, Channel | None], Awaitable[Channel | None]]


class Seen(Struct, frozen=True, kw_only=True):
    """What a look at a pipeline found: the message, whether it is over, and what goes into its thread."""

    message: Message
    final: bool
    thread: Message | None = None


class Activity:
    """Tells channels of pushes, merges and pipelines."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def pushed(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell of a push to the default branch, where the service wants that."""
        service = self._service_of(event)
        if service is None or not service.news.pushes or event.data.get("name") != service.repository.default_branch:
            return
        await self._post(tx, service, f"push/{event.instance}/{event.id}", messages.push(service.name, event))

    async def merged(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell of a merge into the default branch, where the service wants that."""
        service = self._service_of(event)
        if service is None or not service.news.merges or event.data.get("target") != service.repository.default_branch:
            return
        # One merge is told once, whatever is delivered how often.
        await self._post(tx, service, f"merged/{event.instance}/{event.ref}", messages.merged(service.name, event))

    async def ran(self, tx: Tx, event: WebhookEvent) -> None:
        """Have a look at a pipeline that something happened to."""
        service = self._service_of(event)
        if service is None:
            return
        branch, tag = _branch(event, service), bool(event.data.get("is_tag"))
        if not is_told(
            Pipelines(service.news.pipelines),
            branch=branch,
            is_tag=tag,
            default_branch=service.repository.default_branch,
        ):
            return
        now = self._parts.clock.now()
        number = await records.told(tx, event.ref, service.name, now)
        about: dict[str, JsonValue] = {
            name: str(event.data.get(name) or "") for name in ("number", "sha", "title", "user")
        }
        about["branch"] = branch
        await want(tx, f"{event.ref}/look/{number}", LOOK, event.ref, service.name, number, about, at=now + SETTLE)

    async def look(self, run: str, service_name: str, number: int, about: Mapping[str, Any]) -> Seen | None:
        """Return how a pipeline stands, None when there is nothing to say of it or a newer event came.

        Raises:
            IntegrationError: the tool does not answer; asked again by whoever called.
        """
        parts = self._parts
        async with parts.store.read() as conn:
            newest, there = await records.newest(conn, run)
            ours = (await conn.execute(_is_ours(run))).first()
        if newest != number or ours is not None:
            return None
        ref = RunRef.parse(run)
        tracker = parts.toolbox.get(RunTracker, ref.instance)
        try:
            found = await tracker.get_run(ref)
        except NotFound:
            return None
        service = parts.catalog().service(service_name)
        failed = found.state is RunState.FAILED
        if not is_shown(Pipelines(service.news.pipelines), failed=failed, is_there=there):
            return None
        cause, thread = await self._why(service, found, tracker) if failed else ("", None)
        return Seen(
            message=messages.pipeline(service.name, found, about, cause), final=found.state.final, thread=thread
        )

    async def show(self, tx: Tx, run: str, service_name: str, number: int, seen: Seen) -> None:
        """Show what a look found, unless a newer event came meanwhile."""
        service = self._parts.catalog().service(service_name)
        channel = await self._parts.channel_of(service, None)
        if channel is None or not await records.shown(tx, run, number):
            return
        subject = f"pipeline/{run}"
        await self._parts.outbox.show(tx, subject, channel, seen.message, final=seen.final)
        if seen.thread is not None:
            key = f"{subject}/why/{number}"
            await self._parts.outbox.post(tx, key, channel, seen.thread, in_thread_of=subject)

    async def _why(self, service: Service, run: Run, tracker: RunTracker) -> tuple[str, Message | None]:
        tail = Tail()
        with contextlib.suppress(IntegrationError):  # it failed, whatever its log says
            await read_on(tracker, run.ref, tail)
        finding = await self._parts.failures.explain(service.name, run, tracker, tail.text)
        return finding.cause, messages.why(service.name, finding.excerpts) if finding.excerpts else None

    async def _post(self, tx: Tx, service: Service, key: str, message: Message) -> None:
        channel = await self._parts.channel_of(service, None)
        if channel is not None:
            await self._parts.outbox.post(tx, key, channel, message)

    def _service_of(self, event: WebhookEvent) -> Service | None:
        project, job = str(event.data.get("project") or ""), str(event.data.get("job") or "")
        for service in self._parts.catalog().services():
            if service.lives_at(event.instance, project) if project else service.builds_at(event.instance, job):
                return service
        log.debug("activity.unconfigured", instance=event.instance, kind=event.kind, project=project or job)
        return None


def _branch(event: WebhookEvent, service: Service) -> str:
    """Return the branch of a run; a job without branches of its own is the default branch's."""
    if event.data.get("project") or service.build is None:
        return str(event.data.get("branch") or "")
    below = str(event.data.get("job") or "").removeprefix(service.build.job).strip("/")
    return unquote(below) or service.repository.default_branch


def _is_ours(run: str) -> sa.Select[tuple[str]]:
    """Ask whether a deployment or a build of ours is this run: those have cards of their own."""
    runs = (deployments.c.build_run, deployments.c.deploy_run, deployments.c.rollback_run)
    mine = sa.select(deployments.c.id).where(sa.or_(*(column == run for column in runs)))
    return mine.union_all(sa.select(builds.c.id).where(builds.c.run == run)).limit(1)  # type: ignore[return-value]
