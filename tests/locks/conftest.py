"""Locks on a real store of either kind; time is passed in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.locks.wharf import Wharf, up


@pytest.fixture(params=["sqlite", "postgresql"])
async def wharf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Wharf]:
    url = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    async with up(url) as made:
        yield made
