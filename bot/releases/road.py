"""The transactions of a release: each is one step of its workflow, and commits together with its checkpoint."""

from msgspec import Struct

from bot.builds.ledger import Said
from bot.releases import messages, records
from bot.releases.effects import Done, RunEnd, cancelled
from bot.releases.ledger import Ledger
from bot.releases.records import Release
from bot.releases.rules import UNDER_WAY, State
from bot.store import Tx


class Leg(Struct, frozen=True):
    """Where a workflow stands when it begins or goes on: whether it builds, and the build that was started before."""

    wants_build: bool
    run: str


class Road:
    """What the workflow writes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def begin(self, tx: Tx, release_id: str, attempt: int) -> Leg | None:
        """Return where the release stands, None when there is nothing to do any more."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is None or release.ended or release.attempt != attempt:
                return None
            service = self._parts.catalog().service(release.service)
            wants_build = service.build is not None and not release.digest
            if release.state is State.STARTING:
                to = State.BUILDING if wants_build else State.TAGGING
                await book.move(release, to, Said())
            return Leg(wants_build and release.state in {State.STARTING, State.BUILDING}, release.build_run)

    async def sent(self, tx: Tx, release_id: str, ref: str) -> None:
        """Write the reference of the build."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is not None and not release.ended:
                await book.change(release, build_run=ref)

    async def built(self, tx: Tx, release_id: str, end: RunEnd) -> bool:
        """Note what the build made; answer whether it goes on."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is None or release.state is not State.BUILDING:
                return release is not None and release.state in UNDER_WAY
            if not end.succeeded:
                said = Said(text=f"the build failed: {end.words or end.state}", code="build_failed")
                if release.cancel_at is not None:
                    said = Said(
                        text=cancelled(release, self._parts.name_of), code="cancelled", person=release.cancel_by
                    )
                failed = await book.move(release, State.FAILED, said)
                if failed is not None:
                    await self._excerpts(tx, failed, end)
                    await book.tell_failure(failed)
                return False
            moved = await book.move(release, State.TAGGING, Said(), artifact=end.artifact, digest=end.digest)
            return moved is not None

    async def failed(self, tx: Tx, release_id: str, done: Done) -> None:
        """End a release that a tool refused or that a rule stopped."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is None:
                return
            failed = await book.move(release, State.FAILED, Said(text=done.words, code=done.code))
            if failed is not None:
                await book.tell_failure(failed)

    async def tagged(self, tx: Tx, release_id: str) -> None:
        """Note that the tag is made: the version is taken for ever."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is not None and release.state is State.TAGGING:
                await book.move(release, State.PUBLISHING, Said(), tagged=True)

    async def published(self, tx: Tx, release_id: str, done: Done) -> None:
        """Write that the release is cut."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is not None and release.state is State.PUBLISHING:
                cut = await book.move(release, State.CUT, Said(text=done.words), url=done.url[:1000])
                if cut is not None:  # its commit may have been tried before it got its name
                    await book.ask_for_sign_offs(cut)

    async def park(self, tx: Tx, release_id: str, why: str, *, attempt: int) -> None:
        """Note that the work stands still, show it, and tell who asked for it."""
        async with self._ledger.open(tx) as book:
            release = await records.get(tx.conn, release_id)
            if release is None or release.ended or release.attempt != attempt:
                return
            parked = await book.change(release, parked_why=why, parked_at=self._parts.clock.now())
            if parked is not None:
                book.enter(parked, "release.parked", "parked", Said(text=why))
                await book.tell(parked, "parked", messages.parked(parked))

    async def _excerpts(self, tx: Tx, release: Release, end: RunEnd) -> None:
        if release.channel is None:
            return
        for number, (title, text) in enumerate(end.excerpts):
            key = f"{release.id}/excerpt/{release.attempt}/{number}"
            message = messages.excerpt(title, text)
            await self._parts.outbox.post(tx, key, release.channel, message, in_thread_of=release.id)
