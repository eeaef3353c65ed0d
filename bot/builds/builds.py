"""`Builds`: all of it, made of its parts and bound to the workflow."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from bot.builds import messages, progress, records, replies, workflow
from bot.builds.answers import Answers, Waiting
from bot.builds.beginnings import Beginnings
from bot.builds.deeds import aborting
from bot.builds.effects import Effects
from bot.builds.failures import Failures
from bot.builds.ledger import FOLLOW, Ledger, Said
from bot.builds.overview import Overview
from bot.builds.parts import Parts
from bot.builds.records import Build
from bot.builds.road import Road
from bot.builds.rules import UNDER_WAY
from bot.builds.tested import Tests
from bot.command import Call, Resource
from bot.errors import BadInput, Refused
from bot.reply import Message, Reply
from bot.store import Tx
from integrations.capabilities.personal_runs import RunRight
from integrations.capabilities.runs import ManualAction, RunRef


class Builds:
    """What commands and the composition root use: `beginnings`, `overview` and `answers` answer people."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.answers = Answers(parts)
        self.failures = Failures(parts.store, parts.clock)
        self._ledger = Ledger(parts)
        self._road = Road(self._ledger)
        self.beginnings = Beginnings(self._ledger)
        self.overview = Overview(self._ledger, self.failures)
        self.tests = Tests(parts, self.failures)
        self.answers.finders["B-"] = self._waiting

    @property
    def ledger(self) -> Ledger:
        """What moves builds."""
        return self._ledger

    def bind(self) -> None:
        """Give the workflow what it works with; called before the engine is launched."""
        workflow.bind(workflow.Bound(self._road, Effects(self._ledger, self.failures)))

    def by_link_alone(self, instance: str) -> bool:
        """Tell whether nobody can let a waiting run of a tool go on from here: its buttons are links."""
        return self._parts.acting.by_link_alone(instance, RunRight.ANSWER)

    async def abort(self, call: Call, build_id: str) -> Reply:
        """Have a build ended, queued or running.

        Raises:
            BadInput: there is none. Refused: it is over (`ended`), or the tool decides by person who may end it.
        """
        found = await self.beginnings.get(build_id)
        if found.run and not found.ended and found.cancel_at is None:
            await self._parts.acting.allowed(aborting(found, call.person, RunRef.parse(found.run)))
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            build = await records.get(tx.conn, build_id)
            if build is None:
                raise BadInput("unknown_build", f"There is no build {build_id}. /build show lists the newest.")
            if build.ended:
                raise Refused("ended", f"{build.id} is over: {messages.stands(build)}.")
            if build.cancel_at is not None:
                return replies.aborting(build)
            now = self._parts.clock.now()
            values: dict[str, object] = {"cancel_by": call.person, "cancel_at": now}
            if build.parked_at is not None:  # go on, to pass it on
                values |= {"attempt": build.attempt + 1, "parked_why": "", "parked_at": None}
            marked = await records.change(tx, build.id, UNDER_WAY, **values)
            if marked is None:
                raise Refused("ended", f"{build.id} has just ended.")
            said = Said(text="asked to abort", person=call.person, request_id=call.request_id)
            book.enter(marked, "build.abort", "asked", said)
            await book.want(marked)
            await book.show(marked, urgent=True)
            tx.after_commit(self._parts.watch.wake_all)
            return replies.aborting(marked)

    async def parked(self, workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        """Note on a build that its workflow stands still; told by the engine."""
        del workflow_id
        if name != FOLLOW:
            return
        async with self._parts.store.write() as tx:
            await self._road.park(tx, str(args[0]), why, attempt=int(args[1]))

    async def reconcile(self) -> int:
        """Want again, idempotently, what every unfinished build needs; return how many there are. Called at start."""
        async with self._parts.store.read() as conn:
            unfinished = await records.unfinished(conn)
        for build in unfinished:
            if build.parked_at is None:
                async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
                    await book.want(build)
        return len(unfinished)

    def follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a build whenever it changes, until it has ended."""
        return self.overview.follow(subject)

    async def _waiting(self, subject: str) -> Waiting:
        build = await self.beginnings.get(subject)

        async def now(tx: Tx) -> Sequence[ManualAction]:
            current = await records.get(tx.conn, build.id)
            return _actions(current) if current is not None else ()

        async def redraw(tx: Tx, *, by_person: bool) -> None:
            async with self._ledger.open(tx) as book:
                current = await records.get(tx.conn, build.id)
                if current is not None and by_person:
                    await book.change(current, progress={**current.progress, "by_person": True})
                elif current is not None:
                    await book.show(current, urgent=True)

        return Waiting(
            subject=build.id,
            resource=Resource(build.service),
            run=build.run,
            actions=_actions(build),
            now=now,
            redraw=redraw,
        )


def _actions(build: Build) -> tuple[ManualAction, ...]:
    return () if build.ended else progress.actions(build.progress)
