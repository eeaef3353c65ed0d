"""`Candidates`: which commit would go to a place now, as the Git host and the checks tell."""

from collections.abc import Mapping

from msgspec import Struct, field
from pydantic import JsonValue

from bot.catalog import Environment, Place, Service
from bot.continuous.parts import Parts
from bot.continuous.rules import is_green
from bot.deployments import places, records
from bot.deployments.rules import State
from integrations.capabilities.builds import BuildServer
from integrations.capabilities.git import GitHost, RefKind
from integrations.capabilities.runs import RunState
from integrations.errors import NotFound, Refused, Unavailable

LOOKED_AT = 20
"""Commits that are looked at, newest first, for one that is green."""


class Ready(Struct, frozen=True, kw_only=True):
    """The commit that would go, "" for none, and why none; `running` is what the place runs as far as we know.

    `cause` says what had the place looked at: the event, its delivery, the branch, who pushed. `seen` is the number of
    the look that had decided before this was found out.
    """

    sha: str = ""
    why: str = ""
    running: str = ""
    cause: Mapping[str, JsonValue] = field(default_factory=dict)
    seen: int = 0


class Candidates:
    """Asks the Git host, and where only what is green goes, for checks and builds. Changes nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def ready(self, place: Place, *, told: str = "", finished: str = "", tried: str = "") -> Ready:
        """Return what would go to a place.

        `told` is the commit that an event named as the branch's newest, `finished` one whose pipeline is over, and
        `tried` the one that went last.

        Raises:
            IntegrationError: a tool that is needed does not answer, or the Git host does not know yet what its own
                event told.
            UserError: the place is not in the catalog any more, or its Git host is not connected.
        """
        service = self._parts.catalog().service(place.service)
        environment = service.environment(place.environment)
        async with self._parts.store.read() as conn:
            running = (await places.get(conn, place)).running.sha
        if environment.continuous is None:
            return Ready(running=running)
        branch = environment.continuous.branch or service.repository.default_branch
        head = await self._head(service, branch)
        if not head:
            return Ready(running=running, why=f"{service.repository.project} has no branch {branch}")
        await self._must_have_caught_up(service, head, told)
        if environment.promote_from:
            sha = await self._stands_before(service, environment, head)
            return Ready(sha=sha, running=running, why="" if sha else f"nothing of {branch} succeeded before")
        if environment.continuous.on == "push" and not environment.checks:
            return Ready(sha=head, running=running)
        known = tried or running or (finished if finished and await self._holds(service, head, finished) else "")
        sha = await self._newest_green(service, environment, head, known)
        if not sha and known == finished and not (tried or running):
            sha = await self._newest_green(service, environment, finished, "")
        return Ready(sha=sha, running=running, why="" if sha else f"no new commit of {branch} is green")

    async def _head(self, service: Service, branch: str) -> str:
        try:
            ref = await self._git(service).resolve_ref(service.repository.project, branch)
        except (NotFound, Refused):
            return ""
        return ref.sha if ref.kind is RefKind.BRANCH else ""

    async def _must_have_caught_up(self, service: Service, head: str, told: str) -> None:
        """Find out whether the host's answer is older than its event: then it is asked again in a moment."""
        if told in {"", head}:
            return
        try:
            between = await self._git(service).compare(service.repository.project, head, told, limit=1)
        except (NotFound, Refused):
            return  # what was told is gone: the branch was moved by force
        if between.total and not between.left_behind:
            raise Unavailable(service.repository.instance, f"it does not show {told[:7]} on its branch yet")

    async def _stands_before(self, service: Service, environment: Environment, head: str) -> str:
        """Return what succeeded on the environment before, on all its targets, if the branch has it."""
        before = service.environment(environment.promote_from or "")
        found: set[str] = set()
        async with self._parts.store.read() as conn:
            for target in before.targets or ("",):
                newest = await records.newest_ended(conn, service.name, before.name, target)
                found.add(newest.sha if newest is not None and newest.state is State.SUCCEEDED else "")
        if len(found) != 1:
            return ""
        sha = found.pop()
        return sha if sha and await self._holds(service, head, sha) else ""

    async def _holds(self, service: Service, head: str, sha: str) -> bool:
        if sha == head:
            return True
        try:
            return not (await self._git(service).compare(service.repository.project, head, sha, limit=1)).total
        except (NotFound, Refused):
            return False

    async def _newest_green(self, service: Service, environment: Environment, head: str, base: str) -> str:
        """Return the newest green commit that came after `base`; without one that is known, the head if it is green."""
        shas = [head]
        if base and base != head:
            try:
                between = await self._git(service).compare(service.repository.project, base, head, limit=LOOKED_AT)
                shas = [commit.sha for commit in between.commits] or shas
            except (NotFound, Refused):
                pass  # what ran there is not in the repository any more
        built = await self._built(service, environment)
        for sha in shas:
            checks = await self._git(service).list_checks(service.repository.project, sha)
            states = {check.name: check.state.value for check in checks}
            if is_green(environment.checks, states, built=sha in built):
                return sha
        return ""

    async def _built(self, service: Service, environment: Environment) -> frozenset[str]:
        """Return the commits whose newest build succeeded; none where no job builds the service."""
        if service.build is None or environment.checks:
            return frozenset()
        try:
            server = self._parts.toolbox.get(BuildServer, service.build.instance)
            runs = await server.list_builds(service.build.job, limit=LOOKED_AT)
        except (NotFound, Refused):
            return frozenset()
        states: dict[str, RunState] = {}
        for run in runs:
            states.setdefault(run.sha, run.state)
        return frozenset(sha for sha, state in states.items() if sha and state is RunState.SUCCEEDED)

    def _git(self, service: Service) -> GitHost:
        return self._parts.toolbox.get(GitHost, service.repository.instance)
