"""The one `MetaData` on which every domain declares its tables, and the insert that both databases understand."""

from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from sqlalchemy.dialects import sqlite

metadata = sa.MetaData(
    naming_convention={
        # Names that do not depend on the database, so that a migration can name what it drops.
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def insert(conn: AsyncConnection, table: sa.Table) -> "sqlite.Insert":
    """Return an INSERT with `on_conflict_do_nothing` and `on_conflict_do_update` for the database of `conn`.

    It is typed as SQLite's; PostgreSQL's takes the same keywords (`index_elements`, `set_`, `where`). The result's
    `rowcount` tells on both whether a row was written, 0 after a conflict.
    """
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - only the dialect in use is imported

        return cast("sqlite.Insert", postgresql.insert(table).execution_options(preserve_rowcount=True))
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - the same

    return sqlite.insert(table)


def one_of(column: sa.ColumnElement[str], *values: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of these values, which stand in the statement and not beside it.

    An index over a part of a table is used only where the planner sees that part's condition.
    Source: https://www.sqlite.org/partialindex.html
    """
    return column.in_([sa.literal(str(value), literal_execute=True) for value in values])


def begins_with(conn: AsyncConnection, column: sa.ColumnElement[str], prefix: str) -> sa.ColumnElement[bool]:
    """Return the condition that a text begins with `prefix`, in the form for which the database uses an index.

    SQLite takes none for a LIKE whose pattern is escaped; PostgreSQL does where the column's collation is "C".
    """
    if conn.dialect.name == "postgresql":
        return column.startswith(prefix, autoescape=True)
    return sa.and_(column >= prefix, column < f"{prefix}\U0010ffff")


def key_text(length: int) -> sa.String:
    """Return the type of a key that is also looked up by its beginning, compared byte by byte on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
