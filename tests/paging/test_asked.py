"""Who is asked to help is paged by their own rules until they answer, whatever chains do beside it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.paging import records
from bot.paging.records import PageState, Run
from bot.slack.records import State as Sent, outbox
from integrations.capabilities.paging import PageAnswer
from tests.deployments.rig import Clock, buttons
from tests.paging.rig import ANA, MIA, PAGING, RAJ, TOM, Rig, read, up
from tests.paging.test_kills import Killed, Killer

ALONE = {"people": PAGING["people"]}


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[Rig]:
    """A-1 fires, no chain is configured, and mia is asked to help: in Slack, and after 3 minutes by push."""
    async with up(tmp_path, paging=ALONE) as rig:
        await rig.fires(rig.alert("a"))
        await rig.run(TOM, "page @mia about A-1")
        await rig.look()
        await rig.slack_takes_all()
        yield rig


async def asking(rig: Rig) -> list[Run]:
    async with rig.store.read() as conn:
        return [one for one in await records.all_of(conn, "A-1") if one.person is not None]


async def shown(rig: Rig) -> str:
    return read(await rig.run(ANA, "alert A-1"))


async def test_they_are_told_in_slack_once_and_then_by_what_their_rules_name(asked: Rig):
    message, *more = await asked.pages_in_slack()
    assert not more, more
    assert "@tom asks you to help with *A-1 HighErrorRate" in message
    assert await asked.ways(PageState.WAITING) == ["mia by push"]
    await asked.look(minutes=2, seconds=58)
    assert asked.phones.taken == []
    await asked.look(seconds=3)
    [push] = asked.phones.taken
    assert (push.to, push.page.important) == ("mia-topic", False)
    assert push.page.title.startswith("Help wanted: A-1 HighErrorRate")
    assert push.page.spoken.startswith("You are asked to help. critical alert")


async def test_alert_shows_it(asked: Rig):
    words = await shown(asked)
    assert "Paging @mia (Slack) to help" in words
    assert "push to @mia" in words
    assert "Asking @mia to help since" in words


@pytest.mark.parametrize("answer", ["coming", "cannot"])
async def test_an_answer_stops_it(asked: Rig, answer: str):
    await asked.run(MIA, command=answer, alert="A-1")
    await asked.look(hours=3)
    assert asked.phones.taken == []
    [run] = await asking(asked)
    assert (run.running, run.why, run.stopped_by) == (False, "answered", MIA)
    message, told = await asked.pages_in_slack()
    assert "<@U0TOM>: @mia" in told
    assert ("You are coming" if answer == "coming" else "You cannot come") in message


async def test_an_answer_to_a_page_means_that_they_come(asked: Rig):
    await asked.look(minutes=4)
    [push] = asked.phones.taken
    await asked.answer(PageAnswer(address="mia-topic", page=push.page.id, acknowledged=True))
    await asked.look()
    [sent] = asked.submitted
    assert (sent.command, sent.person, sent.args["alert"]) == ("coming", MIA, "A-1")
    assert not (await asking(asked))[0].running
    assert "@mia (coming)" in await shown(asked)


async def test_one_who_says_nothing_is_paged_anew_and_the_thread_hears_of_it(asked: Rig):
    await asked.look(minutes=7)
    assert not (await asking(asked))[0].words, "there is time to answer after the last way, too"
    await asked.look(minutes=2)
    [run] = await asking(asked)
    assert [word for word in run.words if "NO ANSWER from @mia, who was asked to help with A-1" in word]
    await asked.look(minutes=31)
    message = (await asked.said("direct"))[-1][1]
    assert "You are still asked to help: A-1" in read(message)
    assert [*buttons(message)] == ["Coming", "Cannot", "Show"]
    await asked.slack_takes_all()
    await asked.look(minutes=4)
    assert len(asked.phones.taken) == 2
    await asked.run(MIA, command="cannot", alert="A-1")
    first, again, told = await asked.pages_in_slack()
    assert "You cannot come" in first
    assert "answered by @mia" in again
    assert "@mia cannot come" in told


async def test_what_is_over_needs_no_help(asked: Rig):
    await asked.run(TOM, "resolve A-1")
    await asked.look(hours=3)
    assert asked.phones.taken == []
    assert "called over by @tom" in (await asked.pages_in_slack())[0], "the question does not go on asking"


async def test_only_their_own_acknowledgement_is_an_answer(asked: Rig):
    await asked.run(TOM, "acknowledge A-1")
    assert (await asking(asked))[0].running, "tom is on it, and wants mia"
    await asked.run(TOM, "unacknowledge A-1")
    await asked.run(MIA, "acknowledge A-1")
    assert not (await asking(asked))[0].running


async def test_where_slack_does_not_take_it_the_next_way_is_at_once(tmp_path: Path):
    async with up(tmp_path, paging=ALONE) as rig:
        await rig.fires(rig.alert("a"))
        await rig.run(TOM, "page @mia about A-1")
        await rig.look()
        async with rig.store.write() as tx:
            await tx.conn.execute(outbox.update().values(state=Sent.PARKED, reason="channel_not_found"))
        await rig.look(seconds=11)
        assert rig.phones.told() == [("push", "A-1")]
        assert await rig.ways(PageState.FAILED) == ["mia by slack"]


async def test_one_who_is_deactivated_is_said_to_be(tmp_path: Path):
    async with up(tmp_path, paging=ALONE) as rig:
        rig.away.add(MIA)
        await rig.fires(rig.alert("a"))
        await rig.run(TOM, "page @mia about A-1")
        await rig.look(minutes=4)
        assert rig.phones.taken == []
        [run] = await asking(rig)
        assert (run.running, run.why) == (False, "@mia is deactivated: not paged")
        assert run.words == ("A-1: @mia is deactivated: not paged",)


async def test_who_cannot_and_is_asked_again_is_paged_again(asked: Rig):
    await asked.run(MIA, command="cannot", alert="A-1")
    await asked.run(RAJ, "page @mia about A-1")
    await asked.look(minutes=4)
    assert [one.running for one in await asking(asked)] == [False, True]
    assert len(asked.phones.taken) == 1


async def test_chains_and_helpers_do_not_stop_each_other(tmp_path: Path):
    async with up(tmp_path) as rig:
        await rig.fires(rig.alert("a"))
        await rig.run(RAJ, "page @tom about A-1")
        await rig.look()
        await rig.run(TOM, command="coming", alert="A-1")
        assert (await rig.latest()).running, "coming to help is not being on it"
        await rig.run(RAJ, command="page", person="@ana", alert="A-1")
        await rig.run(MIA, "acknowledge A-1")
        assert not (await rig.latest()).running
        await rig.run(MIA, "unacknowledge A-1")
        assert (await rig.latest()).running, "the chain begins anew beside who is asked"
        assert [one.running for one in await asking(rig)] == [False, True]


async def test_killed_at_a_write_it_goes_on_and_each_page_comes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    killed = 0
    async with up(tmp_path, paging=ALONE) as rig:
        killer = Killer(rig, monkeypatch)
        for number, (at, after) in enumerate(itertools.product(range(1, 6), (False, True)), 1):
            rig.phones.taken.clear()
            await rig.fires(rig.alert("a", alertname=f"Alert{number}"))
            await rig.run(TOM, f"page @mia about A-{number}")
            killer.arm(at, after=after)
            for later in (0, 4, 4):
                with contextlib.suppress(Killed):
                    await rig.look(minutes=later)
                await rig.paging.sending.idle()
                if killer.dead:
                    killed += killer.disarm()
                    await rig.restart(f"process {number}")
            assert rig.phones.told() == [("push", f"A-{number}")], f"killed at write {at}, after it: {after}"
            await rig.run(MIA, command="cannot", alert=f"A-{number}")
    assert killed == 10


async def test_of_two_replicas_one_pages(tmp_path: Path, postgres_url: str):
    (tmp_path / "two").mkdir()
    clock = Clock()
    async with (
        up(tmp_path, url=postgres_url, paging=ALONE, clock=clock) as one,
        up(tmp_path / "two", url=postgres_url, paging=ALONE, name="two", clock=clock) as two,
    ):
        two.toolbox.add(one.phones)
        await one.fires(one.alert("a"))
        await one.run(TOM, "page @mia about A-1")
        for later in (0, 1, 3, 1):
            await asyncio.gather(one.look(minutes=later), two.look())
            await one.slack_takes_all()
        assert one.phones.told() == [("push", "A-1")]
        await asyncio.gather(
            one.run(MIA, command="coming", alert="A-1"), two.look(minutes=5), one.fires(one.alert("b"))
        )
        assert not (await asking(one))[0].running
