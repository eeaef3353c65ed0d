"""Wishes to erase a person: asked by one, confirmed by another, because what is erased does not come back."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import erasure
from bot.audit.erasure import Found
from bot.audit.log import Audit
from bot.audit.people import ACCOUNT
from bot.audit.tables import erasures
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.store import next_id

LASTS = timedelta(days=7)
"""How long a wish waits for the second person."""


class Wish(Struct, frozen=True, kw_only=True):
    """A wish as it waits: whom, what they are called, who asked and when."""

    id: str
    person: Person
    names: tuple[str, ...]
    asked_by: Person
    asked_at: datetime


async def ask(audit: Audit, person: Person, names: Sequence[str], by: Person) -> tuple[Wish, Found]:
    """Keep a wish, and return it with what there is to erase.

    Raises:
        BadInput: `no_person` for an account, `unknown_person` for whom the log does not know.
    """
    if person.team == ACCOUNT:
        raise BadInput("no_person", "Accounts are no people: what they did stays as it is.")
    async with audit.store.read() as conn:
        found = await erasure.look(conn, person, names)
    if not found.pseudonyms and not found.naming:
        raise BadInput("unknown_person", "The audit log has nothing by them or about them.")
    now = audit.clock.now()
    async with audit.store.write() as tx:
        await tx.conn.execute(sa.delete(erasures).where(erasures.c.asked_at <= now - LASTS))
        wish = Wish(id=await next_id(tx, "ER"), person=person, names=tuple(names), asked_by=by, asked_at=now)
        values = {"person": person, "names": json.dumps(names), "asked_by": by, "asked_at": now}
        await tx.conn.execute(sa.insert(erasures).values(id=wish.id, **values))
    return wish, found


async def confirm(audit: Audit, ident: str, by: Person, *, request_id: str) -> Found:
    """Erase whom a wish names, once, and forget the wish; return what was erased.

    Raises:
        BadInput: `unknown_erasure`, when there is no such wish, or no more.
        Refused: `same_person`, for who asked; `about_yourself`, for whom it is about.
    """
    async with audit.store.write() as tx:
        wish = await _get(tx.conn, ident)
        if wish is None or wish.asked_at <= audit.clock.now() - LASTS:
            raise _gone(ident)
        if _same(by, wish.asked_by):
            raise Refused("same_person", f"You asked for {ident} yourself: somebody else with audit.erase confirms it.")
        if _same(by, wish.person):
            raise Refused("about_yourself", f"{ident} is about you: somebody else with audit.erase confirms it.")
        if (await tx.conn.execute(sa.delete(erasures).where(erasures.c.id == ident))).rowcount == 0:
            raise _gone(ident)  # somebody else confirmed it at the same moment
        return await erasure.erase(
            tx,
            audit,
            wish.person,
            names=wish.names,
            by=(by, wish.asked_by),
            request_id=request_id,
            subject=ident,
        )


async def _get(conn: AsyncConnection, ident: str) -> Wish | None:
    row = (await conn.execute(sa.select(erasures).where(erasures.c.id == ident))).mappings().first()
    return None if row is None else Wish(**{**row, "names": tuple(json.loads(row["names"]))})


def _gone(ident: str) -> BadInput:
    return BadInput("unknown_erasure", f"There is no wish {ident} to erase anybody: done, or older than a week.")


def _same(one: Person, other: Person) -> bool:
    """Tell whether two are one person; an enterprise has the same user in several workspaces."""
    if one.enterprise and one.enterprise == other.enterprise:
        return one.user == other.user
    return (one.team, one.user) == (other.team, other.user)
