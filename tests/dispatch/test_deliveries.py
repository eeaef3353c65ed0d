"""Stored deliveries: kept before they are acknowledged, run once each, and never lost."""

import asyncio
from datetime import UTC, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from bot.command import Invocation, Trigger
from bot.deliveries import KEEP, LEASE, deliveries, from_json, to_json
from bot.identity import Channel, Person
from bot.starter import MOST_ATTEMPTS
from bot.store import Store, StoreUnavailable
from tests.dispatch.commands import deploys
from tests.dispatch.conftest import GUEST, MIA, TOM, HandClock, Open, Yard


async def deployed(store: Store) -> list[str]:
    async with store.read() as conn:
        return sorted((await conn.execute(sa.select(deploys.c.request_id))).scalars())


async def test_a_change_is_stored_run_and_answered_once(either_store, open_yard: Open):
    yard = await open_yard("p1", either_store)
    invocation = yard.asks("deploy checkout to staging")
    assert await yard.dispatcher.accept(invocation) is True
    assert await yard.dispatcher.accept(invocation) is False
    await yard.settled()
    assert await yard.dispatcher.accept(invocation) is False
    await yard.settled()
    assert [(ident, reply.subject) for ident, reply in yard.told.replies] == [(invocation.delivery_id, "D-1")]
    assert yard.notes.ran == [invocation.delivery_id]
    assert await yard.rows() == [(invocation.delivery_id, "done", 1, "ok")]


async def test_what_cannot_be_understood_is_answered_too(yard: Yard):
    for text in ("delpoy checkout", "deploy", "deploy checkout to prod"):
        await yard.dispatcher.accept(yard.asks(text))
    await yard.settled()
    assert {reply.code for _, reply in yard.told.replies} == {"unknown_command", "incomplete", "not_allowed"}


async def test_a_refused_stranger_leaves_no_open_row(yard: Yard):
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging", GUEST, guest=True))
    await yard.settled()
    assert [row[1:] for row in await yard.rows()] == [("done", 1, "guest")]


async def test_what_loses_the_store_midway_is_run_again_and_not_told_that_nothing_was_started(
    yard: Yard, clock: HandClock
):
    """How far it got nobody knows: the transaction that began it may have been kept."""
    left = [StoreUnavailable("it is shutting down or starting up"), StoreUnavailable("the connection to it was lost")]

    def lost() -> Exception:
        if len(left) == 1:
            yard.notes.raises = None
        return left.pop()

    yard.notes.raises = lost
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    for _ in range(2):
        await clock.when_sleeping(2)
        clock.pass_by(seconds=5)
    await yard.settled()
    assert [(ident, reply.code, reply.subject) for ident, reply in yard.told.replies] == [("p1-1", "", "D-1")]
    assert yard.notes.ran == ["p1-1"] * 3
    assert await yard.rows() == [("p1-1", "done", 1, "ok")]


async def test_a_few_run_at_once_and_one_person_does_not_crowd_out_another(yard: Yard):
    for _ in range(20):
        await yard.dispatcher.accept(yard.asks("hold checkout to staging", MIA))
    await yard.dispatcher.accept(yard.asks("hold checkout to staging", TOM))
    await yard.notes.reached(5)
    assert (yard.starter.running, yard.starter.waiting) == (5, 16)
    assert yard.notes.ran[-1] == "p1-21"
    yard.notes.go_on.set()
    await yard.settled()
    mine = [ident for ident in yard.notes.ran if ident != "p1-21"]
    assert mine == [f"p1-{number}" for number in range(1, 21)]


async def test_stopping_lets_what_runs_end_and_leaves_the_rest_stored(either_store, open_yard: Open):
    yard = await open_yard("p1", either_store)
    for _ in range(6):
        await yard.dispatcher.accept(yard.asks("hold checkout to staging"))
    await yard.notes.reached(4)
    stopping = asyncio.create_task(yard.starter.stop())
    await asyncio.sleep(0)
    yard.notes.go_on.set()
    await stopping
    assert [row[1] for row in await yard.rows()] == ["done"] * 4 + ["received"] * 2

    successor = await open_yard("p2", either_store)
    successor.notes.go_on.set()
    await successor.settled()
    assert sorted(successor.notes.ran) == ["p1-5", "p1-6"]
    assert [row[1:3] for row in await successor.rows()] == [("done", 1)] * 6


async def test_what_does_not_end_in_time_is_left_to_the_next_process(store, open_yard: Open):
    yard = await open_yard("p1", store)
    await yard.dispatcher.accept(yard.asks("hold checkout to staging"))
    await yard.notes.began.wait()
    await yard.starter.stop(grace=0)
    assert yard.told.replies == []
    successor = await open_yard("p2", store)
    successor.notes.go_on.set()
    await successor.settled()
    assert [row[1:3] for row in await successor.rows()] == [("done", 2)]


async def test_what_an_ended_process_left_is_run_unless_it_is_too_old_by_then(store, open_yard: Open, clock: HandClock):
    yard = await open_yard("p1", store)
    await yard.starter.stop()
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    await yard.dispatcher.accept(yard.asks("deploy search to staging", at=clock.now() - timedelta(minutes=4)))
    clock.pass_by(minutes=2)
    successor = await open_yard("p2", store)
    await successor.settled()
    assert {ident: reply.code for ident, reply in successor.told.replies} == {"p1-1": "", "p1-2": "late"}
    assert await deployed(store) == ["p1-1"]


async def test_of_two_replicas_one_runs_it_and_the_other_takes_over_when_the_lease_ends(
    postgres_url, clock: HandClock, open_yard: Open
):
    store = await Store.open(postgres_url, clock=clock)
    one, two = await open_yard("r1", store), await open_yard("r2", store)
    await one.dispatcher.accept(one.asks("hold checkout to staging"))
    await one.notes.began.wait()
    assert await two.starter.take_over() == 0

    clock.moment += LEASE + timedelta(seconds=1)  # the first hangs: it did not lengthen its lease
    two.notes.go_on.set()
    assert await two.starter.take_over() == 1
    await two.settled()
    one.notes.go_on.set()
    await one.settled()
    assert len(two.told.replies) == 1
    assert one.told.replies == [], "its answer came too late and is undone with its transaction"
    assert [row[1:3] for row in await one.rows()] == [("done", 2)]
    for yard in (one, two):
        await yard.starter.stop()
    await store.close()


async def test_a_replica_that_lives_keeps_what_it_works_on(postgres_url, clock: HandClock, open_yard: Open):
    store = await Store.open(postgres_url, clock=clock)
    one, two = await open_yard("r1", store), await open_yard("r2", store)
    await one.dispatcher.accept(one.asks("hold checkout to staging"))
    await one.notes.began.wait()
    for _ in range(6):
        await clock.when_sleeping(2)
        clock.pass_by(seconds=LEASE.total_seconds() / 3)
        await clock.when_sleeping(2)
    assert two.notes.ran == []
    one.notes.go_on.set()
    await one.settled()
    assert len(one.told.replies) == 1
    for yard in (one, two):
        await yard.starter.stop()
    await store.close()


async def test_many_replicas_that_start_at_once_share_what_was_left(postgres_url, clock: HandClock, open_yard: Open):
    store = await Store.open(postgres_url, clock=clock)
    gone = Yard(store, clock, "gone")
    for _ in range(40):
        await gone.dispatcher.accept(gone.asks("frozen checkout to staging"))
    clock.moment += LEASE + timedelta(seconds=1)
    yards = await asyncio.gather(*(open_yard(f"r{n}", store) for n in range(4)))
    for yard in yards:
        await yard.settled()
    answered = [ident for yard in yards for ident, _ in yard.told.replies]
    assert sorted(answered) == sorted({f"gone-{n}" for n in range(1, 41)})
    for yard in yards:
        await yard.starter.stop()
    await store.close()


async def test_what_ended_five_processes_is_parked_and_its_person_told(store, open_yard: Open, clock: HandClock):
    gone = Yard(store, clock, "gone")
    invocation = gone.asks("deploy checkout to staging")
    await gone.dispatcher.accept(invocation)
    for number in range(MOST_ATTEMPTS - 1):
        await Yard(store, clock, f"gone-{number}").deliveries.claim()  # takes it, and dies
    yard = await open_yard("p1", store)
    await yard.settled()
    assert yard.notes.ran == []
    ((_, reply),) = yard.told.replies
    assert reply.code == "broken"
    *_, entry = await yard.entries()
    assert entry.outcome == "failed"
    assert entry.data["error_id"] in reply.summary
    assert [row[1:] for row in await yard.rows()] == [("parked", MOST_ATTEMPTS + 1, "broken")]


async def test_an_answer_that_cannot_be_handed_over_is_tried_again_without_running_twice(yard: Yard, clock: HandClock):
    yard.told.raises = ZeroDivisionError("a mistake of ours")
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    await clock.when_sleeping(2)
    yard.told.raises = None
    clock.pass_by(seconds=2)
    await yard.settled()
    assert len(yard.notes.ran) == 1
    assert [reply.subject for _, reply in yard.told.replies] == ["D-1"]
    assert [entry.outcome for entry in await yard.entries()] == ["allowed", "succeeded"]


async def test_what_can_never_be_handed_over_is_parked(yard: Yard, clock: HandClock):
    yard.told.raises = ZeroDivisionError("a mistake of ours")
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    for _ in range(MOST_ATTEMPTS):
        await clock.when_sleeping(2)
        clock.pass_by(minutes=1)
    await yard.settled()
    assert [row[1] for row in await yard.rows()] == ["parked"]
    assert len(yard.notes.ran) == 1


async def test_a_store_that_is_away_for_a_while_parks_nothing(yard: Yard, clock: HandClock):
    yard.told.raises = StoreUnavailable("its disk is full")
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    for _ in range(3 * MOST_ATTEMPTS):
        await clock.when_sleeping(2)
        clock.pass_by(minutes=1)
    await clock.when_sleeping(2)
    yard.told.raises = None
    clock.pass_by(minutes=1)
    await yard.settled()
    assert [row[1] for row in await yard.rows()] == ["done"]
    assert len(yard.notes.ran) == 1


async def test_a_row_of_another_version_is_parked_and_holds_nothing_up(store, open_yard: Open, clock: HandClock):
    gone = Yard(store, clock, "gone")
    await gone.dispatcher.accept(gone.asks("deploy checkout to staging"))
    await gone.dispatcher.accept(gone.asks("deploy checkout to staging"))
    async with store.write() as tx:
        odd = (
            sa.update(deliveries)
            .where(deliveries.c.delivery_id == "gone-1")
            .values(invocation={"trigger": "telepathy"})
        )
        await tx.conn.execute(odd)
    yard = await open_yard("p1", store)
    await yard.settled()
    assert [(row[0], row[1]) for row in await yard.rows()] == [("gone-1", "parked"), ("gone-2", "done")]


async def test_a_week_later_what_ended_is_gone_and_what_did_not_is_kept(store, open_yard: Open, clock: HandClock):
    yard = await open_yard("p1", store)
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    await yard.settled()
    await yard.starter.stop()
    await yard.dispatcher.accept(yard.asks("deploy checkout to staging"))
    clock.moment += KEEP + timedelta(seconds=1)
    assert await yard.deliveries.prune() == 1
    assert [row[1] for row in await yard.rows()] == ["received"]


texts = st.text(max_size=30).filter(lambda text: "\x00" not in text)


@given(
    invocation=st.builds(
        Invocation,
        delivery_id=texts,
        trigger=st.sampled_from(Trigger),
        person=st.builds(Person, team=st.just("T1"), user=st.just("U1"), enterprise=st.sampled_from(["", "E1"])),
        at=st.datetimes(timezones=st.just(UTC)),
        person_name=texts,
        text=texts,
        command=texts,
        args=st.dictionaries(texts, texts, max_size=3),
        channel=st.none() | st.just(Channel("T1", "C1")),
        channel_name=texts,
        thread_ts=texts,
        message_ts=texts,
        response_url=texts,
        trigger_id=texts,
        subject=texts,
        ours=st.booleans(),
        guest=st.booleans(),
    )
)
def test_an_invocation_comes_back_as_it_was_stored(invocation):
    read = from_json(to_json(invocation))
    assert read == invocation


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
async def test_what_no_database_takes_does_not_lose_the_delivery(either_store, open_yard: Open, text):
    yard = await open_yard("p1", either_store)
    assert await yard.dispatcher.accept(yard.asks(text, person_name=text))
    await yard.settled()
    assert [row[1] for row in await yard.rows()] == ["done"]
