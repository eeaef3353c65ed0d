"""Classes of changes on the real road: pre-approved, emergencies, break-glass, and their review afterwards."""

import asyncio
import copy
from pathlib import Path
from typing import Any

from bot.deployments import change_reviews
from bot.deployments.change_reviews import ChangeReview
from bot.deployments.rules import State
from bot.errors import UserError
from bot.reply import Table
from integrations.capabilities.git import Check, CheckState
from tests.deployments.rig import ANA, CONFIG, MIA, RAJ, TOM, ZOE, Rig, up, words

FORCE = {"skips": ["approvals", "checks", "freezes", "locks", "promotion"]}
EMERGENCY = {"approvers": ["on-call"], "checks": ["unit"]}
REVIEW = {"groups": ["on-call"], "hour": 10, "timezone": "UTC"}
FORCED = 'deploy checkout@v1.4.1 to production --force "cards fail"'


def config(**policy: Any) -> dict[str, Any]:
    """Return the rig's configuration with checks and a rule about some files on production, and this policy."""
    made = copy.deepcopy(CONFIG)
    made["policy"] = {**policy, "review": REVIEW}
    made["groups"]["on-call"] = ["zoe", "raj"]
    made["permissions"] = [
        {"allow": ["deployment.start", "lock.take", "freeze.change"], "to": ["everyone"]},
        {"allow": ["deployment.force"], "to": ["owners"]},
    ]
    production = made["services"]["checkout"]["environments"][1]
    production["checks"] = ["unit", "e2e"]
    production["approvals"].append({"from": ["owners"], "when": {"paths": ["payments/**"]}})
    return made


def report(rig: Rig, sha: str, **checks: CheckState) -> None:
    rig.git.check("checkout", sha, *(Check(name=name, state=state) for name, state in checks.items()))


async def to_production(rig: Rig, shas: dict[str, str]) -> None:
    """Bring 1.4.1 to production, and 1.4.2 to staging."""
    report(rig, shas["v1.4.1"], unit=CheckState.PASSED, e2e=CheckState.PASSED)
    await rig.deploy("v1.4.1")
    reply = await rig.run(MIA, "deploy checkout@v1.4.1 to production")
    at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    for who in (ANA, ZOE):
        await rig.run(who, command="approve", deployment=at.id, plan=at.plan_digest)
    await rig.reaches(at.id, State.SUCCEEDED)
    await rig.deploy("v1.4.2")


async def review_of(rig: Rig, deployment_id: str) -> ChangeReview | None:
    async with rig.store.read() as conn:
        return await change_reviews.get(conn, deployment_id)


async def test_break_glass_is_for_those_who_may_and_is_loud(tmp_path: Path):
    async with up(tmp_path, config=config(force=FORCE)) as rig:
        rig.history()
        await rig.run(TOM, 'lock checkout production --reason "looking"')
        await rig.run(TOM, 'freeze checkout/production --for 2d --reason "audit"')

        refusal = await rig.refused(MIA, FORCED)
        assert refusal.code == "no_force"
        assert "owners" in str(refusal.text)

        explained = await rig.run(ZOE, f"{FORCED} --explain")
        table = explained.parts[1]
        assert isinstance(table, Table)
        rows = {str(row[0]): str(row[1]) for row in table.rows}
        assert {name for name, said in rows.items() if said == "passed over"} == {
            "locks",
            "freezes",
            "promotion order",
            "required checks",
            "approvals",
        }
        reply = await rig.run(ZOE, FORCED)
        done = await rig.reaches(reply.subject, State.SUCCEEDED)

        loud = next(message for key, message in await rig.said("post") if key.endswith(f"{done.id}/forced"))
        assert "forced by @zoe: cards fail" in loud.summary
        assert "Passed over" in words(loud)
        assert "To be reviewed by on-call" in words(await rig.card(done.id))
        review = await review_of(rig, done.id)
        assert review is not None
        (entry,) = [one for one in await rig.audit.recent(subject=done.id) if one.action == "deployment.forced"]
        assert (entry.actor, set(entry.data["skipped"])) == (ZOE, set(review.skipped))
        assert set(review.skipped) == {"locks", "freezes", "promotion order", "required checks", "approvals"}


async def test_content_is_bound_also_by_force(tmp_path: Path):
    """A branch that moves between the wish and the last look is not deployed, by force or not."""
    async with up(tmp_path, config=config(force=FORCE), engine=False) as rig:
        shas = rig.history()
        reply = await rig.run(ZOE, 'deploy checkout@main to production --force "cards fail"')
        deployment = await rig.get(reply.subject)
        assert deployment.sha == shas["v1.4.2"]
        rig.git.branch("checkout", "main", rig.git.commit("checkout", "Other", parents=(shas["v1.4.2"],)))
        moved = await rig.deployments.planner.moved(deployment)
        assert moved is not None
        assert moved.code == "ref_moved"


async def test_who_loses_the_right_forces_nothing(tmp_path: Path):
    async with up(tmp_path, config=config(force=FORCE), engine=False) as rig:
        rig.history()
        reply = await rig.run(ZOE, FORCED)
        rig.permissions.replace(rig.settings.model_copy(update={"permissions": rig.settings.permissions[:1]}))
        survey = await rig.deployments.surveyor.survey(reply.subject)
        assert survey.refusal is not None
        assert survey.refusal.code == "no_force"


async def test_a_review_is_asked_for_until_somebody_signs_it_off(tmp_path: Path):
    async with up(tmp_path, config=config(force=FORCE)) as rig:
        rig.history()
        reply = await rig.run(ZOE, FORCED)
        done = await rig.reaches(reply.subject, State.SUCCEEDED)

        async def nagged() -> bool:
            review = await review_of(rig, done.id)
            return review is not None and review.nags == 1

        async def why() -> str:
            return f"not reminded: {await review_of(rig, done.id)}"

        await rig.move_on(days=4)
        await rig.until(nagged, why)
        message = next(one for key, one in await rig.said("post") if key.endswith(f"{done.id}/review/1"))
        assert "Review wanted" in message.summary
        assert "U0RAJ" in words(message)
        assert "U0ZOE" not in words(message), "who asked for it is not the one to review it"

        assert (await rig.refused(ZOE, f"review {done.id}")).code == "not_by_you"
        assert (await rig.refused(TOM, f"review {done.id}")).code == "not_by_you", "he wrote it"
        both = [rig.run(who, f"review {done.id} right to do") for who in (RAJ, ANA)]
        answers = await asyncio.gather(*both, return_exceptions=True)
        (lost,) = [one for one in answers if isinstance(one, UserError)]
        assert lost.code == "reviewed", "of two in the same moment one signs it"
        review = await review_of(rig, done.id)
        assert review is not None
        assert review.signed_by in {RAJ, ANA}
        await rig.run(review.signed_by, f"review {done.id} right to do", request_id="again")
        assert f"Reviewed by @{review.signed_by.user.removeprefix('U0').lower()}" in words(await rig.card(done.id))
        assert "right to do" in words(await rig.card(done.id))
        await rig.deployments.reviewing.remind(done.id, 2)
        assert not [key for key, _ in await rig.said("post") if key.endswith("/review/2")]


async def test_an_emergency_needs_one_on_call_who_did_not_write_it(tmp_path: Path):
    async with up(tmp_path, config=config(emergency=EMERGENCY)) as rig:
        shas = rig.history()
        await to_production(rig, shas)
        urgent = "deploy checkout@v1.4.2 to production --class emergency"
        assert (await rig.refused(MIA, urgent)).code == "reason_missing"
        assert (await rig.refused(MIA, f'{urgent} --reason "cards fail"')).code == "checks_pending"
        report(rig, shas["v1.4.2"], unit=CheckState.PASSED)
        reply = await rig.run(MIA, f'{urgent} --reason "cards fail"')
        at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
        assert "Emergency" in words(await rig.card(at.id))

        codes = {who: (await rig.refused(who, f"approve {at.id}")).code for who in (MIA, ANA, ZOE)}
        assert codes == {MIA: "not_by_you", ANA: "not_an_approver", ZOE: "not_by_you"}
        assert await review_of(rig, at.id) is None, "nothing has started"
        await rig.run(RAJ, command="approve", deployment=at.id, plan=at.plan_digest)
        done = await rig.reaches(at.id, State.SUCCEEDED)
        assert (await rig.refused(RAJ, f"review {done.id}")).code == "not_by_you", "he approved it"
        await rig.run(TOM, f"review {done.id}")
        review = await review_of(rig, done.id)
        assert review is not None
        assert review.signed_by == TOM


async def test_a_rule_about_some_files_asks_and_says_why(tmp_path: Path):
    async with up(tmp_path, config=config()) as rig:
        shas = rig.history()
        await to_production(rig, shas)
        sha = rig.git.commit(
            "checkout", "Pay", files={"version": b"v1.4.2", "payments/card.py": b"1"}, parents=(shas["v1.4.2"],)
        )
        rig.git.tag("checkout", "v1.4.3", sha)
        report(rig, sha, unit=CheckState.PASSED, e2e=CheckState.PASSED)
        await rig.deploy("v1.4.3")
        reply = await rig.run(MIA, "deploy checkout@v1.4.3 to production")
        at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
        assert "owners is asked because payments/card.py changes" in words(await rig.card(at.id))
        await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
        await rig.run(RAJ, command="approve", deployment=at.id, plan=at.plan_digest)
        assert (await rig.get(at.id)).state is State.AWAITING_APPROVAL, "two of one group are not one of the other"


async def test_a_standard_change_asks_nobody(tmp_path: Path):
    standard = [{"name": "texts", "environments": ["production"], "paths": ["docs/**"]}]
    async with up(tmp_path, config=config(standard=standard)) as rig:
        shas = rig.history()
        await to_production(rig, shas)
        files = {"version": b"v1.4.1", "docs/a.md": b"1"}
        sha = rig.git.commit("checkout", "Tell", files=files, parents=(shas["v1.4.1"],))
        rig.git.tag("checkout", "v1.4.3", sha)
        await rig.deploy("v1.4.3")
        assert (await rig.refused(MIA, "deploy checkout@v1.4.3 to production")).code == "checks_pending"
        report(rig, sha, unit=CheckState.PASSED, e2e=CheckState.PASSED)
        reply = await rig.run(MIA, "deploy checkout@v1.4.3 to production")
        done = await rig.reaches(reply.subject, State.SUCCEEDED)
        assert done.the_plan.change_class == "standard"
        assert await review_of(rig, done.id) is None
        refusal = await rig.refused(MIA, "deploy checkout@v1.4.2 to production --class standard")
        assert refusal.code == "not_standard"
