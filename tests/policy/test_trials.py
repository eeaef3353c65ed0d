"""The policy file at hand, tried on cases in YAML and on what was decided in earnest."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.app.trials import replay_policy, run_cases
from bot.policy.facts import Facts, FreezeSeen
from bot.settings import Settings, SettingsError
from bot.store import Store
from commands.registry import registry

from .conftest import HandClock
from .past import row_of, write

CONFIG: dict[str, Any] = {
    "people": {"mia": {"slack": "U01MIA"}, "tom": {"slack": "U01TOM"}},
    "groups": {"developers": ["mia"], "managers": ["tom"], "on-call": ["tom"]},
    "permissions": [
        {"allow": ["deployment.start"], "to": ["developers", "managers"]},
        {"allow": ["deployment.force"], "to": ["managers"]},
    ],
    "environments": {"staging": {}, "production": {"production_like": True}},
    "freezes": [
        {
            "name": "year-end",
            "reason": "quiet",
            "production_like": True,
            "from": "2026-12-18",
            "to": "2026-12-31",
            "exceptions": ["managers"],
        }
    ],
    "policy": {
        "standard": [{"name": "texts", "paths": ["docs/**"]}],
        "emergency": {"approvers": ["on-call"]},
        "force": {"skips": ["checks"]},
    },
    "services": {
        "shop": {
            "repository": {"with": "gitlab", "project": "shop"},
            "environments": [
                {"name": "staging", "deploy": {"with": "jenkins", "job": "shop"}},
                {
                    "name": "production",
                    "deploy": {"with": "jenkins", "job": "shop"},
                    "promote_from": "staging",
                    "checks": ["unit"],
                    "approvals": [
                        {"count": 2, "from": ["managers"]},
                        {"from": ["on-call"], "when": {"paths": ["payments/**"]}},
                    ],
                },
            ],
        }
    },
}
CASES = """\
cases:
  - name: two managers
    when: {service: shop, environment: production, by: mia, files: [src/a.py]}
    then: {approvals: [{count: 2, from: [managers]}]}
  - name: payments ask who is on call, too
    when: {service: shop, environment: production, files: [payments/a.py]}
    then: {approvals: [{from: [on-call]}, {count: 2, from: [managers]}]}
  - name: texts go by themselves
    when: {service: shop, environment: production, files: [docs/a.md]}
    then: {allowed: true, class: standard, approvals: []}
  - name: nothing before Christmas
    when: {service: shop, environment: production, groups: [developers], at: 2026-12-20}
    then: {refused: frozen}
  - name: but a manager may
    when: {service: shop, environment: production, groups: [managers], at: 2026-12-20, exception: orders are lost}
    then: {allowed: true}
  - name: it goes over staging
    when: {service: shop, environment: production, promoted: false}
    then: {refused: not_promoted}
  - name: red is red
    when: {service: shop, environment: production, checks: {unit: failed}}
    then: {refused: checks_failed}
  - name: unless a manager forces it
    when: {service: shop, environment: production, by: tom, checks: {unit: failed}, force: prod is down}
    then: {allowed: true, class: forced}
  - name: a developer forces nothing
    when: {service: shop, environment: production, by: mia, force: prod is down}
    then: {refused: no_force}
  - name: developers do not roll back
    when: {service: shop, environment: production, by: mia, kind: rollback}
    then: {refused: not_allowed}
  - name: an emergency asks one
    when: {service: shop, environment: production, class: emergency, reason: prod is down}
    then: {approvals: [{from: [on-call]}]}
  - name: locked
    when: {service: shop, environment: staging, locked_by: tom}
    then: {refused: locked}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Callable[[str], Path]:
    def put(text: str) -> Path:
        path = tmp_path / "cases.yaml"
        path.write_text(text)
        return path

    return put


def settings(**more: Any) -> Settings:
    return Settings.model_validate({**CONFIG, **more})


def test_cases_come_out_as_they_say(cases: Callable[[str], Path]) -> None:
    said: list[str] = []
    assert run_cases(settings(), [cases(CASES)], said.append) == 0, said
    assert said[-1] == "12 cases: 12 as expected, 0 not"


def test_a_case_that_comes_out_otherwise_says_where_and_how(cases: Callable[[str], Path]) -> None:
    said: list[str] = []
    services = {"shop": {**CONFIG["services"]["shop"]}}
    production = {**services["shop"]["environments"][1], "checks": [], "approvals": [{"from": ["managers"]}]}
    services["shop"]["environments"] = [services["shop"]["environments"][0], production]
    assert run_cases(settings(services=services, freezes=[]), [cases(CASES)], said.append) == 1
    differ = [line for line in said if line.startswith("differs")]
    assert differ[0] == ("differs  two managers (cases.yaml:2): expected needs 2 of managers, got needs 1 of managers")
    assert any("nothing before Christmas (cases.yaml:11): expected refused (frozen)" in line for line in differ)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("cases: []", 1, "at least 1"),
        ("cases:\n  - name: x\n    when: {service: shop, environment: staging}\n    then: {}", 4, "say allowed"),
        ("cases:\n  - name: x\n    when: {servce: shop}\n    then: {allowed: true}", 3, "Extra inputs"),
        ("cases: [", 2, "not YAML"),
    ],
)
def test_mistakes_in_cases_have_their_line(cases: Callable[[str], Path], text: str, line: int, words: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        run_cases(settings(), [cases(text)], lambda _line: None)
    assert any(one.line == line for one in wrong.value.mistakes), wrong.value
    assert words in str(wrong.value)


def test_what_the_catalog_does_not_have_is_told(cases: Callable[[str], Path]) -> None:
    said: list[str] = []
    text = "cases:\n  - name: gone\n    when: {service: shop, environment: qa}\n    then: {allowed: true}"
    assert run_cases(settings(), [cases(text)], said.append) == 1
    assert "no place of this configuration" in said[0]


def facts(at: datetime, **more: Any) -> Facts:
    told = {"kind": "deploy", "service": "shop", "environment": "production", "sha": "a" * 40, "version": "1.1.0"}
    seen = {"standing": {"staging": "a" * 40}, "checks": {"unit": "passed"}, "files": ("src/a.py",)}
    return Facts(**{"at": at, "running_sha": "b" * 40, **told, **seen, **more})


async def kept(tmp_path: Path, clock: HandClock, days: list[Facts]) -> Settings:
    """Write deployments as they were decided by the configuration of then, and return it."""
    then = settings(state_dir=str(tmp_path), freezes=[])
    registry()
    store = await Store.open(then.database_url, clock=clock)
    await write(store, [row_of(1000 + number, one, then) for number, one in enumerate(days)])
    await store.close()
    return then


async def test_replay_says_what_would_be_decided_otherwise(tmp_path: Path, clock: HandClock) -> None:
    now = clock.now()
    past = [
        facts(now - timedelta(days=40)),
        facts(now - timedelta(days=3)),
        facts(now - timedelta(days=2), checks={"unit": "failed"}),
        facts(now - timedelta(days=1), environment="staging"),
        facts(now - timedelta(hours=1), freezes=(FreezeSeen(name="F-1", words="frozen by @tom", declared=True),)),
    ]
    then = await kept(tmp_path, clock, past)
    said: list[str] = []
    await replay_policy(then, said.append, since=timedelta(days=30), clock=clock)
    assert said[-1].startswith("4 deployments, 0 otherwise; "), "by the same rules nothing is otherwise"

    freeze = {"name": "quiet", "reason": "quiet", "production_like": True, "from": "2026-02-25", "to": "2026-02-26"}
    services = json.loads(json.dumps(CONFIG["services"]))
    services["shop"]["environments"][1] |= {"checks": [], "approvals": [{"count": 1, "from": ["managers"]}]}
    newer = settings(state_dir=str(tmp_path), freezes=[freeze], services=services)
    said.clear()
    await replay_policy(newer, said.append, since=timedelta(days=30), clock=clock)
    assert [line.split(": ", 1)[1].split("  [")[0] for line in said[:2]] == [
        "needs 2 of managers → refused (frozen)",
        "refused (checks_failed) → needs 1 of managers",
    ]
    assert said[-1].startswith("4 deployments, 2 otherwise; ")
    said.clear()
    await replay_policy(newer, said.append, since=timedelta(days=30), as_json=True, clock=clock)
    first, last = json.loads(said[0]), json.loads(said[-1])
    assert (first["deployment"], first["would_be"]) == ("D-1001", "refused (frozen)")
    assert (last["deployments"], last["otherwise"]) == (4, 2)


async def test_replay_keeps_memory_flat(tmp_path: Path, clock: HandClock) -> None:
    def peak_of(settings_: Settings) -> Any:
        return replay_policy(settings_, lambda _line: None, since=timedelta(days=30), clock=clock)

    peaks = []
    for count in (500, 2500):
        folder = tmp_path / str(count)
        folder.mkdir()
        now = clock.now()
        then = await kept(folder, clock, [facts(now - timedelta(minutes=number + 1)) for number in range(count)])
        await peak_of(then)  # what is made once
        tracemalloc.start()
        await peak_of(then)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5, peaks


def test_the_command_line_runs_cases(cases: Callable[[str], Path], tmp_path: Path, capsys: Any) -> None:
    import yaml  # noqa: PLC0415 - only here

    config = {**CONFIG, "integrations": {"local": {"type": "local", "root": "repositories"}}}
    text = yaml.safe_dump(config).replace("with: gitlab", "with: local").replace("with: jenkins", "with: local")
    (tmp_path / "shipmate.yaml").write_text(text)
    words = ["policy", "test", "--config", str(tmp_path / "shipmate.yaml"), str(cases(CASES))]
    assert main(words) == 0, capsys.readouterr()
    assert "12 as expected" in capsys.readouterr().out
    cases(CASES.replace("refused: locked", "allowed: true"))
    assert main(words) == 1
    cases("cases: 7")
    assert main(words) == 2
    assert "cases" in capsys.readouterr().err
    assert main(["policy", "replay", "--config", str(tmp_path / "shipmate.yaml"), "--since", "soon"]) == 1
    assert "soon" in capsys.readouterr().err
