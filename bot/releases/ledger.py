"""The one place where releases move: row, card, messages and audit, or nothing."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import SHIPMATE
from bot.builds.ledger import Said
from bot.catalog import Place, Service
from bot.command import Resource
from bot.deployments import places
from bot.deployments.standing import stands_with_success
from bot.errors import UserError
from bot.permissions import ACCOUNT_TEAM
from bot.releases import messages, records, replies
from bot.releases.parts import Parts
from bot.releases.records import Release
from bot.releases.rules import ENDED, State, sources
from bot.reply import Message
from bot.store import Tx
from bot.store.starts import want

CUT = "release.cut.v1"


class Ledger:
    """Opens a `Book` on a transaction; draws cards."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    @asynccontextmanager
    async def open(self, tx: Tx) -> AsyncIterator["Book"]:
        """Lend what moves releases in this transaction; audit entries are written when the block ends."""
        book = Book(self, tx)
        yield book
        await book.settle()

    async def card(self, conn: AsyncConnection, release: Release) -> Message:
        """Return the card of a release as it stands."""
        said = records.last_words(await records.said_of(conn, release.id))
        runs = await self.runs_on(conn, release)
        try:
            service = self.parts.catalog().service(release.service)
        except UserError:  # it has left the catalog: what was cut stays
            return messages.card(release, messages.View(name_of=self.parts.name_of, runs=runs, said=tuple(said)))
        view = messages.View(
            name_of=self.parts.name_of,
            runs=runs,
            said=tuple(said),
            gates=gates_of(service),
            environments=tuple(one.name for one in service.environments),
        )
        return messages.card(release, view)

    async def runs_on(self, conn: AsyncConnection, release: Release) -> tuple[Place, ...]:
        """Return the places where this release runs now, in the order of promotion."""
        try:
            known = self.parts.catalog().places(release.service)
        except UserError:
            return ()
        found = []
        for place in known:
            running = (await places.get(conn, place)).running
            if running.sha == release.sha and running.digest in {"", release.digest}:
                found.append(place)
        return tuple(found)

    async def stands(self, conn: AsyncConnection, service: Service, environment: str, release: Release) -> bool:
        """Tell whether a release stands on all of an environment with success, with its own artifact."""
        for place in places_of(service, environment):
            if await stands_with_success(conn, place) != release.sha:
                return False
            running = (await places.get(conn, place)).running
            other = release.digest and running.digest and running.digest != release.digest
            if running.sha != release.sha or other:
                return False
        return True


class Book:
    """Moves releases in one transaction. Made by `Ledger.open`."""

    def __init__(self, ledger: Ledger, tx: Tx) -> None:
        self.tx = tx
        self._ledger = ledger
        self._parts = ledger.parts
        self._entries: list[tuple[Release, str, str, Said, dict[str, JsonValue]]] = []

    async def move(
        self, release: Release, to: State, said: Said, *, at: Collection[State] | None = None, **values: object
    ) -> Release | None:
        """Move a release to `to` if it stands where that is legal (or at one of `at`): one winner, None for others.

        One that fails before its tag was made gives its version back.
        """
        now = self._parts.clock.now()
        values = {"state": to.value, "state_since": now, "parked_why": "", "parked_at": None, **values}
        if to in ENDED:
            values = {"ended_at": now, "code": said.code, "words": said.text, **values}
        if to is State.FAILED:
            values = {"holds": release.tagged, **values}
        legal = sources(to) if at is None else sources(to) & frozenset(at)
        moved = await records.change(self.tx, release.id, legal, **values)
        if moved is None:
            return None
        if to in ENDED:
            self.enter(moved, f"release.{to.value}", "succeeded" if to is State.CUT else "failed", said)
        await self.show(moved, urgent=said.person is not None)
        return moved

    async def change(self, release: Release, **values: object) -> Release | None:
        """Change the row of a release that still stands in this state, and draw its card anew."""
        changed = await records.change(self.tx, release.id, [release.state], **values)
        if changed is not None:
            await self.show(changed)
        return changed

    async def show(self, release: Release, *, urgent: bool = False) -> None:
        """Have the card of a release drawn as it stands. It is never the last word: where it runs changes."""
        if release.channel is None:
            return
        message = await self._ledger.card(self.tx.conn, release)
        await self._parts.outbox.show(self.tx, release.id, release.channel, message, urgent=urgent)

    async def want(self, release: Release) -> None:
        """Have the workflow wanted that cuts the release; wanting it twice changes nothing."""
        await want(self.tx, f"{release.id}/cut/{release.attempt}", CUT, release.id, release.attempt)

    async def post_notes(self, release: Release) -> None:
        """Put the notes into the thread of the card."""
        if release.channel is not None and release.notes:
            message = Message(summary=f"Notes of {release.name}", parts=replies.notes_parts(release.notes))
            key = f"{release.id}/notes"
            await self._parts.outbox.post(self.tx, key, release.channel, message, in_thread_of=release.id)

    async def tell_failure(self, release: Release) -> None:
        """Tell who asked and the channel that a release failed: an edit of its card notifies nobody."""
        message = messages.failed(release)
        key = f"{release.id}/failed/{release.attempt}"
        if release.channel is not None:
            await self._parts.outbox.post(
                self.tx, key, release.channel, message, in_thread_of=release.id, also_to_channel=True, urgent=True
            )
        await self.tell(release, "failed", message)

    async def tell(self, release: Release, what: str, message: Message) -> None:
        """Tell who asked for a release something in a direct message."""
        if release.requested_by.team != ACCOUNT_TEAM:
            key = f"{release.id}/{what}/{release.attempt}"
            await self._parts.outbox.direct(self.tx, key, release.requested_by, message, subject=release.id)

    async def ask_for_sign_offs(self, release: Release, environment: str = "") -> None:
        """Ask for each sign-off of an environment where the release stands, of all without one named; each once."""
        try:
            service = self._parts.catalog().service(release.service)
        except UserError:  # it has left the catalog: nobody asks for anything
            return
        for gate in gates_of(service):
            if release.channel is None or environment not in {"", gate.of}:
                continue
            if await self._ledger.stands(self.tx.conn, service, gate.of, release):
                key, message = f"{release.id}/sign-off/{gate.of}", messages.asked(release, gate)
                await self._parts.outbox.post(
                    self.tx, key, release.channel, message, in_thread_of=release.id, also_to_channel=True, urgent=True
                )

    def enter(self, release: Release, action: str, outcome: str, said: Said, **data: JsonValue) -> None:
        """Keep an audit entry for the end of the transaction."""
        self._entries.append((release, action, outcome, said, data))

    async def settle(self) -> None:
        """Write the audit entries that were kept."""
        for release, action, outcome, said, data in self._entries:
            await self._parts.audit.record(
                self.tx,
                actor=said.person or SHIPMATE,
                action=action,
                outcome=outcome,
                resource=Resource(release.service),
                request_id=said.request_id,
                subject=release.id,
                data={
                    "sha": release.sha,
                    "version": release.version,
                    "tag": release.tag,
                    "digest": release.digest,
                    "words": said.text,
                    **data,
                },
            )
        self._entries.clear()


def gates_of(service: Service) -> tuple[messages.Gate, ...]:
    """Return the sign-offs that a service asks for, in the order of promotion."""
    return tuple(
        messages.Gate(of=one.sign_off.of, to=one.name, count=one.sign_off.count, groups=one.sign_off.groups)
        for one in service.environments
        if one.sign_off is not None
    )


def places_of(service: Service, environment: str) -> tuple[Place, ...]:
    """Return the places of an environment: each of its targets, or the whole."""
    targets = service.environment(environment).targets or ("",)
    return tuple(Place(service.name, environment, target) for target in targets)
