"""`Differences`: what lies between two places, versions or commits of a service."""

from bot.amounts import count
from bot.builds.refs import unreachable
from bot.catalog import Environment, Place, Service
from bot.closest import did_you_mean
from bot.deployments import places, plan_messages
from bot.deployments.ledger import Ledger
from bot.deployments.plan import Release, plan_of
from bot.deployments.planner import Planner
from bot.errors import BadInput
from bot.reply import Headline, Note, Paragraph, Part, Reply, say
from integrations.capabilities.git import GitHost
from integrations.errors import IntegrationError

_READ = 200
_SHOWN = 20


class Differences:
    """Compares what runs, or what would."""

    def __init__(self, ledger: Ledger, planner: Planner) -> None:
        self._parts = ledger.parts
        self._planner = planner

    async def between(self, service_word: str, asked: str = "") -> Reply:
        """Return what `b` of "a..b" has that `a` has not; an end is an environment ("production/eu"), tag or commit.

        One end alone is compared with the head of the default branch; none at all means what the service's last
        environment has not of its first.

        Raises:
            BadInput: an end is not known (`unknown_ref`, …), or nothing that we know of runs there (`nothing_runs`).
            Degraded: the Git host does not answer.
        """
        service = self._parts.catalog().service(service_word)
        first, second = self._ends(service, asked)
        first, base = await self._release(service, first)
        second, head = await self._release(service, second)
        names = f"{_named(first, base)} → {_named(second, head)}"
        if base.sha == head.sha:
            same = f"{service.name}: no difference, {names} is the same commit"
            return Reply(summary=same, parts=(Paragraph(say("{} ({}).", same, base.sha[:7])),))
        git = self._parts.toolbox.get(GitHost, service.repository.instance)
        try:
            found = await git.compare(service.repository.project, base.sha, head.sha, limit=_READ)
        except IntegrationError as error:
            raise unreachable(error) from error
        plan = plan_of(service, base, found, tuple(found.commits))
        parts: list[Part] = [Headline(say("{}: {}", service.name, names))]
        parts += plan_messages.plan_parts(plan, lines=_SHOWN)
        if found.files:
            parts.append(Note(say("{}", plan_messages.files(found.files))))
        return Reply(summary=f"{service.name}: {names}, {count(found.total, 'commit')}", parts=tuple(parts))

    def _ends(self, service: Service, asked: str) -> tuple[str, str]:
        first, dots, second = asked.replace("...", "..").partition("..")
        first, second = first.strip(), second.strip()
        if dots or first:
            return first or service.repository.default_branch, second or service.repository.default_branch
        names = [one.name for one in service.environments]
        if len(names) == 1:
            return names[0], service.repository.default_branch
        return names[-1], names[0]

    async def _release(self, service: Service, word: str) -> tuple[str, Release]:
        """Return what an end is called, its alias understood, and what it stands for."""
        name, _, target = word.partition("/")
        environment = _environment(service, name)
        if environment is None:
            return word, await self._planner.resolve(service, word)
        if target and target not in environment.targets:
            near = did_you_mean(target, environment.targets)
            raise BadInput(
                "unknown_target", f"{service.name}/{environment.name} has no target {target}. {near}".strip()
            )
        place = Place(service.name, environment.name, target)
        async with self._parts.store.read() as conn:
            running = (await places.get(conn, place)).running
        if not running.sha:
            targets = f" Name one of {', '.join(f'{name}/{one}' for one in environment.targets)}."
            hint = targets if environment.targets and not target else " Name a tag or a commit instead."
            raise BadInput("nothing_runs", f"Nothing that Shipmate knows of runs on {place}.{hint}")
        return str(place).partition("/")[2], running


def _environment(service: Service, word: str) -> Environment | None:
    try:
        return service.environment(word)
    except BadInput:
        return None


def _named(end: str, release: Release) -> str:
    return end if end.lower() in {release.name.lower(), release.sha} else f"{end} ({release.name})"
