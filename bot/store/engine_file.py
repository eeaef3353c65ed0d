"""Where the durability engine keeps its own tables: its settings, and what its SQLite file needs besides."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.clock import SystemClock
from bot.store.connections import make_private
from bot.store.database import Store
from bot.store.lease import SECONDS


def _teach_subseconds(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own connection
    """Give a connection the `unixepoch('subsec')` that DBOS uses on Python 3.12 and later.

    SQLite has it since 3.42; Debian 12 has 3.40. Source: https://www.sqlite.org/lang_datefunc.html
    """
    if hasattr(connection, "create_function"):
        connection.create_function("unixepoch", -1, lambda *_: SystemClock().now().timestamp())


if sqlite3.sqlite_version_info < (3, 42):
    # At import, because DBOS makes an engine of its own and ours may have connections before the launch.
    sa.event.listen(sa.Engine, "connect", _teach_subseconds)


async def use_wal(engine_url: str) -> None:
    """Set write-ahead logging on the engine's SQLite file; it persists in the file, and halves a step's cost."""

    def set_it() -> None:
        if file := sa.make_url(engine_url).database:
            make_private(Path(file))
        engine = sa.create_engine(engine_url)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()

    await asyncio.to_thread(set_it)


def config_of(store: Store, engine_url: str, executor_id: str, version: str) -> dict[str, Any]:
    """Return the `DBOSConfig` of a process.

    Source: https://docs.dbos.dev/python/reference/configuration (DBOS Transact for Python 3.4).
    """
    config: dict[str, Any] = {
        "name": "shipmate",
        "system_database_url": engine_url,
        "application_version": version,
        "executor_id": executor_id,
        "log_level": "WARNING",
        "use_listen_notify": False,
        "notification_listener_polling_interval_sec": 0.1,  # idle with us, but a stop waits until it wakes
        "dbos_system_schema": "shipmate_engine",
        "sys_db_idle_transaction_timeout_sec": SECONDS,
    }
    if store.dialect == "postgresql":
        from bot.store.patience import tcp_arguments  # noqa: PLC0415 - only the driver in use is imported

        config["db_engine_kwargs"] = {"connect_args": tcp_arguments(store.engine.url)}
    return config
