"""The rig, one for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.paging.rig import Rig, up


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path) as made:
        yield made
