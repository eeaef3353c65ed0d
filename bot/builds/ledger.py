"""The one place where builds move: row, card, messages and audit, or nothing."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import SHIPMATE
from bot.builds import messages, progress, records, waiting
from bot.builds.answers import ask_key, given_on
from bot.builds.parts import Parts
from bot.builds.records import Build
from bot.builds.rules import ENDED, State, sources
from bot.command import Resource
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Message
from bot.slack.notice import About
from bot.store import Tx
from bot.store.starts import want

FOLLOW = "build.follow.v1"


class Said(Struct, frozen=True, kw_only=True):
    """What is told of a move: why, who did it (None: Shipmate), the reason code, and the wish."""

    text: str = ""
    person: Person | None = None
    code: str = ""
    request_id: str = ""


class Ledger:
    """Opens a `Book` on a transaction; draws cards."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    @asynccontextmanager
    async def open(self, tx: Tx) -> AsyncIterator["Book"]:
        """Lend what moves builds in this transaction; audit entries are written when the block ends."""
        book = Book(self, tx)
        yield book
        await book.settle()

    async def card(self, conn: AsyncConnection, build: Build) -> Message:
        """Return the card of a build as it stands."""
        given = await given_on(conn, build.id)
        return messages.card(build, messages.View(name_of=self.parts.name_of, answers=tuple(given)))


class Book:
    """Moves builds in one transaction. Made by `Ledger.open`."""

    def __init__(self, ledger: Ledger, tx: Tx) -> None:
        self.tx = tx
        self._ledger = ledger
        self._parts = ledger.parts
        self._entries: list[tuple[Build, str, str, Said, dict[str, JsonValue]]] = []

    async def move(
        self, build: Build, to: State, said: Said, *, at: Collection[State] | None = None, **values: object
    ) -> Build | None:
        """Move a build to `to` if it stands where that is legal (or at one of `at`): one winner, None for others."""
        now = self._parts.clock.now()
        values = {"state": to.value, "state_since": now, "parked_why": "", "parked_at": None, **values}
        if to in ENDED:
            values = {"ended_at": now, "code": said.code, "words": said.text, "held": {}, **values}
        legal = sources(to) if at is None else sources(to) & frozenset(at)
        moved = await records.change(self.tx, build.id, legal, **values)
        if moved is None:
            return None
        if to in ENDED:
            self.enter(moved, f"build.{to.value}", _OUTCOMES.get(to, to.value), said)
        await self.show(moved, urgent=said.person is not None)
        return moved

    async def change(self, build: Build, **values: object) -> Build | None:
        """Change the row of a build that still stands in this state, and draw its card anew."""
        changed = await records.change(self.tx, build.id, [build.state], **values)
        if changed is not None:
            await self.show(changed)
        return changed

    async def show(self, build: Build, *, urgent: bool = False) -> None:
        """Have the card of a build drawn as it stands."""
        if build.channel is None:
            return
        message = await self._ledger.card(self.tx.conn, build)
        await self._parts.outbox.show(
            self.tx, build.id, build.channel, message, urgent=urgent, final=build.ended and not build.retried_as
        )

    async def want(self, build: Build) -> None:
        """Have the workflow wanted that follows a build; wanting it twice changes nothing."""
        await want(self.tx, f"{build.id}/follow/{build.attempt}", FOLLOW, build.id, build.attempt)

    async def tell_the_end(self, build: Build, *, to_channel: bool) -> None:
        """Tell who asked that their build failed; the channel, too, where it was green before."""
        message = messages.told(build)
        if to_channel and build.channel is not None:
            key = f"{build.id}/failed"
            await self._parts.outbox.post(self.tx, key, build.channel, message, subject=build.id, urgent=True)
        await self.tell(build, "end", message)

    async def tell(self, build: Build, what: str, message: Message) -> None:
        """Tell who asked for a build something in a direct message."""
        if build.requested_by.team != ACCOUNT_TEAM:
            key = f"{build.id}/{what}/{build.attempt}"
            await self._parts.outbox.direct(
                self.tx, key, build.requested_by, message, subject=build.id, about=About.ENDS
            )

    async def ask(self, build: Build, action: str) -> None:
        """Tell who asked, and the thread, that a build waits for a person: an edit of its card notifies nobody."""
        actions = progress.actions(build.progress)
        by_person = bool(build.progress.get("by_person"))
        message = waiting.asked(build.id, f"build of {build.name}", actions, by_person=by_person)
        key = ask_key(build.id, build.run, action)
        await self.tell(build, key.removeprefix(f"{build.id}/"), message)
        if build.channel is not None:
            await self._parts.outbox.post(self.tx, key, build.channel, message, in_thread_of=build.id, urgent=True)

    async def excerpt(self, build: Build, parts: Sequence[Message]) -> None:
        """Post pieces of a build's log into its thread, each once."""
        if build.channel is None:
            return
        for number, message in enumerate(parts):
            key = f"{build.id}/excerpt/{number}"
            await self._parts.outbox.post(self.tx, key, build.channel, message, in_thread_of=build.id)

    def enter(self, build: Build, action: str, outcome: str, said: Said, **data: JsonValue) -> None:
        """Keep an audit entry for the end of the transaction."""
        self._entries.append((build, action, outcome, said, data))

    async def settle(self) -> None:
        """Write the audit entries that were kept."""
        for build, action, outcome, said, data in self._entries:
            await self._parts.audit.record(
                self.tx,
                actor=said.person or SHIPMATE,
                action=action,
                outcome=outcome,
                resource=Resource(build.service),
                request_id=said.request_id,
                subject=build.id,
                data={"job": build.job, "sha": build.sha, "run": build.run, "words": said.text, **data},
            )
        self._entries.clear()


_OUTCOMES = {State.SUCCEEDED: "succeeded", State.FAILED: "failed", State.REFUSED: "refused"}
