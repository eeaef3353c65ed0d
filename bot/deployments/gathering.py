"""`Gathering`: the facts of a wish, from the tools and our own records. It asks, and decides nothing."""

import fnmatch
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Environment, Place, Service
from bot.command import Resource
from bot.deployments import blocks, places, standing
from bot.deployments.blocking import BlocksSeen, Step
from bot.deployments.parts import Parts
from bot.deployments.plan import Plan, Release, emails_of, plan_of
from bot.deployments.records import Deployment
from bot.deployments.refs import SHORT, Refs
from bot.deployments.rules import Kind
from bot.deployments.wishes import Wish
from bot.freezes import messages as freeze_messages
from bot.freezes.freezes import Standing
from bot.freezes.rules import Halt
from bot.locks.records import Lock
from bot.locks.rules import Scope
from bot.permissions import MembershipUnreadable, decide
from bot.policy.evaluator import EXCEPTION, RESTORES
from bot.policy.facts import Facts, FreezeSeen, LockSeen
from bot.policy.policy import FORCE
from integrations.capabilities.deploys import Deployer
from integrations.capabilities.git import Commit, GitHost
from integrations.errors import NotFound

LISTED = 500
FILES_READ = 50
_PERMISSIONS = {Kind.DEPLOY: "deployment.start", Kind.ROLLBACK: "deployment.rollback"}


class Gathered(Struct, frozen=True, kw_only=True):
    """The facts of a wish; the plan without rules; and what replies show of what is in the way."""

    facts: Facts
    plan: Plan
    lock: Lock | None
    holder: str
    freeze: Standing


class _Difference(Struct, frozen=True, kw_only=True):
    """What lies between what runs and what is asked, newest commit first.

    `files` None: not all of them are known; `commits` None: neither are they.
    """

    plan: Plan
    files: tuple[str, ...] | None = None
    commits: Sequence[Commit] | None = None


class Gathering:
    """Asks the tools and our own records; `Parts` says where they are."""

    def __init__(self, parts: Parts, refs: Refs) -> None:
        self._parts = parts
        self._refs = refs
        self._blocks = BlocksSeen(parts, refs)

    async def gather(self, wish: Wish, service: Service, environment: Environment, release: Release) -> Gathered:
        """Return the facts of a wish for exactly this release.

        Raises:
            Refused: a lock or freeze cannot be read.
            IntegrationError: a system that is needed does not answer.
        """
        parts, scope = self._parts, _scope(wish.place)
        deploys = wish.kind is Kind.DEPLOY
        async with parts.store.read() as conn:
            place = await places.get(conn, wish.place)
            lock = await parts.locks.blocking(conn, scope, wish.requester)
            freeze = await self._freeze(conn, wish)
            stand = await standing.elsewhere(conn, service, environment.name) if deploys else {}
            standing_blocks = await blocks.standing(conn, wish.place) if deploys else ()
        gates = await parts.above.verdicts(service, environment, release) if deploys else []
        running, drift = await self.running(service, environment, wish.place, place.running)
        checks = await self.checks(service, environment, release.sha) if deploys else None
        found = await self._compared(service, running, release, kind=wish.kind)
        added = None if found.commits is None else tuple(one.sha for one in found.commits)
        step = Step(place=wish.place, release=release, running_sha=running.sha, added=added, commits=found.commits)
        blocked = await self._blocks.of(standing_blocks, service, step)
        exceptor = parts.name_of(freeze.by) if freeze.by is not None else ""
        facts = Facts(
            at=parts.clock.now(),
            kind=wish.kind.value,
            service=wish.place.service,
            environment=wish.place.environment,
            target=wish.place.target,
            requester=wish.requester.key,
            asked=wish.asked,
            sha=release.sha,
            version=release.name,
            artifact=release.artifact,
            digest=release.digest,
            running_sha=running.sha,
            running_version=running.name,
            drift=drift,
            again=wish.again,
            standing=stand,
            checks=checks,
            files=found.files,
            irreversible=found.plan.irreversible,
            emails=found.plan.emails,
            lock=self._lock_seen(lock),
            freezes=self._freezes_seen(freeze),
            opens=freeze.opens,
            exceptor=exceptor,
            exception=freeze.reason,
            exception_denied=freeze.denied,
            change_class=wish.change_class,
            reason=wish.reason,
            force=wish.force,
            gates=tuple(gates),
            blocked=blocked,
            fix=wish.fix,
        )
        facts = await self._of_the_person(facts, wish)
        plan = replace(found.plan, drift=drift)
        return Gathered(facts=facts, plan=plan, lock=lock, holder=place.holder, freeze=freeze)

    async def again(
        self, deployment: Deployment, service: Service, environment: Environment, running: Release
    ) -> Facts:
        """Return the facts of a deployment as they are now, as far as they may have moved since it was planned.

        Locks and freezes are left out: they are looked at in the transaction that lets it start.

        Raises:
            IntegrationError: a system that is needed does not answer.
        """
        checks, gates, blocked = None, [], None
        if deployment.kind is Kind.DEPLOY:
            checks = await self.checks(service, environment, deployment.sha)
            gates = await self._parts.above.verdicts(service, environment, deployment.release)
            async with self._parts.store.read() as conn:
                standing_blocks = await blocks.standing(conn, deployment.place)
            plan = deployment.the_plan
            all_listed = bool(plan.base.sha) and plan.total == len(plan.added)
            step = Step(
                place=deployment.place,
                release=deployment.release,
                running_sha=running.sha,
                added=plan.added if all_listed else None,
            )
            blocked = await self._blocks.of(standing_blocks, service, step)
        return replace(
            deployment.the_facts,
            at=self._parts.clock.now(),
            running_sha=running.sha,
            running_version=running.name,
            checks=checks,
            gates=tuple(gates),
            blocked=blocked,
            lock=None,
            freezes=(),
            opens=None,
        )

    async def running(
        self, service: Service, environment: Environment, place: Place, known: Release
    ) -> tuple[Release, str]:
        """Return what runs on a place, as the place itself says, and the words for a difference from our records."""
        deployer = self._parts.toolbox.get(Deployer, environment.deploy.instance)
        running = await deployer.get_running(environment.deploy.job, service.name, place.environment, place.target)
        if running is None or not running.sha:
            return (
                (Release(), f"nothing runs there, though Shipmate put {known.name} there") if known.sha else (known, "")
            )
        if running.sha == known.sha:
            return known, ""
        there = Release(sha=running.sha, version=running.version or running.sha[:SHORT])
        return there, f"it runs {there.name}, which Shipmate did not put there" if known.sha else ""

    async def checks(self, service: Service, environment: Environment, sha: str) -> Mapping[str, str] | None:
        """Return how the checks of a commit came out, None where the environment requires none."""
        if not environment.checks:
            return None
        checks = await self._refs.git(service).list_checks(service.repository.project, sha)
        return {check.name: check.state.value for check in checks}

    async def _of_the_person(self, facts: Facts, wish: Wish) -> Facts:
        """Add what the requester is: their groups, of those that decide here, and whether they may force."""
        permissions, place = self._parts.permissions, wish.place
        resource = Resource(place.service, place.environment, place.target)
        deciding = decide(permissions.grants, (), _PERMISSIONS[wish.kind], resource).who_could
        try:
            groups = await permissions.groups_of(wish.requester, among=deciding)
        except MembershipUnreadable:
            groups = frozenset()  # the gate has let them pass; what is kept for the record says no more than is known
        forcing = decide(permissions.grants, (), FORCE, resource).who_could
        may = False
        if wish.force:
            may = (await permissions.check(wish.requester, FORCE, resource, fresh=True)).allowed
        return replace(facts, groups=tuple(sorted(groups)), may_force=may, could_force=forcing)

    async def _freeze(self, conn: AsyncConnection, wish: Wish) -> Standing:
        rollback = wish.kind is Kind.ROLLBACK
        freezes, scope = self._parts.freezes, _scope(wish.place)
        now = await freezes.standing(conn, scope, rollback=rollback, subject=wish.subject)
        if now.halts and wish.exception:
            return await freezes.excepted(now, scope, wish.requester, wish.exception)
        return now

    def _freezes_seen(self, now: Standing) -> tuple[FreezeSeen, ...]:
        def seen(halt: Halt, passed: str) -> FreezeSeen:
            return FreezeSeen(
                name=halt.freeze.name,
                words=freeze_messages.words(halt, self._parts.name_of),
                until=halt.until,
                could=() if passed else now.could,
                passed=passed,
                declared=halt.freeze.person is not None,
            )

        why = EXCEPTION if now.by is not None else RESTORES
        return (*(seen(halt, "") for halt in now.halts), *(seen(halt, why) for halt in now.passed))

    def _lock_seen(self, lock: Lock | None) -> LockSeen | None:
        if lock is None:
            return None
        by = self._parts.name_of(lock.person)
        return LockSeen(scope=str(lock.scope), by=by, reason=lock.reason, until=lock.expires_at)

    async def _compared(self, service: Service, base: Release, release: Release, *, kind: Kind) -> _Difference:
        git = self._refs.git(service)
        project = service.repository.project
        if base.sha == release.sha:
            await git.get_commit(project, release.sha)
            return _Difference(plan=plan_of(service, base, None, ()), files=(), commits=())
        if not base.sha:
            commit = await git.get_commit(project, release.sha)
            return _Difference(plan=plan_of(service, base, None, (commit,)))
        try:
            between = await git.compare(project, base.sha, release.sha, limit=LISTED)
        except NotFound:
            commit = await git.get_commit(project, release.sha)
            return _Difference(plan=plan_of(service, base, None, (commit,)))
        removed: tuple[str, ...] = ()
        if between.left_behind:
            backwards = await git.compare(project, release.sha, base.sha, limit=LISTED)
            removed = tuple(commit.sha for commit in backwards.commits)
        plan = plan_of(service, base, between, tuple(between.commits), removed=removed)
        if not plan.emails:
            plan = replace(plan, emails=emails_of([await git.get_commit(project, release.sha)]))
        source = base.sha if kind is Kind.ROLLBACK else release.sha
        plan = replace(plan, irreversible=await irreversible_files(git, service, source, between.files))
        return _Difference(
            plan=plan,
            files=tuple(between.files) if between.all_files else None,
            commits=between.commits if between.total == len(between.commits) else None,
        )


async def irreversible_files(git: GitHost, service: Service, sha: str, files: Sequence[str]) -> tuple[str, ...]:
    """Return the changed files that carry the marker of a migration that cannot be undone, as they are at a commit.

    Raises:
        IntegrationError: the Git host does not answer.
    """
    if service.migrations is None:
        return ()
    marker = service.migrations.irreversible_marker.encode()
    patterns = service.migrations.paths
    changed = [path for path in files if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)]
    marked = changed[FILES_READ:]  # too many to read: taken for irreversible
    for path in changed[:FILES_READ]:
        content = await git.read_file(service.repository.project, sha, path)
        if content is not None and marker in content:
            marked.append(path)
    return tuple(marked)


def _scope(place: Place) -> Scope:
    return Scope(place.service, place.environment, place.target)
