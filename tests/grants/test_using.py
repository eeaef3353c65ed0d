"""Grants in use: renewed by one writer, revoked by either side, taken from who left, unreadable without their key."""

import asyncio

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.command import Resource
from bot.errors import Degraded, Refused
from bot.grants import records
from bot.grants.grants import Purpose
from bot.grants.housekeeping import SWEEP
from bot.store.starts import next_due
from integrations.errors import NotAuthenticated, OutcomeUnknown, Unavailable
from tests.grants.conftest import MIA, PUBLIC, TOM, Quay, buttons, key, words


async def test_without_a_grant_nothing_is_done_and_a_sign_in_is_offered(quay):
    with pytest.raises(Refused) as refused:
        await quay.use(MIA)
    assert refused.value.code == "not_connected"
    assert [move.label for move in refused.value.moves] == ["Connect forge…"]


async def test_a_grant_that_ends_is_renewed_before_it_is_used(quay, forge, clock):
    await quay.connect(MIA, "mia")
    clock.pass_by(minutes=119, seconds=30)
    assert await quay.use(MIA) == "mia"
    assert forge.calls["renew"] == 1
    assert await quay.use(MIA) == "mia"
    assert forge.calls["renew"] == 1
    assert forge.alive("mia") == 1


async def test_many_at_once_renew_it_once(quay, forge, clock):
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)
    assert await asyncio.gather(*(quay.use(MIA) for _ in range(8))) == ["mia"] * 8
    assert forge.calls["renew"] == 1


async def test_replicas_renew_it_once(quay, forge, clock, store, crew, keys):
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)
    replicas = [Quay(store, clock, forge, crew, keys, PUBLIC) for _ in range(3)]
    assert await asyncio.gather(*(one.use(MIA) for one in replicas for _ in range(2))) == ["mia"] * 6
    assert forge.calls["renew"] == 1


async def test_the_renewed_grant_survives_a_crash_before_it_is_used(quay, forge, clock, store, crew, keys):
    """Killed after the tool renewed and before we kept it: the old refresh token still works, after the lease."""
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)

    def die() -> None:
        raise asyncio.CancelledError

    renew = forge.renew

    async def renew_and_die(grant):
        await renew(grant)
        die()

    forge.renew = renew_and_die
    with pytest.raises(asyncio.CancelledError):
        await quay.use(MIA)
    forge.renew = renew
    clock.pass_by(seconds=61)
    following = Quay(store, clock, forge, crew, keys, PUBLIC)
    assert await following.use(MIA) == "mia"
    again = Quay(store, clock, forge, crew, keys, PUBLIC)
    assert await again.use(MIA) == "mia"
    assert forge.calls["renew"] == 2


async def test_a_renewal_that_hangs_is_waited_for_and_then_said(quay, forge, clock, store, crew, keys):
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)
    begun, go_on = asyncio.Event(), asyncio.Event()
    renew = forge.renew

    async def slow(grant):
        begun.set()
        await go_on.wait()
        return await renew(grant)

    forge.renew = slow
    first = asyncio.create_task(quay.use(MIA))
    await begun.wait()
    other = Quay(store, clock, forge, crew, keys, PUBLIC)
    second = asyncio.create_task(other.use(MIA))
    third = asyncio.create_task(Quay(store, clock, forge, crew, keys, PUBLIC).use(MIA))
    while not second.done():
        clock.pass_by(seconds=1)
        await asyncio.sleep(0.01)
        if clock.now().minute > 10:
            break
    with pytest.raises(Degraded):
        await second
    go_on.set()
    assert await first == "mia"
    await asyncio.gather(third, return_exceptions=True)
    assert await other.use(MIA) == "mia"


@pytest.mark.parametrize(
    "failure", [Unavailable("forge", "no answer"), OutcomeUnknown("forge", "no answer", request_id="")]
)
async def test_a_renewal_that_finds_no_answer_is_tried_again_the_next_time(quay, forge, clock, failure):
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)
    forge.failure = failure
    with pytest.raises(type(failure)):
        await quay.use(MIA)
    forge.failure = None
    assert await quay.use(MIA) == "mia"


async def test_what_was_revoked_at_the_tool_is_forgotten_and_its_person_told(quay, forge):
    await quay.connect(MIA, "mia")
    forge.revoke_all("mia")
    with pytest.raises(Refused) as refused:
        await quay.use(MIA)
    assert refused.value.code == "not_connected"
    assert await quay.grants.has(MIA, "forge") is False
    told = (await quay.told(MIA))[-1]
    assert "can no longer act as @mia in forge" in told.summary
    assert "Connect forge again…" in buttons(told)
    (entry,) = await quay.entries("grant.ended")
    assert entry.data["account"] == "mia"
    await quay.connect(MIA, "mia")
    assert await quay.use(MIA) == "mia"


async def test_an_access_token_that_ended_early_is_renewed_once(quay, forge):
    await quay.connect(MIA, "mia")
    seen = []

    async def act(grant):
        seen.append(grant.access_token.get_secret_value())
        if len(seen) == 1:
            raise NotAuthenticated("forge", "expired early")
        return "done"

    purpose = Purpose(action="x", what="do it", subject="s", resource=Resource("checkout"))
    assert await quay.grants.act(MIA, "forge", purpose, act) == "done"
    assert len(set(seen)) == 2


async def test_disconnect_revokes_there_and_forgets_here(quay, forge):
    await quay.connect(MIA, "mia")
    said = await quay.ask(MIA, "connections")
    assert "@mia" in words(said)
    reply = await quay.press(MIA, said, "Disconnect forge…")
    assert "disconnected" in words(reply)
    assert forge.alive("mia") == 0
    assert await quay.grants.has(MIA, "forge") is False
    (entry,) = await quay.entries("grant.revoked")
    assert (entry.actor, entry.data["why"]) == (MIA, "disconnected by them")
    assert (await quay.ask(MIA, "disconnect forge")).code == "not_connected"


async def test_disconnect_while_the_tool_is_away_lends_nothing_more_and_is_made_up_for(quay, forge):
    await quay.connect(MIA, "mia")
    forge.failure = Unavailable("forge", "no answer")
    assert "as soon as it answers" in words(await quay.ask(MIA, "disconnect forge"))
    forge.failure = None
    with pytest.raises(Refused):
        await quay.use(MIA)
    assert "being revoked" in words(await quay.ask(MIA, "connections"))
    await quay.housekeeping.sweep()
    assert forge.alive("mia") == 0
    assert "no account" in words(await quay.ask(MIA, "connections"))


async def test_disconnect_during_a_renewal_leaves_nothing_alive(quay, forge, clock):
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)
    renew = forge.renew

    async def disconnected_meanwhile(grant):
        fresh = await renew(grant)
        await quay.grants.disconnect(MIA, "forge")
        return fresh

    forge.renew = disconnected_meanwhile
    with pytest.raises(Refused):
        await quay.use(MIA)
    assert forge.alive("mia") == 0


async def test_a_leavers_grant_is_revoked_at_the_next_sweep(quay, forge, crew):
    await quay.connect(MIA, "mia")
    await quay.connect(TOM, "tom")
    crew.gone.add(MIA)
    await quay.housekeeping.sweep()
    assert (forge.alive("mia"), forge.alive("tom")) == (0, 1)
    (entry,) = await quay.entries("grant.revoked")
    assert (entry.actor.user, entry.data["person"]) == ("shipmate", MIA.key)


async def test_a_leavers_grant_is_not_used_even_before_the_sweep(quay, forge, crew):
    await quay.connect(MIA, "mia")
    crew.gone.add(MIA)
    with pytest.raises(Refused) as refused:
        await quay.use(MIA)
    assert refused.value.code == "not_in_team"
    assert forge.alive("mia") == 0


async def test_while_slack_does_not_say_who_somebody_is_nothing_is_lent_and_nothing_taken(quay, forge, crew):
    await quay.connect(MIA, "mia")
    crew.silent = True
    with pytest.raises(Degraded):
        await quay.use(MIA)
    await quay.housekeeping.sweep()
    crew.silent = False
    assert await quay.use(MIA) == "mia"


async def test_sweeps_follow_each_other_by_the_hour(quay, clock):
    await quay.housekeeping.begin()
    due = await next_due(quay.store, clock.now())
    assert due is not None
    assert (due - clock.now()).total_seconds() == 3600
    assert SWEEP == "grant.sweep.v1"


async def test_nothing_in_the_store_is_readable_without_the_key(quay, forge, clock, store, crew, keys):
    await quay.connect(MIA, "mia")
    clock.pass_by(hours=3)
    await quay.use(MIA)
    stored = await quay.everything_stored()
    assert forge.tokens()
    assert not [token for token in forge.tokens() if token in stored]
    assert "mia@example.org" not in stored
    wrong = Quay(store, clock, forge, crew, [key()], PUBLIC)
    with pytest.raises(Refused) as refused:
        await wrong.use(MIA)
    assert refused.value.code == "not_connected"
    assert "cannot be read" in words(await wrong.ask(MIA, "connections"))
    assert await wrong.housekeeping.rotate() == 1
    await wrong.web.stop()
    assert await quay.use(MIA) == "mia", "and the right key still opens it"


async def test_keys_are_rotated_by_a_list(quay, forge, clock, store, crew, keys):
    await quay.connect(MIA, "mia")
    newer = SecretStr(Fernet.generate_key().decode())
    both = Quay(store, clock, forge, crew, [newer, *keys], PUBLIC)
    assert await both.use(MIA) == "mia"
    assert await both.housekeeping.rotate() == 0
    alone = Quay(store, clock, forge, crew, [newer], PUBLIC)
    assert await alone.use(MIA) == "mia"
    assert await both.housekeeping.rotate() == 0, "nothing is left to do"


async def test_a_row_copied_over_anothers_opens_for_nobody(quay, store):
    await quay.connect(MIA, "mia")
    await quay.connect(TOM, "tom")
    async with store.write() as tx:
        mine = await records.get(tx.conn, MIA, "forge")
        theirs = await records.get(tx.conn, TOM, "forge")
        assert mine is not None
        assert theirs is not None
        await records.replace_sealed(tx, mine, theirs.sealed)
    with pytest.raises(Refused) as refused:
        await quay.use(MIA)
    assert refused.value.code == "not_connected"
