"""The example is right, the schema agrees with the loader, the page names every setting, warnings warn."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, strategies as st

from bot.settings import Settings, format_duration, json_schema, load, parse_duration, warnings
from commands.registry import registry
from integrations.registry import declared

from .conftest import ENVIRON, RIGHT, Load

ROOT = Path(__file__).resolve().parents[2]


def _schema() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_example_is_right(put: Callable[[str, str], Path]) -> None:
    put("secrets/ci-token", "d" * 32)
    text = (ROOT / "shipmate.example.yaml").read_text()
    known = {command.permission for command in registry().values()}
    settings = load(put("shipmate.yaml", text), ENVIRON, known_permissions=known)
    assert set(settings.services) == {"checkout"}
    assert _schema().is_valid(yaml.safe_load(text))


def uncommented(text: str) -> str:
    """Return the example with all in force that it shows as a comment."""
    return re.sub(r"^( *)# ( *(?:[\w-]+:(?: |$)|- ))", r"\1\2", text, flags=re.MULTILINE)


def test_what_the_example_shows_as_a_comment_is_right_too(put: Callable[[str, str], Path]) -> None:
    put("secrets/ci-token", "d" * 32)
    text = (ROOT / "shipmate.example.yaml").read_text()
    whole = uncommented(text).replace('public_url: ""', "public_url: https://shipmate.example.org")
    known = {command.permission for command in registry().values()}
    environ = dict(ENVIRON) | dict.fromkeys(re.findall(r"\$\{(\w+)\}", whole), "s" * 32)
    environ["HEARTBEAT_URL"] = "https://switch.example.org/1"
    settings = load(put("shipmate.yaml", whole), environ | ENVIRON, known_permissions=known)
    assert set(settings.paging.chains) == set(settings.oncall.schedules) == {"primary"}
    assert settings.alerts.watchdogs
    assert settings.identity.issuer
    assert settings.policy.force
    assert settings.services["checkout"].releases.tag_prefix == "v"
    assert _schema().is_valid(yaml.safe_load(whole))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("slack: {", "slack: {tokn: x, "),
        ("type: local", "type: locl"),
        ("root: repositories", "rot: repositories"),
        ("promote_from: staging", "promote_from: [staging]"),
        ("targets: [eu, us]", "approval_expires: 4 fortnights"),
        ("developers: [mia]", "developers: mia"),
    ],
)
def test_editors_see_the_mistake_too(old: str, new: str) -> None:
    schema = _schema()
    assert schema.is_valid(yaml.safe_load(RIGHT))
    assert old in RIGHT
    assert not schema.is_valid(yaml.safe_load(RIGHT.replace(old, new, 1)))


def _of_ours(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a schema without those of the tools, which tell of themselves in their own pages."""
    tools = declared()
    return [schema, *(one for name, one in schema["$defs"].items() if name.partition(".")[0] not in tools)]


def test_the_page_tells_of_every_setting_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    schema = json_schema()
    told = set(re.findall(r"`([a-z_]+)`", page))
    ours = _of_ours(schema)
    names = {name for one in ours for name in one.get("properties", {})}
    assert len(names) > 60
    assert names - told == set()


def test_the_page_tells_of_every_permission() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert {command.permission for command in registry().values()} - set(re.findall(r"`([a-z_.]+)`", page)) == set()


def test_every_setting_has_a_description() -> None:
    schema = json_schema()
    ours = _of_ours(schema)
    silent = [
        name
        for one in ours
        for name, field in one.get("properties", {}).items()
        if not {"description", "$ref"} & field.keys()
    ]
    assert silent == []


def test_production_on_sqlite_warns(loaded: Load) -> None:
    told, alone = warnings(loaded())
    assert "production is production-like and the database is SQLite" in told
    assert "policy.second_person is off" in alone
    confirmed = RIGHT.replace("permissions:", "permissions:\n  - {allow: [policy.approve], to: [developers]}")
    on_postgres = loaded(f"database: postgresql://h/d\npolicy: {{second_person: true}}\n{confirmed}")
    assert warnings(on_postgres) == ()
    assert any("no approval" in line for line in warnings(loaded(RIGHT.replace("approvals: [{from", "checks: [] #"))))
    assert any("grants nothing" in line for line in warnings(loaded("", {})))


def test_paths_start_at_the_file(loaded: Load, tmp_path: Path) -> None:
    settings = loaded(f"state_dir: data\n{RIGHT}")
    assert settings.state_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/shipmate.db"
    assert settings.integrations["local"].settings.root == tmp_path / "repositories"  # type: ignore[attr-defined]
    assert loaded().state_dir == tmp_path / "state"


def test_settings_are_frozen(loaded: Load) -> None:
    settings = loaded()
    with pytest.raises(ValueError, match="frozen"):
        settings.server = settings.server  # type: ignore[misc]
    assert isinstance(settings, Settings)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3000)))
def test_durations_round_trip(length: timedelta) -> None:
    rounded = timedelta(milliseconds=round(length / timedelta(milliseconds=1)))
    assert parse_duration(format_duration(rounded)) == rounded


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 parsecs", "1.5h", "99999999999d", "5s6"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse_duration(text)
