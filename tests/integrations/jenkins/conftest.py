"""Fixtures: a stand-in for Jenkins, and adapters connected to it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from integrations.contract import Resources
from integrations.jenkins.client import Jenkins, connect
from integrations.jenkins.settings import JenkinsSettings
from tests.servers.jenkins import JenkinsServer

Connect = Callable[..., Awaitable[Jenkins]]


@pytest.fixture
async def server() -> AsyncIterator[JenkinsServer]:
    async with JenkinsServer() as server:
        yield server


@pytest.fixture
async def connected(server, tmp_path) -> AsyncIterator[Connect]:
    """Return what connects an adapter to the stand-in."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings: object) -> Jenkins:
            given = {"url": server.url, "username": server.username, "token": server.token, "timeout": 20, **settings}
            chosen = JenkinsSettings.model_validate(given)
            adapter = await connect("jenkins", chosen, Resources(state_dir=str(tmp_path)))
            stack.push_async_callback(adapter.close)
            return adapter

        yield start


@pytest.fixture
async def jenkins(connected: Connect) -> Jenkins:
    return await connected()
