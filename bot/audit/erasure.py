"""Erasing a person from the audit log: what the pseudonym stands for, what they typed, and what names them.

The chain stays as it is, and an entry of its own says what was erased, by whom, and why; it does not say who.
"""

import json
import re
from collections.abc import AsyncIterator, Iterable, Sequence

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit.erased import ERASED
from bot.audit.log import Audit
from bot.audit.people import named_by
from bot.audit.tables import HEAD, entries, head, people, personal
from bot.command import Resource
from bot.identity import Person
from bot.store import Tx

_BATCH = 1000


class Found(Struct, frozen=True):
    """What would be erased: pseudonyms, how many entries are theirs, and the others' entries that name them."""

    pseudonyms: tuple[str, ...]
    own: int
    naming: tuple[int, ...]
    through: int


async def look(conn: AsyncConnection, person: Person, names: Sequence[str]) -> Found:
    """Return what there is to erase of a person who is also called these names; details are read a thousand a time."""
    chosen = sa.select(people.c.pseudonym).where(named_by(person))
    pseudonyms = tuple((await conn.execute(chosen)).scalars())
    theirs = sa.select(sa.func.count()).select_from(entries).where(entries.c.actor.in_(pseudonyms))
    own = (await conn.execute(theirs)).scalar_one()
    found = [number async for number in _naming(conn, pseudonyms, [person.user, *names])]
    last = (await conn.execute(sa.select(sa.func.coalesce(sa.func.max(head.c.number), 0)))).scalar_one()
    return Found(pseudonyms, own, tuple(found), last)


async def erase(
    tx: Tx, audit: Audit, person: Person, *, names: Sequence[str], by: Sequence[Person], request_id: str, subject: str
) -> Found:
    """Erase a person in `tx`, write the entry that says so, and return what was erased.

    `by` are who confirmed it, and who asked. The log is locked meanwhile.
    """
    await audit.lock_head(tx.conn)
    found = await look(tx.conn, person, names)
    own = sa.select(entries.c.number).where(entries.c.actor.in_(found.pseudonyms))
    await tx.conn.execute(sa.delete(personal).where(personal.c.number.in_(own)))
    for start in range(0, len(found.naming), _BATCH):
        some = found.naming[start : start + _BATCH]
        await tx.conn.execute(sa.delete(personal).where(personal.c.number.in_(some)))
    await tx.conn.execute(sa.delete(people).where(people.c.pseudonym.in_(found.pseudonyms)))
    await tx.conn.execute(sa.update(head).where(head.c.id == HEAD).values(erasures=head.c.erasures + 1))
    await audit.record(
        tx,
        actor=by[0],
        action=ERASED,
        outcome="succeeded",
        resource=Resource(),
        request_id=request_id,
        subject=subject,
        data={
            "pseudonyms": list(found.pseudonyms),
            "entries": list(_spans(found.naming)),
            "count": found.own,
            "asked_by": [one.key for one in by[1:]],
        },
    )
    return found


async def _naming(conn: AsyncConnection, pseudonyms: Sequence[str], names: Iterable[str]) -> AsyncIterator[int]:
    """Yield the entries of others whose details hold one of these names as a word of its own."""
    words = "|".join(re.escape(name.strip()) for name in names if name.strip())
    named, after = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE), 0
    while True:
        both = personal.join(entries, entries.c.number == personal.c.number)
        chosen = sa.select(personal.c.number, personal.c.text, entries.c.actor).select_from(both)
        page = chosen.where(personal.c.number > after).order_by(personal.c.number).limit(_BATCH)
        rows = (await conn.execute(page)).all()
        for row in rows:
            if row.actor not in pseudonyms and named.search(_read(row.text)):
                yield row.number
        if len(rows) < _BATCH:
            return
        after = rows[-1].number


def _spans(numbers: Sequence[int]) -> Iterable[str]:
    """Yield rising numbers as texts, neighbours as one: "3", "7-9"."""
    start = 0
    for place, number in enumerate(numbers):
        if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
            yield str(number) if start == place else f"{numbers[start]}-{number}"
            start = place + 1


def _read(text: str) -> str:
    """Return details without the escapes of their JSON; what somebody changed into nonsense as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
