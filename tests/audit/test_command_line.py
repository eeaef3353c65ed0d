"""`shipmate audit`: as an operator types it, on a store that another process may be writing to."""

import asyncio
import csv
import hashlib
import io
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.__main__ import main
from bot.app import auditing
from bot.audit import Audit
from bot.clock import SystemClock
from bot.settings import Settings
from bot.store import Store

from .conftest import HandClock, write
from .test_checkpoints import pem

BESIDE = {"person", "person_salt", "details", "details_salt"}
"""What an export says beyond what the hash covers: it can be erased."""

Shipmate = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def shipmate(file_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shipmate:
    """Run `shipmate audit …` with a configuration whose store is `file_store`."""
    (tmp_path / "shipmate.yaml").write_text("state_dir: .\n")

    async def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        status = await asyncio.to_thread(main, ["audit", *words, "--config", str(tmp_path / "shipmate.yaml")])
        told = capsys.readouterr()
        return status, told.out + told.err

    return run


async def test_export_gives_what_every_hash_can_be_computed_from(
    shipmate: Shipmate, file_store: Store, clock: HandClock
) -> None:
    await write(file_store, Audit(file_store, clock), 3, rule="é \x07 “quoted”")
    status, said = await shipmate("export")
    assert status == 0
    previous = "0" * 64
    for line in said.splitlines():
        values = json.loads(line)
        assert values["previous"] == previous
        stored = {key: value for key, value in values.items() if key not in {"previous", "hash", *BESIDE}}
        stored["data"] = json.dumps(stored["data"], sort_keys=True, separators=(",", ":"))
        body = json.dumps(stored, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(body.encode()).hexdigest()
        previous = hashlib.sha256(f"{previous}\n{digest}".encode()).hexdigest()
        assert values["hash"] == previous
        person = f"{values['person_salt']}\n{values['person']}"
        assert values["actor"] == hashlib.sha256(person.encode()).hexdigest()
        details = json.dumps(values["details"], sort_keys=True, separators=(",", ":"))
        assert values["personal"] == hashlib.sha256(f"{values['details_salt']}\n{details}".encode()).hexdigest()
    assert len(said.splitlines()) == 3


async def test_export_as_csv_runs_no_formula(shipmate: Shipmate, file_store: Store, clock: HandClock) -> None:
    await write(file_store, Audit(file_store, clock), 1, rule='=HYPERLINK("http://a.io")', outcome="a,b")
    _, said = await shipmate("export", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(said))
    assert (row["rule"], row["outcome"], row["data"]) == ('\'=HYPERLINK("http://a.io")', "a,b", '{"n":0}')


async def test_export_of_a_span_takes_in_the_last_day(shipmate: Shipmate, file_store: Store, clock: HandClock) -> None:
    for _ in range(4):  # from the first of March on, at noon
        await write(file_store, Audit(file_store, clock), 1)
        clock.pass_by(days=1)
    _, said = await shipmate("export", "--from", "2026-03-02", "--to", "2026-03-03")
    assert [json.loads(line)["number"] for line in said.splitlines()] == [2, 3]
    _, said = await shipmate("export", "--from", "2026-03-02T13:00+01:00", "--to", "2026-03-03T12:00")
    assert [json.loads(line)["number"] for line in said.splitlines()] == [2]
    status, said = await shipmate("export", "--from", "yesterday")
    assert (status, "'yesterday' is no day" in said) == (1, True)


async def test_verify_says_where_and_what(shipmate: Shipmate, file_store: Store, clock: HandClock) -> None:
    audit = Audit(file_store, clock)
    await write(file_store, audit, 2)
    head = (await audit.verify()).head
    assert await shipmate("verify") == (0, f"whole: 2 entries, head {head}\n")
    await write(file_store, audit, 1)
    assert (await shipmate("verify", "--expect", head))[0] == 0
    status, said = await shipmate("verify", "--expect", f"9:{'a' * 64}")
    assert status == 1
    assert said.startswith("BROKEN at entry 4 (cut off): ")
    status, said = await shipmate("verify", "--expect", "9")
    assert (status, "no head of the audit log" in said) == (1, True)


async def test_verify_against_what_was_exported(
    shipmate: Shipmate, file_store: Store, clock: HandClock, tmp_path: Path
) -> None:
    await write(file_store, Audit(file_store, clock), 3)
    kept = tmp_path / "kept.jsonl"
    kept.write_text((await shipmate("export"))[1])
    status, said = await shipmate("verify", "--against", str(kept))
    assert (status, ", 3 as in the sink's files, head 3:" in said) == (0, True)
    kept.write_text(kept.read_text().replace('"number":2', '"number":4'))
    assert "stands in the sink's file: its end was cut off" in (await shipmate("verify", "--against", str(kept)))[1]
    status, said = await shipmate("verify", "--against", str(tmp_path / "none.jsonl"))
    assert (status, "none.jsonl: No such file" in said) == (1, True)


async def test_tail_shows_the_newest(shipmate: Shipmate, file_store: Store, clock: HandClock) -> None:
    await write(file_store, Audit(file_store, clock), 3, rule="bell \x1b[31m")
    status, said = await shipmate("tail", "-n", "2")
    assert status == 0
    assert [line.split()[0] for line in said.splitlines()] == ["#2", "#3"]
    assert "\x1b" not in said


async def test_tail_follows(file_store: Store, tmp_path: Path, clock: HandClock) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    settings = Settings(state_dir=tmp_path)
    audit = Audit(file_store, clock)
    await write(file_store, audit, 1)
    tail = asyncio.create_task(auditing.tail_audit(settings, said.put_nowait, lines=0, follow=True, clock=clock))
    async with asyncio.timeout(90):
        await clock.when_sleeping()
        await write(file_store, audit, 2)
        await clock.move(seconds=1)
        assert [(await said.get()).split()[0] for _ in range(2)] == ["#2", "#3"]
    tail.cancel()
    await asyncio.gather(tail, return_exceptions=True)


async def test_without_a_store_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shipmate.yaml").write_text("state_dir: nowhere\n")
    status = await asyncio.to_thread(main, ["audit", "verify", "--config", str(tmp_path / "shipmate.yaml")])
    assert status == 1
    assert "there is no Shipmate database" in capsys.readouterr().err


async def test_checkpoints_and_pruning(shipmate: Shipmate, file_store: Store, tmp_path: Path) -> None:
    """In real time: the command line has the machine's clock."""
    clock = SystemClock()
    audit = Audit(file_store, clock)
    await write(file_store, audit, 2)
    status, said = await shipmate("checkpoint")
    assert (status, "set audit.signing_key" in said) == (1, True)
    (tmp_path / "audit.pem").write_text(pem())
    (tmp_path / "shipmate.yaml").write_text("state_dir: .\naudit: {signing_key: 'file:audit.pem'}\n")
    status, said = await shipmate("checkpoint")
    assert (status, said.splitlines()[:2]) == (0, ["signed: entry 2 and all before it", "-----BEGIN PUBLIC KEY-----"])
    assert (await shipmate("verify"))[1].startswith("whole: 3 entries, 1 signed checkpoint, head 3:")
    assert (await shipmate("prune", "--before", "2020-01-01"))[0] == 1
    tomorrow = (clock.now() + timedelta(days=1)).date().isoformat()
    assert await shipmate("prune", "--before", tomorrow) == (0, "pruned: 2 entries, up to 2\n")
    assert "entries up to 2 were pruned" in (await shipmate("verify"))[1]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ("sinks: {siem: {}}", "a sink is a file or a syslog address, one of the two"),
        ("sinks: {siem: {file: a.jsonl, syslog: 'udp://a:514'}}", "one of the two"),
        ("sinks: {siem: {syslog: 'http://a:514'}}", "audit.sinks.siem.syslog"),
        ("signing_key: 'file:shipmate.yaml'", "a private key in PEM was expected"),
        ("public_keys: [x]", "an Ed25519 public key in PEM was expected"),
    ],
)
async def test_wrong_settings_are_named(tmp_path: Path, shipmate: Shipmate, settings: str, wanted: str) -> None:
    (tmp_path / "shipmate.yaml").write_text(f"state_dir: .\naudit: {{{settings}}}\n")
    status, said = await shipmate("verify")
    assert status == 2
    assert wanted in said


async def test_a_store_of_an_older_version_is_told_plainly(shipmate: Shipmate, file_store: Store) -> None:
    async with file_store.write() as tx:
        await tx.conn.execute(sa.text("DROP TABLE audit_cursors"))
    status, said = await shipmate("verify")
    assert (status, "no such table: audit_cursors; if it is of an older version" in said) == (1, True)
