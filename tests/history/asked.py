"""What a database is asked: every statement of a stretch of work, its plan, and how much of the machine it takes."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import Store
from tests.history.whole import OURS

_EVERY = 10  # instructions of SQLite's machine between two counts


class Asked:
    """The statements that a store executed while it listened: each text once, with the parameters of each time."""

    def __init__(self) -> None:
        self.times: dict[str, list[Any]] = {}

    @property
    def executed(self) -> int:
        """How many there were in all."""
        return sum(len(times) for times in self.times.values())

    @property
    def reads(self) -> Mapping[str, list[Any]]:
        """Those that only read."""
        return {text: times for text, times in self.times.items() if _is(text, "SELECT", "WITH")}

    def plans(self, database: Path) -> Mapping[str, list[str]]:
        """Return what SQLite's planner says of each statement.

        Source: https://www.sqlite.org/eqp.html
        """
        found = {}
        with closing(sqlite3.connect(database)) as db:
            for text, times in self.times.items():
                if _is(text, "SELECT", "WITH", "INSERT", "UPDATE", "DELETE"):
                    rows = db.execute(f"EXPLAIN QUERY PLAN {text}", times[-1]).fetchall()
                    found[text] = [detail for *_, detail in rows]
        return found

    def steps(self, database: Path) -> Mapping[str, int]:
        """Return how many instructions of SQLite's machine each statement that reads takes, executed again, in all."""
        found: dict[str, int] = {}
        with closing(sqlite3.connect(database)) as db:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the schema is read now and not counted
            for text, times in self.reads.items():
                counted = [0]

                def count(counted: list[int] = counted) -> int:
                    counted[0] += _EVERY
                    return 0

                db.set_progress_handler(count, _EVERY)
                for parameters in times:
                    db.execute(text, parameters).fetchall()
                db.set_progress_handler(None, 0)
                found[text] = counted[0]
        return found


@contextmanager
def listening(store: Store) -> Iterator[Asked]:
    """Note what the store executes, for reading and for writing."""
    asked = Asked()

    def executed(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if OURS not in statement:
            asked.times.setdefault(statement, []).append(parameters[0] if many else parameters)

    engines: list[AsyncEngine] = [store.engine, store._reading]
    listened = [engine.sync_engine for engine in engines]
    for engine in listened:
        event.listen(engine, "before_cursor_execute", executed)
    try:
        yield asked
    finally:
        for engine in listened:
            event.remove(engine, "before_cursor_execute", executed)


def scanned(plan: list[str]) -> list[tuple[str, str]]:
    """Return (table, index) of what a plan reads from one end to the other; no index where it reads the table."""
    matches = (re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", line) for line in plan)
    return [(match[1], match[2] or "") for match in matches if match]


def _is(statement: str, *verbs: str) -> bool:
    return statement.lstrip().upper().startswith(verbs)


def short(statement: str) -> str:
    """Return a statement in a line."""
    text = re.sub(r"\s+", " ", statement)
    return re.sub(r"SELECT .*? FROM", "SELECT … FROM", text)[:400]
