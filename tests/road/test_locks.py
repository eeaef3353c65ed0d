"""Locks as people meet them: in the way of a deployment, asked for, taken over, running out."""

import sqlite3

import pytest
import pytest_asyncio

from tests.road.shop import PLAIN, Shop, answer, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SHOPS = dict.fromkeys(("held", "asked", "stolen", "short", "mine", "late", "ending", "whole"), PLAIN)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS) as built:
        yield built


async def test_a_locked_place_refuses_offers_the_queue_and_goes_on_by_itself(town):
    shop = Shop(town, "held")
    await shop.slash("tom", '/lock {}/staging --reason "migrating PAY-300" --for 2h')
    shared = await shop.see("held/staging", "locked by @tom")
    assert not shared.get("ephemeral_to"), "a change is posted for all to see"
    await shop.slash("mia", "/deploy {}@1.4.1 to staging")
    refusal = await shop.told("mia", "Not deployed")
    read = words(refusal)
    assert "*held/staging* is locked by @tom since" in read
    assert "“migrating PAY-300”, until" in read
    assert "(locked)" in read
    assert buttons(refusal) == ["Wait in the queue", "Ask @tom", "Take over the lock…"]
    assert "    locked by @tom since" in words(answer(await shop.slash("mia", "/where {}")))

    await shop.press("mia", refusal, "Wait in the queue")
    queued = await shop.card("1.4.1", "staging", "queued")
    assert "It starts by itself when that ends" in words(queued)
    await shop.press("mia", refusal, "Ask @tom")
    await shop.told("mia", "@tom is asked")
    question = await shop.direct("tom", "@mia asks whether you still need your lock on held/staging")
    assert shop.rollouts("staging") == []
    await shop.press("tom", question, "Unlock now")
    await shop.card("1.4.1", "staging", ": done")
    assert await shop.runs("staging") == "1.4.1"


async def test_who_holds_the_lock_is_not_kept_out(town):
    shop = Shop(town, "mine")
    await shop.slash("mia", "/lock {} staging --for 1h")
    await shop.see("locked by @mia")
    await shop.deploy("1.4.1")


async def test_a_lock_of_somebody_else_is_not_unlocked(town):
    shop = Shop(town, "asked")
    await shop.slash("tom", "/lock {} production")
    await shop.see("until it is unlocked")
    await shop.slash("mia", "/unlock {} production")
    refusal = await shop.told("mia", "not_your_lock")
    assert "Who holds it unlocks it" in words(refusal)
    await shop.slash("mia", "/lock {} production")
    assert "locked by @tom" in words(await shop.told("mia", "(locked)"))
    await shop.press("mia", refusal, "Take over the lock…")
    assert "lock.break" in words(await shop.told("mia", "not_allowed"))
    await shop.slash("tom", "/unlock {} production")
    await shop.see("is unlocked by @tom")
    await shop.slash("tom", "/unlock {} production")
    await shop.told("tom", "not_locked")


async def test_taking_a_lock_over_tells_its_holder(town):
    shop = Shop(town, "stolen")
    await shop.slash("tom", '/lock {} staging --reason "a look at the disks"')
    await shop.see("locked by @tom")
    refusals = {}
    for name in ("ana", "raj"):
        await shop.slash(name, "/deploy {}@1.4.1 to staging")
        refusals[name] = await shop.told(name, "Not deployed")
    await shop.press("ana", refusals["ana"], "Take over the lock…")
    await shop.see("locked by @ana")
    assert "a look at the disks" in words(await shop.direct("tom", "@ana took over your lock on stolen/staging"))
    await shop.press("raj", refusals["raj"], "Take over the lock…")
    said = await shop.told("raj", "@ana")
    assert said, "the button names the lock it was made for, not whatever is there now"
    assert "    locked by @ana since" in words(answer(await shop.slash("mia", "/where {}")))
    await shop.deploy("1.4.1", user="ana")


async def test_how_long_a_lock_may_last(town):
    shop = Shop(town, "short")
    await shop.slash("tom", "/lock {} staging --for 10s")
    assert "between 1 minute and 30 days" in words(await shop.told("tom", "bad_duration"))
    await shop.slash("tom", "/lock {} staging --for soon")
    await shop.told("tom", "soon")


async def test_a_lock_that_runs_out_lets_the_queue_go_on(town):
    """A minute is the least a lock lasts: its end is moved to now in the store, while Shipmate is down."""
    shop = Shop(town, "ending")
    await shop.slash("tom", '/lock {} staging --reason "lunch" --for 1m')
    await shop.see("ending/staging", "locked by @tom")
    await shop.slash("mia", "/deploy {}@1.4.1 to staging --queue")
    await shop.card("1.4.1", "staging", "queued", "“lunch”")
    await town.kill()
    with sqlite3.connect(town.folder / "state" / "shipmate.db") as store:
        [(lock, taken_at)] = store.execute("SELECT id, taken_at FROM locks WHERE service = 'ending'").fetchall()
        store.execute("UPDATE locks SET expires_at = taken_at WHERE id = ?", [lock])
        store.execute("UPDATE starts SET not_before = ? WHERE workflow_id LIKE ?", [taken_at, f"{lock}/%"])
    store.close()
    await town.start()
    await shop.card("1.4.1", "staging", ": done")
    assert "lunch" in words(await shop.direct("tom", "Your lock on ending/staging has ended"))


async def test_everything_can_be_locked_at_once_by_who_may(town):
    shop = Shop(town, "whole")
    await shop.slash("raj", '/lock everything --reason "the network is being moved"')
    try:
        await shop.see("everything", "locked by @raj")
        await Shop(town, "late").slash("mia", "/deploy {}@1.4.1 to staging")
        refusal = await Shop(town, "late").told("mia", "Not deployed")
        assert "everything" in words(refusal)
        assert "the network is being moved" in words(refusal)
        assert "*everything* is locked by @raj since" in words(answer(await shop.slash("mia", "/where")))
    finally:
        await shop.slash("raj", "/unlock everything")
        await shop.see("everything", "is unlocked by @raj")
    await Shop(town, "late").deploy("1.4.1")
