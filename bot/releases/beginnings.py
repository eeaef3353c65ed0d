"""`Beginnings`: cut a release, or have one that failed go on."""

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.builds.ledger import Said
from bot.command import Call, Trigger
from bot.deployments import records as deployment_records
from bot.errors import Refused
from bot.releases import records, replies
from bot.releases.changelog import lengthened
from bot.releases.ledger import Ledger
from bot.releases.proposals import Proposal, Proposals, Wanted
from bot.releases.records import Release
from bot.releases.rules import State
from bot.releases.versions import Bump
from bot.reply import Reply
from bot.store import next_id

_LONGEST_NOTES = 60_000
_AGAIN = {
    "state": State.STARTING.value,
    "ended_at": None,
    "code": "",
    "words": "",
    "cancel_by": None,
    "cancel_at": None,
}
_NO_FORM = frozenset({Trigger.TERMINAL, Trigger.SCHEDULE})


class Beginnings:
    """Begins releases; everything after that is done by the workflow."""

    def __init__(self, ledger: Ledger, proposals: Proposals) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._proposals = proposals

    async def cut(self, call: Call, wanted: Wanted, *, yes: bool = False, dry_run: bool = False) -> Reply:
        """Begin a release; asked for without having seen version and notes, show them in a form first.

        Raises:
            Missing: `confirm`, with the form.
            BadInput, Refused, Degraded: as `Proposals.propose`; somebody else was quicker (`version_taken`).
        """
        begun = await self._begun(call)
        if begun is not None:
            return replies.begun(begun)
        proposal = await self._proposals.propose(wanted)
        if dry_run:
            return replies.would_be(proposal)
        trigger = call.invocation.trigger
        looked_at = trigger is Trigger.MODAL and bool(wanted.version)  # a form without one was opened for its service
        if not (yes or looked_at or trigger in _NO_FORM):
            raise replies.look_first(proposal, {"service": proposal.service.name})
        if wanted.notes.strip():
            edited = lengthened(wanted.notes.strip(), proposal.notes)
            proposal = replace(proposal, notes=edited[:_LONGEST_NOTES])
        return replies.begun(await self._write(call, proposal))

    async def retry(self, call: Call, release: Release) -> Reply:
        """Have a release that failed or stands still go on where it was.

        Raises:
            Refused: there is nothing to try again (`ended`, `under_way`), or its version has gone to another
                (`version_taken`).
        """
        if release.state is State.CUT:
            raise Refused("ended", f"{release.id} {release.name} is cut.")
        if release.parked_at is None and not release.ended:
            raise Refused("under_way", f"{release.id} still goes on.")
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            other = await records.holder(tx.conn, release.service, release.version)
            if other is not None and other.id != release.id:
                raise replies.taken(other, self._parts.name_of)
            failed_build = release.ended and not release.digest
            again = await records.change(
                tx,
                release.id,
                [release.state],
                records.releases.c.attempt == release.attempt,
                attempt=release.attempt + 1,
                holds=True,
                parked_why="",
                parked_at=None,
                build_number=release.build_number + failed_build,
                **({"build_run": "", "progress": {}} if failed_build else {}),
                **(_AGAIN if release.ended else {}),
            )
            if again is None:
                raise Refused("raced", f"{release.id} has moved on meanwhile: its card shows where it stands.")
            said = Said(text="tried again", person=call.person, request_id=call.request_id)
            book.enter(again, "release.retry", "started", said)
            await book.want(again)
            await book.show(again, urgent=True)
            return replies.shown(again)

    async def cancel(self, call: Call, release: Release) -> Reply:
        """Have a release ended before its tag is made: its build is ended, its version is free again.

        Raises:
            Refused: it is over (`ended`), or its tag is made (`tagged`).
        """
        if release.ended:
            raise Refused("ended", f"{release.id} {release.name} is over.")
        async with self._parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            values: dict[str, object] = {"cancel_by": call.person, "cancel_at": self._parts.clock.now()}
            if release.parked_at is not None:  # go on, to notice
                values |= {"attempt": release.attempt + 1, "parked_why": "", "parked_at": None}
            marked = await records.change(
                tx,
                release.id,
                [State.STARTING, State.BUILDING, State.TAGGING],
                records.releases.c.attempt == release.attempt,
                **values,
            )
            if marked is None:
                raise Refused("tagged", f"The tag {release.tag} is made: {release.id} cannot be taken back any more.")
            said = Said(text="asked to cancel", person=call.person, request_id=call.request_id)
            book.enter(marked, "release.cancel", "asked", said)
            await book.want(marked)
            await book.show(marked, urgent=True)
            tx.after_commit(self._parts.watch.wake_all)
            return replies.cancelling(marked)

    async def _begun(self, call: Call) -> Release | None:
        async with self._parts.store.read() as conn:
            return await records.of_request(conn, call.request_id)

    async def _write(self, call: Call, proposal: Proposal) -> Release:
        parts, service = self._parts, proposal.service
        channel = await parts.channel_of(service, call.channel)
        now = parts.clock.now()
        async with parts.store.write(urgent=True) as tx, self._ledger.open(tx) as book:
            written = await records.add(
                tx,
                id=await next_id(tx, "R"),
                request_id=call.request_id,
                requested_by=call.person,
                channel=channel,
                state=State.STARTING.value,
                state_since=now,
                created_at=now,
                **_row(proposal),
                **await self._artifact(tx.conn, proposal),
            )
            release = await records.of_request(tx.conn, call.request_id)
            if release is None:
                other = await records.holder(tx.conn, service.name, proposal.version)
                if other is None:
                    raise LookupError(f"the release of {call.request_id} was not kept")
                raise replies.taken(other, parts.name_of)
            if written:
                said = Said(text=f"asked for {proposal.tag}", person=call.person, request_id=call.request_id)
                book.enter(release, "release.cut", "started", said)
                await book.want(release)
                await book.show(release, urgent=True)
                await book.post_notes(release)
            return release

    async def _artifact(self, conn: AsyncConnection, proposal: Proposal) -> dict[str, str]:
        """Return the artifact that was built of the commit before, so that what was tested is what is released."""
        if proposal.service.build is None:
            return {}
        name, sha = proposal.service.name, proposal.source.sha
        before = await records.of_commit(conn, name, sha)
        if before is not None and before.digest:
            return {"artifact": before.artifact, "digest": before.digest, "built_by": before.id}
        built = await deployment_records.built(conn, name, sha)
        if built is None:
            return {}
        return {"artifact": built.artifact, "digest": built.digest, "built_by": built.deployment}


def _row(proposal: Proposal) -> dict[str, object]:
    return {
        "service": proposal.service.name,
        "instance": proposal.service.repository.instance,
        "project": proposal.service.repository.project,
        "version": proposal.version,
        "tag": proposal.tag,
        "asked": proposal.asked,
        "sha": proposal.source.sha,
        "branch": proposal.source.branch,
        "title": proposal.source.title,
        "bump": proposal.bump.value if proposal.bump is not Bump.AUTO else "",
        "previous": proposal.previous,
        "previous_sha": proposal.previous_sha,
        "notes": proposal.notes,
        "changes": proposal.changelog.to_json(),
        "irreversible": list(proposal.irreversible),
        "checks": proposal.checks,
    }
