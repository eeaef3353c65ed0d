"""An office with Shipmate's Slack side in it, in both modes and on both databases."""

import pytest

from tests.slack.office import connected, workspace


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/shipmate.db"


@pytest.fixture
async def office(url):
    """Connected over Socket Mode."""
    async with workspace() as made, connected(made, url):
        yield made


@pytest.fixture(params=["socket", "http"])
async def either(request, url):
    """Connected over each of the two modes in turn."""
    async with workspace() as made, connected(made, url, mode=request.param):
        yield made
