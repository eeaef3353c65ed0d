"""What is deployed is what was cut; one step on at a time; nothing goes on that was not signed off."""

import asyncio

import pytest

from bot.deployments.rules import State as DeploymentState
from bot.errors import UserError
from bot.releases.releases import Releases
from tests.deployments.rig import ANA, MIA, TOM, ZOE, buttons
from tests.releases.rig import Rig, read


async def cut(rig: Rig) -> None:
    """Cut R-1, checkout 1.5.0."""
    rig.change("feat: pay by card")
    await rig.cut("release cut checkout --yes")


@pytest.mark.parametrize("word", ["R-1", "r-1", "1.5.0", "v1.5.0"])
async def test_what_is_deployed_is_what_was_cut(rig: Rig, word: str):
    await cut(rig)
    release = await rig.release("R-1")
    rig.change("feat: later")
    deployment = await rig.get(await rig.ships(f"deploy checkout@{word} to staging"))
    assert (deployment.sha, deployment.version, deployment.digest) == (release.sha, "v1.5.0", release.digest)
    (request,) = rig.deployed
    assert (request.sha, request.artifact, request.digest) == (release.sha, release.artifact, release.digest)
    assert len(rig.built) == 1


async def test_a_release_that_is_not_cut_is_not_deployed(rig: Rig):
    rig.change("feat: pay by card")
    rig.host.away += ["tag"] * 5
    await rig.run(MIA, "release cut checkout --yes")
    error = await rig.refused(MIA, "deploy checkout@R-1 to staging")
    assert error.code == "not_cut"
    assert [move.label for move in error.moves] == ["Show R-1"]


async def test_an_artifact_that_is_not_the_recorded_one_is_refused(rig: Rig):
    await cut(rig)
    [ref] = rig.builds._runs
    rig.put(ref, result={"artifact": "checkout", "digest": f"sha256:{'0' * 64}"})
    error = await rig.refused(MIA, "deploy checkout@R-1 to staging")
    assert error.code == "artifact_moved"
    assert "its build says sha256:000000000000" in str(error.text)


async def test_a_tag_that_moved_is_refused(rig: Rig):
    await cut(rig)
    rig.host.tag("checkout", "v1.5.0", rig.change("fix: sneaked in"))
    error = await rig.refused(MIA, "deploy checkout@R-1 to staging")
    assert error.code == "ref_moved"
    assert "its tag v1.5.0 names" in str(error.text)


async def test_it_is_promoted_one_step_on(rig: Rig):
    await cut(rig)
    nowhere = await rig.refused(MIA, "promote R-1")
    assert nowhere.code == "nowhere"
    assert [move.label for move in nowhere.moves] == ["Deploy to staging"]
    press = nowhere.moves[0]
    await rig.reaches((await rig.run(MIA, command=press.command, **press.args)).subject, DeploymentState.SUCCEEDED)
    asked = await rig.run(MIA, "promote R-1")
    assert asked.code == "confirm"
    (label, press), *_ = buttons(asked).items()
    assert label == "staging → production: promote 1.5.0"
    deployment = await rig.get((await rig.run(MIA, command=press.command, **press.args)).subject)
    assert (deployment.environment, deployment.sha) == ("production", (await rig.release("R-1")).sha)
    await rig.reaches(deployment.id, DeploymentState.AWAITING_APPROVAL)


async def test_a_service_is_promoted_by_what_stands_before(uat: Rig):
    assert (await uat.refused(MIA, "promote checkout")).code == "nowhere"
    await uat.ships("deploy checkout@v1.4.1 to staging")
    asked = await uat.run(MIA, "promote checkout")
    assert "Promote checkout v1.4.1 from staging to production?" in asked.summary
    assert (await uat.refused(MIA, "promote checkout --yes")).code == "not_signed_off"
    assert (await uat.refused(MIA, "promote checkout to staging")).code == "not_next"


async def test_the_way_to_production_leads_over_the_sign_off(uat: Rig):
    await cut(uat)
    await uat.ships("deploy checkout@R-1 to staging")
    asked = [message for key, message in await uat.said("post") if key == "post/R-1/sign-off/staging"]
    assert "1 of owners may accept it for production" in asked[0].summary
    error = await uat.refused(MIA, "promote R-1 --yes")
    assert error.code == "not_signed_off"
    assert "needs the sign-off of 1 of owners on staging; 0 so far" in str(error.text)
    press = buttons(asked[0])["Sign off on staging"]
    assert (await uat.refused(ANA, command=press.command, **press.args)).code == "not_an_approver"
    reply = await uat.run(ZOE, command=press.command, **press.args)
    assert "is signed off by you on staging, for production" in reply.summary
    assert "accepted by @zoe" in read(await uat.card("R-1"))
    await uat.ships("promote R-1 to production --yes")
    assert "Runs on staging, production" in read(await uat.card("R-1"))
    assert (await uat.refused(MIA, "promote R-1")).code == "at_the_end"
    assert (await uat.refused(MIA, "promote checkout")).code == "at_the_end"
    assert (await uat.refused(ZOE, "signoff R-1 --revoke")).code == "promoted"
    assert (await uat.audit.verify()).ok
    story = await uat.world.use(Releases).overview.story("R-1")
    assert [one.word.value for one in story.sign_offs] == ["accepted"]
    assert [one.environment for one in story.deployments] == ["staging", "production"]
    assert story.diff_digest.startswith("sha256:")


async def test_neither_the_cutter_nor_an_author_signs_off(uat: Rig):
    uat.change("feat: pay by card", who="zoe")
    await uat.cut("release cut checkout --yes", who=TOM)
    await uat.ships("deploy checkout@R-1 to staging")
    error = await uat.refused(ZOE, "signoff R-1")
    assert error.code == "not_by_you"
    assert "wrote" in str(error.text)
    uat.change("fix: round", who="tom")
    await uat.cut("release cut checkout --yes", who=ZOE)
    await uat.ships("deploy checkout@R-2 to staging")
    error = await uat.refused(ZOE, "signoff R-2")
    assert error.code == "not_by_you"
    assert "cut" in str(error.text)


async def test_a_rejection_stands_in_the_way_until_it_is_taken_back(uat: Rig):
    await cut(uat)
    assert (await uat.refused(ZOE, "signoff R-1")).code == "not_there"
    await uat.ships("deploy checkout@R-1 to staging")
    assert (await uat.refused(ZOE, 'signoff R-1 --reject " "')).code == "reason_missing"
    await uat.run(ZOE, 'signoff R-1 on staging --reject "the total is wrong"')
    error = await uat.refused(MIA, "promote R-1 --yes")
    assert error.code == "not_signed_off"
    assert "rejected on staging by @zoe: the total is wrong" in str(error.text)
    await uat.run(ZOE, "signoff R-1 --revoke")
    assert "0 so far" in str((await uat.refused(MIA, "promote R-1 --yes")).text)
    await uat.run(ZOE, "signoff R-1")
    await uat.ships("promote R-1 --yes")


async def test_what_is_revoked_before_it_starts_does_not_start(uat: Rig):
    await cut(uat)
    await uat.ships("deploy checkout@R-1 to staging")
    await uat.run(ZOE, "signoff R-1")
    await uat.run(MIA, "lock checkout/production --reason wait")
    queued = (await uat.run(TOM, "promote R-1 --queue --yes")).subject
    await uat.reaches(queued, DeploymentState.QUEUED)
    await uat.run(ZOE, "signoff R-1 --revoke")
    await uat.run(MIA, "unlock checkout/production")
    ended = await uat.reaches(queued, DeploymentState.VOID)
    assert ended.code == "not_signed_off"
    assert [request.environment for request in uat.deployed] == ["staging"]


async def test_who_left_the_group_counts_no_more(uat: Rig):
    await cut(uat)
    await uat.ships("deploy checkout@R-1 to staging")
    await uat.run(ZOE, "signoff R-1")
    uat.leaves("owners", "zoe")
    assert (await uat.refused(MIA, "promote R-1 --yes")).code == "not_signed_off"


async def test_a_commit_that_is_no_release_is_not_signed_off(uat: Rig):
    await uat.ships("deploy checkout@v1.4.1 to staging")
    error = await uat.refused(MIA, "deploy checkout@v1.4.1 to production")
    assert error.code == "not_signed_off"
    assert "this is no release: cut one" in str(error.text)


async def test_nothing_asks_where_nothing_is_configured(rig: Rig):
    await cut(rig)
    assert (await rig.refused(ZOE, "signoff R-1")).code == "no_sign_off"
    assert (await rig.refused(ZOE, "signoff R-1 on staging")).code == "no_sign_off"


async def test_racing_clicks_are_one_sign_off(uat: Rig):
    await cut(uat)
    await uat.ships("deploy checkout@R-1 to staging")
    done = await asyncio.gather(
        *(uat.run(ZOE, "signoff R-1") for _ in range(5)), uat.run(ANA, "signoff R-1"), return_exceptions=True
    )
    assert sum(isinstance(one, UserError) for one in done) == 1
    story = await uat.world.use(Releases).overview.story("R-1")
    assert len(story.sign_offs) == 1


async def test_what_was_tried_before_it_got_its_name_is_asked_for_at_once(uat: Rig):
    uat.change("feat: pay by card")
    await uat.ships("deploy checkout@main to staging")
    await cut_of_main(uat)
    assert "post/R-1/sign-off/staging" in await uat.keys("post")
    await uat.run(ZOE, "signoff R-1")
    await uat.ships("promote checkout --yes")


async def cut_of_main(rig: Rig) -> None:
    """Cut R-1 of what main is."""
    release = await rig.cut("release cut checkout --yes")
    assert (release.version, release.built_by) == ("1.5.0", "D-1001")


async def test_approvals_are_shown_with_the_release(rig: Rig):
    await cut(rig)
    await rig.ships("deploy checkout@R-1 to staging")
    waits = await rig.reaches((await rig.run(MIA, "promote R-1 --yes")).subject, DeploymentState.AWAITING_APPROVAL)
    await rig.run(ANA, command="approve", deployment=waits.id, plan=waits.plan_digest)
    shown = read(await rig.run(MIA, "release show R-1"))
    assert f"*{waits.id}* approved by @ana" in shown
