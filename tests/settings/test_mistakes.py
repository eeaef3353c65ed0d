"""Every mistake has its file, line, path, rule and next move, and none hides another."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.settings import Mistake, SettingsError, load

from .conftest import ENVIRON, RIGHT, Load, Mistakes

TEN = """\
slack: {bot_token: "${SLACK_BOT_TOKEN}", app_token: "${SLACK_APP_TOKE}", aliases: [status]}
sevices: {}
people: {mia: {slack: U01MIA}}
groups: {developers: [mai]}
permissions:
  - {allow: [deployment.start], to: [develpers]}
integrations:
  local: {type: locl}
  prom: {type: prometheus}
environments: {staging: {}}
services:
  checkout:
    repository: {with: github, project: checkout}
    environments:
      - {name: stagin, deploy: {with: prom, job: x}}
      - {name: staging, deploy: {with: prom}, approval_expires: 4}
"""


def test_the_right_configuration_is_right(mistakes: Mistakes) -> None:
    assert mistakes(RIGHT) == []


def test_ten_mistakes_give_ten_messages_and_more(mistakes: Mistakes) -> None:
    told = [str(mistake) for mistake in mistakes(TEN)]
    expected = [
        ("shipmate.yaml:1: slack.aliases[0]:", "/status belongs to Slack"),
        ("shipmate.yaml:1: slack.app_token:", "SLACK_APP_TOKE is not set in the environment"),
        ("shipmate.yaml:2: sevices:", "no setting here. Did you mean services?"),
        ("shipmate.yaml:4: groups.developers[0]:", "Did you mean mia?"),
        ("shipmate.yaml:6: permissions[0].to[0]:", "Did you mean developers?"),
        ("shipmate.yaml:8: integrations.local.type:", "Did you mean local?"),
        ("shipmate.yaml:9: integrations.prom:", "url is missing"),
        ("shipmate.yaml:13: services.checkout.repository.with:", "github is no integration"),
        ("shipmate.yaml:15: services.checkout.environments[0].name:", "Did you mean staging?"),
        ("shipmate.yaml:15: services.checkout.environments[0].deploy.with:", "no Deployer"),
        ("shipmate.yaml:16: services.checkout.environments[1].deploy:", "job is missing"),
        ("shipmate.yaml:16: services.checkout.environments[1].deploy.with:", "no Deployer"),
        ("shipmate.yaml:16: services.checkout.environments[1].approval_expires:", "20s, 5m, 4h or 1d"),
    ]
    for place, rule in expected:
        assert [line for line in told if line.startswith(place) and rule in line], (place, rule, told)
    assert len(told) == len(expected), told


ONE = [
    ("slack: {", "slack: {mode: htp, ", 1, "slack.mode", "'socket' or 'http'"),
    ("slack: {", "slack: {mode: http, ", 1, "slack", "needs slack.signing_secret"),
    ("slack: {", "slack: {aliases: [where, where], ", 1, "slack.aliases[1]", "there already"),
    ("slack: {", "slack: {aliases: [search], prefix: '', ", 1, "slack.aliases[0]", "belongs to Slack"),
    ("slack: {", "slack: {reactions: {+1: approve}, ", 1, "slack.reactions", 'Quote it: "+1"'),
    (
        "slack: {",
        "slack: {reactions: {x: reject, 'x::skin-tone-2': approve}, ",
        1,
        "slack.reactions.x::skin-tone-2",
        "Map it once",
    ),
    ("slack: {", "slack: {bot_tokn: x, ", 1, "slack.bot_tokn", "no setting here"),
    ("slack: {", "database: mysql://u:pw@h/d\nslack: {", 1, "database", "postgresql://user:${PW}@host/name"),
    ("U01ANA", "U01MIA", 4, "people.ana.slack", "U01MIA is mia already"),
    ("U01ANA", "ana", 4, "people.ana.slack", "should match"),
    ("developers: [mia]", "developers: [mia, U]", 6, "groups.developers[1]", "U is no person"),
    ("developers: [mia]", "everyone: [mia]", 6, "groups.everyone", "built in"),
    ("developers: [mia]", "developers: [mia]\n  mia: [ana]", 7, "groups.mia", "is a person already"),
    ("services: [checkout], ", "services: [chekout], ", 9, "permissions[0].services[0]", "Did you mean checkout?"),
    ("environments: [staging]}", "targets: [eu, mars]}", 9, "permissions[0].targets[1]", "mars is no target"),
    ("allow: [deployment.start]", "allow: ['deployment.*.x']", 9, "permissions[0].allow[0]", "match"),
    ("allow: [deployment.start], ", "", 9, "permissions[0]", "allow is missing"),
    ("type: local, root", "type: local, rot", 11, "integrations.local.rot", "Did you mean root?"),
    (
        "local: {type: local, root",
        "local: {root",
        11,
        "integrations.local",
        "One of: alertmanager, gitlab, jenkins, local, ",
    ),
    ("prom: {", "Prom X: {", 12, "integrations.Prom X", "cannot be the name"),
    ('"http://127.0.0.1:9090"', "ftp://x", 12, "integrations.prom.url", "no address of a server"),
    ("production_like: true", "production_like: maybe", 13, "environments.production.production_like", "boolean"),
    ("production_like: true", "production: true", 13, "environments.production.production", "production_like?"),
    ("project: checkout", "project: 5", 16, "services.checkout.repository.project", "quote it"),
    ("{with: local, project", "{with: prom, project", 16, "services.checkout.repository.with", "no GitHost"),
    ("aliases: [stage]", "aliases: [production]", 22, "services.checkout.environments[1]", "names staging already"),
    ("promote_from: staging", "promote_from: stagin", 24, "environments[1].promote_from", "Did you mean staging?"),
    ("promote_from: staging", "promote_from: production", 24, "environments[1].promote_from", "does not come before"),
    (
        "promote_from: staging",
        "sign_off: {from: [release-manager], of: stagin}",
        24,
        "environments[1].sign_off.of",
        "Did you mean staging?",
    ),
    (
        "promote_from: staging",
        "sign_off: {from: [release-manager], of: staging}",
        24,
        "environments[1].sign_off.from[0]",
        "Did you mean release-managers?",
    ),
    ("project: checkout}", "project: checkout}\n    releases: {scheme: semvar}", 17, "releases.scheme", "calver"),
    ("project: checkout}", "project: checkout}\n    releases: {format: MICRO}", 17, "releases.format", "pattern"),
    (
        "from: [release-managers]",
        "from: [release-manager]",
        25,
        "approvals[0].from[0]",
        "Did you mean release-managers?",
    ),
    ("{from: [release-managers]}", "{count: 0, from: [release-managers]}", 25, "approvals[0].count", "greater"),
    ("{from: [release-managers]}", "{from: []}", 25, "approvals[0].from", "at least one"),
    (
        "project: checkout}",
        "project: checkout}\n    tickets: {pattern: '('}",
        17,
        "tickets.pattern",
        "no regular expression",
    ),
    ("project: checkout}", "project: checkout}\n    owners: [developer]", 17, "owners[0]", "Did you mean developers?"),
    (
        "project: checkout}",
        "project: checkout}\n    depends_on: [chekout]",
        17,
        "depends_on[0]",
        "Did you mean checkout?",
    ),
    (
        "project: checkout}",
        "project: checkout}\n    channel: [a]",
        17,
        "services.checkout.channel",
        "text was expected",
    ),
    ("targets: [eu, us]", "verify: {window: 5s, interval: 10s}", 21, "environments[0].verify", "longer than window"),
    (
        "targets: [eu, us]",
        "verify: {metrics: [{name: e, with: prom, query: q}]}",
        21,
        "verify.metrics[0]",
        "needs max or min",
    ),
    (
        "targets: [eu, us]",
        "verify: {metrics: [{name: e, with: local, query: q, max: 1}]}",
        21,
        "metrics[0].with",
        "no MetricsSource",
    ),
    ("targets: [eu, us]", "verify: {probes: [{url: localhost}]}", 21, "verify.probes[0].url", "match"),
    ("targets: [eu, us]", "approval_expires: 4 fortnights", 21, "approval_expires", "is no duration"),
    ("targets: [eu, us]", "rollback: perhaps", 21, "environments[0].rollback", "'automatic' or 'offer'"),
    ("targets: [eu, us]", "name: production", 21, "environments[0].name", "stands here twice, first in line 18"),
    ("people:\n", "people: [\n", 4, "", "this is not YAML"),
    ("  ana: {slack: U01ANA}", "  ana: {slack: U01ANA}\n  no: {}", 5, "people", "Quote it"),
]


@pytest.mark.parametrize(("old", "new", "line", "path", "rule"), ONE, ids=[f"{row[3]}-{row[4]}" for row in ONE])
def test_one_mistake_is_told_at_its_place(
    mistakes: Mistakes, old: str, new: str, line: int, path: str, rule: str
) -> None:
    assert old in RIGHT
    told = mistakes(RIGHT.replace(old, new, 1))
    found = [one for one in told if one.file == "shipmate.yaml" and one.line == line and one.path.endswith(path)]
    assert [one for one in found if rule in f"{one.message} {one.suggestion}"], told


def test_tokens_are_checked(mistakes: Mistakes) -> None:
    tokens = """\
terminal:
  tokens:
    - {name: a, person: mai, secret: "${SHIPMATE_TOKEN_MIA}"}
    - {name: a, account: shipmate, secret: "${SHORT}"}
    - {name: b, person: mia, account: ci, secret: "${SHIPMATE_TOKEN_MIA}"}
"""
    told = [str(one) for one in mistakes(RIGHT + tokens, {**ENVIRON, "SHORT": "abc"})]
    assert any("terminal.tokens[0].person: mai is no person. Did you mean mia?" in line for line in told)
    assert any("tokens[1].name: there are two tokens named a" in line for line in told)
    assert any("tokens[1].account: shipmate is" in line for line in told)
    assert any("tokens[2]: a token stands for a person or for an account" in line for line in told)
    tokens = """\
terminal:
  tokens:
    - {name: a, person: mia, secret: "${SHIPMATE_TOKEN_MIA}"}
    - {name: b, account: ci, secret: "${SHORT}"}
    - {name: c, account: cd, secret: "${SHIPMATE_TOKEN_MIA}"}
"""
    told = [str(one) for one in mistakes(RIGHT + tokens, {**ENVIRON, "SHORT": "abc"})]
    assert any("the secret of b is shorter than 16" in line for line in told)
    assert any("c has the same secret as a" in line for line in told)


def test_permissions_that_no_command_declares_are_mistakes(put: Callable[[str, str], Path]) -> None:
    path = put("shipmate.yaml", RIGHT.replace("[deployment.start]", "[deployment.strat, 'lok.*', '*.start', '*']"))
    with pytest.raises(SettingsError) as caught:
        load(path, ENVIRON, known_permissions={"deployment.start", "lock.take"})
    told = [str(one) for one in caught.value.mistakes]
    assert len(told) == 2
    assert "deployment.strat is no permission. Did you mean deployment.start?" in told[0]
    assert "lok.* is no permission" in told[1]


def test_included_files_are_read_and_their_mistakes_do_not_hide_others(
    put: Callable[[str, str], Path], mistakes: Mistakes
) -> None:
    service = "{repository: {with: local, project: p}, environments: [{name: staging, deploy: {with: local, job: j}}]}"
    put("services/broken.yaml", "services:\n  a: {\n")
    put("services/search.yaml", f"services:\n  search: {service}\n  checkout: {service}\n")
    put("services/other.yaml", f"slack: {{}}\nservices:\n  pay:\n    {service.replace('local', 'locl')}\n")
    told = [str(one) for one in mistakes(f"include: [services/*.yaml, nowhere.yaml]\n{RIGHT}")]
    assert told == sorted(told, key=lambda line: (line.split(":")[0], int(line.split(":")[1])))
    assert [line for line in told if line.startswith("services/broken.yaml:3: this is not YAML")]
    assert [line for line in told if "services/search.yaml:3: services.checkout: checkout is defined already" in line]
    assert [line for line in told if "services/other.yaml:1: slack: an included file may set only services" in line]
    assert [line for line in told if "services/other.yaml:4: services.pay.repository.with: locl is no" in line]
    assert [line for line in told if "shipmate.yaml:1: include[1]: there is no file nowhere.yaml" in line]


def test_included_services_are_part_of_the_settings(put: Callable[[str, str], Path], loaded: Load) -> None:
    service = "{repository: {with: local, project: p}, environments: [{name: staging, deploy: {with: local, job: j}}]}"
    put("services/search.yaml", f"services: {{search: {service}}}\n")
    put("services/empty.yaml", "")
    assert set(loaded(f"include: [services/*.yaml]\n{RIGHT}").services) == {"checkout", "search"}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"- a\n", "a mapping was expected"),
        (b"a: &a [*a]\n", "this is not YAML"),
        (b"a: 2026-13-40\n", "this is not YAML"),
        (b"a: !!python/object:os.system {}\n", "this is not YAML"),
        (b"[" * 3000, "this is not YAML"),
        (b"a: \x00\n", "this is not YAML"),
    ],
)
def test_files_that_hold_no_settings_are_told(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "shipmate.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=rule):
        load(path, ENVIRON)


def test_a_small_file_that_grows_without_end_is_refused(put: Callable[[str, str], Path]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(SettingsError, match="repeats itself"):
        load(put("shipmate.yaml", "\n".join(lines)), ENVIRON)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"shipmate\.yaml: the file cannot be read: No such file"):
        load(tmp_path / "shipmate.yaml", ENVIRON)


def test_an_empty_file_is_a_bot_without_services(loaded: Load) -> None:
    assert loaded("", {}).services == {}


def test_anchors_and_merges_are_understood(loaded: Load) -> None:
    text = RIGHT.replace("{with: local, job: checkout/staging}", "&job {with: local, job: shared}").replace(
        "{with: local, job: checkout/production}", "{<<: *job, parameters: {size: large}}"
    )
    _, production = loaded(text).services["checkout"].environments
    assert (production.deploy.job, production.deploy.parameters) == ("shared", {"size": "large"})


words = st.sampled_from(
    [*"abcxyz", "slack", "services", "people", "with", "type", "local", "checkout", "${A}", "-1", "~"]
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), words, st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=5)),
    max_leaves=30,
)


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_file_becomes_mistakes_not_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    """Any value anywhere in a right configuration: it loads, or says what is wrong."""
    tree = yaml.safe_load(RIGHT)
    spot = tree
    while isinstance(spot, dict | list) and spot:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(spot[key], dict | list) or not spot[key] or data.draw(st.booleans()):
            spot[key] = data.draw(values)
            break
        spot = spot[key]
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    _loads_or_tells(path)


@given(st.text(max_size=200))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_becomes_mistakes_not_a_crash(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shipmate.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    _loads_or_tells(path)


def _loads_or_tells(path: Path) -> None:
    told: tuple[Mistake, ...] | None = None
    try:
        load(path, ENVIRON)
    except SettingsError as error:
        told = error.mistakes
    assert told is None or (told and all(mistake.message and mistake.file for mistake in told))


def test_a_second_person_needs_somebody_who_may_confirm(mistakes: Mistakes) -> None:
    (mistake,) = mistakes(f"policy: {{second_person: true}}\n{RIGHT}")
    assert (mistake.line, mistake.path) == (1, "policy.second_person")
    assert "policy.approve" in str(mistake)
    granted = RIGHT.replace("permissions:", 'permissions:\n  - {allow: ["*"], to: [mia, ana]}')
    assert mistakes(f"policy: {{second_person: true}}\n{granted}") == []
