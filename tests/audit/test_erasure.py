"""Erasing a person: nobody finds them any more, the chain is whole, and nobody can do it in secret or alone."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.audit import Audit, Fault, Search, entries, wishes
from bot.audit.export import json_line, line
from bot.audit.people import pseudonym
from bot.audit.tables import people, personal
from bot.command import Resource
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.store import Store

from .conftest import HandClock, write
from .test_checkpoints import pem
from .test_search import ANA, MIA, TOM, Desk, button, lines

SECRETS = ("U1MIA", "Kowalska", "mia@example.com")


@pytest.fixture
async def audit(store: Store, clock: HandClock) -> Audit:
    """Return a log of Mia, of Tom who names her, and of Tom who names "Miami" alone."""
    audit = Audit(store, clock)
    await write(store, audit, 3, actor=MIA, data={"sha": "abc", "words": "for the Kowalskas"}, rule="mia may (p[0])")
    await write(store, audit, 1, actor=TOM, data={"asked": "approve, says Mia KOWALSKA", "code": "locked"})
    await write(store, audit, 1, actor=TOM, data={"asked": "deploy to Miami", "channel": "-/T1/D1"})
    await write(store, audit, 1, actor=Person("T1", "U1MIA", "E1"), data={"reason": "é"})
    return audit


async def erase(audit: Audit) -> str:
    wish, _ = await wishes.ask(audit, MIA, ["mia", "Mia Kowalska"], TOM)
    await wishes.confirm(audit, wish.id, ANA, request_id="r1")
    return wish.id


async def everything(store: Store) -> str:
    """Return all that the tables of the log hold."""
    async with store.read() as conn:
        names = [name for name in entries.metadata.tables if name.startswith("audit_")]
        rows = [(await conn.execute(sa.select(entries.metadata.tables[name]))).all() for name in names]
    return repr(rows)


async def test_nothing_of_them_is_left_and_the_chain_is_whole(store: Store, audit: Audit) -> None:
    head = (await audit.verify()).head
    assert "U1MIA" in await everything(store)
    await erase(audit)
    left = await everything(store)
    assert not [word for word in (*SECRETS, "KOWALSKA", "mia may") if word in left]
    verdict = await audit.verify(expected=head)
    assert verdict.ok, verdict
    told = list(reversed(await audit.recent()))
    assert told[0].actor.team == told[5].actor.team == "erased"
    assert told[0].actor != told[5].actor  # two accounts of one person are not told to be one
    assert (told[0].data, told[0].rule) == ({"sha": "abc"}, "p[0]")
    assert (told[3].actor, told[3].data) == (TOM, {"code": "locked"})
    assert told[4].data == {"asked": "deploy to Miami", "channel": "-/T1/D1"}
    assert (told[6].action, told[6].actor, told[6].data["count"], told[6].data["entries"]) == (
        "audit.erased",
        ANA,
        4,
        ["4"],
    )


async def test_who_comes_back_is_somebody_new(store: Store, audit: Audit) -> None:
    before = (await audit.recent())[-1].chained["actor"]
    await erase(audit)
    await write(store, audit, 1, actor=MIA)
    newest = (await audit.recent())[0]
    assert newest.actor == MIA
    assert newest.chained["actor"] != before
    assert (await audit.verify()).ok


async def test_one_who_asked_cannot_confirm_nor_whom_it_is_about_nor_anybody_twice(audit: Audit) -> None:
    wish, found = await wishes.ask(audit, MIA, ["Mia Kowalska"], TOM)
    assert (found.own, found.naming) == (4, (4,))
    for person, code in ((TOM, "same_person"), (MIA, "about_yourself")):
        with pytest.raises(Refused) as refused:
            await wishes.confirm(audit, wish.id, person, request_id="r")
        assert refused.value.code == code
    await wishes.confirm(audit, wish.id, ANA, request_id="r")
    with pytest.raises(BadInput, match="no wish"):
        await wishes.confirm(audit, wish.id, ANA, request_id="r")
    with pytest.raises(BadInput, match="nothing by them"):
        await wishes.ask(audit, MIA, ["Mia Kowalska"], TOM)


async def test_of_racing_confirmations_one_wins(store: Store, audit: Audit) -> None:
    wish, _ = await wishes.ask(audit, MIA, ["mia"], TOM)
    people = [Person("T1", f"U1OFFICER{number}") for number in range(8)]
    racing = (wishes.confirm(audit, wish.id, person, request_id=person.user) for person in people)
    outcomes = await asyncio.gather(*racing, write(store, audit, 5, actor=MIA), return_exceptions=True)
    lost = [one for one in outcomes if isinstance(one, BadInput)]
    assert (len(lost), {one.code for one in lost}) == (7, {"unknown_erasure"})
    assert len(await audit.find(Search(action="audit.erased"))) == 1
    verdict = await audit.verify()
    assert verdict.ok, verdict


async def test_a_wish_ends_after_a_week(audit: Audit, clock: HandClock) -> None:
    wish, _ = await wishes.ask(audit, MIA, [], TOM)
    clock.pass_by(days=7)
    with pytest.raises(BadInput, match="older than a week"):
        await wishes.confirm(audit, wish.id, ANA, request_id="r")


async def test_accounts_are_no_people(audit: Audit) -> None:
    with pytest.raises(BadInput, match="Accounts are no people"):
        await wishes.ask(audit, Person("account", "ci"), [], TOM)


def _blame() -> Any:
    """Put another in Mia's place, with a salt of one's own."""
    return sa.update(people).where(people.c.person == MIA).values(person=Person("T1", "U9"), salt="0" * 64)


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (_blame, "who wrote entry 1 was changed"),
        (lambda: sa.delete(people).where(people.c.person == MIA), "nothing tells who wrote entry 1"),
        (lambda: sa.delete(personal).where(personal.c.number == 2), "the details of entry 2 were removed"),
        (
            lambda: sa.update(personal).where(personal.c.number == 2).values(text="{}"),
            "details of entry 2 were changed",
        ),
    ],
)
async def test_erasing_in_secret_is_found(store: Store, audit: Audit, tamper: Any, words: str) -> None:
    async with store.write() as tx:
        await tx.conn.execute(tamper())
    verdict = await audit.verify()
    assert (verdict.ok, verdict.fault) == (False, Fault.PERSONAL)
    assert words in verdict.reason


async def test_details_added_to_an_entry_that_had_none_are_found(file_store: Store, clock: HandClock) -> None:
    audit = Audit(file_store, clock)
    await write(file_store, audit, 1)
    async with file_store.write() as tx:
        await tx.conn.execute(sa.insert(personal).values(number=1, text='{"words":"I did it"}', salt="1"))
    assert (await audit.verify()).fault is Fault.PERSONAL


async def test_a_wish_that_is_rolled_back_erases_nothing(store: Store, audit: Audit) -> None:
    """And the pseudonym that was made in a transaction that failed names nobody afterwards."""
    with pytest.raises(RuntimeError):
        await _record_and_fail(store, audit)
    await write(store, audit, 1, actor=Person("T1", "U1NEW"))
    assert (await audit.verify()).ok
    assert (await audit.recent(limit=1))[0].actor.user == "U1NEW"


async def _record_and_fail(store: Store, audit: Audit) -> None:
    async with store.write() as tx:
        await audit.record(tx, actor=Person("T1", "U1NEW"), action="a", outcome="o", resource=Resource())
        raise RuntimeError


async def test_a_sink_holds_pseudonyms_unless_told_otherwise(audit: Audit) -> None:
    oldest = (await audit.recent())[-1]
    assert not [word for word in SECRETS if word in json_line(oldest, named=False) + line(oldest, "csv", named=False)]
    named = json.loads(json_line(oldest, named=True))
    assert named["person"] == MIA.key
    assert named["actor"] == pseudonym(MIA, named["person_salt"])
    assert named["details"]["words"] == "for the Kowalskas"


async def test_pruning_removes_what_stands_beside(file_store: Store, clock: HandClock) -> None:
    from bot.audit.checkpoints import Keys  # noqa: PLC0415 - only here
    from bot.audit.keeping import Keeper  # noqa: PLC0415 - the same

    audit, keys = Audit(file_store, clock), Keys(pem())
    await write(file_store, audit, 2, actor=MIA, data={"words": "x"})
    await write(file_store, audit, 2, actor=TOM, data={"words": "x"})
    await erase(audit)
    await Keeper(audit, keys).checkpoint()
    clock.pass_by(days=1)
    await Keeper(audit, keys).prune(clock.now())
    async with file_store.read() as conn:
        kept = (await conn.execute(sa.select(personal.c.number).order_by(personal.c.number))).scalars().all()
    assert not kept
    await write(file_store, audit, 1, actor=TOM, data={"words": "x"})
    assert (await audit.verify(keys=keys)).ok


async def test_by_command_with_a_second_person(file_store: Store, clock: HandClock, tmp_path: Path) -> None:
    desk = Desk(file_store, clock)
    await write(file_store, desk.audit, 2, actor=MIA)
    asked = await desk.ask('erase @mia --also "Kowalska"')
    assert asked.share
    press = button(asked)
    assert press is not None
    assert (await desk.press(press)).code == "same_person"
    again = await desk.ask("", ANA, command=press.command, args=press.args)
    assert (again.code, "ER-1 is done" in again.summary) == ("", True)
    assert not [word for word in SECRETS if word in await everything(file_store)]
    shown = "\n".join(lines(await desk.ask("audit --action deploy")))
    assert "erased person #" in shown
    assert (await desk.audit.verify()).ok
    assert (await desk.ask("erase @tom", MIA)).code == "not_allowed"
