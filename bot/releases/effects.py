"""What leaves for the tools: builds, tags, releases. Everything here may run twice, and does no harm by it."""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog
from msgspec import Struct
from pydantic import JsonValue

from bot.builds import progress
from bot.builds.logs import Tail, read_on
from bot.builds.sending import LOOK_UPS, UNKNOWN, Sent, start_once
from bot.identity import Person
from bot.policy.rules import judge_checks
from bot.releases import records
from bot.releases.ledger import Ledger
from bot.releases.records import Release
from bot.releases.rules import State
from bot.watch import Hooks
from integrations.capabilities.builds import BuildRequest, BuildServer
from integrations.capabilities.git import GitHost
from integrations.capabilities.releases import Link, ReleaseDraft, ReleaseHost, Tag
from integrations.capabilities.runs import Run, RunRef, RunState, RunTracker
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Refused,
)

_T = TypeVar("_T")

log = structlog.get_logger()


class Done(Struct, frozen=True, kw_only=True):
    """What became of a step: `code` is "" where it did what it was for; `url` is where a person sees it."""

    code: str = ""
    words: str = ""
    url: str = ""


class RunEnd(Struct, frozen=True, kw_only=True):
    """How a build ended: its state, why in a line, excerpts for the thread, and what it made."""

    state: str
    words: str = ""
    artifact: str = ""
    digest: str = ""
    excerpts: tuple[tuple[str, str], ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether it did what it was for."""
        return self.state == RunState.SUCCEEDED.value


class Effects:
    """Builds, tags and publishes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def start_build(self, release_id: str) -> Sent:
        """Start the build of a release, or find it."""
        release = await self._load(release_id)
        service = self._parts.catalog().service(release.service)
        if service.build is None:
            return Sent(code="no_build", words=f"{service.name} is not built any more")
        server = self._parts.toolbox.get(BuildServer, service.build.instance)
        request = BuildRequest(
            request_id=request_id_of(release),
            job=service.build.job,
            project=release.project,
            sha=release.sha,
            version=release.version,
            branch=release.branch,
            parameters=service.build.parameters,
            asked_at=release.created_at,
        )
        return await start_once(
            server,
            request.request_id,
            lambda: server.start_build(request),
            clock=self._parts.clock,
            job=request.job,
            since=release.created_at,
        )

    async def follow(self, release_id: str, ref: str) -> RunEnd:
        """Follow the build of a release to its end, showing its stages; say why it failed.

        Raises:
            Unavailable: the tool has been silent for long; the build goes on.
        """
        release = await self._load(release_id)
        where = RunRef.parse(ref)
        tracker = self._parts.toolbox.get(RunTracker, where.instance)
        following = _Following(self._ledger, release)
        hooks = Hooks(
            cancelled=following.cancelled, changed=following.changed, logged=following.logged, silent=following.silent
        )
        waited = progress.waited(release.progress, self._parts.clock.now())
        deadline = release.state_since + self._parts.longest_run + waited
        try:
            run = await self._parts.watch.follow(tracker, where, hooks, deadline=deadline)
        except NotFound as error:
            return RunEnd(
                state=RunState.FAILED.value, words=f"{where.instance} no longer knows the build: {error.message}"
            )
        await following.changed(run)
        if run.state is not RunState.FAILED:
            await self._parts.failures.note_tests(release.service, run, tracker)
            return RunEnd(
                state=run.state.value,
                words=run.reason,
                artifact=str(run.result.get("artifact", "")),
                digest=str(run.result.get("digest", "")),
            )
        with contextlib.suppress(IntegrationError):  # the build is over whatever its log says
            await read_on(tracker, run.ref, following.tail)
        finding = await self._parts.failures.explain(release.service, run, tracker, following.tail.text)
        return RunEnd(state=run.state.value, words=finding.cause, excerpts=finding.excerpts)

    async def tag(self, release_id: str) -> Done:
        """Tag the commit of a release, or find that it is tagged; a check that failed meanwhile stops it."""
        release = await self._load(release_id)
        host = self._parts.toolbox.get(ReleaseHost, release.instance)
        service = self._parts.catalog().service(release.service)
        if release.cancel_at is not None and await host.get_tag(release.project, release.tag) is None:
            return Done(code="cancelled", words=cancelled(release, self._parts.name_of))
        if service.releases.checks and await host.get_tag(release.project, release.tag) is None:
            git = self._parts.toolbox.get(GitHost, release.instance)
            told = await git.list_checks(release.project, release.sha)
            verdict = judge_checks(required=service.releases.checks, states={one.name: one.state.value for one in told})
            if not verdict.ok:
                return Done(code=verdict.code, words=f"required checks: {verdict.words}")

        async def make() -> Tag:
            return await host.create_tag(
                release.project, release.tag, release.sha, _message(release, self._by(release))
            )

        found, done = await self._once(make, lambda: host.get_tag(release.project, release.tag), release.tag)
        if found is not None and found.sha != release.sha:
            return Done(code="version_taken", words=f"the tag {found.name} names another commit, {found.sha[:7]}")
        return done

    async def publish(self, release_id: str) -> Done:
        """Make the release of the tag in the Git host, or find it."""
        release = await self._load(release_id)
        host = self._parts.toolbox.get(ReleaseHost, release.instance)
        url = release.progress.get("url")
        build = [Link("Build", str(url))] if isinstance(url, str) and url.startswith(("https://", "http://")) else []
        draft = ReleaseDraft(tag=release.tag, name=release.name, notes=_notes(release), links=build)
        found, done = await self._once(
            lambda: host.create_release(release.project, draft),
            lambda: host.get_release(release.project, release.tag),
            release.tag,
        )
        return done if found is None else Done(url=found.url)

    async def _once(
        self, make: Callable[[], Awaitable[_T]], find: Callable[[], Awaitable[_T | None]], name: str
    ) -> tuple[_T | None, Done]:
        """Make something that is found by its name; look for it when no answer came, and never ask blindly again.

        Raises:
            Unavailable: the host does not answer; nothing was sent.
        """
        try:
            return await make(), Done()
        except (OutcomeUnknown, BadReply) as error:
            log.warning("release.outcome_unknown", name=name, error=str(error))
            pause = 0.5
            for _ in range(LOOK_UPS):
                found = await find()
                if found is not None:
                    return found, Done()
                await self._parts.clock.sleep(pause)
                pause *= 2
            words = f"{error.instance} was asked for {name} and gave no answer, and nothing of it is to be found yet"
            return None, Done(code=UNKNOWN, words=f"{words}; nothing was sent twice")
        except Refused as error:
            return None, Done(code="tool_refused", words=error.reason)
        except (NotAuthenticated, NotPermitted, NotFound) as error:
            return None, Done(code="tool_refused", words=str(error))

    def _by(self, release: Release) -> str:
        return self._parts.name_of(release.requested_by)

    async def _load(self, release_id: str) -> Release:
        async with self._parts.store.read() as conn:
            release = await records.get(conn, release_id)
        if release is None:
            raise LookupError(f"there is no release {release_id}")
        return release


class _Following:
    """Writes what is seen of a build into the release's row and card, and keeps the end of its log in mind."""

    def __init__(self, ledger: Ledger, release: Release) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._release = release
        self.tail = Tail()

    async def cancelled(self) -> bool:
        """Tell whether somebody asked to end it."""
        async with self._parts.store.read() as conn:
            now = await records.get(conn, self._release.id)
        return now is None or now.cancel_at is not None

    async def changed(self, run: Run) -> None:
        """Show the build as it stands."""
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            current = await records.get(tx.conn, self._release.id)
            if current is not None and current.state is State.BUILDING:
                told = progress.told(run, current.progress, self._parts.clock.now())
                await book.change(current, progress={**current.progress, **told, "silent": ""}, build_run=str(run.ref))

    async def silent(self, since: datetime, instance: str) -> None:
        """Say on the card that the tool does not answer."""
        told: dict[str, JsonValue] = {"silent": f"{instance} has not answered since {since:%H:%M} UTC; looking on"}
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            current = await records.get(tx.conn, self._release.id)
            if current is not None and current.state is State.BUILDING:
                await book.change(current, progress={**current.progress, **told})

    async def logged(self, text: str, next_offset: int) -> None:
        """Keep the newest of the log."""
        self.tail.add(text, next_offset)


def cancelled(release: Release, name_of: Callable[[Person], str]) -> str:
    """Return the words for a release that somebody cancelled before its tag was made."""
    return f"cancelled by @{name_of(release.cancel_by) if release.cancel_by is not None else 'somebody'}"


def request_id_of(release: Release) -> str:
    """Return the id by which the tool finds the build again: another Shipmate's R-12 never has the same."""
    return f"{release.id}-{hashlib.sha256(release.request_id.encode()).hexdigest()[:10]}/build/{release.build_number}"


def _message(release: Release, by: str) -> str:
    trailers = [f"Shipmate-Release: {release.id}", f"Cut-by: {' '.join(by.split())}"]
    if release.digest:
        trailers.append(f"Artifact: {release.digest}")
    return "\n\n".join((release.name, release.notes, "\n".join(trailers)))


def _notes(release: Release) -> str:
    digest = f"\n\nArtifact `{release.artifact or release.service}`: `{release.digest}`" if release.digest else ""
    return f"{release.notes}{digest}"
