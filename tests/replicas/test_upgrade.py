"""A rolling upgrade: replicas of two versions side by side on tables that are one migration newer than the old ones."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import SystemClock
from bot.store import Store, schema
from bot.store.migrations import runner
from bot.store.starts import due, want
from tests.engine.test_engine import ROOT, Databases, engine, lines, process, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_NEXT = '''"""A next version, as it may be: it only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("starts", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("deployments", sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))
    op.create_table("parcels", sa.Column("id", sa.Text(), primary_key=True))
'''


def upgraded(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have this process be of a version that knows one migration more."""
    ours = Path(runner.__file__).parent
    shutil.copytree(ours, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "migrations" / "versions" / "0002_next.py").write_text(_NEXT)
    patch.setattr(runner, "__file__", str(folder / "migrations" / "runner.py"))
    patch.setattr(schema, "KNOWN", (*schema.KNOWN, "0002"))
    patch.setattr(schema, "HEAD", "0002")


async def test_the_old_one_works_on_and_hands_over_and_does_not_start_again(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = Databases(postgres_url, postgres_url)
    old = await Store.open(postgres_url, clock=SystemClock())
    async with process(databases) as old_process:
        async with old.write() as tx:
            await want(tx, "T-1/three", "test.three.v1", str(tmp_path), "T-1")
        await until(lambda: lines(tmp_path / "T-1.waiting") == 1)

        upgraded(tmp_path, monkeypatch)
        async with engine(databases) as (new, _):
            async with new.read() as conn:
                assert (await conn.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one() == "0002"

            # What the old code says goes on to work, for itself and for the new one.
            async with old.write() as tx:
                await want(tx, "T-2/three", "test.three.v1", str(tmp_path), "T-2")
            assert {one.workflow_id for one in await due(old, SystemClock().now())} <= {"T-2/three"}
            await until(lambda: lines(tmp_path / "T-2.waiting") == 1)

            # What the old process was at goes on in the new one.
            old_process.send_signal(signal.SIGKILL)
            await old_process.wait()
            (tmp_path / "go").touch()
            await until(lambda: lines(tmp_path / "T-1.last") == 1 and lines(tmp_path / "T-2.last") == 1)
            assert lines(tmp_path / "T-1.first") == lines(tmp_path / "T-2.first") == 1

            # An old one that is started now says plainly why it does not.
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.engine.run", databases.store, databases.engine,
                cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            _, said = await child.communicate()
            assert child.returncode
            assert b"it was written by a newer Shipmate" in said
    await old.close()
