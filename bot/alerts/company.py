"""The tables of who was asked to help with a group and of what was noted on it, and how its message tells of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts.records import groups
from bot.amounts import count
from bot.identity import Person
from bot.reply import Markup, joined, moment, say
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata

_MOST = 5


class Answer(StrEnum):
    """What somebody who was asked to help said."""

    NONE = ""
    COMING = "coming"
    CANNOT = "cannot"


class Responder(Struct, frozen=True, kw_only=True):
    """Somebody who was asked to help with a group: by whom, when, and what they said. `number` counts the askings."""

    group_id: str
    person: Person
    asked_by: Person
    asked_at: datetime
    number: int = 1
    answer: Answer = Answer.NONE


class Noted(Struct, frozen=True, kw_only=True):
    """One note on a group. `source` is what it was made from, such as a message, so that it is made once."""

    group_id: str
    person: Person
    at: datetime
    text: str
    source: str


class Company(Struct, frozen=True, kw_only=True):
    """Who was asked to help with a group, and how many notes there are."""

    responders: Sequence[Responder] = ()
    notes: int = 0

    def lines(self, name_of: Callable[[Person], str]) -> list[Markup]:
        """Return the lines of the group's message that tell of it."""
        words: Mapping[Answer, str] = {Answer.COMING: "coming", Answer.CANNOT: "cannot come"}
        told = [
            say("@{} ({})", name_of(one.person), words[one.answer])
            if one.answer
            else say("@{} (asked at {})", name_of(one.person), moment(one.asked_at))
            for one in self.responders
        ]
        more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
        lines = [say("Asked to help: {}{}", joined(", ", told[:_MOST]), more)] if told else []
        return [*lines, say("{}, all in /alert", count(self.notes, "note"))] if self.notes else lines


responders = sa.Table(
    "alert_responders",
    metadata,
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("person", PersonColumn, primary_key=True),
    sa.Column("asked_by", PersonColumn, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("answer", sa.String(16), nullable=False),
)

notes = sa.Table(
    "alert_notes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("source", sa.String(255), nullable=False),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.UniqueConstraint("group_id", "source"),
)


async def of(conn: AsyncConnection, group_id: str) -> Company:
    """Return who was asked to help with a group, the first asked first, and how many notes there are."""
    statement = sa.select(responders).where(responders.c.group_id == group_id)
    rows = (await conn.execute(statement.order_by(responders.c.asked_at))).all()
    found = [_responder(row) for row in rows]
    number = sa.select(sa.func.count()).select_from(notes).where(notes.c.group_id == group_id)
    return Company(responders=found, notes=int((await conn.execute(number)).scalar_one()))


async def responder(conn: AsyncConnection, group_id: str, person: Person) -> Responder | None:
    """Return somebody who was asked; the row is locked by the lock on the group's."""
    statement = sa.select(responders).where(responders.c.group_id == group_id, responders.c.person == person)
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else _responder(row)


async def keep(tx: Tx, one: Responder) -> None:
    """Write who was asked and what they said, over what was known of them."""
    values = {
        "asked_by": one.asked_by,
        "asked_at": one.asked_at,
        "number": one.number,
        "answer": one.answer.value,
    }
    statement = insert(tx.conn, responders).values(group_id=one.group_id, person=one.person, **values)
    key = [responders.c.group_id, responders.c.person]
    await tx.conn.execute(statement.on_conflict_do_update(index_elements=key, set_=values))


async def add(tx: Tx, one: Noted) -> bool:
    """Write a note; answer whether this call did it, and not one before from the same source."""
    values = {"source": one.source, "person": one.person, "at": one.at, "text": one.text}
    statement = insert(tx.conn, notes).values(group_id=one.group_id, **values)
    return (await tx.conn.execute(statement.on_conflict_do_nothing())).rowcount > 0


async def notes_of(conn: AsyncConnection, group_id: str, *, most: int) -> list[Noted]:
    """Return the notes on a group, the last `most` of them, oldest first."""
    statement = sa.select(notes).where(notes.c.group_id == group_id).order_by(notes.c.id.desc()).limit(most)
    rows = (await conn.execute(statement)).all()
    return [
        Noted(group_id=row.group_id, person=row.person, at=row.at, text=row.text, source=row.source)
        for row in reversed(rows)
    ]


def _responder(row: sa.Row[tuple[object, ...]]) -> Responder:
    return Responder(
        group_id=row.group_id,
        person=row.person,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        number=row.number,
        answer=Answer(row.answer),
    )
