"""The transactions of a build: each is one step of its workflow, and commits together with its checkpoint."""

from msgspec import Struct

from bot.builds import messages, records
from bot.builds.effects import ABORTED, RunEnd
from bot.builds.ledger import Ledger, Said
from bot.builds.rules import State
from bot.builds.sending import Sent
from bot.store import Tx
from integrations.capabilities.runs import RunState

_ENDS = {
    RunState.SUCCEEDED.value: State.SUCCEEDED,
    RunState.FAILED.value: State.FAILED,
    RunState.CANCELLED.value: State.CANCELLED,
}


class Leg(Struct, frozen=True):
    """Where a workflow stands when it begins or goes on: the run that was started before, "" for none."""

    run: str


class Road:
    """What the workflow writes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def begin(self, tx: Tx, build_id: str, attempt: int) -> Leg | None:
        """Return where the build stands, None when there is nothing to do any more."""
        async with self._ledger.open(tx) as book:
            build = await records.get(tx.conn, build_id)
            if build is None or build.ended or build.attempt != attempt:
                return None
            # One that was sent before it was parked may run: then it is found and ended, not forgotten.
            if build.cancel_at is not None and not build.run and attempt == 1:
                await book.move(build, State.CANCELLED, _cancelled(self._parts.name_of, build))
                return None
            return Leg(build.run)

    async def sent(self, tx: Tx, build_id: str, ref: str) -> None:
        """Write the reference of the run; secrets have done their work."""
        async with self._ledger.open(tx) as book:
            build = await records.get(tx.conn, build_id)
            if build is not None and build.state is State.STARTING:
                await book.move(build, State.QUEUED, Said(), run=ref, held={})
            elif build is not None and not build.ended:
                await book.change(build, run=ref, held={})

    async def refused(self, tx: Tx, build_id: str, sent: Sent) -> None:
        """End a build that the tool refused to start: nothing runs, and what it retried may be tried again."""
        async with self._ledger.open(tx) as book:
            build = await records.get(tx.conn, build_id)
            if build is None:
                return
            if sent.code == ABORTED:
                ended = await book.move(build, State.CANCELLED, _cancelled(self._parts.name_of, build))
            else:
                said = Said(text=f"not started: {sent.words}", code=sent.code)
                ended = await book.move(build, State.REFUSED, said, at=[State.STARTING])
            if ended is None:
                return
            if ended.state is State.REFUSED:
                await book.tell_the_end(ended, to_channel=False)
            before = await records.get(tx.conn, ended.retry_of) if ended.retry_of else None
            if before is not None:
                await book.change(before, retried_as="")

    async def ended(self, tx: Tx, build_id: str, end: RunEnd) -> None:
        """Write how a build ended; a failure is told to who asked, and to the channel where it was green before."""
        async with self._ledger.open(tx) as book:
            build = await records.get(tx.conn, build_id)
            if build is None or build.ended:
                return
            to = _ENDS.get(end.state, State.FAILED)
            said = Said(text=end.words, code=end.code)
            if to is State.CANCELLED and build.cancel_by is not None:
                said = _cancelled(self._parts.name_of, build)
            elif to is State.CANCELLED:
                said = Said(text=end.words or f"aborted in {build.instance}", code="aborted")
            moved = await book.move(build, to, said)
            if moved is not None and to is State.FAILED:
                await book.excerpt(moved, [messages.excerpt(title, text) for title, text in end.excerpts])
                await book.tell_the_end(moved, to_channel=end.green_before)

    async def park(self, tx: Tx, build_id: str, why: str, *, attempt: int) -> None:
        """Note that the work stands still, show it, and tell who asked for it."""
        async with self._ledger.open(tx) as book:
            build = await records.get(tx.conn, build_id)
            if build is None or build.ended or build.attempt != attempt:
                return
            parked = await book.change(build, parked_why=why, parked_at=self._parts.clock.now())
            if parked is not None:
                book.enter(parked, "build.parked", "parked", Said(text=why))
                await book.tell(parked, "parked", messages.parked(parked))


def _cancelled(name_of: messages.NameOf, build: records.Build) -> Said:
    name = name_of(build.cancel_by) if build.cancel_by is not None else "somebody"
    return Said(text=f"aborted by @{name}", code="aborted")
