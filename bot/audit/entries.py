"""`Entry`: one line of the audit log, the canonical text that its hash covers, and the two forms it is read in.

The hash of an entry is SHA-256 over the hash of the entry before, a newline, and the digest of the entry's body; that
is SHA-256 over its canonical JSON: keys sorted, no spaces, ASCII only, `data` being the canonical JSON of its facts as
one text. So the chain can be shown to somebody who may not see what stands between two entries. People stand in it by
their pseudonyms, and what may name people by its commitment, so that both can be erased (see `people`, `details`).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from bot.audit.details import RULE, Aside
from bot.audit.people import actor_of
from bot.audit.tables import entries, people, personal
from bot.command import Resource
from bot.identity import Person

GENESIS = "0" * 64
"""What stands for the hash before the first entry."""

WORDS = ("action", "outcome", "service", "environment", "target", "rule", "request_id", "subject")
"""The columns that are plain text."""

Row = Mapping[str, Any]
"""An entry as the database has it: by `raw_columns`, all of it text but its number."""

_PG_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'


CHAINED = ("at", "actor", "data", "personal", *WORDS)
"""What the hash covers besides the number."""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry as it was written; `chained` is what the hash covers, as texts, with `previous` and `hash`.

    `person` and `person_salt`, and `aside`, are None and "" for what was erased, or never was.
    """

    number: int
    at: datetime
    action: str
    outcome: str
    resource: Resource
    request_id: str
    subject: str
    chained: Mapping[str, str]
    facts: Mapping[str, Any]
    person: Person | None = None
    person_salt: str = ""
    aside: Aside | None = None

    @property
    def actor(self) -> Person:
        """Who it was: a person, an account, or a stand-in of the team `erased`."""
        return actor_of(self.chained["actor"], self.person)

    @property
    def details(self) -> Mapping[str, Any]:
        """What is kept beside the chain; nothing once it is erased."""
        found: dict[str, Any] = json.loads(self.aside.text) if self.aside else {}
        return found

    @property
    def data(self) -> Mapping[str, Any]:
        """All that is known beyond the columns."""
        return {**self.facts, **{key: value for key, value in self.details.items() if key != RULE}}

    @property
    def rule(self) -> str:
        """The rule in words, or where it stands in the configuration once the words are erased."""
        return str(self.details.get(RULE, self.chained["rule"]))

    @property
    def previous(self) -> str:
        """The hash of the entry before."""
        return self.chained["previous"]

    @property
    def hash(self) -> str:
        """The hash of this one."""
        return self.chained["hash"]


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the one JSON text of a value: keys sorted, no spaces, ASCII only.

    Raises:
        TypeError: the value holds what JSON cannot.
        ValueError: it holds a number that is none.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def moment_text(at: datetime) -> str:
    """Return a moment as the hash covers it: UTC, microseconds, `+00:00`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def body_digest(values: Mapping[str, Any], number: int | None = None) -> str:
    """Return the digest of an entry's body, given as plain texts (`at`, too), as if it stood at `number`."""
    body = {
        "number": values["number"] if number is None else number,
        **{key: values[key] for key in CHAINED},
    }
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def digest(values: Mapping[str, Any], number: int | None = None) -> str:
    """Return the hash of an entry: that of its body, bound to the entry before."""
    return hashlib.sha256(f"{values['previous']}\n{body_digest(values, number)}".encode()).hexdigest()


def storable(text: str) -> str:
    """Replace what a database cannot hold as text: NUL and lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def raw_columns(dialect: str) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the columns of an entry as the texts that its hash covers.

    Nothing is parsed, so that a row somebody changed into nonsense is read like any other.
    """
    at: sa.ColumnElement[str] = sa.type_coerce(entries.c.at, sa.String)
    if dialect == "postgresql":
        at = sa.func.to_char(sa.func.timezone("UTC", entries.c.at), _PG_MOMENT, type_=sa.String)
    rest = (entries.c[name] for name in ("actor", *WORDS, "data", "personal", "previous", "hash"))
    return (entries.c.number, sa.func.coalesce(at, "").label("at"), *rest)


def read_all() -> sa.Select[Any]:
    """Return the query of entries with what stands beside them, for `entry_of`."""
    beside = entries.outerjoin(people, people.c.pseudonym == entries.c.actor)
    return sa.select(
        entries,
        people.c.person,
        people.c.salt.label("person_salt"),
        personal.c.text.label("details"),
        personal.c.salt.label("details_salt"),
    ).select_from(beside.outerjoin(personal, personal.c.number == entries.c.number))


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Return a row of `read_all` as an `Entry`."""
    same = ("number", "at", "action", "outcome", "request_id", "subject", "person")
    texts = {name: row[name] for name in ("actor", *WORDS, "data", "personal", "previous", "hash")}
    return Entry(
        resource=Resource(row["service"], row["environment"], row["target"]),
        chained={**texts, "at": moment_text(row["at"])},
        facts=json.loads(row["data"]),
        person_salt=row["person_salt"] or "",
        aside=None if row["details"] is None else Aside(row["details"], row["details_salt"]),
        **{key: row[key] for key in same},
    )


def plain(entry: Entry, *, named: bool) -> dict[str, Any]:
    """Return an entry as plain JSON values: what exports and sinks write, and enough to compute its hash again.

    With `named` also whom the pseudonym stands for and what may name people, each with the salt that proves it.
    """
    values: dict[str, Any] = {"number": entry.number, **entry.chained, "data": dict(entry.facts)}
    if named and entry.person is not None:
        values |= {"person": entry.person.key, "person_salt": entry.person_salt}
    if named and entry.aside is not None:
        values |= {"details": dict(entry.details), "details_salt": entry.aside.salt}
    return values
