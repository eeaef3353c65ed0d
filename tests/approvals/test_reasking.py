"""Asked again, with the difference shown, when what was approved is not what would happen any more."""

import pytest

from bot.approvals.rules import State as ApprovalState
from bot.deployments.reasking import MOST_MOVES
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from integrations.capabilities.deploys import Running
from integrations.capabilities.git import Author
from tests.approvals.conftest import PLACE
from tests.approvals.reloading import use, with_production
from tests.deployments.rig import ANA, MIA, RAJ, TOM, Rig, words


async def asks(rig: Rig, ref: str = "main") -> Deployment:
    """Ask for production and wait until it waits for approval."""
    reply = await rig.run(MIA, f"deploy checkout@{ref} to production")
    return await rig.reaches(reply.subject, State.AWAITING_APPROVAL)


async def push(rig: Rig, title: str = "Newer", *, author: str = "zoe") -> str:
    """Commit to main."""
    head = (await rig.git.resolve_ref("checkout", "main")).sha
    by = Author(name=author, email=f"{author}@example.org")
    sha = rig.git.commit("checkout", title, files={"version": title.encode()}, parents=(head,), author=by)
    rig.git.branch("checkout", "main", sha)
    return sha


async def asked_again(rig: Rig, deployment: str, generation: int = 2) -> Deployment:
    """Wait until a deployment waits for approval of a newer plan."""

    async def there() -> Deployment | None:
        now = await rig.get(deployment)
        return now if (now.state, now.generation) == (State.AWAITING_APPROVAL, generation) else None

    async def why() -> str:
        return f"not asked again: {await rig.get(deployment)}"

    found: Deployment = await rig.until(there, why)
    return found


async def test_a_branch_that_moved_is_asked_again_with_the_difference(rig: Rig):
    old = await asks(rig)
    newer = await push(rig, "PAY-400 Say <!channel>")

    await rig.run(ANA, command="approve", deployment=old.id, plan=old.plan_digest)
    again = await asked_again(rig, old.id)

    assert (again.sha, again.previous_version) == (newer, "v1.4.1")
    assert again.plan_digest != old.plan_digest
    shown = words(await rig.card(old.id))
    [asked] = [message for key, message in await rig.said("post") if key == f"post/{old.id}/ask/2"]
    for said in (shown, words(asked)):
        assert f"commit: v1.4.2 ({old.sha[:7]}) → *{newer[:7]}*" in said
        assert "commits: 1 commit → *2 commits*" in said
        assert f"in: `{newer[:7]}` PAY-400 Say &lt;!channel&gt;" in said
        assert f"main moved from {old.sha[:7]} to {newer[:7]}" in said.lower()
    assert asked.summary.startswith("Approval wanted again")
    direct = dict(await rig.said("direct"))
    [to_ana] = [message for key, message in direct.items() if f"{old.id}/" in key and "/2/" in key and ANA.user in key]
    assert "*Your approval is void.*" in words(to_ana)
    [to_mia] = [message for key, message in direct.items() if f"{old.id}/void/2" in key]
    assert "is asked again" in words(to_mia)
    assert "Your approval" not in words(to_mia), "she asked and has approved nothing"
    async with rig.store.read() as conn:
        void, present = [await rig.approvals.get(conn, f"{old.id}/{number}") for number in (1, 2)]
    assert void is not None
    assert present is not None
    assert (void.approval.state, void.approval.digest) == (ApprovalState.VOID, old.plan_digest)
    assert (present.approval.state, present.approval.digest) == (ApprovalState.OPEN, again.plan_digest)
    entries = await rig.audit.recent(subject=old.id)
    [entry] = [one for one in entries if one.action == "deployment.asked_again"]
    assert entry.data["plan"] == old.plan_digest
    assert entry.data["approved_by"] == [ANA.key]
    assert entry.data["was"] == old.sha

    assert (await rig.refused(RAJ, command="approve", deployment=old.id, plan=old.plan_digest)).code == "stale_card"
    await rig.run(RAJ, command="approve", deployment=old.id, plan=again.plan_digest)
    await rig.reaches(old.id, State.SUCCEEDED)
    assert [request.sha for request in rig.deployed] == [newer]
    builds = [request.sha for request in rig.builds.requests]
    assert builds == [old.sha, newer], "what is approved the second time is built anew"


async def test_the_new_authors_do_not_approve(rig: Rig):
    old = await asks(rig)
    await push(rig, "By Tom", author="tom")
    await rig.run(TOM, f"approve {old.id}")
    again = await asked_again(rig, old.id)
    assert (await rig.refused(TOM, f"approve {again.id}")).code == "not_by_you"
    [told] = [message for key, message in await rig.said("direct") if f"/void/2/{TOM.key}" in key]
    assert "Your approval is void" in words(told)


async def test_a_busy_branch_does_not_ask_all_day(rig: Rig):
    now = await asks(rig)
    for generation in range(2, MOST_MOVES + 2):
        await push(rig, f"Push {generation}")
        await rig.run(ANA, f"approve {now.id}")
        now = await asked_again(rig, now.id, generation)
    await push(rig, "Once more")
    await rig.run(ANA, f"approve {now.id}")
    ended = await rig.reaches(now.id, State.VOID)
    assert ended.code == "ref_moved"
    assert "ask for a tag or a commit" in ended.words
    assert rig.deployed == []


async def test_a_branch_that_is_gone_ends_it(rig: Rig):
    rig.git.branch("checkout", "fix", (await rig.git.resolve_ref("checkout", "main")).sha)
    at = await asks(rig, "fix")
    rig.git.delete("checkout", "fix")
    await rig.run(ANA, f"approve {at.id}")
    assert (await rig.reaches(at.id, State.VOID)).code == "ref_moved"


async def test_other_rules_are_asked_anew_and_said(rig: Rig):
    old = await asks(rig, "v1.4.2")
    use(rig, with_production(rig, approvals=[{"count": 2, "from": ["release-managers"]}]))

    await rig.run(ANA, f"approve {old.id}")
    again = await asked_again(rig, old.id)

    said = words(await rig.card(old.id))
    assert "approvals: 1 of release-managers → *2 of release-managers*" in said
    assert "commit:" not in said
    assert again.sha == old.sha
    assert len(rig.builds.requests) == 1, "the same artifact ships"


async def test_what_runs_there_moved(rig: Rig):
    old = await asks(rig, "v1.4.2")
    first = (await rig.git.resolve_ref("checkout", "v1.4.0")).sha
    rig.deploys.running[PLACE] = Running(sha=first, version="v1.4.0")
    await rig.run(ANA, f"approve {old.id}")
    await asked_again(rig, old.id)
    assert f"runs there: v1.4.1 ({old.previous_sha[:7]}) → *v1.4.0 ({first[:7]})*" in words(await rig.card(old.id))


@pytest.mark.parametrize("loosened", [True, False])
async def test_whether_authors_may_approve_is_a_rule_too(rig: Rig, *, loosened: bool):
    if not loosened:
        use(rig, with_production(rig, authors_may_approve=True))
    old = await asks(rig, "v1.4.2")
    use(rig, with_production(rig, authors_may_approve=loosened))
    await rig.run(ANA, f"approve {old.id}")
    assert (await asked_again(rig, old.id)).sha == old.sha
    await rig.run(ANA, f"approve {old.id}")
    await rig.reaches(old.id, State.SUCCEEDED)
