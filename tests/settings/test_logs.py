"""The log: one form for our events and the libraries' records, and no secret in it."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog
from hypothesis import given, strategies as st

from bot.logs import Masker, configure, secrets_of

from .conftest import ENVIRON, RIGHT, Load

HIDDEN = "hunter2-hunter2"
EVENT = f"event {HIDDEN}"


class NoonClock:
    """A clock that says noon."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_events_and_records_are_written_alike() -> None:
    configure(clock=NoonClock(), stream=(stream := io.StringIO()))
    with structlog.contextvars.bound_contextvars(workflow="D-1001/execute"):
        structlog.get_logger("bot.x").info("step.done", step="build", ref={"id": 1})
        logging.getLogger("library").warning("it took %d s", 3)
        structlog.get_logger("bot.x").debug("unseen")
    structlog.get_logger("bot.x").error("later")
    first, second, third = _lines(stream)
    assert first == {
        "event": "step.done",
        "step": "build",
        "ref": {"id": 1},
        "workflow": "D-1001/execute",
        "level": "info",
        "logger": "bot.x",
        "timestamp": "2026-03-01T12:00:00.000Z",
    }
    assert (second["event"], second["level"], second["workflow"]) == ("it took 3 s", "warning", "D-1001/execute")
    assert "workflow" not in third


def test_no_secret_is_written_whatever_the_road() -> None:
    configure(clock=NoonClock(), masker=Masker([HIDDEN]), stream=(stream := io.StringIO()))
    log = structlog.get_logger("bot.x")
    log.info(EVENT, plain=HIDDEN, deep=[{"a": (HIDDEN, {HIDDEN: 1})}], thing=ValueError(HIDDEN))
    log.info("tokens", a="xoxb-12345678-abcdef", b="Authorization: Bearer abcdefgh12345678", c="https://u:pass@host/")
    logging.getLogger("library").warning("record %s", HIDDEN)
    try:
        int(HIDDEN)  # its message repeats what it was given
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed too")
    written = stream.getvalue()
    assert len(_lines(stream)) == 5
    for secret in (HIDDEN, "12345678-abcdef", "abcdefgh12345678", "u:pass"):
        assert secret not in written


def test_text_for_people_is_masked_too() -> None:
    configure(clock=NoonClock(), form="console", masker=Masker([HIDDEN]), stream=(stream := io.StringIO()))
    structlog.get_logger("bot.x").warning("careful", token=HIDDEN)
    assert "careful" in stream.getvalue()
    assert HIDDEN not in stream.getvalue()


def test_setting_up_twice_writes_once() -> None:
    configure(clock=NoonClock(), stream=io.StringIO())
    configure(clock=NoonClock(), stream=(stream := io.StringIO()))
    logging.getLogger("library").warning("once")
    assert len(_lines(stream)) == 1


def test_every_secret_of_the_settings_is_known(loaded: Load) -> None:
    with_password = loaded('database: "postgresql://u:${ODD}@h/d"\n' + RIGHT, {**ENVIRON, "ODD": "p@ss-word"})
    assert {"p@ss-word", "p%40ss-word"} <= set(secrets_of(with_password))
    assert set(secrets_of(loaded())) >= {ENVIRON["SLACK_BOT_TOKEN"], ENVIRON["SLACK_APP_TOKEN"]}


@given(
    st.text(alphabet="abc$*.+(", min_size=6, max_size=12),
    st.recursive(st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)),
    st.text(max_size=5),
)
def test_a_known_secret_is_found_wherever_it_stands(secret: str, value: object, around: str) -> None:
    masked = Masker([secret]).value({"x": [value, f"{around}{secret}{around}", {secret: secret}]})
    assert secret not in repr(masked).replace("'", "")
