"""Write the first migration anew from the tables that the code declares.

Until the first release there is one revision, 0001, and it is rewritten whole; whoever adds or changes a table
runs this and commits the result. After the release a change gets a revision of its own.
"""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations
from alembic.autogenerate.api import render_python_code
from alembic.migration import MigrationContext

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "bot" / "store" / "migrations" / "versions" / "0001_first_tables.py"
SKIPPED = ("bot.sandbox.", "bot.store.migrations.")

HEADER = '''"""The first tables. Written by tools/migration.py."""

import sqlalchemy as sa
from alembic import op

from bot.store import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
'''


def declare_all() -> None:
    """Import every module of the bot that declares a table."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if not module.startswith(SKIPPED) and "sa.Table(" in path.read_text(encoding="utf-8"):
            importlib.import_module(module.removesuffix(".__init__"))


def _render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column types by name; leave the rest to Alembic."""
    if kind == "type" and type(item).__module__ == "bot.store.columns":
        return f"columns.{type(item).__name__}()"
    return False


def render(metadata: sa.MetaData) -> str:
    """Return the source of the migration that makes all declared tables."""
    with sa.create_engine("sqlite://").connect() as connection:
        options = {"target_metadata": metadata, "render_item": _render_item, "sqlalchemy_module_prefix": "sa."}
        context = MigrationContext.configure(connection, opts=options)
        script = produce_migrations(context, metadata)
        if script.upgrade_ops is None or script.downgrade_ops is None:
            raise RuntimeError("Alembic found nothing to write: no table was declared")
        up = render_python_code(script.upgrade_ops, render_item=_render_item, migration_context=context)
        down = render_python_code(script.downgrade_ops, render_item=_render_item, migration_context=context)
    body = f"{HEADER}    {up}\n\n\ndef downgrade() -> None:\n    {down}\n"
    return "".join(line + "\n" for line in body.splitlines() if " Alembic " not in line or "#" not in line)


def main() -> int:
    """Write the migration."""
    sys.path.insert(0, str(ROOT))
    declare_all()
    source = render(importlib.import_module("bot.store.tables").metadata)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(source, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(TARGET)], check=True)
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
