"""Backup and restore of PostgreSQL by its own programs, and a dump that somebody loaded without telling us."""

from pathlib import Path

import psycopg
import pytest

from bot.app import dumps
from bot.app.backup import backup, restore
from bot.deployments.rules import State
from tests.restore.office import Office


@pytest.fixture
def office(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Office:
    programs = Path("/usr/lib/postgresql")
    found = sorted(programs.glob("*/bin/pg_dump"))
    if not found:
        pytest.skip("pg_dump of Debian's postgresql-client is not here")
    monkeypatch.setenv("PATH", str(found[-1].parent))
    return Office(tmp_path, postgres_url)


async def test_a_dump_is_put_back_and_held(office: Office, postgres_url: str) -> None:
    said: list[str] = []
    file = office.folder / "saved.tar"
    async with office.open():
        await office.deploy("v1.4.1")
        assert await backup(office.settings(), file, said.append) == 0
        with pytest.raises(ValueError, match="stop every replica"):
            await restore(office.settings(), file, said.append, replace=True)
        await office.deploy("v1.4.2")
    with pytest.raises(ValueError, match="--replace"):
        await restore(office.settings(), file, said.append)
    assert await restore(office.settings(), file, said.append, replace=True) == 0
    async with office.open() as app:
        assert "backup of" in app.restoring.why()
        assert (await office.say("deploy checkout@v1.4.0 to staging")).code == "held"
        assert (await office.say("restore decide checkout/staging done")).code == ""
        assert not (await office.say("restore all give-up")).code or app.restoring.hold is None

        async def going() -> bool:
            return app.engine is not None

        await office.until(going, lambda: "it does not go on")
        again = await office.deploy("v1.4.1")
        assert (again.id, again.state) == ("D-2003", State.SUCCEEDED)

    with psycopg.connect(postgres_url) as conn:
        kept = conn.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shipmate%' ORDER BY 1").fetchall()
    assert len(kept) == 4, "what was there is kept beside it"


async def test_a_dump_that_cannot_be_loaded_leaves_what_was_there(
    office: Office, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office.open():
        pass
    (office.folder / dumps.DUMP).write_bytes(b"PGDMP, perhaps")
    aside = dumps.make_room(postgres_url, "20260101t000000", replace=True)
    assert aside == ["shipmate_20260101t000000", "shipmate_engine_20260101t000000"]
    with pytest.raises(ValueError, match="pg_restore failed"):
        dumps.load_postgres(postgres_url, office.folder)
    dumps.back_to(postgres_url, "20260101t000000")
    async with office.open() as app:
        assert app.restoring.hold is None
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="pg_dump is not on the PATH"):
        await backup(office.settings(), office.folder / "never.tar", print)
