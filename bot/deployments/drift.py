"""`Drift`: what the tools say runs, beside what Shipmate put there: asked now, of every place of a service at once."""

import asyncio

from msgspec import Struct

from bot.amounts import count
from bot.catalog import Place, Service
from bot.deployments import places
from bot.deployments.ledger import Ledger
from bot.deployments.places import Standing
from bot.errors import UserError
from bot.reply import Button, Buttons, Headline, Markup, Paragraph, Reply, code, joined, moment, say
from integrations.capabilities.deploys import Deployer, Running
from integrations.errors import IntegrationError

_AT_ONCE = 8
_MOST_BUTTONS = 5


class _Word(Struct, frozen=True, kw_only=True):
    """What a tool says of a place: what runs there (None: nothing), or why it does not say."""

    instance: str
    running: Running | None = None
    silent: str = ""


class Drift:
    """Compares what runs with what was recorded. It changes nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self._parts = ledger.parts
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def of(self, service_word: str) -> Reply:
        """Return where what runs differs from what Shipmate put there.

        Asked are the deployer of each environment, and the repository's host where it knows what runs, too.

        Raises:
            BadInput: `unknown_service`.
        """
        service = self._parts.catalog().service(service_word)
        found = self._parts.catalog().places(service.name)
        async with self._parts.store.read() as conn:
            standings = [await places.get(conn, place) for place in found]
        said = await asyncio.gather(*(self._ask(service, place) for place in found))
        lines, moves, differ = [], [], 0
        for standing, words in zip(standings, said, strict=True):
            different = [word for word in words if _differs(standing, word)]
            differ += bool(different)
            lines.append(say("*{}*: {}", standing.place, _recorded(standing)))
            lines += [say("    {}", _line(standing, word)) for word in words]
            moves += [_compare(service, standing, word) for word in different if _comparable(standing, word)]
        summary = f"{service.name}: what runs is what was recorded"
        if differ:
            summary = f"{service.name}: {count(differ, 'place')} not as recorded"
        elif any(word.silent for words in said for word in words):
            summary = f"{service.name}: not every tool says what runs"
        parts = (Headline(say("{}", summary)), Paragraph(joined("\n", lines)))
        return Reply(summary=summary, parts=(*parts, Buttons(tuple(moves[:_MOST_BUTTONS]))) if moves else parts)

    async def _ask(self, service: Service, place: Place) -> list[_Word]:
        """Ask whoever may know what runs on a place."""
        environment = service.environment(place.environment)
        asked = [(environment.deploy.instance, environment.deploy.job)]
        host = service.repository
        if host.instance != environment.deploy.instance:
            asked.append((host.instance, host.project))
        words = await asyncio.gather(*(self._word(instance, job, place) for instance, job in asked))
        first, *others = words
        return [first, *(word for word in others if word.running is not None)]

    async def _word(self, instance: str, job: str, place: Place) -> _Word:
        try:
            deployer = self._parts.toolbox.get(Deployer, instance)
            async with self._turns:
                running = await deployer.get_running(job, place.service, place.environment, place.target)
        except IntegrationError as error:
            return _Word(instance=instance, silent=error.message)
        except UserError as error:
            return _Word(instance=instance, silent=str(error.text))
        return _Word(instance=instance, running=running)


def _differs(standing: Standing, word: _Word) -> bool:
    sha = word.running.sha if word.running is not None else ""
    return not word.silent and bool(sha or standing.running.sha) and sha != standing.running.sha


def _comparable(standing: Standing, word: _Word) -> bool:
    return bool(standing.running.sha and word.running is not None and word.running.sha)


def _recorded(standing: Standing) -> Markup:
    if standing.holder:
        return say("{} is under way", standing.holder)
    if not standing.running.sha:
        return Markup("nothing that Shipmate deployed")
    return say("Shipmate put *{}* there", standing.running.name)


def _line(standing: Standing, word: _Word) -> Markup:
    if word.silent:
        return say("{} does not say: {}", word.instance, word.silent)
    if word.running is None:
        return say("{} says that nothing runs", word.instance)
    running = word.running
    since = say(" since {}", moment(running.since, day=True)) if running.since else Markup("")
    ill = Markup(", and it is not healthy") if running.healthy is False else Markup("")
    what = say("*{}* {}", running.version or running.sha[:7], code(running.sha[:7]))
    if _differs(standing, word):
        return say("{} says {}{}{}: *not as recorded*", word.instance, what, since, ill)
    return say("{} says the same: {}{}{}", word.instance, what, since, ill)


def _compare(service: Service, standing: Standing, word: _Word) -> Button:
    there = word.running.sha if word.running is not None else ""
    args = {"service": service.name, "range": f"{standing.running.sha}..{there}"}
    label = f"What {standing.place.environment} has more"
    return Button(label=label[:75], command="diff", args=args)
