"""A plugin for pytest: the fixture `slack_workspace`, for tests of any Slack app.

Nothing of the workspace is imported until a test asks for it.
"""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bot.sandbox.options import Options
    from bot.sandbox.running import RunningWorkspace
    from bot.sandbox.seed import Seed


@pytest.fixture
def slack_workspace_seed() -> "Seed | None":
    """Return the people and channels of `slack_workspace`; define it anew to have others."""
    return None


@pytest.fixture
def slack_workspace_options() -> "Options | None":
    """Return the behaviour of `slack_workspace`; define it anew for strict limits, shorter deadlines and the like."""
    return None


@pytest.fixture
def slack_workspace(
    slack_workspace_seed: "Seed | None", slack_workspace_options: "Options | None"
) -> "Iterator[RunningWorkspace]":
    """Run a local Slack workspace for one test."""
    running = importlib.import_module("bot.sandbox.running")
    with running.RunningWorkspace(slack_workspace_seed, slack_workspace_options) as workspace:
        yield workspace
