"""`Entry`: one line of the audit log, the canonical text that its hash covers, and the two forms it is read in.

The hash of an entry is SHA-256 over the hash of the entry before, a newline, and the canonical JSON of the entry:
keys sorted, no spaces, ASCII only, `data` being the canonical JSON of the details as one text.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.audit.tables import entries
from bot.command import Resource
from bot.identity import Person

GENESIS = "0" * 64
"""What stands for the hash before the first entry."""

WORDS = ("action", "outcome", "service", "environment", "target", "rule", "request_id", "subject")
"""The columns that are plain text."""

Row = Mapping[str, Any]
"""An entry as the database has it: by `raw_columns`, all of it text but its number."""

_PG_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as it was written."""

    number: int
    at: datetime
    actor: Person
    action: str
    outcome: str
    resource: Resource
    rule: str
    request_id: str
    subject: str
    data: Mapping[str, Any]
    previous: str
    hash: str


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


def digest(values: Mapping[str, Any], number: int | None = None) -> str:
    """Return the hash of an entry given as plain texts (`at` and `actor` too), as if it stood at `number`."""
    body = {
        "number": values["number"] if number is None else number,
        **{key: values[key] for key in ("at", "actor", "data", *WORDS)},
    }
    return hashlib.sha256(f"{values['previous']}\n{canonical(body)}".encode()).hexdigest()


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
    rest = (entries.c[name] for name in (*WORDS, "data", "previous", "hash"))
    return (
        entries.c.number,
        sa.func.coalesce(at, "").label("at"),
        sa.type_coerce(entries.c.actor, sa.String).label("actor"),
        *rest,
    )


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Return a row as an `Entry`."""
    same = ("number", "at", "actor", "action", "outcome", "rule", "request_id", "subject", "previous", "hash")
    return Entry(
        resource=Resource(row["service"], row["environment"], row["target"]),
        data=json.loads(row["data"]),
        **{key: row[key] for key in same},
    )


def plain(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain JSON values: what exports and sinks write, and enough to compute its hash again."""
    resource = entry.resource
    return {
        "number": entry.number,
        "at": moment_text(entry.at),
        "actor": entry.actor.key,
        "action": entry.action,
        "outcome": entry.outcome,
        "service": resource.service,
        "environment": resource.environment,
        "target": resource.target,
        "rule": entry.rule,
        "request_id": entry.request_id,
        "subject": entry.subject,
        "data": dict(entry.data),
        "previous": entry.previous,
        "hash": entry.hash,
    }
