"""Shipmate's command line as operators meet it: checks, mistakes, manifest, schema, audit, help."""

import asyncio
import contextlib
import hashlib
import json
import sqlite3
import subprocess
import sys
import zipfile

import jsonschema
import pytest
import pytest_asyncio
import yaml

from tests.road.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    """A town whose Shipmate has run once and ended: the files are there."""
    async with Town.build(tmp_path_factory.mktemp("town")) as built:
        await built.deploy("1.4.1")
        assert await built.stop() == 0
        yield built


def _config(town):
    return ("--config", str(town.folder / "shipmate.yaml"))


async def test_check_asks_every_system_how_it_is(town):
    status, said = await town.shipmate("check", *_config(town))
    assert status == 0, said
    for name in ("slack", "store", "local"):
        assert any(line.startswith("ok") and name in line for line in said.splitlines()), said
    assert "SQLite" in said, "a production-like environment on SQLite is warned of"


async def test_check_says_what_is_missing(town):
    await town.control("away", on=True)
    try:
        status, said = await town.shipmate("check", *_config(town))
    finally:
        await town.control("away", on=False)
    assert status == 1
    assert any(line.startswith("FAILED") and "slack" in line for line in said.splitlines()), said


async def test_evidence_of_a_deployment_is_verified_without_shipmate(town, tmp_path):
    file = tmp_path / "evidence.zip"
    status, said = await town.shipmate("evidence", "D-1001", "--out", str(file), *_config(town))
    assert (status, said.split()[1]) == (0, str(file)), said
    assert said.split()[0] == hashlib.sha256(file.read_bytes()).hexdigest()
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    verify = [sys.executable, "-I", "-S", str(tmp_path / "evidence-D-1001" / "verify.py")]
    done = await asyncio.to_thread(subprocess.run, verify, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "evidence-D-1001/logs/D-1001-deploy.txt").read_text().strip()
    status, said = await town.shipmate("evidence", "D-9999", *_config(town))
    assert (status, "no deployment or release D-9999" in said) == (1, True)


async def test_manifest_and_schema(town):
    status, said = await town.shipmate("manifest", *_config(town), "--format", "json")
    assert status == 0, said
    manifest = json.loads(said)
    commands = [one["command"] for one in manifest["features"]["slash_commands"]]
    assert commands[:2] == ["/shipmate", "/deploy"]
    assert "/where" in commands
    status, said = await town.shipmate("manifest", *_config(town))
    assert yaml.safe_load(said) == manifest
    status, said = await town.shipmate("schema")
    assert status == 0
    written = yaml.safe_load((town.folder / "shipmate.yaml").read_text())
    jsonschema.validate(written, json.loads(said))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**written, "servces": {}}, json.loads(said))


async def test_help_of_everything(town):
    status, said = await town.shipmate("--help")
    assert status == 0
    names = ["serve", "check", "connect", "manifest", "schema", "do", "audit", "demo", "sandbox"]
    assert all(name in said for name in names)
    for name in names:
        status, said = await town.shipmate(name, "--help")
        assert status == 0, name
        assert f"usage: shipmate {name}" in said
    status, said = await town.shipmate("--version")
    assert (status, said.split()[0]) == (0, "shipmate")
    status, said = await town.shipmate("sevre")
    assert status == 2


async def test_a_configuration_with_ten_mistakes_gets_ten_messages(town):
    settings = yaml.safe_load((town.folder / "shipmate.yaml").read_text())
    settings["servces"] = {}
    settings["slack"]["mode"] = "sokcet"
    settings["slack"]["reactions"] = {"tada": "aprove"}
    settings["server"]["port"] = 99999
    settings["groups"]["developers"].append("nobody")
    settings["permissions"][0]["allow"].append("deployment.strat")
    service = settings["services"]["checkout"]
    service["repository"]["with"] = "lokal"
    service["environments"][0]["verify"]["window"] = "soon"
    service["environments"][1]["promote_from"] = "stagging"
    service["environments"][1]["approvals"][0]["from"] = ["managers"]
    path = town.folder / "mistakes.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    said = ""
    for command in ("serve", "check", "manifest"):
        status, said = await town.shipmate(command, "--config", str(path))
        assert status == 2, said
        head, *mistakes = said.strip().splitlines()
        assert head == "10 mistakes in the configuration"
        assert len(mistakes) == 10, said
        lines = path.read_text().splitlines()
        for mistake in mistakes:
            file, line, rest = mistake.split(":", 2)
            assert file.endswith("mistakes.yaml")
            last = rest.split(":")[0].strip().split(".")[-1].split("[")[0]
            assert last in lines[int(line) - 1] or "- " in lines[int(line) - 1], mistake
    for wanted in ("Did you mean services?", "Did you mean local?", "Did you mean staging?", "Did you mean approve?"):
        assert wanted in said


async def test_a_configuration_that_is_not_there_or_no_yaml(town):
    status, said = await town.shipmate("check", "--config", str(town.folder / "nowhere.yaml"))
    assert status == 2
    assert "nowhere.yaml" in said
    (town.folder / "broken.yaml").write_text("slack: {mode: socket\nservices: [")
    status, said = await town.shipmate("serve", "--config", str(town.folder / "broken.yaml"))
    assert status == 2
    assert "broken.yaml" in said
    assert "Traceback" not in said


async def test_the_audit_log_is_proved_and_tampering_is_found(town):
    status, said = await town.shipmate("audit", "verify", *_config(town))
    assert status == 0, said
    assert said.startswith("whole: ")
    file = town.folder / "state" / "shipmate.db"
    with contextlib.closing(sqlite3.connect(file)) as store, store:
        (was,) = store.execute("SELECT outcome FROM audit_entries WHERE number = 2").fetchone()
        store.execute("UPDATE audit_entries SET outcome = 'tampered with' WHERE number = 2")
    status, said = await town.shipmate("audit", "verify", *_config(town))
    with contextlib.closing(sqlite3.connect(file)) as store, store:
        store.execute("UPDATE audit_entries SET outcome = ? WHERE number = 2", [was])
    assert status == 1
    assert "2" in said
