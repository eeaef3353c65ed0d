"""The rigs, one for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.releases.rig import UAT, Rig, up


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path) as made:
        yield made


@pytest.fixture
async def uat(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path, config=UAT) as made:
        yield made
