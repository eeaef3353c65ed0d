"""`Overview`: what runs where, who holds what, what was deployed, where a change runs. Reads our own store only."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.builds.following import Look, follow
from bot.catalog import Place
from bot.deployments import messages, places, records, replies
from bot.deployments.ledger import Ledger
from bot.deployments.places import Fact, Holding
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.errors import BadInput
from bot.freezes import messages as freeze_messages
from bot.freezes.rules import Halt
from bot.locks.rules import Scope
from bot.reply import Markup, Message, Paragraph, Reply, code, joined, moment, say

_SHORTEST = 4
_MOST_LINES = 40
_MENU = 200
_SHA = re.compile(r"[0-9a-fA-F]{4,64}")

Notes = Callable[[AsyncConnection, str], Awaitable[Mapping[Place, Sequence[Markup]]]]
"""(connection, service or "" for all) -> lines to stand below a place."""


class Overview:
    """Answers questions about deployments. `notes` are asked what else stands below a place."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self.notes: list[Notes] = []

    async def where(self, word: str = "") -> Reply:
        """Return what runs where and who holds what, of everything or one service; or where a commit or tag runs.

        One query for the first two. Raises: BadInput (`unknown_service`) when the word is neither.
        """
        if not word:
            return await self._everything("")
        try:
            service = self._parts.catalog().place(word).service
        except BadInput as error:
            return await self._where_change(word, error)
        return await self._everything(service)

    async def history(self, *, service: str = "", environment: str = "", limit: int = 10) -> Reply:
        """Return the newest deployments. Raises: BadInput for words that are not in the catalog."""
        if service:
            found = self._parts.catalog().service(service)
            service = found.name
            environment = found.environment(environment).name if environment else ""
        async with self._parts.store.read() as conn:
            newest = await records.history(conn, service=service, environment=environment, limit=limit)
        scope = "/".join(part for part in (service, environment) if part)
        if not newest:
            nothing = f"Nothing was deployed{f' on {scope}' if scope else ''} yet."
            return Reply(summary=nothing, parts=(Paragraph(say("{}", nothing)),))
        lines = joined("\n", (self.line(deployment) for deployment in newest))
        return Reply(summary=f"Deployments{f' of {scope}' if scope else ''}", parts=(Paragraph(lines),))

    async def good_versions(self, place: Place) -> Sequence[str]:
        """Return the versions that ran well on a place, newest first, each once."""
        async with self._parts.store.read() as conn:
            found = await records.good_versions(conn, place)
        return list(dict.fromkeys(one.version for one in found))

    async def under_way(self) -> Sequence[Deployment]:
        """Return the deployments that have not ended."""
        async with self._parts.store.read() as conn:
            return await records.unfinished(conn, limit=_MENU)

    async def plan(self, deployment_id: str) -> Reply:
        """Return a deployment's plan in full. Raises: BadInput (`unknown_deployment`)."""
        return replies.plan(await self._get(deployment_id))

    async def card(self, deployment_id: str) -> Message:
        """Return a deployment's card as it stands. Raises: BadInput (`unknown_deployment`)."""
        deployment = await self._get(deployment_id)
        async with self._parts.store.read() as conn:
            return await self._ledger.card(conn, deployment)

    def follow(self, subject: str) -> AsyncIterator[Message]:
        """Yield the card of a deployment whenever it changes, until it has ended; with a code if that was bad."""

        async def look() -> Look:
            deployment = await self._get(subject)
            async with self._parts.store.read() as conn:
                card = await self._ledger.card(conn, deployment)
            code = "" if deployment.state is State.SUCCEEDED else deployment.code or deployment.state.value
            return Look(card=card, subject=deployment.id, ended=deployment.ended, code=code)

        return follow(look, self._parts.clock)

    async def _get(self, deployment_id: str) -> Deployment:
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
        if deployment is None:
            raise BadInput("unknown_deployment", f"There is no deployment {deployment_id}. /deploys lists them.")
        return deployment

    async def lines(self, service: str = "", *, most: int = _MOST_LINES) -> list[Markup]:
        """Return what runs where and who holds what, a line each; what is left out is counted in the last."""
        async with self._parts.store.read() as conn:
            facts = await places.facts(conn, now=self._parts.clock.now(), service=service)
            declared = any(fact.kind == "freeze" for fact in facts)
            halts = await self._parts.freezes.in_force(conn, declared=declared)
            told = [await notes(conn, service) for notes in self.notes]
        running = {fact.place: fact for fact in facts if fact.kind == "place"}
        locks = [fact for fact in facts if fact.kind == "lock"]
        under_way: dict[Place, list[Fact]] = {}
        for fact in facts:
            if fact.kind == "open":
                under_way.setdefault(fact.place, []).append(fact)
        known = list(self._parts.catalog().places(service))
        known += [place for place in [*running, *under_way] if place not in known]
        lines = [self._lock_line(fact) for fact in locks if not fact.place.service]
        scopes = {place: Scope(place.service, place.environment, place.target) for place in known} if halts else {}
        wide = [halt for halt in self._parts.freezes.about(halts, [*scopes.values()]) if halt.freeze.everywhere]
        lines += [say("*{}* is {}", freeze_messages.covered(halt.freeze), self._frozen(halt)) for halt in wide]
        halts = tuple(halt for halt in halts if not halt.freeze.everywhere)
        for place in dict.fromkeys(known):
            lines.append(self._place_line(place, running.get(place)))
            frozen = self._parts.freezes.on(halts, scopes[place]) if halts else ()
            lines += [say("    {}", self._frozen(halt)) for halt in frozen]
            lines += [say("    {}", self._lock_line(fact, place)) for fact in locks if _covers(fact, place)]
            lines += [say("    {}", self._open_line(fact)) for fact in under_way.get(place, ())]
            lines += [say("    {}", line) for of_place in told for line in of_place.get(place, ())]
        if len(lines) > most:
            more = len(lines) - most
            lines = [*lines[:most], say("…{} more lines: name a service, as in /where checkout", more)]
        return lines

    async def _everything(self, service: str) -> Reply:
        summary = f"What runs where{f': {service}' if service else ''}"
        return Reply(summary=summary, parts=(Paragraph(joined("\n", await self.lines(service))),))

    async def _where_change(self, word: str, error: BadInput) -> Reply:
        async with self._parts.store.read() as conn:
            shas = await places.commits_of_version(conn, word)
            if not shas and not word.startswith("v"):
                shas = await places.commits_of_version(conn, f"v{word}")
            if not shas and not (_SHA.fullmatch(word) and len(word) >= _SHORTEST):
                raise error
            found = [holding for sha in shas or [word] for holding in await places.with_commit(conn, sha)]
        if not found:
            text = f"{word} runs nowhere, as far as Shipmate's deployments tell."
            return Reply(summary=text, parts=(Paragraph(say("{}", text)),), code="runs_nowhere")
        commits = {holding.sha for holding in found}
        lines = [self._holding_line(holding) for holding in found]
        if len(commits) > 1:
            lines.insert(0, say("{} stands for {} commits.", word, len(commits)))
        return Reply(summary=f"Where {word} runs", parts=(Paragraph(joined("\n", lines)),))

    def _holding_line(self, holding: Holding) -> Markup:
        since = say(", since {}", moment(holding.since, day=True)) if holding.since else Markup("")
        return say("*{}* has {}: it runs {}{}", holding.place, code(holding.sha[:7]), holding.version, since)

    def _place_line(self, place: Place, fact: Fact | None) -> Markup:
        if fact is None:
            return say("*{}*: nothing that Shipmate deployed", place)
        by = say(" by @{}", self._parts.name_of(fact.person)) if fact.person else Markup("")
        since = say(" since {}", moment(fact.at, day=True)) if fact.at else Markup("")
        commit = say(" ({})", code(fact.detail[:7])) if not fact.detail.startswith(fact.name) else Markup("")
        came = say(" · {}", fact.id) if fact.id else Markup("")
        return say("*{}*: *{}*{}{}{}{}", place, fact.name, commit, since, by, came)

    def _lock_line(self, fact: Fact, at: Place | None = None) -> Markup:
        """Return a lock as a line; the place that it stands below, `at`, is not said again."""
        place = fact.place
        who = self._parts.name_of(fact.person) if fact.person else "somebody"
        reason = say(", “{}”", fact.name) if fact.name else Markup("")
        until = say(", until {}", moment(fact.until)) if fact.until else Markup("")
        scope = Scope(place.service, place.environment, place.target)
        since = say(" since {}", moment(fact.at)) if fact.at else Markup("")
        what = Markup("") if place == at else say("*{}* is ", scope)
        return say("{}locked by @{}{}{}{}", what, who, since, reason, until)

    def _frozen(self, halt: Halt) -> Markup:
        return freeze_messages.standing(halt, self._parts.name_of)

    def _open_line(self, fact: Fact) -> Markup:
        who = say(" (@{})", self._parts.name_of(fact.person)) if fact.person else Markup("")
        return say("{} {}: {}{}", fact.id, fact.name, _STATE_WORDS.get(fact.detail, fact.detail), who)

    def line(self, deployment: Deployment) -> Markup:
        """Return a deployment in one line: what goes where, how it stands, by whom."""
        name = self._parts.name_of(deployment.requested_by)
        when = moment(deployment.ended_at or deployment.created_at, day=True)
        reason = say("   ({})", deployment.code) if deployment.code else Markup("")
        return say(
            "*{}* {}: {} · @{} · {}{}", deployment.id, deployment.title, messages.stands(deployment), name, when, reason
        )


_STATE_WORDS = {state.value: state.value.replace("_", " ") for state in State}


def _covers(fact: Fact, place: Place) -> bool:
    lock = fact.place
    if (lock.service, lock.environment) != (place.service, place.environment):
        return False
    return lock.target in {"", place.target}
