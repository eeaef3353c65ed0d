"""What would happen: resolves the ref, asks each rule, compares what runs with what is asked. Changes nothing."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.builds.refs import unreachable
from bot.catalog import Environment, Place, Service
from bot.closest import closest
from bot.deployments import places, records
from bot.deployments.parts import Parts
from bot.deployments.plan import Ask, Plan, Release, digest_of, emails_of, plan_of
from bot.deployments.records import Deployment
from bot.deployments.rules import (
    Kind,
    Verdict,
    judge_checks,
    judge_freeze,
    judge_promotion,
    judge_same,
    judge_target,
)
from bot.errors import BadInput, UserError
from bot.freezes import messages as freeze_messages
from bot.freezes.freezes import Standing
from bot.identity import Person
from bot.locks.records import Lock
from bot.locks.rules import Scope
from bot.reply import Button
from integrations.capabilities.deploys import Deployer
from integrations.capabilities.git import GitHost, Ref, RefKind
from integrations.errors import IntegrationError, NotFound, Refused as ToolRefused

LISTED = 500
FILES_READ = 50
_SHORT = 7
_SHORTEST = 4
NO_WORDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for, with words already understood: a release on a place.

    `exception` is why it should go through a freeze; `subject` the deployment, once there is one.
    """

    kind: Kind
    place: Place
    asked: str
    release: Release
    requester: Person
    again: bool = False
    exception: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """All that is known about a wish: the release with its artifact, the plan and its digest, what is in the way.

    `lock` is set when one blocks, `freeze` where one is in force.
    """

    release: Release
    plan: Plan
    plan_digest: str
    lock: Lock | None = None
    holder: str = ""
    freeze: Standing = Standing()  # noqa: RUF009 - frozen

    @property
    def refusal(self) -> Verdict | None:
        """The first rule that says no."""
        return self.plan.refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What is not as it was when the plan was read. `gone` ends the deployment; else it is planned anew."""

    text: str
    code: str
    gone: bool = False


class Planner:
    """Asks the tools and our own records; `Parts` says where they are."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def resolve(self, service: Service, asked: str, words: Mapping[str, str] = NO_WORDS) -> Release:
        """Return the exact commit that a tag, branch or SHA stands for, with the name people know it by.

        `words` are the arguments of the wish, for the button that corrects it.

        Raises:
            BadInput: there is none (`unknown_ref`, with what was probably meant), there are several
                (`ambiguous_ref`), or it can be no name of one (`bad_ref`).
            Degraded: the Git host does not answer.
        """
        cut = await self._parts.above.named(service, asked)
        if cut is not None:
            return cut
        git = self._git(service)
        project = service.repository.project
        try:
            ref = await self._find(git, project, asked)
        except NotFound:
            raise await self._unknown_ref(git, service, asked, words) from None
        except ToolRefused as error:
            code = "ambiguous_ref" if "ambiguous" in error.reason else "bad_ref"
            raise BadInput(code, f"{asked} cannot be used: {error.reason}.") from None
        except IntegrationError as error:
            raise unreachable(error) from error
        version = ref.name if ref.kind is RefKind.TAG else await self._tag_of(git, project, ref.sha)
        return await self._with_artifact(service, Release(sha=ref.sha, version=version or ref.sha[:_SHORT]))

    async def default_ref(self, service: Service, environment: Environment) -> Release:
        """Return what is meant when no version is named.

        That is what runs where it is promoted from, else the newest tag, else the head of the default branch.
        """
        if environment.promote_from:
            async with self._parts.store.read() as conn:
                running = (await places.get(conn, Place(service.name, environment.promote_from))).running
            if running.sha:
                return running
        try:
            refs = await self._git(service).list_refs(service.repository.project, limit=1)
        except IntegrationError as error:
            raise unreachable(error) from error
        if refs and refs[0].kind is RefKind.TAG:
            return await self.resolve(service, refs[0].name)
        return await self.resolve(service, service.repository.default_branch)

    async def survey(self, wish: Wish) -> Survey:
        """Return everything about a wish. It holds refusals as verdicts; nothing was changed.

        Raises:
            Degraded, IntegrationError: a system that is needed does not answer.
        """
        parts = self._parts
        service = parts.catalog().service(wish.place.service)
        environment = service.environment(wish.place.environment)
        release = await self._with_artifact(service, wish.release)
        async with parts.store.read() as conn:
            standing = await places.get(conn, wish.place)
            lock = await parts.locks.blocking(conn, _scope(wish.place), wish.requester)
            frozen = await self._freeze(conn, wish)
            verdicts = [
                judge_target(wanted=wish.place.target, targets=environment.targets, place=str(wish.place)),
                self._judge_freeze(frozen, wish.kind),
                self._judge_lock(lock),
            ]
            if wish.kind is Kind.DEPLOY:
                verdicts.append(await self._judge_promotion(conn, service, environment, release))
                verdicts += await parts.above.verdicts(conn, service, environment, release)
        base, drift = await self._base(service, environment, wish.place, standing.running)
        verdicts.append(
            judge_same(
                running_sha=base.sha,
                sha=release.sha,
                version=release.name,
                place=str(wish.place),
                again=wish.again or bool(drift),
            )
        )
        if wish.kind is Kind.DEPLOY:
            verdicts.append(await self._judge_checks(service, environment, release))
        plan = await self._compared(service, base, release, kind=wish.kind)
        asks = tuple(Ask(count=rule.count, groups=rule.groups) for rule in environment.approvals)
        emails = () if wish.kind is Kind.ROLLBACK or environment.authors_may_approve else plan.emails
        plan = replace(plan, asks=asks, emails=emails, drift=drift, verdicts=(*verdicts, _approval_verdict(asks)))
        return Survey(
            release=release,
            plan=plan,
            plan_digest=digest_of(plan, kind=wish.kind.value, place=str(wish.place), release=release),
            lock=lock,
            holder=standing.holder,
            freeze=frozen,
        )

    async def moved(self, deployment: Deployment) -> Moved | None:
        """Say what is not as it was when this deployment was planned: the ref, the artifact, what runs there, a lock.

        Raises:
            IntegrationError: a system that is needed does not answer.
        """
        try:
            service = self._parts.catalog().service(deployment.service)
            environment = service.environment(deployment.environment)
        except UserError as error:
            return Moved(text=str(error.text), code="not_in_catalog", gone=True)
        if deployment.kind is Kind.DEPLOY:
            gone = await self._gone(deployment, service, environment)
            if gone is not None:
                return gone
        asks = tuple(Ask(count=rule.count, groups=rule.groups) for rule in environment.approvals)
        if asks != deployment.the_plan.asks:
            return Moved(text="the rules of approval changed", code="rules_moved")
        async with self._parts.store.read() as conn:
            known = (await places.get(conn, deployment.place)).running
        base, _ = await self._base(service, environment, deployment.place, known)
        if base.sha != deployment.previous_sha:
            was = deployment.previous.name
            return Moved(
                text=f"{deployment.place} ran {was} when this was planned and runs {base.name} now", code="moved"
            )
        return None

    async def _gone(self, deployment: Deployment, service: Service, environment: Environment) -> Moved | None:
        """Say whether what was asked is no more: the ref names another commit, or a required check says no."""
        if environment.approvals and not names_itself(deployment):
            cut = await self._parts.above.named(service, deployment.asked)
            name = deployment.asked if cut is None else cut.version
            try:
                ref = await self._find(self._git(service), service.repository.project, name)
            except NotFound:
                return Moved(text=f"{deployment.asked} does not exist any more", code="ref_moved", gone=True)
            if ref.sha != deployment.sha:
                there = f"from {deployment.sha[:_SHORT]} to {ref.sha[:_SHORT]}"
                return Moved(text=f"{deployment.asked} moved {there}", code="ref_moved", gone=True)
        verdicts = [await self._judge_checks(service, environment, deployment.release)]
        async with self._parts.store.read() as conn:
            verdicts += await self._parts.above.verdicts(conn, service, environment, deployment.release)
        no = next((one for one in verdicts if not one.ok), None)
        return None if no is None else Moved(text=f"{no.rule}: {no.words}", code=no.code, gone=True)

    def _git(self, service: Service) -> GitHost:
        return self._parts.toolbox.get(GitHost, service.repository.instance)

    async def _find(self, git: GitHost, project: str, asked: str) -> Ref:
        try:
            return await git.resolve_ref(project, asked)
        except NotFound:
            if asked[:1].isdigit():  # people say 1.4.2 for v1.4.2
                return await git.resolve_ref(project, f"v{asked}")
            raise

    async def _tag_of(self, git: GitHost, project: str, sha: str) -> str:
        try:
            refs = await git.list_refs(project)
        except IntegrationError:
            return ""  # the commit is known; only its nicer name is not
        return next((ref.name for ref in refs if ref.kind is RefKind.TAG and ref.sha == sha), "")

    async def _unknown_ref(self, git: GitHost, service: Service, asked: str, words: Mapping[str, str]) -> BadInput:
        try:
            names = [ref.name for ref in await git.list_refs(service.repository.project)]
        except IntegrationError:
            names = []
        near = closest(asked, names)
        text = f"{asked} is no tag, branch or commit of {service.name}."
        if near is None:
            newest = ", ".join(names[:3])
            return BadInput("unknown_ref", f"{text} The newest are {newest}." if newest else text)
        where = "/".join(words[name] for name in ("environment", "target") if words.get(name))
        label = f"Deploy {near} to {where}" if where else f"Deploy {near}"
        args = {**words, "service": service.name, "version": near}
        move = Button(label=label[:75], command="deploy", args=args)
        return BadInput("unknown_ref", f"{text} Did you mean {near}?", moves=(move,))

    async def _with_artifact(self, service: Service, release: Release) -> Release:
        if service.build is None or release.digest:
            return release
        async with self._parts.store.read() as conn:
            built = await records.built(conn, service.name, release.sha)
        return release if built is None else replace(release, artifact=built.artifact, digest=built.digest)

    async def _base(
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
        there = Release(sha=running.sha, version=running.version or running.sha[:_SHORT])
        return there, f"it runs {there.name}, which Shipmate did not put there" if known.sha else ""

    async def _judge_promotion(
        self, conn: AsyncConnection, service: Service, environment: Environment, release: Release
    ) -> Verdict:
        if not environment.promote_from:
            return judge_promotion(promote_from="", succeeded_sha="", sha=release.sha, version=release.name)
        before = service.environment(environment.promote_from)
        verdict = None
        for target in before.targets or ("",):
            stands = await records.stands_with_success(conn, Place(service.name, before.name, target))
            verdict = judge_promotion(
                promote_from="/".join(part for part in (before.name, target) if part),
                succeeded_sha=stands,
                sha=release.sha,
                version=release.name,
            )
            if not verdict.ok:
                return verdict
        assert verdict is not None  # noqa: S101 - there is at least one target
        return verdict

    async def _judge_checks(self, service: Service, environment: Environment, release: Release) -> Verdict:
        states: dict[str, str] = {}
        if environment.checks:
            checks = await self._git(service).list_checks(service.repository.project, release.sha)
            states = {check.name: check.state.value for check in checks}
        return judge_checks(required=environment.checks, states=states)

    async def _freeze(self, conn: AsyncConnection, wish: Wish) -> Standing:
        rollback = wish.kind is Kind.ROLLBACK
        freezes, scope = self._parts.freezes, _scope(wish.place)
        standing = await freezes.standing(conn, scope, rollback=rollback, subject=wish.subject)
        if standing.halts and wish.exception:
            return await freezes.excepted(standing, scope, wish.requester, wish.exception)
        return standing

    def _judge_freeze(self, standing: Standing, kind: Kind) -> Verdict:
        name_of = self._parts.name_of
        ends = [halt.until for halt in standing.passed if halt.until is not None]
        restores = "putting back what ran before restores, so it goes on" if kind is Kind.ROLLBACK else ""
        excepted = f"exception by @{name_of(standing.by)}: {standing.reason}" if standing.by else restores
        return judge_freeze(
            frozen=[freeze_messages.words(halt, name_of) for halt in standing.halts],
            passed=[freeze_messages.words(halt, name_of) for halt in standing.passed],
            because=excepted,
            denied=standing.could if standing.denied else None,
            until=standing.opens if standing.halts else max(ends, default=None),
        )

    def _judge_lock(self, lock: Lock | None) -> Verdict:
        if lock is None:
            return Verdict(rule="locks", ok=True, words="unlocked")
        why = f": {lock.reason}" if lock.reason else ""
        words = f"{lock.scope} is locked by @{self._parts.name_of(lock.person)}{why}"
        return Verdict(rule="locks", ok=False, code="locked", words=words)

    async def _compared(self, service: Service, base: Release, release: Release, *, kind: Kind) -> Plan:
        git = self._git(service)
        project = service.repository.project
        if not base.sha or base.sha == release.sha:
            commit = await git.get_commit(project, release.sha)
            return plan_of(service, base, None, (commit,) if not base.sha else (), removed=())
        try:
            between = await git.compare(project, base.sha, release.sha, limit=LISTED)
        except NotFound:
            commit = await git.get_commit(project, release.sha)
            return plan_of(service, base, None, (commit,), removed=())
        removed: tuple[str, ...] = ()
        if between.left_behind:
            backwards = await git.compare(project, release.sha, base.sha, limit=LISTED)
            removed = tuple(commit.sha for commit in backwards.commits)
        plan = plan_of(service, base, between, tuple(between.commits), removed=removed)
        if not plan.emails:
            plan = replace(plan, emails=emails_of([await git.get_commit(project, release.sha)]))
        source = base.sha if kind is Kind.ROLLBACK else release.sha
        return replace(plan, irreversible=await self._irreversible(git, service, source, between.files))

    async def _irreversible(self, git: GitHost, service: Service, sha: str, files: Sequence[str]) -> tuple[str, ...]:
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


def _approval_verdict(asks: Sequence[Ask]) -> Verdict:
    words = " and ".join(f"{ask.count} of {' or '.join(ask.groups)}" for ask in asks)
    return Verdict(rule="approvals", ok=True, words=words or "none are needed")


def _scope(place: Place) -> Scope:
    return Scope(place.service, place.environment, place.target)


def names_itself(deployment: Deployment) -> bool:
    """Tell whether what was typed is the commit itself, which cannot move."""
    return len(deployment.asked) >= _SHORTEST and deployment.sha.startswith(deployment.asked.lower())
