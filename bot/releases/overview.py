"""`Overview`: how releases stand, what they hold, and where they run."""

from collections.abc import AsyncIterator, Sequence

from bot.approvals.rules import Vote
from bot.builds.following import Look, follow
from bot.catalog import Service
from bot.command import Option, Resource
from bot.deployments.plan import Release as Shipped
from bot.releases import messages, records, replies
from bot.releases.ledger import Ledger
from bot.releases.records import Release
from bot.releases.rules import State
from bot.releases.story import Story, story
from bot.reply import Message, Note, Paragraph, Part, Reply, joined, moment, say

_LISTED = 10
_MENU = 50
_SHORTEST = 7
_VOTES = {Vote.APPROVE: "approved by", Vote.REJECT: "rejected by"}
_HEX = frozenset("0123456789abcdef")


class Overview:
    """Answers questions about releases."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts

    async def find(self, name: str) -> Release:
        """Return a release by its id, or by service and version: "R-88", "checkout@1.4.2", or the newest of "checkout".

        Raises:
            BadInput: `unknown_release`, `unknown_service`.
        """
        async with self._parts.store.read() as conn:
            found = await records.get(conn, name) if is_id(name) else None
            if found is None and not is_id(name):
                service, _, version = name.partition("@")
                service = self._parts.catalog().service(service).name
                if version:
                    found = await records.named(conn, service, version)
                else:
                    found = next(iter(await records.newest(conn, service=service, limit=1)), None)
        if found is None:
            raise replies.unknown(name)
        return found

    async def show(self, name: str) -> Reply:
        """Return the card of a release, and the deployments of it."""
        release = await self.find(name)
        async with self._parts.store.read() as conn:
            card = await self._ledger.card(conn, release)
            kept = await story(conn, release.id)
        put = kept.deployments
        lines = [
            say("*{}* to {}: {} · {}", one.id, "/".join(filter(None, (one.environment, one.target))), one.state.value,
                moment(one.ended_at or one.created_at, day=True))
            for one in reversed(put[-_LISTED:])
        ]  # fmt: skip
        told: list[Part] = []
        if lines:
            told.append(Paragraph(say("*Deployments*\n{}", joined("\n", lines))))
        approved = [
            say("*{}* {} {} · {}", one.subject, _VOTES[cast.vote], say("@{}", self._parts.name_of(cast.person)),
                moment(cast.at, day=True))
            for one in kept.approvals[-_LISTED:]
            for cast in one.votes
        ]  # fmt: skip
        if approved:
            told.append(Paragraph(say("*Approvals*\n{}", joined("\n", approved))))
        if release.digest:
            told.append(Note(say("{}", release.digest)))
        return Reply(summary=card.summary, parts=(*card.parts, *told), subject=release.id)

    async def list_all(self, service: str) -> Reply:
        """Return the newest releases of a service, or of all."""
        name = self._parts.catalog().service(service).name if service else ""
        async with self._parts.store.read() as conn:
            found = await records.newest(conn, service=name, limit=_LISTED)
            runs = [await self._ledger.runs_on(conn, one) for one in found]
        if not found:
            return replies.none_yet(name) if name else Reply(summary="No releases yet: /release cut makes one")
        lines = [messages.line(one, self._parts.name_of, on) for one, on in zip(found, runs, strict=True)]
        of = f" of {name}" if name else ""
        return Reply(summary=f"The newest releases{of}", parts=(Paragraph(joined("\n", lines)),))

    async def notes(self, name: str) -> Reply:
        """Return the notes of a release."""
        return replies.notes(await self.find(name))

    async def story(self, release_id: str) -> Story:
        """Return everything that is kept of a release. Raises: BadInput (`unknown_release`)."""
        async with self._parts.store.read() as conn:
            return await story(conn, release_id)

    async def named(self, service: Service, asked: str) -> Shipped | None:
        """Return what is deployed under the id, version, tag or commit of a release that was cut; None for others.

        Raises:
            BadInput: there is no release of this id. Refused: it is not cut (`not_cut`).
        """
        async with self._parts.store.read() as conn:
            found = await records.named(conn, service.name, asked)
            if found is None and len(asked) >= _SHORTEST and set(asked.lower()) <= _HEX:
                found = await records.of_short(conn, service.name, asked.lower())
        if found is None and is_id(asked):
            raise replies.unknown(f"{asked.upper()} of {service.name}")
        if found is None:
            return None
        if found.state is not State.CUT:
            if is_id(asked):
                raise replies.not_cut(found)
            return None
        return shipped(found)

    def follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a release whenever it changes, until it has ended; with a code if that was bad."""

        async def look() -> Look:
            release = await self.find(subject)
            async with self._parts.store.read() as conn:
                card = await self._ledger.card(conn, release)
            return Look(card=card, subject=release.id, ended=release.ended, code=release.code)

        return follow(look, self._parts.clock)

    async def menu(self, service: str = "") -> Sequence[Option]:
        """Return the newest releases, to choose from."""
        async with self._parts.store.read() as conn:
            found = await records.newest(conn, service=service, limit=_MENU)
        told = ((one, f"{one.id} {one.name}: {messages.stands(one)}"[:75]) for one in found)
        return [Option(one.id, words, about=Resource(one.service)) for one, words in told]


def shipped(release: Release) -> Shipped:
    """Return a release as deployments know it: the commit, the tag's name, the recorded artifact."""
    return Shipped(sha=release.sha, version=release.tag, artifact=release.artifact, digest=release.digest)


def is_id(word: str) -> bool:
    """Tell whether a word has the form of a release's id."""
    letter, dash, number = word.strip().upper().partition("-")
    return letter == "R" and bool(dash) and number.isdigit()
