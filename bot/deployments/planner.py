"""What would happen: gathers the facts of a wish and has the evaluator decide. Changes nothing."""

from collections.abc import Mapping

from msgspec.structs import replace

from bot.catalog import Environment, Service
from bot.deployments import places
from bot.deployments.gathering import Gathering
from bot.deployments.parts import Parts
from bot.deployments.plan import Release, digest_of
from bot.deployments.records import Deployment
from bot.deployments.refs import NO_WORDS, Refs, names_itself
from bot.deployments.rules import Kind
from bot.deployments.wishes import Moved, Survey, Wish
from bot.errors import UserError
from bot.policy.evaluator import evaluate
from integrations.errors import NotFound

_SHORT = 7


class Planner:
    """Says what would happen, by the policy of the place; `Parts` says where things are."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._refs = Refs(parts)
        self._gathering = Gathering(parts, self._refs)

    async def resolve(self, service: Service, asked: str, words: Mapping[str, str] = NO_WORDS) -> Release:
        """Return the exact commit that a tag, branch or SHA stands for (see `Refs.resolve`)."""
        return await self._refs.resolve(service, asked, words)

    async def default_ref(self, service: Service, environment: Environment) -> Release:
        """Return what is meant when no version is named (see `Refs.default_ref`)."""
        return await self._refs.default_ref(service, environment)

    async def survey(self, wish: Wish) -> Survey:
        """Return everything about a wish. It holds refusals as verdicts; nothing was changed.

        Raises:
            Degraded, IntegrationError: a system that is needed does not answer.
        """
        service = self._parts.catalog().service(wish.place.service)
        environment = service.environment(wish.place.environment)
        release = await self._refs.with_artifact(service, wish.release)
        gathered = await self._gathering.gather(wish, service, environment, release)
        judgement = evaluate(gathered.facts, environment.policy)
        plan = replace(
            gathered.plan,
            asks=judgement.asks,
            emails=gathered.plan.emails if judgement.authors_excluded else (),
            verdicts=judgement.verdicts,
            change_class=judgement.change_class,
        )
        return Survey(
            release=release,
            plan=plan,
            plan_digest=digest_of(plan, kind=wish.kind.value, place=str(wish.place), release=release),
            facts=gathered.facts,
            policy=judgement.policy,
            lock=gathered.lock,
            holder=gathered.holder,
            freeze=gathered.freeze,
        )

    async def moved(self, deployment: Deployment) -> Moved | None:
        """Say what is not as it was when this deployment was planned: the ref, the rules, what runs there.

        The same evaluator decides once more, over what is known now, by the policy that is in force now.

        Raises:
            IntegrationError: a system that is needed does not answer.
        """
        try:
            service = self._parts.catalog().service(deployment.service)
            environment = service.environment(deployment.environment)
        except UserError as error:
            return Moved(text=str(error.text), code="not_in_catalog", gone=True)
        gone = await self._other_commit(deployment, service, environment)
        if gone is not None:
            return gone
        async with self._parts.store.read() as conn:
            known = (await places.get(conn, deployment.place)).running
        base, _ = await self._gathering.running(service, environment, deployment.place, known)
        facts = await self._gathering.again(deployment, service, environment, deployment.previous)
        judgement = evaluate(facts, environment.policy)
        no = judgement.refusal
        if no is not None:
            return Moved(text=f"{no.rule}: {no.words}", code=no.code, gone=True)
        authors = _authors_moved(deployment, excluded=judgement.authors_excluded)
        if judgement.asks != deployment.the_plan.asks or authors:
            return Moved(text="the rules of approval changed", code="rules_moved")
        if base.sha != deployment.previous_sha:
            was = deployment.previous.name
            return Moved(
                text=f"{deployment.place} ran {was} when this was planned and runs {base.name} now", code="moved"
            )
        return None

    async def _other_commit(self, deployment: Deployment, service: Service, environment: Environment) -> Moved | None:
        """Say whether the ref that was asked for, and approved, names another commit now."""
        if deployment.kind is not Kind.DEPLOY or not environment.approvals or names_itself(deployment):
            return None
        cut = await self._parts.above.named(service, deployment.asked)
        name = deployment.asked if cut is None else cut.version
        try:
            ref = await self._refs.find(self._refs.git(service), service.repository.project, name)
        except NotFound:
            return Moved(text=f"{deployment.asked} does not exist any more", code="ref_moved", gone=True)
        if ref.sha == deployment.sha:
            return None
        there = f"from {deployment.sha[:_SHORT]} to {ref.sha[:_SHORT]}"
        release = await self._refs.release_of(service, ref)
        return Moved(text=f"{deployment.asked} moved {there}", code="ref_moved", release=release)


def _authors_moved(deployment: Deployment, *, excluded: bool) -> bool:
    """Tell whether authors may approve now who might not when it was planned, or the other way round."""
    plan = deployment.the_plan
    known = any(line.emails for line in plan.lines) and deployment.kind is Kind.DEPLOY
    return known and not plan.emails if excluded else bool(plan.emails)
