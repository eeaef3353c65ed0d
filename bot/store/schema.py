"""The tables in the database: made when it is fresh, migrated when it is older, refused when it is newer than us."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.connections import IMMEDIATE, SCHEMA
from bot.store.errors import StoreMismatch
from bot.store.tables import metadata

HEAD = "0001"
"""The newest revision in `migrations/versions`; kept here so that a start need not import Alembic."""

KNOWN = ("0001",)
"""All revisions, oldest first: a database at any other one was written by a newer Shipmate."""

_ADVISORY_LOCK = 0x5348_4950  # "SHIP": one process at a time changes tables
_NOT_PERMITTED = "42501"
_version = sa.table("alembic_version", sa.column("version_num", sa.String))


async def prepare(engine: AsyncEngine, *, create: bool) -> None:
    """Bring the tables to this version of Shipmate, in one transaction, one process at a time.

    Raises:
        StoreMismatch: the database is newer than we are, holds another program's tables, or is empty while
            `create` is false.
    """
    async with engine.connect() as conn:
        await conn.execution_options(**IMMEDIATE)
        async with conn.begin():
            try:
                if conn.dialect.name == "postgresql":
                    await conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
                await conn.run_sync(_prepare, create)
            except sa.exc.ProgrammingError as error:
                if getattr(error.orig, "sqlstate", "") != _NOT_PERMITTED:
                    raise
                raise StoreMismatch(
                    f"our user of the database may not make or change tables: grant it CREATE on the database, or make "
                    f"the schema for it: CREATE SCHEMA {SCHEMA} AUTHORIZATION <user>"
                ) from error


def _prepare(conn: sa.Connection, create: bool) -> None:  # noqa: FBT001 - called by run_sync
    schema = SCHEMA if conn.dialect.name == "postgresql" else None
    if schema and create and schema not in sa.inspect(conn).get_schema_names():
        conn.execute(sa.schema.CreateSchema(schema))
    present = set(sa.inspect(conn).get_table_names(schema))
    if "alembic_version" not in present:
        if present & set(metadata.tables):
            raise StoreMismatch("the database holds tables of ours but no version: restore it from a backup")
        if not create:
            raise StoreMismatch("there is no Shipmate database at this place: `shipmate serve` makes one")
        metadata.create_all(conn, checkfirst=False)
        conn.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        conn.execute(sa.insert(_version).values(version_num=HEAD))
        return
    version = conn.execute(sa.select(_version.c.version_num)).scalar_one_or_none()
    if version not in KNOWN:
        raise StoreMismatch(
            f"the database is at version {version}, this Shipmate knows up to {HEAD}: it was written by a newer "
            "Shipmate; run that one, or restore the backup made before its upgrade"
        )
    if version != HEAD:
        from bot.store.migrations.runner import upgrade  # noqa: PLC0415 - Alembic is imported only when needed

        upgrade(conn)
        present = set(sa.inspect(conn).get_table_names(schema))
    # Tables of add-ons that were installed since; ours are all there once the version is the newest.
    missing = [table for name, table in metadata.tables.items() if name not in present]
    if missing and create:
        metadata.create_all(conn, tables=missing, checkfirst=False)
