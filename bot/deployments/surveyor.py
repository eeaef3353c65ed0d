"""Planning as steps of a workflow: the planner's questions, asked for a deployment that is there already."""

from bot.approvals.records import Approval
from bot.deployments import records
from bot.deployments.asking import ASKED_BY_MESSAGE, rules_of
from bot.deployments.parts import Parts
from bot.deployments.planner import Planner
from bot.deployments.records import Deployment
from bot.deployments.wishes import Moved, Survey, Wish
from bot.identity import Person


class Surveyor:
    """Asks for one deployment what `Planner` knows to ask."""

    def __init__(self, parts: Parts, planner: Planner) -> None:
        self._parts = parts
        self._planner = planner

    async def survey(self, deployment_id: str) -> Survey:
        """Return what would happen, for the exact commit and artifact of the deployment."""
        deployment = await self._load(deployment_id)
        wish = Wish(
            kind=deployment.kind,
            place=deployment.place,
            asked=deployment.asked,
            release=deployment.release,
            requester=deployment.requested_by,
            again=deployment.again,
            change_class=deployment.change_class,
            reason=deployment.reason,
            force=deployment.forced,
            fix=deployment.fix,
            subject=deployment.id,
        )
        return await self._planner.survey(wish)

    async def approvers(self, deployment_id: str, survey: Survey) -> tuple[Person, ...]:
        """Return who may approve and is told so, a handful at most."""
        if not survey.plan.asks or survey.refusal is not None:
            return ()
        deployment = await self._load(deployment_id)
        now = self._parts.clock.now()
        approval = Approval(
            id=deployment.approval_id,
            subject=deployment.id,
            digest=survey.plan_digest,
            rules=rules_of(survey),
            requester=deployment.requested_by,
            expires_at=now,
            opened_at=now,
            excluded={deployment.requested_by: "asked for it"},
            excluded_emails=dict.fromkeys(survey.plan.emails, "wrote it"),
        )
        return await self._parts.approvals.who_may(approval, limit=ASKED_BY_MESSAGE)

    async def moved(self, deployment_id: str) -> Moved | None:
        """Return what is not as it was when the deployment was planned, or approvals that count no more."""
        deployment = await self._load(deployment_id)
        moved = await self._planner.moved(deployment)
        if moved is not None or not deployment.the_plan.asks:
            return moved
        dropped = await self._parts.approvals.recount(deployment.approval_id)
        if not dropped:
            return None
        who = "; ".join(f"@{self._parts.name_of(person)} {why}" for person, why in sorted(dropped.items()))
        may = await self._parts.approvals.could(deployment.approval_id, limit=ASKED_BY_MESSAGE)
        text = f"not counted any more: {who}"
        return Moved(text=text, code="approval_dropped", dropped=dropped, approvers=may)

    async def _load(self, deployment_id: str) -> Deployment:
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
        if deployment is None:
            raise LookupError(f"there is no deployment {deployment_id}")
        return deployment
