"""Secrets: only by reference, and seen nowhere."""

import logging
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel, SecretStr

from bot.settings import SettingsError, load, needs_restart, reload
from bot.settings.secrets import BadReference, Resolver
from integrations.capabilities.metrics import MetricsSource
from integrations.contract import Integration

from .conftest import ENVIRON, RIGHT, Load, Mistakes

HIDDEN = "hunter2-hunter2-hunter2"


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("${A}", HIDDEN),
        ("prefix-${A}", f"prefix-{HIDDEN}"),
        ("postgresql://u:${ODD}@h/d", "postgresql://u:p%40ss%2F%25%3A@h/d"),
        ("postgresql://u:${CODED}@h/d", "postgresql://u:p%40ss@h/d"),
        ("${ODD}", "p@ss/%:"),
        ("file:secret", HIDDEN),
        ("exec:cat secret", HIDDEN),
        ("", ""),
    ],
)
def test_references_are_followed(tmp_path: Path, reference: str, value: str) -> None:
    (tmp_path / "secret").write_text(f"{HIDDEN}\n")
    environ = {"A": HIDDEN, "ODD": "p@ss/%:", "CODED": "p%40ss", "PATH": "/usr/bin:/bin"}
    assert Resolver(environ, tmp_path).resolve(reference) == value


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        ("${NOPE}", "NOPE is not set"),
        ("${EMPTY}", "is empty in the environment"),
        ("file:nowhere", "the file nowhere cannot be read"),
        ("file:empty", "is empty"),
        ("exec:no-such-program", "no-such-program cannot be run"),
        ("exec:", "no program"),
        ("exec:'", "cannot be read"),
        ("exec:true", "printed nothing"),
        (f"exec:sh -c 'echo {HIDDEN}; echo {HIDDEN} >&2; exit 3'", "ended with status 3"),
        (HIDDEN, "in plain text"),
    ],
)
def test_references_that_lead_nowhere_are_told_without_a_value(tmp_path: Path, reference: str, rule: str) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(BadReference, match=rule) as caught:
        Resolver({"EMPTY": "", "PATH": "/usr/bin:/bin"}, tmp_path).resolve(reference)
    assert HIDDEN not in f"{caught.value.message}{caught.value.suggestion}"


def test_a_program_is_started_without_a_shell_and_once(tmp_path: Path) -> None:
    script = tmp_path / "count"
    script.write_text(f"#!{sys.executable}\nimport sys\nopen('calls', 'a').write('x')\nprint(sys.argv[1])\n")
    script.chmod(0o755)
    resolver = Resolver({"PATH": "/usr/bin:/bin"}, tmp_path)
    for _ in range(2):
        assert resolver.resolve(f"exec:{script} '$(id);`id`'") == "$(id);`id`"
    assert (tmp_path / "calls").read_text() == "x"


def test_secrets_are_seen_nowhere(loaded: Load, caplog: pytest.LogCaptureFixture) -> None:
    text = f'database: "postgresql://u:${{SHIPMATE_TOKEN_MIA}}@h/d"\n{RIGHT}'
    with caplog.at_level(logging.DEBUG):
        settings = loaded(text)
    shown = f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}{caplog.text}"
    assert not [value for value in ENVIRON.values() if value in shown]
    assert settings.database_url == f"postgresql://u:{ENVIRON['SHIPMATE_TOKEN_MIA']}@h/d"
    assert settings.slack.bot_token.get_secret_value() == ENVIRON["SLACK_BOT_TOKEN"]


def test_a_secret_written_into_the_file_is_refused_and_not_repeated(mistakes: Mistakes) -> None:
    (told,) = mistakes(RIGHT.replace('"${SLACK_BOT_TOKEN}"', HIDDEN))
    assert (told.path, told.line) == ("slack.bot_token", 1)
    assert HIDDEN not in str(told)


def _talkative(text: SecretStr) -> SecretStr:
    message = f"{text.get_secret_value()} is too weak"
    raise ValueError(message)


class Talkative(BaseModel):
    """Settings of a tool whose validator repeats a secret."""

    token: Annotated[SecretStr, AfterValidator(_talkative)]
    env: dict[str, SecretStr] = {}


def test_a_tool_that_repeats_a_secret_in_its_message_is_masked(put: Callable[[str, str], Path]) -> None:
    declared = Integration(name="t", title="T", settings=Talkative, provides=(MetricsSource,), connect="x:y")
    path = put("shipmate.yaml", 'integrations: {t: {type: t, token: "${A}", env: {PLAIN: word, HIDDEN: "${A}"}}}\n')
    with pytest.raises(SettingsError) as caught:
        load(path, {"A": HIDDEN}, integrations={"t": declared})
    assert "*** is too weak" in str(caught.value)
    assert HIDDEN not in f"{caught.value}{caught.value!r}{caught.value.mistakes!r}"
    assert pickle.loads(pickle.dumps(caught.value)).mistakes == caught.value.mistakes  # noqa: S301 - our own


def test_a_reload_reads_rotated_secrets(put: Callable[[str, str], Path]) -> None:
    put("token", "first-first-first-first\n")
    path = put("shipmate.yaml", RIGHT.replace('"${SLACK_BOT_TOKEN}"', "file:token"))
    old = load(path, ENVIRON)
    put("token", "second-second-second-second\n")
    new, error = reload(old, path, ENVIRON)
    assert error is None
    assert new.slack.bot_token.get_secret_value() == "second-second-second-second"
    assert old.slack.bot_token.get_secret_value() == "first-first-first-first"
    assert needs_restart(old, new) == ()


def test_a_wrong_new_file_leaves_the_old_settings_in_force(put: Callable[[str, str], Path]) -> None:
    path = put("shipmate.yaml", RIGHT)
    old = load(path, ENVIRON)
    put("shipmate.yaml", RIGHT.replace("staging", "stagin", 1))
    held, error = reload(old, path, ENVIRON)
    assert held is old
    assert error is not None
    assert "Did you mean" in str(error)
    put("shipmate.yaml", f"server: {{port: 9}}\n{RIGHT}")
    new, error = reload(old, path, ENVIRON)
    assert (error, needs_restart(old, new)) == (None, ("server",))
