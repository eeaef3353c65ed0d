"""`shipmate backup` while it works, `restore` into an empty or a full folder, and what is no backup."""

import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app.backup import backup, restore
from bot.app.exporting import export
from bot.app.serving import alone
from bot.deployments.rules import State
from bot.store import Store
from integrations.capabilities.runs import RunRef
from tests.fakes.runs import Outcome
from tests.restore.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def said() -> list[str]:
    return []


async def test_what_was_in_flight_at_a_backup_is_asked_about_after_it_was_put_back(
    office: Office, said: list[str]
) -> None:
    file = office.folder / "saved.tar"
    async with office.open():
        await office.deploy("v1.4.1")
        office.deploys.outcomes["checkout/staging"] = Outcome(state=None)
        begun = await office.say("deploy checkout@v1.4.2 to staging")

        async def sent() -> bool:
            return bool((await office.get(begun.subject)).deploy_run)

        await office.until(sent, lambda: f"{begun.subject} was not sent")
        assert await backup(office.settings(), file, said.append) == 0
        with pytest.raises(ValueError, match="there already"):
            await backup(office.settings(), file, said.append)
        with alone(office.settings()), pytest.raises(ValueError, match="another Shipmate runs"):
            await restore(office.settings(), file, said.append, replace=True)
        office.deploys.finish(RunRef.parse((await office.get("D-1002")).deploy_run))
        await office.reaches("D-1002", State.SUCCEEDED)
        before = list(office.sent)

    with pytest.raises(ValueError, match="--replace"):
        await restore(office.settings(), file, said.append)
    assert await restore(office.settings(), file, said.append, replace=True) == 0
    assert (file.stat().st_mode & 0o777) == 0o600
    (aside,) = (office.folder / "state").glob("replaced-*")
    assert (aside / "shipmate.db").exists()

    async with office.open() as app:
        assert "backup of" in app.restoring.why()
        assert {item.id for item in await app.restoring.open_items()} == {"D-1002", "messages"}
        assert not (await office.say("restore decide messages give-up")).code
        assert (await office.say("restore decide D-1002 done")).summary.startswith("Everything is answered")
        assert (await office.get("D-1002")).state is State.SUCCEEDED
        assert office.sent == before
        assert (await app.audit.verify()).ok


def damaged(path: Path) -> str:
    """Change a byte of a saved database."""
    content = bytearray(path.read_bytes())
    content[content.index(b"SQLite format 3") + 40] ^= 1
    path.write_bytes(content)
    return "damaged: shipmate.db"


def cut(path: Path) -> str:
    path.write_bytes(path.read_bytes()[:4000])
    return "no whole backup"


def another(path: Path) -> str:
    with tarfile.open(path, "w") as tar:
        tar.add(__file__, "../../etc/passwd")
    return "no backup of Shipmate"


def nothing(path: Path) -> str:
    path.write_bytes(b"")
    return "no whole backup"


@pytest.mark.parametrize("harm", [damaged, cut, another, nothing])
async def test_what_is_no_whole_backup_changes_nothing(
    office: Office, said: list[str], harm: Callable[[Path], str]
) -> None:
    file = await saved(office, said)
    words = harm(file)
    there = (office.folder / "state" / "shipmate.db").read_bytes()
    with pytest.raises(ValueError, match=words):
        await restore(office.settings(), file, said.append, replace=True)
    assert (office.folder / "state" / "shipmate.db").read_bytes() == there
    assert not list((office.folder / "state").glob(".restore-*"))


async def test_a_backup_whose_audit_log_was_changed_is_refused(office: Office, said: list[str]) -> None:
    async with office.open():
        await office.say("deploy checkout@v1.4.1 to staging")
    with sqlite3.connect(office.folder / "state" / "shipmate.db") as conn:
        conn.execute("UPDATE audit_entries SET action = 'nothing' WHERE number = 1")
    conn.close()
    file = office.folder / "saved.tar"
    await backup(office.settings(), file, said.append)
    with pytest.raises(ValueError, match="BROKEN at entry 1"):
        await restore(office.settings(), file, said.append, replace=True)


async def test_everything_is_exported_row_by_row(office: Office, said: list[str]) -> None:
    async with office.open():
        await office.deploy("v1.4.1")
    path = office.folder / "all.jsonl"
    with path.open("w") as out:
        await export(office.settings(), out)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["export"] == 1
    tables = {line["table"]: line for line in lines if "table" in line}
    assert tables["deployments"]["columns"]["requested_by"] == "person"
    assert tables["deployments"]["key"] == ["id"]
    (deployment,) = [line["row"] for line in lines if line.get("in") == "deployments"]
    assert (deployment["id"], deployment["state"], deployment["version"]) == ("D-1001", "succeeded", "v1.4.1")
    assert {line["in"] for line in lines if "in" in line} <= set(tables)
    with pytest.raises(ValueError, match="no table 'nothing'"), path.open("w") as out:
        await export(office.settings(), out, tables=("nothing",))


def test_the_command_line_says_what_is_wrong(
    office: Office, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.settings()
    monkeypatch.setenv("BOT", "xoxb-none")
    monkeypatch.setenv("APP", "xapp-none")
    config = ["--config", str(office.path)]
    assert main(["backup", str(office.folder / "new.tar"), *config]) == 1
    assert "there is no " in capsys.readouterr().err
    assert main(["restore", str(office.folder / "none.tar"), *config]) == 1
    assert "none.tar: No such file" in capsys.readouterr().err
    assert main(["export", *config]) == 1
    assert "there is no Shipmate database" in capsys.readouterr().err


async def saved(office: Office, said: list[str]) -> Path:
    """Return a backup of a database that was just made."""
    store = await Store.open(office.settings().database_url, clock=office.clock)
    await store.close()
    sqlite3.connect(office.folder / "state" / "engine.db").close()
    file = office.folder / "saved.tar"
    await backup(office.settings(), file, said.append)
    return file
