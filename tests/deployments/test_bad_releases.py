"""A release that was taken back does not come there again as it is; a revert, a fix, or somebody's word lets it."""

from bot.deployments.rules import State
from integrations.capabilities.git import Author
from tests.deployments.rig import ANA, ERRORS, MIA, ZOE, Rig, buttons, words
from tests.fakes.metrics import Answer

BY = Author(name="mia", email="mia@example.org")


async def taken_back(rig: Rig) -> tuple[dict[str, str], str]:
    """Have 1.4.2 rolled back from production to 1.4.1; return the SHAs and the deployment's id."""
    shas = rig.history()
    await rig.deploy("v1.4.1")
    await rig.deploy("v1.4.1", "production")
    rig.metrics.answers[ERRORS] = [Answer(value=0.31)]
    await rig.deploy("v1.4.2")
    ended = await rig.deploy("v1.4.2", "production")
    assert ended.state is State.ROLLED_BACK
    rig.healthy()
    return shas, ended.id


async def release(rig: Rig, message: str, *parents: str, version: str = "v1.4.3") -> str:
    """Tag a commit on these parents and bring it to staging."""
    sha = rig.git.commit("checkout", message, files={"version": version.encode()}, parents=parents, author=BY)
    rig.git.tag("checkout", version, sha)
    assert (await rig.deploy(version)).state is State.SUCCEEDED
    return sha


async def test_the_bad_release_is_blocked_there_and_the_card_says_so(rig: Rig):
    _, bad = await taken_back(rig)
    assert "v1.4.2 is blocked here until its commits are fixed or reverted" in words(await rig.card(bad))
    refusal = await rig.refused(MIA, "deploy checkout@v1.4.2 to production")
    assert (refusal.code, bad in str(refusal.text)) == ("blocked", True)
    assert (await rig.refused(MIA, "deploy checkout@v1.4.2 to production --fix")).code == "blocked"
    assert (await rig.deploy("v1.4.1", "staging")).state is State.SUCCEEDED, "it is about production alone"
    button = buttons(await rig.card(bad))["Deploy a fix…"]
    assert button.args["fix"] == "yes"


async def test_what_brings_its_commits_is_blocked_and_a_fix_is_not(rig: Rig):
    shas, bad = await taken_back(rig)
    await release(rig, "Something else", shas["v1.4.2"])
    refusal = await rig.refused(MIA, "deploy checkout@v1.4.3 to production")
    assert refusal.code == "blocked"
    assert "--fix" in str(refusal.text)

    reply = await rig.run(MIA, "deploy checkout@v1.4.3 to production --fix")
    at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
    assert (await rig.reaches(at.id, State.SUCCEEDED)).fix
    later = rig.git.commit("checkout", "Go on", files={"version": b"v1.4.0"}, parents=((at.sha),), author=BY)
    rig.git.tag("checkout", "v1.4.4", later)
    await rig.deploy("v1.4.4")
    assert (await rig.run(MIA, "deploy checkout@v1.4.4 to production --dry-run")).code == "dry_run"
    assert (await rig.refused(MIA, "deploy checkout@v1.4.2 to production")).code == "blocked", "itself still is"
    del bad


async def test_a_revert_and_a_commit_that_says_it_fixes_may_come_by_themselves(rig: Rig):
    shas, bad = await taken_back(rig)
    sha = shas["v1.4.2"]
    await release(rig, f'Revert "PAY-318"\n\nThis reverts commit {sha}.\n', sha)
    explained = words(await rig.run(MIA, "deploy checkout@v1.4.3 to production --dry-run"))
    assert "refused" not in explained
    await release(rig, f"Hold on\n\nFixes: {bad}\n", sha, version="v1.4.4")
    assert "refused" not in words(await rig.run(MIA, "deploy checkout@v1.4.4 to production --dry-run"))


async def test_a_merge_of_the_bad_release_is_blocked_until_the_merge_is_reverted(rig: Rig):
    shas, _ = await taken_back(rig)
    side = rig.git.commit("checkout", "Side", files={"version": b"v1.4.3"}, parents=(shas["v1.4.1"],), author=BY)
    merge = await release(rig, "Merge", side, shas["v1.4.2"])
    assert (await rig.refused(MIA, "deploy checkout@v1.4.3 to production")).code == "blocked"
    text = f'Revert "PAY"\n\nThis reverts commit {shas["v1.4.2"]}, reversing\nchanges made to {shas["v1.4.1"]}.\n'
    await release(rig, text, merge, version="v1.4.0+1")
    assert "refused" not in words(await rig.run(MIA, "deploy checkout@v1.4.0+1 to production --dry-run"))


async def test_who_may_lifts_it_with_a_reason(rig: Rig):
    _, bad = await taken_back(rig)
    assert (await rig.refused(ZOE, "unblock checkout on production")).code == "reason_missing"
    await rig.run(ZOE, 'unblock checkout@1.4.2 on production --reason "it was the load balancer"')
    card = words(await rig.card(bad))
    assert "may come here again by @zoe" in card
    assert "load balancer" in card
    assert (await rig.refused(ZOE, 'unblock checkout on production --reason "x"')).code == "not_blocked"
    assert (await rig.deploy("v1.4.2", "production")).state is State.SUCCEEDED
    entries = [one.action for one in await rig.audit.recent(subject=bad)]
    assert "deployment.unblock" in entries


async def test_a_rollback_blocks_what_ran_before_it(rig: Rig):
    rig.history()
    for version in ("v1.4.1", "v1.4.2"):
        await rig.deploy(version)
        await rig.deploy(version, "production")
    reply = await rig.run(MIA, "rollback checkout in production to v1.4.1")
    at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
    done = await rig.reaches(at.id, State.SUCCEEDED)
    assert "v1.4.2 is blocked here" in words(await rig.card(done.id))
    assert (await rig.refused(MIA, "deploy checkout@v1.4.2 to production")).code == "blocked"


async def test_what_waited_behind_it_does_not_start(rig: Rig):
    """One that was planned before the bad release came, and approved meanwhile, is stopped by the last look."""
    shas = rig.history()
    await rig.deploy("v1.4.1")
    await rig.deploy("v1.4.1", "production")
    await release(rig, "Go on", shas["v1.4.2"])
    waiting = await rig.run(MIA, "deploy checkout@v1.4.3 to production")
    at = await rig.reaches(waiting.subject, State.AWAITING_APPROVAL)
    rig.metrics.answers[ERRORS] = []
    await rig.deploy("v1.4.2")
    bad = await rig.deploy("v1.4.2", "production")
    assert bad.state is State.INCONCLUSIVE
    await rig.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
    assert (await rig.get(at.id)).state is State.QUEUED

    back = buttons(await rig.card(bad.id))["Roll back to v1.4.1"]
    await rig.run(ANA, command=back.command, **back.args)

    ended = await rig.reaches(at.id, State.VOID)
    assert ended.code == "blocked"
    assert rig.deployed[-1].version != "v1.4.3"
