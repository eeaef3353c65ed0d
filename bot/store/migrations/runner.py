"""Run the migrations on a connection. The one module of the bot that imports Alembic."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from bot.store.connections import SCHEMA


def configuration(conn: sa.Connection | None = None) -> Config:
    """Return Alembic's configuration for our folder, over `conn`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    config.attributes["schema"] = SCHEMA if conn is not None and conn.dialect.name == "postgresql" else None
    return config


def revisions() -> tuple[str, ...]:
    """Return all revisions of the folder, oldest first."""
    script = ScriptDirectory.from_config(configuration())
    return tuple(revision.revision for revision in script.walk_revisions())[::-1]


def upgrade(conn: sa.Connection, to: str = "head") -> None:
    """Bring the database behind `conn` to revision `to`, inside the transaction that is open."""
    command.upgrade(configuration(conn), to)


def downgrade(conn: sa.Connection, to: str = "base") -> None:
    """Take the database back to revision `to`, inside the transaction that is open."""
    command.downgrade(configuration(conn), to)
