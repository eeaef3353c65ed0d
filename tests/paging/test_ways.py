"""Ways that fail, and what comes back: another way at once, look-ups after doubt and crashes, answers of people."""

import asyncio

import pytest

from bot.alerts.rules import State
from bot.paging import records
from bot.paging.records import PageState, pages
from integrations.capabilities.paging import Delivery, PageAnswer, Receipt, Way, reply_code
from integrations.errors import NotAuthenticated, OutcomeUnknown, RateLimited, Refused, Unavailable
from tests.paging.rig import MIA, PAGING, TOM, Rig, up

ZOE_ONLY = {**PAGING, "chains": {"primary": [{"notify": {"person": "zoe"}}]}}


@pytest.fixture
async def firing(rig: Rig) -> Rig:
    await rig.fires(rig.alert("a"))
    await rig.look()
    await rig.slack_takes_all()
    return rig


def raising(error: Exception, *ways: Way):
    def fails(way: Way, _to: str) -> None:
        if way in ways:
            raise error

    return fails


@pytest.mark.parametrize(
    "error",
    [Refused("phones", "no such topic mia-topic"), NotAuthenticated("phones", "the token is wrong"), ValueError("x")],
)
async def test_what_one_way_does_not_take_goes_another_at_once(firing: Rig, error: Exception):
    firing.phones.fails = raising(error, Way.PUSH)
    await firing.look(minutes=3)
    assert firing.phones.told() == [("call", "A-1")], "a way that her rules do not name"
    [failed] = await firing.page_rows(PageState.FAILED)
    assert failed.reason
    assert "mia-topic" not in failed.reason


async def test_what_the_rules_plan_for_later_comes_first(tmp_path):
    chain = [{"notify": {"schedule": "second", "important": True}}]
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": chain}}) as rig:
        rig.phones.fails = raising(Refused("phones", "no"), Way.PUSH)
        await rig.fires(rig.alert("a"))
        await rig.look()
        assert rig.phones.told() == [("sms", "A-1")]


@pytest.mark.parametrize("error", [Unavailable("phones", "down"), RateLimited("phones", "slow", retry_after=3)])
async def test_a_way_that_is_away_is_tried_for_a_short_time_only(firing: Rig, error: Exception):
    firing.phones.fails = raising(error, Way.PUSH)
    await firing.look(minutes=3)
    assert firing.phones.told() == []
    for _ in range(4):
        await firing.look(seconds=3)
    assert firing.phones.told() == [("call", "A-1")]


async def test_a_way_that_comes_back_soon_is_enough(firing: Rig):
    firing.phones.fails = raising(Unavailable("phones", "down"), Way.PUSH)
    await firing.look(minutes=3)
    firing.phones.fails = lambda _way, _to: None
    await firing.look(seconds=2)
    assert firing.phones.told() == [("push", "A-1")]


async def test_slack_that_does_not_take_it_is_one_way_that_failed(rig: Rig):
    await rig.fires(rig.alert("a"))
    await rig.look()
    await rig.look(seconds=9)
    assert rig.phones.told() == []
    await rig.look(seconds=2)
    assert rig.phones.told() == [("push", "A-1")], "not in three minutes: at once"
    [failed] = await rig.page_rows(PageState.FAILED)
    assert failed.reason == "Slack does not answer"


async def test_when_nobody_can_be_reached_the_next_step_is_done_at_once(rig: Rig):
    await rig.fires(rig.alert("a"))
    rig.phones.fails = raising(Refused("phones", "no"), Way.PUSH, Way.CALL)
    await rig.look()
    await rig.look(seconds=11)
    run = await rig.latest()
    assert "A-1: @mia could not be reached by any way" in run.words
    assert ("tom by push") in await rig.ways()


async def test_no_address_any_more_is_a_failure(firing: Rig):
    people = {**PAGING["people"], "mia": {"addresses": {"call": PAGING["people"]["mia"]["addresses"]["call"]}}}
    firing.configure({**PAGING, "people": people})
    await firing.look(minutes=3)
    assert firing.phones.told() == [("call", "A-1")]


async def test_what_was_sent_and_not_answered_is_looked_up_and_not_sent_again(firing: Rig):
    firing.phones.loses = raising(OutcomeUnknown("phones", "lost", request_id="x"), Way.PUSH)
    await firing.look(minutes=3)
    assert firing.phones.told() == [("push", "A-1")]
    [done] = await firing.page_rows(PageState.DELIVERED)
    assert done.ref == "ref-1"


async def test_what_cannot_be_looked_up_goes_another_way_as_well(firing: Rig):
    firing.phones.deaf = True
    firing.phones.loses = raising(OutcomeUnknown("phones", "lost", request_id="x"), Way.PUSH)
    await firing.look(minutes=3)
    assert firing.phones.told() == [("push", "A-1"), ("call", "A-1")]
    [doubt] = await firing.page_rows(PageState.DOUBT)
    assert "may have arrived" in doubt.reason


async def test_what_a_tool_tells_later_counts(tmp_path):
    async with up(tmp_path) as rig:
        rig.phones.delivery = Delivery.QUEUED
        await rig.fires(rig.alert("a"))
        await rig.look()
        await rig.slack_takes_all()
        await rig.look(minutes=3)
        [_, push] = await rig.page_rows(PageState.QUEUED)
        await rig.told(Receipt(ref=push.ref, delivery=Delivery.FAILED, reason="no such subscriber"))
        await rig.look()
        assert rig.phones.told() == [("push", "A-1"), ("call", "A-1")]


async def test_what_was_only_taken_is_asked_for(tmp_path):
    async with up(tmp_path) as rig:
        rig.phones.delivery = Delivery.QUEUED
        await rig.fires(rig.alert("a"))
        await rig.look()
        await rig.slack_takes_all()
        await rig.look(minutes=3)
        [page_id] = rig.phones.ids()
        rig.phones.known[page_id] = Receipt(ref="ref-1", delivery=Delivery.FAILED, reason="busy")
        await rig.look(seconds=30)
        assert rig.phones.told()[-1] == ("call", "A-1")


@pytest.mark.parametrize("deaf", [False, True])
async def test_killed_with_a_page_in_hand_it_is_not_lost_and_not_sent_twice_where_that_can_be_asked(tmp_path, deaf):
    async with up(tmp_path, paging=ZOE_ONLY) as rig:
        await rig.fires(rig.alert("a"))
        rig.phones.deaf = deaf
        noted = asyncio.Event()
        end_page = records.end_page

        async def killed(*_args, **_values):
            noted.set()
            await asyncio.Event().wait()

        records.end_page = killed
        try:
            await rig.paging.look()
            await asyncio.wait_for(noted.wait(), 60)
            await rig.paging.sending.stop()  # the way has it, our row does not know
        finally:
            records.end_page = end_page
        phones = rig.phones
        assert len(phones.taken) == 1
    async with up(tmp_path, paging=ZOE_ONLY, name="two", clock=rig.clock) as again:
        again.toolbox.add(phones)
        async with again.store.write() as tx:
            await records.take_over(tx, "two", again.clock.now())
        await again.look()
        assert len(phones.taken) == (2 if deaf else 1)
        assert phones.ids() == phones.ids()[:1] * len(phones.taken), "with the same name"
        [row] = await again.page_rows(PageState.DELIVERED)
        assert ("may have come twice" in row.reason) is deaf


async def test_killed_before_a_page_was_sent_it_is_sent_by_the_next(tmp_path):
    async with up(tmp_path, paging=ZOE_ONLY) as rig:
        await rig.fires(rig.alert("a"))
        rig.phones.open.clear()
        await rig.paging.look()
        await rig.paging.sending.stop()
        phones = rig.phones
        assert phones.taken == []
        phones.open.set()
    async with up(tmp_path, paging=ZOE_ONLY, name="two", clock=rig.clock) as again:
        again.toolbox.add(phones)
        async with again.store.write() as tx:
            await records.take_over(tx, "two", again.clock.now())
        await again.look()
        assert len(phones.taken) == 1


async def test_killed_before_a_page_was_sent_and_acknowledged_meanwhile_it_is_not_sent(tmp_path):
    async with up(tmp_path, paging=ZOE_ONLY) as rig:
        await rig.fires(rig.alert("a"))
        rig.phones.open.clear()
        await rig.paging.look()
        await rig.paging.sending.stop()
        rig.phones.open.set()
        await rig.run(MIA, "acknowledge A-1")
        await rig.look(minutes=1)
        assert rig.phones.taken == []
        assert [one.state for one in await rig.page_rows()] == [PageState.DROPPED]


async def test_a_key_pressed_acknowledges_as_that_person(tmp_path):
    async with up(tmp_path, paging=ZOE_ONLY) as rig:
        await rig.fires(rig.alert("a"))
        await rig.look()
        [page_id] = rig.phones.ids()
        await rig.answer(PageAnswer(address="zoe-topic", page=page_id))
        await rig.look()
        assert (await rig.group_row()).state is State.FIRING, "that it was taken is no answer"
        await rig.answer(PageAnswer(address="tom-topic", page=page_id, acknowledged=True))
        await rig.look()
        assert (await rig.group_row()).state is State.FIRING, "of somebody else"
        await rig.answer(PageAnswer(address="zoe-topic", page=page_id, acknowledged=True))
        await rig.look()
        assert (await rig.group_row()).state is State.ACKNOWLEDGED
        run = await rig.latest()
        assert run.stopped_by is not None
        assert rig.permissions.name_of(run.stopped_by) == "zoe"
        assert rig.submitted[0].via == "page:push"


async def test_a_reply_says_by_its_code_or_its_sender_what_it_is_to(firing: Rig):
    await firing.look(minutes=5)
    await firing.look(minutes=2)
    push, sms = (one.page for one in firing.phones.taken if one.to in {"tom-topic", "+49152"})
    await firing.answer(PageAnswer(address="+49 152", code="000000", acknowledged=True))
    assert reply_code(push.id) != "000000" != reply_code(sms.id)
    await firing.look()
    assert firing.submitted == []
    await firing.answer(PageAnswer(address="+49-152", code=reply_code(sms.id), acknowledged=True))
    await firing.look()
    assert [one.person for one in firing.submitted] == [TOM]


async def test_an_answer_to_a_gathered_page_is_for_all_of_it(tmp_path):
    async with up(tmp_path, paging=ZOE_ONLY) as rig:
        for name in ("HighErrorRate", "DiskFull", "Slow"):
            await rig.fires(rig.alert("a", alertname=name))
        await rig.look()
        [page_id] = rig.phones.ids()
        assert rig.phones.taken[0].page.title == "3 alerts: A-1, A-2, A-3"
        await rig.answer(PageAnswer(address="zoe-topic", page=page_id, acknowledged=True))
        await rig.look()
        states = {(await rig.group_row(name)).state for name in ("A-1", "A-2", "A-3")}
        assert states == {State.ACKNOWLEDGED}


async def test_another_paging_service_is_told_that_somebody_is_on_it_and_that_it_is_over(tmp_path):
    chain = [{"webhook": {"with": "phones", "to": "routing-key", "way": "event"}}]
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": chain}}) as rig:
        await rig.fires(rig.alert("a"))
        await rig.look()
        assert rig.phones.told() == [("event", "A-1")]
        await rig.run(MIA, "acknowledge A-1")
        await rig.look()
        assert rig.phones.settlements == [("routing-key", "A-1", False)]
        await rig.fires(rig.alert("a", firing=False))
        await rig.look()
        assert rig.phones.settlements[1:] == [("routing-key", "A-1", True)]


async def test_an_answer_that_nobody_gave_is_nothing(firing: Rig):
    await firing.answer(PageAnswer(address="", acknowledged=True))
    await firing.answer(PageAnswer(address="+1", page="A-1.1.2", acknowledged=True))
    await firing.answer(PageAnswer(address="x" * 10_000, code="abc", subject="A-1", acknowledged=True))
    await firing.look()
    assert firing.submitted == []
    async with firing.store.read() as conn:
        assert await records.pages_where(conn, pages.c.state == PageState.DELIVERED) == []
