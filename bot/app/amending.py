"""Putting the policy in force: at start, when the configuration is read again, and when a second person agrees."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.amendments import records
from bot.amendments.amendments import SIGNAL, Amendments, Parts
from bot.amendments.policy import digest, policy_of
from bot.amendments.records import Amendment, Source
from bot.amendments.rules import compare
from bot.app import configured
from bot.app.following import begin_following
from bot.app.rights import announced_in, begin_leavers, taken_out
from bot.clock import Clock
from bot.endings import end
from bot.identity import Person
from bot.locks.rules import Scope
from bot.settings import Settings
from bot.slack.connection import SlackError
from bot.store import Store, StoreMismatch, StoreUnavailable

if TYPE_CHECKING:
    from bot.app.composition import App

LOOKED_AT = 5.0
"""Seconds after which a replica notices what another one confirmed."""

_MOST_COMMITS = "200"
log = structlog.get_logger()


def amendments_of(app: "App") -> Amendments:
    """Return the changes of the policy."""

    async def emails_of(person: Person) -> Collection[str]:
        email = (await app.slack.directory.info(person)).email
        return (email,) if email else ()

    return Amendments(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            emails_of=emails_of,
            channel=lambda: announced_in(app),
        )
    )


class PolicyInForce:
    """Keeps what was read beside what is in force of it, and follows what people confirm, here or in a replica."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._read = app.settings
        self._seen = ""
        self._noted: Settings | None = None
        self._event = app.store.signal(SIGNAL)
        self._following: asyncio.Task[None] | None = None

    async def take(self, settings: Settings) -> Settings:
        """Put settings that were read in force, as far as nobody has to agree first; return what is in force."""
        app = self._app
        last = await app.amendments.newest()
        if last is not None:
            await taken_out(app, last.in_force, settings)
        in_force = await app.amendments.read(settings, lambda since: source_of(settings.folder, since))
        self._read = settings
        newest = await app.amendments.newest()
        self._seen = _mark(newest) if newest is not None else ""
        before = app.settings
        if in_force != before:
            app.put_in_force(in_force)
        if (before.oncall, before.people) != (in_force.oncall, in_force.people) and app.engine is not None:
            await app.oncall.changes.begin()
            await begin_following(app)
        if before.freezes != in_force.freezes and app.engine is not None:
            await app.freezes.opened(Scope())
        self.look()
        return in_force

    async def begin(self) -> None:
        """Put in force what the process was started with, and follow what people confirm from now on."""
        await begin_leavers(self._app)
        await self.take(self._app.settings)
        self.look()
        self._following = asyncio.create_task(self._follow(), name="policy-in-force")

    def look(self) -> None:
        """Look now for what the channel was not told of, and for what somebody confirmed."""
        self._event.set()

    async def stop(self) -> None:
        """Follow no more."""
        await end([self._following])

    async def _follow(self) -> None:
        alone = self._app.settings.on_sqlite
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if alone else LOOKED_AT):
                    await self._event.wait()
            self._event.clear()
            try:
                await self._look()
            except StoreUnavailable as error:
                log.warning("policy.look_later", reason=error.reason)
                await self._app.clock.sleep(LOOKED_AT)
                self.look()

    async def _look(self) -> None:
        app = self._app
        await app.leavers.load()
        newest = await app.amendments.newest()
        # A replica may have read a newer file: ours comes with our own reload.
        if newest is not None and _mark(newest) != self._seen and newest.digest == digest(policy_of(self._read)):
            await self.take(self._read)
            log.info("policy.in_force", change=newest.id, state=newest.state.value)
        if self._noted is not app.settings:
            await configured.note(app.store, app.clock, app.settings.services)
            self._noted = app.settings
        try:
            await app.amendments.announce()
        except SlackError as error:
            log.warning("announcement.later", reason=error.failure.reason)


async def foretell(settings: Settings, clock: Clock, say: Callable[[str], None]) -> None:
    """Say what of these settings would wait for a second person, compared with what is in force; changes nothing."""
    try:
        store = await Store.open(settings.database_url, clock=clock)
    except (StoreMismatch, StoreUnavailable, ValueError):
        return  # told among the systems
    try:
        async with store.read() as conn:
            newest = await records.newest(conn)
    finally:
        await store.close()
    if newest is None:
        return
    found = compare(newest.in_force, policy_of(settings), now=clock.now())
    waits = newest.in_force["policy"].get("second_person", False)
    for one in found.widening:
        say(f"{'waits' if waits else 'widens':<8} {one}")
    if found.widening and waits:
        say("note     a second person confirms what waits; until then it is not in force")


def _mark(amendment: Amendment) -> str:
    return f"{amendment.id} {amendment.state.value}"


async def source_of(folder: Path, since: str) -> Source:
    """Return the Git commit of a folder, and who wrote what is in it since another one.

    `since` "" or a commit that history does not have any more means the newest 200. Authors, committers and
    co-authors count. Without a repository, or with changes that no commit holds, nothing is certain.
    """
    commit = await _git(folder, "rev-parse", "HEAD")
    if not commit:
        return Source()
    clean = not await _git(folder, "status", "--porcelain", "--", ".")
    form = "--format=%ae%n%ce%n%(trailers:key=Co-authored-by,valueonly)"
    known = bool(since) and bool(await _git(folder, "merge-base", "--is-ancestor", since, "HEAD", told="yes"))
    span = f"{since}..HEAD" if known and since != commit else "HEAD"
    words = await _git(folder, "log", form, "-n", _MOST_COMMITS if span == "HEAD" else "5000", span, "--", ".")
    addresses = {line.rpartition("<")[2].rstrip(">").strip().lower() for line in (words or "").splitlines()}
    authors = tuple(sorted(one for one in addresses if "@" in one))
    return Source(commit=commit, authors=authors, certain=clean and bool(authors))


async def _git(folder: Path, *words: str, told: str = "") -> str:
    """Return what Git says, or `told` where it agrees without a word; "" where it does not, or is not there."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "-C", str(folder), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return ""
    output, _ = await process.communicate()
    return (output.decode(errors="replace").strip() or told) if process.returncode == 0 else ""
