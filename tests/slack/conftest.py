"""An office with Shipmate's Slack side in it, in both modes and on both databases."""

import pytest

from tests.slack.office import connected, workspace


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/shipmate.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request):
    """The URL of an empty database of each kind."""
    return request.getfixturevalue("url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
async def office(url):
    """Connected over Socket Mode."""
    async with workspace() as made, connected(made, url):
        yield made


@pytest.fixture
async def office_on_either(either_url):
    """Connected over Socket Mode, on each of the databases."""
    async with workspace() as made, connected(made, either_url):
        yield made


@pytest.fixture(params=["socket", "http"])
async def either(request, url):
    """Connected over each of the two modes in turn."""
    async with workspace() as made, connected(made, url, mode=request.param):
        yield made
