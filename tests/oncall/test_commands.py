"""What a line that begins with `oncall` means."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.command import Invocation, Trigger
from bot.dispatch import Dispatcher, Parsed
from commands.registry import registry
from tests.deployments.rig import MIA

NONE: Any = None
DISPATCHER = Dispatcher(
    registry=registry(),
    permissions=NONE,
    audit=NONE,
    deliveries=NONE,
    store=NONE,
    world=NONE,
    clock=NONE,
    replier=NONE,
)


@pytest.mark.parametrize(
    ("line", "command", "schedule"),
    [
        ("oncall", "oncall show", None),
        ("oncall primary", "oncall show", "primary"),
        ("oncall main", "oncall show", "main"),  # not taken for a mistyped `mine`
        ("oncall show primary", "oncall show", "primary"),
        ("oncall take primary --for 2h", "oncall take", "primary"),
        ("oncall hand primary to @bob", "oncall hand", "primary"),
        ("oncall override primary @bob --from 2026-12-24 --until 2026-12-25", "oncall override", "primary"),
    ],
)
def test_reads_what_is_meant(line: str, command: str, schedule: str | None) -> None:
    asked = Invocation(
        delivery_id="x", trigger=Trigger.SLASH, person=MIA, at=datetime(2026, 1, 5, tzinfo=UTC), text=line
    )
    parsed = DISPATCHER.parse(asked)
    assert isinstance(parsed, Parsed)
    assert parsed.command.name == command
    assert getattr(parsed.args, "schedule", None) == schedule
