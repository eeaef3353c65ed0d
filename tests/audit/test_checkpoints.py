"""Signed checkpoints: forged, foreign and missing ones are found; what they vouch for may be pruned."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.audit import Audit, Fault, entries, head
from bot.audit.checkpoints import Keys
from bot.audit.entries import digest, raw_columns
from bot.audit.forwarding import Forwarder
from bot.audit.keeping import Keeper
from bot.audit.search import Search
from bot.store import Store

from .conftest import HandClock, write
from .test_sinks import Numb, drain


def pem() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def keys() -> Keys:
    return Keys(pem())


@pytest.fixture
def audit(store: Store, clock: HandClock) -> Audit:
    return Audit(store, clock)


@pytest.fixture
def keeper(audit: Audit, keys: Keys) -> Keeper:
    return Keeper(audit, keys)


async def forge(store: Store, *, through: int) -> None:
    """Change entry 1 and compute every hash anew, head and all, as somebody with the database's password could."""
    async with store.write() as tx:
        chosen = sa.select(*raw_columns(store.dialect)).order_by(entries.c.number)
        rows = [dict(row) for row in (await tx.conn.execute(chosen)).mappings()][:through]
        previous = "0" * 64
        for row in rows:
            row["previous"] = previous
            row["outcome"] = "refused" if row["number"] == 1 else row["outcome"]
            row["hash"] = previous = digest(row)
            known = {name: row[name] for name in ("previous", "outcome", "hash")}
            await tx.conn.execute(sa.update(entries).where(entries.c.number == row["number"]).values(**known))
        await tx.conn.execute(sa.delete(entries).where(entries.c.number > through))
        await tx.conn.execute(sa.update(head).values(number=through, hash=previous))


async def test_a_checkpoint_vouches_for_all_before_it(store: Store, audit: Audit, keeper: Keeper, keys: Keys) -> None:
    await write(store, audit, 3)
    assert await keeper.checkpoint() == 3
    await write(store, audit, 1)
    verdict = await audit.verify(keys=keys)
    assert (verdict.ok, verdict.entries, verdict.checkpoints) == (True, 5, 1)


async def test_a_chain_forged_whole_is_found_by_its_checkpoint(
    store: Store, audit: Audit, keeper: Keeper, keys: Keys
) -> None:
    await write(store, audit, 3)
    await keeper.checkpoint()
    await forge(store, through=4)
    assert (await audit.verify()).ok  # without a key nobody can tell
    verdict = await audit.verify(keys=keys)
    assert (verdict.ok, verdict.fault, verdict.first_bad) == (False, Fault.CHECKPOINT, 4)


async def test_a_checkpoint_by_another_key_counts_only_where_it_is_known(
    store: Store, audit: Audit, keeper: Keeper, keys: Keys
) -> None:
    await write(store, audit, 1)
    await keeper.checkpoint()
    other = pem()
    assert (await audit.verify(keys=Keys(other))).fault is Fault.CHECKPOINT
    assert (await audit.verify(keys=Keys(other, [keys.public_pem()]))).ok


async def test_what_was_cut_off_after_a_checkpoint_is_found(
    store: Store, audit: Audit, keeper: Keeper, keys: Keys
) -> None:
    await write(store, audit, 2)
    await keeper.checkpoint()
    await write(store, audit, 3)
    async with store.write() as tx:
        await tx.conn.execute(sa.delete(entries).where(entries.c.number > 4))
    verdict = await audit.verify(keys=keys)
    assert (verdict.fault, verdict.first_bad) == (Fault.CUT_OFF, 5)


async def test_old_entries_are_pruned_and_the_rest_is_still_proven(
    store: Store, audit: Audit, keeper: Keeper, keys: Keys, clock: HandClock
) -> None:
    for _ in range(3):
        await write(store, audit, 4)
        await keeper.checkpoint()
        clock.pass_by(days=1)
    pruned = await keeper.prune(datetime(2026, 3, 3, tzinfo=UTC))
    assert (pruned.entries, pruned.through) == (9, 9)
    verdict = await audit.verify(keys=keys)
    assert (verdict.ok, verdict.pruned, verdict.entries, verdict.checkpoints) == (True, 9, 7, 2), verdict
    assert (await audit.recent(limit=1))[0].data["through"] == 9
    assert (await audit.verify()).fault is Fault.CHECKPOINT  # without a key it cannot be told
    assert (await keeper.prune(datetime(2026, 4, 1, tzinfo=UTC))).through == 14
    assert (await audit.verify(keys=keys)).ok


async def test_entries_that_somebody_else_removed_are_no_pruned_ones(
    store: Store, audit: Audit, keeper: Keeper, keys: Keys
) -> None:
    await write(store, audit, 4)
    await keeper.checkpoint()
    await write(store, audit, 1)
    async with store.write() as tx:
        await tx.conn.execute(sa.delete(entries).where(entries.c.number < 5))
    verdict = await audit.verify(keys=keys)
    assert (verdict.fault, verdict.first_bad) == (Fault.REMOVED, 4)
    assert "no entry says that they were pruned" in verdict.reason


async def test_nothing_is_pruned_that_is_not_proven_signed_and_sent(
    store: Store, audit: Audit, keeper: Keeper, clock: HandClock
) -> None:
    tomorrow = datetime(2026, 3, 2, tzinfo=UTC)
    await write(store, audit, 2)
    with pytest.raises(ValueError, match="no checkpoint from before"):
        await keeper.prune(tomorrow)
    await keeper.checkpoint()
    with pytest.raises(ValueError, match="siem has not got every entry up to 2 yet"):
        await keeper.prune(tomorrow, sinks=("siem",))
    await drain(Forwarder("siem", Numb(), audit=audit, owner="p1"))
    async with store.write() as tx:
        await tx.conn.execute(sa.update(entries).where(entries.c.number == 2).values(outcome="refused"))
    with pytest.raises(ValueError, match="not whole, so nothing was pruned: entry 2"):
        await keeper.prune(tomorrow, sinks=("siem",))
    assert len(await audit.recent()) == 3


async def test_one_checkpoint_a_day_where_something_happened(
    store: Store, audit: Audit, keeper: Keeper, clock: HandClock
) -> None:
    assert not await keeper.look()
    await write(store, audit, 1)
    assert [await keeper.look(), await keeper.look()] == [True, False]
    await write(store, audit, 1)
    assert not await keeper.look()
    clock.pass_by(days=1)
    assert [await keeper.look(), await keeper.look()] == [True, False]
    clock.pass_by(days=1)
    assert not await keeper.look()
    signed = [entry.data["number"] for entry in await audit.find(Search(action="audit.checkpoint"))]
    assert signed == [3, 1]


async def test_without_a_key_nothing_is_signed(store: Store, audit: Audit) -> None:
    await write(store, audit, 1)
    with pytest.raises(ValueError, match=r"set audit\.signing_key"):
        await Keeper(audit, Keys()).checkpoint()
