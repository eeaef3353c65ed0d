"""A workspace, people in it, and clients that are not ours as processes of their own."""

import aiohttp
import pytest_asyncio

from bot.sandbox import Options, Sandbox
from tests.clients.people import People
from tests.clients.process import Processes


@pytest_asyncio.fixture
async def sandbox():
    """A workspace on a free port; apps may take their time: the machine may be busy."""
    made = Sandbox(options=Options(ack_timeout=30.0, trigger_lifetime=30.0))
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def people(sandbox):
    """The people of the workspace."""
    async with aiohttp.ClientSession() as session:
        yield People(sandbox, session)


@pytest_asyncio.fixture
async def processes(tmp_path):
    """What starts programs; they end with the test."""
    made = Processes(tmp_path)
    yield made
    await made.end()
