"""A long past: what one real story left in every table, many times over, spread over services and time.

The rows are those that Shipmate itself wrote for the story, so they are as real as it: of each table that grows, copies
are made in which ids, commits, versions, services and times are others. What there is one row of (a place, a counter, a
source) stays as it is; counters and the head of the audit log move on. Copies of the audit log are not chained.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from bot.store import metadata

STANDING = {
    "alembic_version", "alert_sources", "amendments", "audit_cursors", "audit_head", "audit_people", "counters",
    "dbos_datasource_migrations", "kept", "places",
}  # fmt: skip
"""Tables that do not grow with what happens: they hold what is so now."""
_NUMBERED = {"audit_entries": "number", "audit_personal": "number"}
_SPAN = timedelta(days=730)
_LEAST_AGO = timedelta(minutes=10)
_BATCH = 500

Row = tuple[str | int | float | bytes | None, ...]


class _Plain(str):
    """A text that is the same in every copy."""

    __slots__ = ()


class Past:
    """Copies what is in the database so far, `services` of which the copies are spread over."""

    def __init__(self, database: Path, services: Sequence[str]) -> None:
        self._database = database
        self._services = services
        with closing(sqlite3.connect(database)) as db:
            self._rows = {
                table: (
                    [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")],
                    db.execute(f"SELECT * FROM {table}").fetchall(),  # noqa: S608 - a table of ours
                )
                for table in metadata.tables
                if table not in STANDING
            }
            self._counters: dict[str, int] = dict(db.execute("SELECT prefix, value FROM counters").fetchall())
            self._head: int = db.execute("SELECT number FROM audit_head").fetchone()[0]
            stored = db.execute("SELECT delivery_id FROM deliveries").fetchall()
            told = db.execute("SELECT sha, version FROM deployments WHERE sha != '' LIMIT 1").fetchone()
        self.sha, self._version = told
        self._tokens: dict[str, re.Match[str]] = {}
        self._first = {prefix: self._least(prefix) for prefix in self._counters}
        ids = "|".join(map(re.escape, self._counters))
        deliveries = "|".join(re.escape(one) for (one,) in stored) or "(?!)"
        self._pattern = re.compile(
            rf"\b(?P<prefix>{ids})-(?P<number>\d+)\b|(?P<delivery>{deliveries})|(?P<sha>{self.sha})"
            rf"|(?P<version>\b{re.escape(self._version)}\b)|(?P<service>\bsvc\d+\b)"
            r"|(?P<at>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z))"
        )
        self._templates = {
            table: [tuple(self._template(one) if isinstance(one, str) else one for one in row) for row in rows]
            for table, (_, rows) in self._rows.items()
        }
        self.copies = 0

    def _template(self, text: str) -> str:
        """Return a text with %(…)s in place of what differs from copy to copy."""

        def named(match: re.Match[str]) -> str:
            self._tokens[match[0]] = match
            return f"%({match[0]})s"

        made, number = self._pattern.subn(named, text.replace("%", "%%"))
        return made if number else _Plain(text)

    def _least(self, prefix: str) -> int:
        texts = (str(value) for _, rows in self._rows.values() for row in rows for value in row)
        found = [int(one) for text in texts for one in re.findall(rf"\b{prefix}-(\d+)\b", text)]
        return min(found, default=self._counters[prefix])

    def repeat(self, copies: int) -> None:
        """Add so many copies of the story, the first two years ago and the last ended minutes ago."""
        step = _SPAN / copies
        with closing(sqlite3.connect(self._database, timeout=60)) as db:
            db.execute("PRAGMA foreign_keys=OFF")
            db.execute("BEGIN IMMEDIATE")  # nobody counts on meanwhile
            base = dict(db.execute("SELECT prefix, value FROM counters").fetchall())
            head: int = db.execute("SELECT number FROM audit_head").fetchone()[0]
            waiting = {ident for (ident,) in db.execute("SELECT workflow_id FROM starts WHERE started_at IS NULL")}
            for first in range(0, copies, _BATCH):
                batch = range(first, min(copies, first + _BATCH))
                told = [self._words(copy, step * (copies - copy - 1) + _LEAST_AGO, base) for copy in batch]
                for table, (columns, rows) in self._rows.items():
                    if rows:
                        marks = ",".join("?" * len(columns))
                        made = self._made(table, columns, list(zip(batch, told, strict=True)), head)
                        db.executemany(f"INSERT INTO {table} VALUES ({marks})", made)  # noqa: S608 - a table of ours
            marks = ",".join("?" * len(waiting))
            db.execute(  # what was to come later has come long ago
                f"UPDATE starts SET started_at = not_before WHERE started_at IS NULL AND workflow_id NOT IN ({marks})",  # noqa: S608
                sorted(waiting),
            )
            for prefix in self._counters:
                moved = copies * self._stride(prefix)
                db.execute("UPDATE counters SET value = value + ? WHERE prefix = ?", (moved, prefix))
            db.execute("UPDATE audit_head SET number = number + ?", (copies * self._head,))
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.copies += copies

    def _stride(self, prefix: str) -> int:
        return int(self._counters[prefix]) - self._first[prefix] + 1

    def _made(
        self, table: str, columns: Sequence[str], copies: Sequence[tuple[int, Mapping[str, str]]], head: int
    ) -> Iterator[Row]:
        rows = self._rows[table][1]
        keys = [columns.index(column.name) for column in metadata.tables[table].primary_key]
        counted = len(keys) == 1 and isinstance(rows[0][keys[0]], int)
        for copy, words in copies:
            for row, template in zip(rows, self._templates[table], strict=True):
                values = [
                    one % words if isinstance(one, str) and not isinstance(one, _Plain) else one for one in template
                ]
                if table in _NUMBERED:
                    values[keys[0]] = int(str(row[keys[0]])) + head + copy * self._head
                elif counted:
                    values[keys[0]] = None
                elif all(values[key] == row[key] for key in keys):
                    last = next(key for key in reversed(keys) if isinstance(row[key], str))
                    values[last] = f"{values[last]}~{self.copies + copy}"
                yield tuple(values)

    def _words(self, copy: int, ago: timedelta, base: Mapping[str, int]) -> Mapping[str, str]:
        """Return what stands in a copy in place of each token of the story."""
        number = self.copies + copy
        words = {}
        for token, match in self._tokens.items():
            match match.lastgroup:
                case "number":
                    prefix = match["prefix"]
                    counted = int(match["number"]) - self._first[prefix] + 1
                    words[token] = f"{prefix}-{base[prefix] + counted + copy * self._stride(prefix)}"
                case "delivery":
                    words[token] = f"{token}~{number}"
                case "sha":
                    words[token] = hashlib.sha256(str(number).encode()).hexdigest()[: len(token)]
                case "version":
                    words[token] = f"2.{number // 40}.{number % 40}"
                case "service":
                    words[token] = self._services[number % len(self._services)]
                case _:
                    words[token] = self._moved(token, ago)
        return words

    def _moved(self, told: str, ago: timedelta) -> str:
        moment = datetime.fromisoformat(told) - ago
        return moment.isoformat(timespec="microseconds" if "." in told else "seconds")


def sizes(database: Path) -> Mapping[str, int]:
    """Return how many rows each table has."""
    with closing(sqlite3.connect(database)) as db:
        return {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a table of ours
            for table in metadata.tables
        }
