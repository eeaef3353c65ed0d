"""Fixtures: a stand-in for GitLab over real repositories, and adapters that are connected to it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from integrations.contract import Resources
from integrations.gitlab.client import GitLab, connect
from integrations.gitlab.settings import GitLabSettings
from tests.integrations.repository import RealHistory
from tests.servers.gitlab.server import GitLabServer, running

TOKEN = "glpat-shipmate"
Connect = Callable[..., Awaitable[GitLab]]


@pytest.fixture
async def server(real_history: RealHistory) -> AsyncIterator[GitLabServer]:
    """Yield a stand-in whose repositories lie where `real_history` makes them."""
    async with running(real_history.root) as started:
        yield started


@pytest.fixture
async def adapter(server: GitLabServer, tmp_path: Path) -> AsyncIterator[Connect]:
    """Yield what connects an adapter with these settings to the stand-in."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings: object) -> GitLab:
            chosen = GitLabSettings.model_validate(
                {"url": server.url, "token": TOKEN, "group": "team", "timeout": 30, **settings}
            )
            made = await connect("gitlab", chosen, Resources(state_dir=str(tmp_path)))
            stack.push_async_callback(made.close)
            return made

        yield start
