"""People in the audit log: pseudonyms in the chain, and the table that says whom they stand for, until it is erased.

A pseudonym is SHA-256 over a random salt, a newline and the person's key, so nobody can be put in another's place
afterwards; without the salt it cannot be guessed. Accounts are no people: the chain names them by their key.
"""

import hashlib
import secrets
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit.broken import Broken, Fault
from bot.audit.tables import people
from bot.identity import Person
from bot.store import Tx, insert

ACCOUNT = "account"
ERASED = "erased"
"""The team of what stands in for an erased person."""

_MOST_KEPT = 4096
_SHOWN = 12
_BATCH = 500


def pseudonym(person: Person, salt: str) -> str:
    """Return what the chain calls a person."""
    return hashlib.sha256(f"{salt}\n{person.key}".encode()).hexdigest()


def actor_of(by: str, person: Person | None) -> Person:
    """Return who stands behind what the chain says: the person while known, an account, or a stand-in."""
    if person is not None:
        return person
    return Person.parse(by) if "/" in by else Person(ERASED, by[:_SHOWN])


def shown(person: Person) -> str:
    """Return how a stand-in is called, "" for everybody else."""
    return f"erased person #{person.user}" if person.team == ERASED else ""


def named_by(person: Person) -> sa.ColumnElement[bool]:
    """Return the condition on `people` that a person meets in whichever workspace of a grid they were met."""
    key = sa.type_coerce(people.c.person, sa.String)
    return key.endswith(f"/{person.team}/{person.user}", autoescape=True)


class Pseudonyms:
    """Finds or makes the pseudonym of a person; what was found counts until somebody is erased."""

    def __init__(self) -> None:
        self._kept: dict[Person, str] = {}
        self._erasures = -1

    async def of(self, tx: Tx, person: Person, *, erasures: int) -> str:
        """Return what the chain calls a person; the head row is locked, and `erasures` is what it says."""
        if person.team == ACCOUNT:
            return person.key
        if erasures != self._erasures or len(self._kept) >= _MOST_KEPT:
            self._kept, self._erasures = {}, erasures
        if person in self._kept:
            return self._kept[person]
        chosen = sa.select(people.c.pseudonym).where(people.c.person == person)
        found = (await tx.conn.execute(chosen)).scalar_one_or_none()
        if found is None:
            salt = secrets.token_hex(32)
            found = pseudonym(person, salt)
            await tx.conn.execute(insert(tx.conn, people).values(pseudonym=found, person=person, salt=salt))
        kept, name = self._kept, str(found)
        tx.after_commit(lambda: kept.__setitem__(person, name))  # a pseudonym that is rolled back names nobody
        return name


async def check(conn: AsyncConnection, actors: Mapping[str, int], erased: frozenset[str]) -> None:
    """Prove that pseudonyms, each with its first entry, stand for whom the table says, or were erased.

    Raises:
        Broken: one does not.
    """
    names = [name for name in actors if "/" not in name]
    for start in range(0, len(names), _BATCH):
        some = names[start : start + _BATCH]
        key = sa.type_coerce(people.c.person, sa.String)
        chosen = sa.select(people.c.pseudonym, key, people.c.salt).where(people.c.pseudonym.in_(some))
        known = {row[0]: (row[1], row[2]) for row in await conn.execute(chosen)}
        for name in some:
            if name in known:
                person, salt = known[name]
                if hashlib.sha256(f"{salt}\n{person}".encode()).hexdigest() != name:
                    reason = f"who wrote entry {actors[name]} was changed: its pseudonym is another person's"
                    raise Broken(actors[name], Fault.PERSONAL, reason)
            elif name not in erased:
                reason = f"nothing tells who wrote entry {actors[name]}, and no entry says that they were erased"
                raise Broken(actors[name], Fault.PERSONAL, reason)
