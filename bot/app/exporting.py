"""`shipmate export`: everything that is kept, as JSON lines, row by row; nothing has to fit into memory."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.app.auditing import opened
from bot.clock import SystemClock
from bot.identity import Channel, Person
from bot.settings import Settings
from bot.store.columns import ChannelColumn, JsonColumn, PersonColumn, Timestamp
from bot.store.tables import metadata

FORMAT = 1
_BATCH = 500
_KINDS: Mapping[type, str] = {
    Timestamp: "moment",
    PersonColumn: "person",
    ChannelColumn: "channel",
    JsonColumn: "json",
    sa.LargeBinary: "base64",
    sa.Boolean: "boolean",
    sa.Integer: "integer",
    sa.Float: "number",
    sa.String: "text",
}


async def export(settings: Settings, out: IO[str], *, tables: tuple[str, ...] = ()) -> int:
    """Write a header, then each table's columns and its rows, one JSON object a line, as of one moment; return 0.

    Secrets are in no table; what is sealed (grants of people, words of a delivery) is written as it is sealed.

    Raises:
        ValueError: the database cannot be opened, or there is no table of this name.
    """
    clock = SystemClock()
    async with opened(settings, clock) as store:
        unknown = sorted(set(tables) - set(metadata.tables))
        if unknown:
            raise ValueError(f"there is no table {unknown[0]!r}: there are {', '.join(sorted(metadata.tables))}")
        _line(out, {"export": FORMAT, "shipmate": version("shipmate"), "at": _plain(clock.now())})
        chosen = [table for name, table in sorted(metadata.tables.items()) if not tables or name in tables]
        async with store.engine.connect() as conn:
            if store.dialect == "postgresql":  # SQLite's transactions see one moment anyway
                await conn.execution_options(isolation_level="REPEATABLE READ")
            for table in chosen:
                await _table(conn, table, lambda told: _line(out, told))
            await conn.rollback()
    return 0


async def _table(conn: AsyncConnection, table: sa.Table, say: Callable[[dict[str, Any]], None]) -> None:
    columns = {column.name: _kind(column) for column in table.columns}
    say({"table": table.name, "key": [column.name for column in table.primary_key], "columns": columns})
    statement = sa.select(table).order_by(*table.primary_key).execution_options(yield_per=_BATCH)
    async with conn.stream(statement) as rows:
        async for row in rows:
            say({"in": table.name, "row": {name: _plain(value) for name, value in row._mapping.items()}})  # noqa: SLF001 - SQLAlchemy's documented way to the names


def _kind(column: sa.Column[Any]) -> str:
    return next((word for kind, word in _KINDS.items() if isinstance(column.type, kind)), "text")


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Person | Channel):
        return value.key
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _line(out: IO[str], told: dict[str, Any]) -> None:
    out.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n")
