"""`Overview`: how builds stand, their logs, and their cards as they change."""

from collections.abc import AsyncIterator, Sequence

from bot.builds import messages, records
from bot.builds.beginnings import is_id
from bot.builds.failures import Failures
from bot.builds.following import Look, follow
from bot.builds.ledger import Ledger
from bot.builds.logs import Tail, last_lines, read_on, read_whole
from bot.builds.records import Build
from bot.builds.refs import unreachable
from bot.builds.rules import State
from bot.command import Option, Resource
from bot.errors import BadInput, Refused
from bot.reply import Button, Buttons, Document, Message, Note, Paragraph, Part, Reply, joined, say, sentence
from integrations.capabilities.runs import RunRef, RunState, RunTracker
from integrations.errors import IntegrationError, NotFound

_LISTED = 10
_MENU = 50


class Overview:
    """Answers questions about builds."""

    def __init__(self, ledger: Ledger, failures: Failures) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._failures = failures

    async def find(self, what: str) -> Build:
        """Return a build by its id, or the newest of a service.

        Raises:
            BadInput: `unknown_build` or `unknown_service`. Refused: the service has none yet (`no_build_yet`).
        """
        async with self._parts.store.read() as conn:
            if is_id(what):
                build = await records.get(conn, what)
                if build is None:
                    raise BadInput("unknown_build", f"There is no build {what}. /build show lists the newest.")
                return build
            service = self._parts.catalog().service(what).name
            found = await records.newest(conn, service=service, limit=1)
        if not found:
            raise Refused("no_build_yet", f"Shipmate has no build of {service} yet: /build run {service}")
        return found[0]

    async def show(self, what: str) -> Reply:
        """Return the card of a build, or the newest build of a service, or the newest of all."""
        if not what:
            return await self._newest()
        build = await self.find(what)
        async with self._parts.store.read() as conn:
            card = await self._ledger.card(conn, build)
        return Reply(summary=card.summary, parts=card.parts, subject=build.id)

    async def logs(self, what: str, *, whole: bool) -> Reply:
        """Return why a build failed, or the end of its log; `whole` hands out all of it as a file.

        Raises:
            Refused: it never ran, or its tool has forgotten it (`log_gone`). Degraded: the tool does not answer.
        """
        build = await self.find(what)
        if not build.run:
            raise Refused("never_ran", f"{build.id} has no log: it never ran.")
        ref = RunRef.parse(build.run)
        tracker = self._parts.toolbox.get(RunTracker, ref.instance)
        known = build.progress.get("tail_from")
        end_at = known if isinstance(known, int) else 0
        try:
            if whole:
                return await self._whole(build, tracker, ref, end_at)
            tail = await read_on(tracker, ref, Tail(end_at))
            run = await tracker.get_run(ref)
        except NotFound as error:
            raise Refused("log_gone", f"{ref.instance} no longer knows {build.id}: {error.message}") from error
        except IntegrationError as error:
            raise unreachable(error) from error
        parts: list[Part] = []
        if run.state is RunState.FAILED:
            finding = await self._failures.read(run, tail.text)
            parts.append(Paragraph(say("*{}* failed: {}", build.id, sentence(finding.cause))))
            for title, text in finding.excerpts:
                parts += messages.excerpt(title, text).parts
        else:
            text = last_lines(tail.text)
            parts += messages.excerpt(f"The end of the log of {build.id}", text or "nothing yet").parts
        button = Button(label="Whole log", command="build logs", args={"build": build.id, "whole": "yes"})
        parts.append(Buttons((button,)))
        return Reply(summary=f"Log of {build.id} build of {build.name}", parts=tuple(parts), subject=build.id)

    def follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a build whenever it changes, until it has ended; with a code if that was bad."""

        async def look() -> Look:
            build = await self.find(subject)
            async with self._parts.store.read() as conn:
                card = await self._ledger.card(conn, build)
            code = "" if build.state is State.SUCCEEDED else build.code or build.state.value
            return Look(card=card, subject=build.id, ended=build.ended, code=code)

        return follow(look, self._parts.clock)

    async def menu(self) -> Sequence[Option]:
        """Return the newest builds, to choose from."""
        async with self._parts.store.read() as conn:
            found = await records.newest(conn, limit=_MENU)
        told = ((one, f"{one.id} {one.name}: {messages.stands(one)}"[:75]) for one in found)
        return [Option(one.id, words, about=Resource(one.service)) for one, words in told]

    async def _newest(self) -> Reply:
        async with self._parts.store.read() as conn:
            found = await records.newest(conn, limit=_LISTED)
        if not found:
            return Reply(summary="No builds yet", parts=(Paragraph(say("No builds yet: /build run starts one.")),))
        lines = joined("\n", (messages.line(one, self._parts.name_of) for one in found))
        return Reply(summary="The newest builds", parts=(Paragraph(lines),))

    async def _whole(self, build: Build, tracker: RunTracker, ref: RunRef, end_at: int) -> Reply:
        log = await read_whole(tracker, ref, end_at)
        name = f"{build.id}-{build.service}.log"
        note = "its middle is left out: the tool has it" if log.cut else "all of it"
        document = Document(name, log.text.encode(), f"Log of {build.id}, {note}")
        return Reply(
            summary=f"The log of {build.id} as a file, {note}",
            parts=(Note(say("The log of *{}* as a file, {}.", build.id, note)), document),
            subject=build.id,
        )
