"""What leaves for the tools: starts and following. Everything here may run twice, and does no harm by it."""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from pydantic import JsonValue

from bot.builds import answers, progress, records
from bot.builds.deeds import aborting, retrying
from bot.builds.failures import Failures, Finding
from bot.builds.ledger import Ledger, Said
from bot.builds.logs import Tail, read_on
from bot.builds.records import Build
from bot.builds.rules import UNDER_WAY, State
from bot.builds.sending import Sent, start_once
from bot.errors import Degraded, Refused as UserRefused
from bot.vault import Unreadable
from bot.watch import Hooks
from integrations.capabilities.builds import BuildRequest, BuildServer
from integrations.capabilities.personal_runs import RunRight
from integrations.capabilities.runs import Run, RunRef, RunState, RunTracker
from integrations.errors import IntegrationError, NotFound, Refused, Unavailable

ABORTED = "aborted"
_KEY_GONE = "its secret parameters were sealed by a key that is gone (see encryption_keys): start it again"
_FOR_EVER = timedelta(days=3650)  # a build that was started elsewhere is not ours to end


class RunEnd(Struct, frozen=True, kw_only=True):
    """How a run ended: its state, why in a line, excerpts for the thread, and whether what came before was green."""

    state: str
    words: str = ""
    code: str = ""
    excerpts: tuple[tuple[str, str], ...] = ()
    green_before: bool = False


class Effects:
    """Starts and follows builds."""

    def __init__(self, ledger: Ledger, failures: Failures) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._failures = failures

    async def start(self, build_id: str) -> Sent:
        """Start a build, or find it."""
        build = await self._load(build_id)
        server = self._parts.toolbox.get(BuildServer, build.instance)
        request_id = request_id_of(build)
        if build.cancel_at is not None:
            sent = await server.find_run(request_id, build.job, build.created_at)
            return Sent(ref=str(sent)) if sent is not None else Sent(code=ABORTED, words="aborted before it was sent")
        if build.retry_of:
            async with self._parts.store.read() as conn:
                before = await records.get(conn, build.retry_of)
            if before is None or not before.run:
                return Sent(code="tool_refused", words=f"{build.retry_of} never ran")
            deed = retrying(before, build.requested_by, build.id, build.request_id)
            return await self._once(build, server, lambda: self._parts.acting.retry(deed, request_id))
        try:
            held = self._parts.vault.open(build.request_id, build.held["sealed"]) if build.held else {}
        except Unreadable:
            sent = await server.find_run(request_id, build.job, build.created_at)
            return Sent(ref=str(sent)) if sent is not None else Sent(code="secret_gone", words=_KEY_GONE)
        service = self._parts.catalog().service(build.service)
        fixed = service.build.parameters if service.build is not None else {}
        request = BuildRequest(
            request_id=request_id,
            job=build.job,
            project=build.project,
            sha=build.sha,
            version=build.version or build.sha[:7],
            branch=build.branch,
            parameters={**fixed, **build.parameters, **held},
            asked_at=build.created_at,
        )
        return await self._once(build, server, lambda: server.start_build(request))

    async def _once(self, build: Build, server: BuildServer, start: Callable[[], Awaitable[RunRef]]) -> Sent:
        request_id, clock = request_id_of(build), self._parts.clock
        try:
            return await start_once(server, request_id, start, clock=clock, job=build.job, since=build.created_at)
        except UserRefused as error:  # what they lent has ended since they asked
            return Sent(code=error.code, words=str(error.text))
        except Degraded as error:
            raise Unavailable(build.instance, str(error.text)) from error

    async def follow(self, build_id: str, ref: str) -> RunEnd:
        """Follow a build to its end, showing its stages; say why it failed.

        Raises:
            Unavailable: the tool has been silent for long; the build goes on.
        """
        build = await self._load(build_id)
        where = RunRef.parse(ref)
        tracker = self._parts.toolbox.get(RunTracker, where.instance)
        following = _Following(self._ledger, build)
        hooks = Hooks(
            cancelled=following.cancelled,
            changed=following.changed,
            logged=following.logged,
            silent=following.silent,
            not_ended=following.not_ended,
            end=following.end,
            log_offset=following.tail.offset,
        )
        now = self._parts.clock.now()
        longest = _FOR_EVER if build.watched else self._parts.longest_run
        deadline = build.created_at + longest + progress.waited(build.progress, now)
        try:
            run = await self._parts.watch.follow(tracker, where, hooks, deadline=deadline)
        except NotFound as error:
            words = f"{where.instance} no longer knows the build: {error.message}"
            return RunEnd(state=RunState.FAILED.value, words=words, code="build_gone")
        await following.changed(run)
        if run.state is not RunState.FAILED:
            await self._failures.note_tests(build.service, run, tracker)
            return RunEnd(state=run.state.value, words=run.reason if run.state is RunState.CANCELLED else "")
        finding = await self._why(build, run, tracker, following.tail)
        return RunEnd(
            state=run.state.value,
            words=finding.cause,
            code="build_failed",
            excerpts=finding.excerpts,
            green_before=await self._green_before(build, run),
        )

    async def _why(self, build: Build, run: Run, tracker: RunTracker, tail: Tail) -> Finding:
        with contextlib.suppress(IntegrationError):  # the build is over whatever its log says
            await read_on(tracker, run.ref, tail)
        return await self._failures.explain(build.service, run, tracker, tail.text)

    async def _green_before(self, build: Build, run: Run) -> bool:
        """Tell whether the job was in order before, on this branch: by the tool, else by our own rows."""
        try:
            server = self._parts.toolbox.get(BuildServer, build.instance)
            known = await server.list_builds(build.job, run.branch or build.branch, 20)
        except IntegrationError:
            known = ()
        began = run.queued_at or run.started_at
        for one in known:
            earlier = one.queued_at or one.started_at
            if one.ref == run.ref or (began and earlier and earlier >= began):
                continue
            if one.state in {RunState.SUCCEEDED, RunState.FAILED}:
                return one.state is RunState.SUCCEEDED
        async with self._parts.store.read() as conn:
            before = await records.before(conn, build)
        return before is not None and before.state is State.SUCCEEDED

    async def _load(self, build_id: str) -> Build:
        async with self._parts.store.read() as conn:
            build = await records.get(conn, build_id)
        if build is None:
            raise LookupError(f"there is no build {build_id}")
        return build


class _Following:
    """Writes what is seen of one build into its row and card, and keeps the end of its log in mind."""

    def __init__(self, ledger: Ledger, build: Build) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._build = build
        known = build.progress.get("tail_from")
        self.tail = Tail(known if isinstance(known, int) else 0)

    async def cancelled(self) -> bool:
        """Tell whether somebody asked to end it."""
        async with self._parts.store.read() as conn:
            now = await records.get(conn, self._build.id)
        return now is None or now.cancel_at is not None

    async def end(self, ref: RunRef) -> None:
        """End the run for who asked, as themselves where the tool decides by person.

        Raises:
            Refused: it cannot be ended for them. Unavailable: not now.
        """
        async with self._parts.store.read() as conn:
            now = await records.get(conn, self._build.id)
        if now is None or now.cancel_by is None:
            await self._parts.toolbox.get(RunTracker, ref.instance).cancel_run(ref)
            return
        try:
            await self._parts.acting.cancel(aborting(now, now.cancel_by, ref))
        except Degraded as error:
            raise Unavailable(ref.instance, str(error.text)) from error
        except UserRefused as error:
            raise Refused(ref.instance, str(error.text)) from error

    async def changed(self, run: Run) -> None:
        """Show the run as it stands; ask for a person where it waits for one."""
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            current = await records.get(tx.conn, self._build.id)
            if current is None or current.ended:
                return
            told = progress.told(run, current.progress, self._parts.clock.now())
            if run.actions and self._parts.acting.by_link_alone(run.ref.instance, RunRight.ANSWER):
                told["by_person"] = True
            values: dict[str, Any] = {
                "progress": {**current.progress, **told, "silent": "", "tail_from": self.tail.begins_at},
                "run": str(run.ref),
            }
            if run.sha and not current.sha:
                values["sha"] = run.sha[:64]
            if run.branch and not current.branch:
                values["branch"] = run.branch[:255]
            await answers.see(tx, current.run, run.actions)
            before = {action.id for action in progress.actions(current.progress)}
            to = State.QUEUED if run.state is RunState.QUEUED else State.RUNNING
            if run.state.final or current.state is to:
                changed = await book.change(current, **values)
            else:
                changed = await book.move(current, to, Said(), **values)
            new = [action for action in run.actions if action.id not in before]
            if changed is not None and new and not run.state.final:
                await book.ask(changed, new[0].id)

    async def silent(self, since: datetime, instance: str) -> None:
        """Say on the card that the tool does not answer."""
        await self._say("silent", f"{instance} has not answered since {since:%H:%M} UTC; looking on")

    async def not_ended(self, why: str) -> None:
        """Say on the card that the tool does not end the build."""
        await self._say("not_ended", f"it cannot be ended by Shipmate: {why}")

    async def _say(self, what: str, words: str) -> None:
        told: dict[str, JsonValue] = {what: words}
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            current = await records.get(tx.conn, self._build.id)
            if current is not None and current.state in UNDER_WAY:
                await book.change(current, progress={**current.progress, **told})

    async def logged(self, text: str, next_offset: int) -> None:
        """Keep the newest of the log."""
        self.tail.add(text, next_offset)


def request_id_of(build: Build) -> str:
    """Return the id by which the tool finds the build again: another Shipmate's B-12 never has the same."""
    return f"{build.id}-{hashlib.sha256(build.request_id.encode()).hexdigest()[:10]}"
