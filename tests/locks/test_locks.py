"""Locks: one holder, idempotent, until their end; told, and never overlooked."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from bot.errors import BadInput, Refused, UserError
from bot.locks import records
from bot.locks.locks import Wish
from bot.locks.rules import Scope, State, covering, first_in_force, in_force
from tests.locks.wharf import EU, MIA, PRODUCTION, STAGING, TOM, Wharf


async def test_one_of_many_wins(wharf: Wharf):
    answers = await asyncio.gather(
        *(wharf.take(person, PRODUCTION) for person in (MIA, TOM, MIA, TOM, MIA)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, UserError)]
    won = {answer for answer in answers if isinstance(answer, str)}
    assert {error.code for error in refused} <= {"locked", "lock_raced"}
    assert len(won) == 1
    assert len(refused) in {2, 3}


async def test_the_same_owner_extends(wharf: Wharf):
    first = await wharf.take(MIA, PRODUCTION, duration=timedelta(hours=1), reason="migrating")
    wharf.clock.at += timedelta(minutes=30)
    again = await wharf.take(MIA, PRODUCTION, duration=timedelta(hours=1))
    assert again == first
    wharf.clock.at += timedelta(minutes=45)
    assert await wharf.blocking(PRODUCTION) == first
    assert await wharf.changed() == ["lock.taken"]
    assert await wharf.deadlines() == [
        "lock.expire.v1 13:00",
        "lock.expire.v1 13:30",
        "lock.nag.v1 12:54",
        "lock.nag.v1 13:21",
    ]


async def test_wider_locks_block_narrower_places(wharf: Wharf):
    assert await wharf.blocking(EU) == ""
    environment = await wharf.take(TOM, PRODUCTION)
    assert await wharf.blocking(EU) == environment
    assert await wharf.blocking(STAGING) == ""
    everything = await wharf.take(TOM, Scope())
    assert await wharf.blocking(EU) == everything
    assert await wharf.blocking(STAGING) == everything
    assert await wharf.blocking(STAGING, TOM) == ""
    assert await wharf.blocking(STAGING, MIA) == everything


async def test_expiry_is_decided_on_read(wharf: Wharf):
    lock = await wharf.take(TOM, PRODUCTION, duration=timedelta(hours=1))
    await wharf.locks.expire(lock)
    assert await wharf.blocking(PRODUCTION) == lock
    wharf.clock.at += timedelta(hours=1)
    assert await wharf.blocking(PRODUCTION) == ""
    assert await wharf.take(MIA, PRODUCTION) != lock
    await wharf.locks.expire(lock)
    assert await wharf.told() == [("tom", f"direct/{lock}/ended")]


async def test_whose_time_is_over_holds_nothing_though_it_is_not_written_yet(wharf: Wharf):
    """Who takes it next writes the end of the one before: log, change, and whoever waited for it."""
    lock = await wharf.take(TOM, PRODUCTION, duration=timedelta(hours=1))
    wharf.clock.at += timedelta(hours=2)
    for refused in (
        wharf.locks.take_over(Wish(scope=PRODUCTION, person=MIA), lock_id=lock),
        wharf.locks.release(PRODUCTION, TOM),
        wharf.locks.ask_holder(PRODUCTION, MIA, "r1"),
    ):
        with pytest.raises(Refused) as caught:
            await refused
        assert caught.value.code == "not_locked"
    assert wharf.freed == []
    await wharf.take(TOM, PRODUCTION)
    assert wharf.freed == ["checkout/production"]
    assert await wharf.changed() == ["lock.taken", "lock.released", "lock.taken"]
    assert [entry.action for entry in await wharf.audit.recent()] == ["lock.take", "lock.expired", "lock.take"]
    assert await wharf.told() == [], "it is theirs again"


async def test_its_end_frees_the_place_and_tells_the_holder(wharf: Wharf):
    lock = await wharf.take(TOM, PRODUCTION, duration=timedelta(hours=1))
    wharf.clock.at += timedelta(hours=1)
    for _ in range(2):
        await wharf.locks.expire(lock)
    assert wharf.freed == ["checkout/production"]
    assert [who for who, _ in await wharf.told()] == ["tom"]
    assert await wharf.changed() == ["lock.taken", "lock.released"]


async def test_nagged_once_near_the_end(wharf: Wharf):
    lock = await wharf.take(TOM, PRODUCTION, duration=timedelta(hours=1))
    await wharf.locks.nag(lock)
    assert await wharf.told() == []
    wharf.clock.at += timedelta(minutes=55)
    for _ in range(2):
        await wharf.locks.nag(lock)
    assert [who for who, _ in await wharf.told()] == ["tom"]


async def test_one_without_an_end_is_asked_about_once_a_day(wharf: Wharf):
    lock = await wharf.take(TOM, PRODUCTION)
    assert await wharf.deadlines() == ["lock.nag.v1 12:00"]
    await wharf.locks.nag(lock)
    assert await wharf.told() == []
    for day in (1, 2):
        wharf.clock.at += timedelta(days=1)
        for _ in range(2):
            await wharf.locks.nag(lock)
        assert [who for who, _ in await wharf.told()] == ["tom"] * day
    await wharf.locks.release(PRODUCTION, TOM)
    wharf.clock.at += timedelta(days=1)
    await wharf.locks.nag(lock)
    assert len(await wharf.told()) == 2


async def test_only_the_holder_unlocks(wharf: Wharf):
    await wharf.take(TOM, PRODUCTION)
    with pytest.raises(Refused) as caught:
        await wharf.locks.release(PRODUCTION, MIA)
    assert caught.value.code == "not_your_lock"
    assert [move.command for move in caught.value.moves] == ["ask-holder", "take-over"]
    await wharf.locks.release(PRODUCTION, TOM)
    with pytest.raises(Refused) as caught:
        await wharf.locks.release(PRODUCTION, TOM)
    assert caught.value.code == "not_locked"


async def test_taking_over_tells_the_victim(wharf: Wharf):
    lock = await wharf.take(TOM, PRODUCTION, reason="migrating")
    wish = Wish(scope=PRODUCTION, person=MIA)
    taken = await wharf.locks.take_over(wish, lock_id=lock)
    assert taken.lock.reason == "migrating"
    assert [who for who, _ in await wharf.told()] == ["tom"]
    assert (await wharf.locks.take_over(wish, lock_id=lock)).lock.id == taken.lock.id
    assert wharf.freed == ["checkout/production"]
    with pytest.raises(Refused):
        await wharf.locks.take_over(Wish(scope=PRODUCTION, person=TOM), lock_id=lock)


async def test_an_unreadable_lock_blocks(wharf: Wharf):
    lock = await wharf.take(TOM, PRODUCTION)
    async with wharf.store.write() as tx:
        change = sa.update(records.locks).where(records.locks.c.id == lock).values(owner_kind="martian")
        await tx.conn.execute(change)
    with pytest.raises(Refused) as caught:
        await wharf.blocking(EU)
    assert caught.value.code == "lock_unreadable"


async def test_length_is_bounded(wharf: Wharf):
    for duration in (timedelta(seconds=1), timedelta(days=31)):
        with pytest.raises(BadInput):
            await wharf.take(TOM, PRODUCTION, duration=duration)


async def test_every_act_is_in_the_audit_log(wharf: Wharf):
    await wharf.take(TOM, PRODUCTION)
    await wharf.locks.release(PRODUCTION, TOM)
    assert [entry.action for entry in await wharf.audit.recent()] == ["lock.released", "lock.take"]
    assert (await wharf.audit.verify()).ok


SCOPES = [Scope(), PRODUCTION, STAGING, EU, Scope("cart", "production")]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TIMES = st.none() | st.integers(-3, 3).map(lambda hours: NOW + timedelta(hours=hours))
LOCKS = st.lists(st.tuples(st.sampled_from(SCOPES), st.sampled_from([*State, "martian"]), TIMES), max_size=5)


@given(LOCKS, st.sampled_from(SCOPES))
def test_free_only_if_nothing_in_force_covers_it(found: list[tuple[Scope, str, datetime | None]], scope: Scope):
    in_the_way = {one for one, state, until in found if in_force(state, until, NOW)} & set(covering(scope))
    first = first_in_force(found, scope, NOW)
    assert (first is None) == (not in_the_way)
    if Scope() in in_the_way:
        assert first == Scope()
