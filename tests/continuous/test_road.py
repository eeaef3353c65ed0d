"""Continuous deployment on the real road: what is pushed goes, the newest first, one at a time, and no commit twice."""

from pathlib import Path
from typing import Any

import pytest

from bot.command import Invocation, Trigger
from bot.continuous.continuous import LOOK
from bot.deployments.rules import State
from integrations.capabilities.git import Check, CheckState
from integrations.capabilities.runs import RunState
from integrations.errors import Unavailable
from tests.continuous.yard import PRODUCTION, STAGING, Yard, config, open_yard
from tests.deployments.rig import ANA, MIA, TOM, words
from tests.fakes.runs import Outcome

PUSH = {"on": "push"}


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def yard(**made: Any) -> Any:
        return open_yard(tmp_path, config(**{"staging": PUSH, **made}))

    return yard


def running(yard: Yard) -> None:
    """Let what is deployed to staging go on until it is told to end."""
    yard.rig.deploys.outcomes["checkout/staging"] = Outcome(state=None)


def finish(yard: Yard, state: RunState = RunState.SUCCEEDED) -> None:
    """End what is being deployed, and let what comes after it end by itself."""
    yard.rig.deploys.outcomes.clear()
    for run in list(yard.rig.deploys._runs.values()):
        if not run.run.state.final:
            yard.rig.deploys.finish(run.run.ref, state)


async def test_a_push_is_deployed(opened):
    async with opened() as yard:
        sha = await yard.push()
        done = await yard.rig.reaches((await yard.deployed(sha)).id, State.SUCCEEDED)
        assert done.reason == "push to main by tom"
        entries = [one for one in await yard.rig.audit.recent() if one.action == "continuous.deploy"]
        assert [(one.outcome, one.subject, one.data["cause"]["delivery"]) for one in entries] == [
            ("started", done.id, "event-1")
        ]
        allowed = [one for one in await yard.rig.audit.recent() if one.action == "deploy" and one.outcome == "allowed"]
        assert [one.actor.key for one in allowed] == ["-/account/continuous"]
        shown = words(await yard.rig.run(MIA, "where checkout"))
        assert f"continuous from main · last `{sha[:7]}` ({done.id}): done" in shown


async def test_the_newest_wins_and_the_skipped_are_named(opened):
    async with opened() as yard:
        running(yard)
        first = await yard.push()
        going = await yard.deployed(first)
        await yard.rig.reaches(going.id, State.DEPLOYING)
        waiting = []
        for _ in range(3):
            sha = await yard.push()
            waiting.append(await yard.deployed(sha))
            await yard.rig.reaches(waiting[-1].id, State.QUEUED)
        for one in waiting[:-1]:
            gone = await yard.rig.reaches(one.id, State.CANCELLED)
            assert gone.code == "superseded"
        assert (await yard.rig.get(going.id)).state is State.DEPLOYING
        finish(yard)
        await yard.rig.reaches(waiting[-1].id, State.SUCCEEDED)
        card = words(await yard.rig.card(waiting[-1].id))
        assert f"skipped {waiting[0].id} {waiting[0].sha[:7]}, {waiting[1].id} {waiting[1].sha[:7]}" in card
        assert [request.sha for request in yard.rig.deployed] == [first, waiting[-1].sha]
        assert f"skipped {waiting[0].id}" in words(await yard.rig.run(MIA, "where checkout"))


async def test_events_repeated_and_out_of_order_deploy_once(opened):
    async with opened() as yard:
        older = yard.commit()
        newer = yard.commit()
        for sha in (newer, older, newer, older):
            await yard.tell(sha=sha)
            await yard.looked()
        await yard.rig.reaches((await yard.deployed(newer)).id, State.SUCCEEDED)
        assert [one.sha for one in await yard.mine()] == [newer]


async def test_a_bad_commit_stops_it_until_the_next(opened):
    async with opened() as yard:
        yard.rig.deploys.outcomes["checkout/staging"] = Outcome(state=RunState.FAILED, reason="no disk")
        bad = await yard.push("zoe")
        failed = await yard.rig.reaches((await yard.deployed(bad)).id, State.FAILED)
        told = [words(message) for key, message in await yard.rig.said("post") if "continuous/" in key]
        assert len(told) == 1
        assert told[0].startswith("<@U0ZOE> *Continuous deployment of checkout/staging stopped*")
        for _ in range(2):
            await yard.tell(sha=bad)
            assert (await yard.looked()).deployment == failed.id
        assert "goes on with the next commit" in words(await yard.rig.run(MIA, "cd show"))
        yard.rig.deploys.outcomes.clear()
        good = await yard.push()
        await yard.rig.reaches((await yard.deployed(good)).id, State.SUCCEEDED)
        assert len(await yard.mine()) == 2


async def test_force_push_and_a_branch_that_is_gone(opened):
    async with opened() as yard:
        base = yard.rig.git._repositories["checkout"].branches["main"]
        await yard.push()
        other = yard.commit(on=base)
        await yard.tell(sha=other)
        await yard.rig.reaches((await yard.deployed(other)).id, State.SUCCEEDED)
        del yard.rig.git._repositories["checkout"].branches["main"]
        await yard.tell(sha="", deleted=True)
        await yard.tell(sha=other)
        assert (await yard.looked()).tried == other
        assert (await yard.mine())[-1].sha == other


async def test_what_was_missed_is_found_by_polling_the_newest_only(opened):
    async with opened() as yard:
        newest = [yard.commit() for _ in range(3)][-1]
        yard.polling.start()
        try:
            await yard.rig.reaches((await yard.deployed(newest)).id, State.SUCCEEDED)
        finally:
            await yard.polling.stop()
        assert [one.sha for one in await yard.mine()] == [newest]
        assert (await yard.polling.look(STAGING)) == "tried"


async def test_the_git_host_is_away_for_a_while(opened):
    async with opened() as yard:
        sha = yard.commit()
        yard.rig.git.failure = Unavailable("git", "no answer")
        assert await yard.polling.look(STAGING) is None
        await yard.tell(sha=sha)

        await yard.rig.until(lambda: _number_after(yard, 2), lambda: _words(yard))
        assert await yard.mine() == []
        yard.rig.git.failure = None
        await yard.rig.move_on(seconds=70)
        await yard.rig.reaches((await yard.deployed(sha)).id, State.SUCCEEDED)


async def test_a_host_that_does_not_show_its_own_push_yet_is_asked_again(opened):
    async with opened() as yard:
        branches = yard.rig.git._repositories["checkout"].branches
        stale = branches["main"]
        sha = yard.commit()
        branches["main"] = stale
        await yard.tell(sha=sha)

        await yard.rig.until(lambda: _number_after(yard, 2), lambda: _words(yard))
        branches["main"] = sha
        await yard.rig.move_on(seconds=70)
        await yard.deployed(sha)
        assert [one.sha for one in await yard.mine()] == [sha]


async def test_without_a_grant_nothing_goes_and_it_is_said_once(opened):
    async with opened(allowed=False) as yard:
        sha = await yard.push()

        await yard.rig.until(lambda: _refused(yard), lambda: _words(yard))
        await yard.tell(sha=sha)
        await yard.looked()
        assert await yard.mine() == []
        told = [words(message) for key, message in await yard.rig.said("post") if "continuous/" in key]
        assert len(told) == 1
        assert "needs the permission deployment.start" in told[0]


async def test_paused_by_hand_resumed_and_by_its_end(opened):
    async with opened() as yard:
        reply = await yard.rig.run(TOM, 'cd pause checkout staging --reason "load test" --for 1h')
        assert "paused by @tom" in words(reply)
        sha = await yard.push()
        await yard.looked()
        assert await yard.mine() == []
        assert "paused by @tom" in words(await yard.rig.run(MIA, "where checkout"))
        error = await yard.rig.refused(TOM, "cd resume checkout")
        assert error.code == "not_paused"
        await yard.rig.run(MIA, "cd resume checkout staging")
        await yard.rig.move_on(seconds=2)
        await yard.deployed(sha)
        await yard.rig.run(TOM, "cd pause checkout --for 1h")
        newest = await yard.push()
        await yard.looked()
        await yard.rig.move_on(hours=1, seconds=2)
        await yard.rig.until(lambda: _number_after(yard, 4), lambda: _words(yard))
        await yard.rig.move_on(seconds=2)
        await yard.rig.reaches((await yard.deployed(newest)).id, State.SUCCEEDED)


async def _number_after(yard: Yard, number: int) -> bool:
    head = await yard.head()
    return head.number >= number


async def _refused(yard: Yard) -> bool:
    head = await yard.head()
    return head.code == "not_allowed"


async def _words(yard: Yard) -> str:
    return str(await yard.head())


async def test_a_lock_holds_it_and_only_the_newest_goes_after(opened):
    async with opened() as yard:
        await yard.rig.run(TOM, "lock checkout staging")
        shas = [await yard.push() for _ in range(2)]
        at = await yard.deployed(shas[-1])
        await yard.rig.reaches(at.id, State.QUEUED)
        await yard.rig.run(TOM, "unlock checkout staging")
        await yard.rig.reaches(at.id, State.SUCCEEDED)
        assert [request.sha for request in yard.rig.deployed] == [shas[-1]]


async def test_by_hand_it_works_and_the_next_push_replaces_it(opened):
    async with opened() as yard:
        sha = await yard.push()
        await yard.rig.reaches((await yard.deployed(sha)).id, State.SUCCEEDED)
        assert (await yard.rig.deploy("v1.4.0")).state is State.SUCCEEDED
        told = [message.summary for key, message in await yard.rig.said("post") if "replaced-next" in key]
        assert told == ["The next commit on main replaces v1.4.0 on checkout/staging"]
        await yard.tell(sha=sha)
        await yard.looked()
        assert len(await yard.mine()) == 1
        newer = await yard.push()
        await yard.rig.reaches((await yard.deployed(newer)).id, State.SUCCEEDED)


async def test_green_goes_and_red_does_not(opened):
    async with opened(staging={"on": "green"}) as yard:
        git = yard.rig.git
        green, red = yard.commit(), yard.commit()
        git.check("checkout", green, Check(name="unit", state=CheckState.PASSED))
        git.check("checkout", red, Check(name="unit", state=CheckState.FAILED))
        await yard.tell("run.finished", sha=red)
        assert (await yard.looked()).tried == ""
        await yard.tell("run.finished", sha=green)
        await yard.rig.reaches((await yard.deployed(green)).id, State.SUCCEEDED)
        git.check("checkout", red, Check(name="unit", state=CheckState.PASSED))
        await yard.tell("run.finished", sha=red)
        await yard.rig.reaches((await yard.deployed(red)).id, State.SUCCEEDED)
        await yard.push()
        assert (await yard.looked()).tried == red


async def test_production_goes_after_staging_and_still_asks(opened):
    async with opened(production={"production": True}) as yard:
        sha = await yard.push()
        await yard.rig.reaches((await yard.deployed(sha)).id, State.SUCCEEDED)
        await yard.rig.move_on(seconds=2)
        asked = await yard.rig.reaches((await yard.deployed(sha, "production")).id, State.AWAITING_APPROVAL)
        newer = await yard.push()
        await yard.rig.reaches((await yard.deployed(newer)).id, State.SUCCEEDED)
        await yard.rig.move_on(seconds=2)
        next_one = await yard.rig.reaches((await yard.deployed(newer, "production")).id, State.AWAITING_APPROVAL)
        assert (await yard.rig.reaches(asked.id, State.CANCELLED)).code == "superseded"
        await yard.rig.run(ANA, command="approve", deployment=next_one.id, plan=next_one.plan_digest)
        yard.rig.healthy()
        assert (await yard.head(PRODUCTION)).tried == newer
        assert next_one.requested_by.user == "continuous"
        assert LOOK == "continuous.look.v1"


async def test_the_word_alone_lists(opened):
    async with opened() as yard:
        sha = await yard.push()
        await yard.rig.reaches((await yard.deployed(sha)).id, State.SUCCEEDED)
        typed = Invocation(delivery_id="typed", trigger=Trigger.SLASH, person=MIA, at=yard.rig.clock.now(), text="/cd")
        assert "continuous from main" in words(await yard.ask(typed))


async def test_a_build_that_is_superseded_is_ended(opened):
    async with opened() as yard:
        yard.rig.builds.outcomes["checkout"] = Outcome(state=None)
        older = await yard.deployed(await yard.push())
        await yard.rig.until(lambda: _builds(yard, 1), lambda: _words(yard))
        yard.rig.builds.outcomes.clear()
        newer = await yard.deployed(await yard.push())
        assert (await yard.rig.reaches(older.id, State.CANCELLED)).code == "superseded"
        await yard.rig.reaches(newer.id, State.SUCCEEDED)
        await yard.rig.until(lambda: _all_over(yard), lambda: _words(yard))
        states = [fake.run.state for fake in yard.rig.builds._runs.values()]
        assert states == [RunState.CANCELLED, RunState.SUCCEEDED]


async def _builds(yard: Yard, number: int) -> bool:
    return len(yard.rig.builds.requests) == number


async def _all_over(yard: Yard) -> bool:
    return all(fake.run.state.final for fake in yard.rig.builds._runs.values())


async def test_the_tool_that_deploys_is_away_for_a_while(opened):
    """It is asked for again, as the same commit: nothing was refused, and nobody is told that it was."""
    async with opened() as yard:
        yard.rig.deploys.failure = Unavailable("deploys", "no answer")
        sha = await yard.push()
        await yard.rig.until(lambda: _number_after(yard, 2), lambda: _words(yard))
        head = await yard.head()
        assert (head.tried, head.code) == ("", "tool_unavailable")
        assert "waits: " in words(await yard.rig.run(MIA, "cd show"))
        yard.rig.deploys.failure = None
        await yard.rig.move_on(seconds=70)
        await yard.rig.reaches((await yard.deployed(sha)).id, State.SUCCEEDED)
        assert len(await yard.mine()) == 1
        assert [key for key, _ in await yard.rig.said("post") if "refused" in key] == []
