"""Fixtures of the integrations' tests: real repositories, and `local` adapters whose processes end with the test."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from integrations.contract import Resources
from integrations.local.client import Local, connect
from integrations.local.settings import LocalSettings
from integrations.local.stop import stop_all
from tests.integrations.repository import RealHistory


@pytest.fixture
def real_history(tmp_path: Path) -> RealHistory:
    root = tmp_path / "git"
    root.mkdir()
    return RealHistory(root)


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """Yield a state folder; what runs under it is ended with the test."""
    folder = tmp_path / "state"
    yield folder
    stop_all(folder, deadline=5)


@pytest.fixture
def connect_local(real_history: RealHistory, state_dir: Path) -> Callable[..., Awaitable[Local]]:
    """Return what connects a `local` with these settings over the test's repositories."""

    async def start(**settings: object) -> Local:
        chosen = LocalSettings.model_validate({"root": real_history.root, "stop_grace": 1, **settings})
        return await connect("local", chosen, Resources(state_dir=str(state_dir)))

    return start
