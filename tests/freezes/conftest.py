"""The rig of deployments, whose configuration a test may give freezes."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deployments.rig import CONFIG, Rig, up

Frozen = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def frozen(tmp_path: Path) -> Frozen:
    """Open a rig with these freezes in its configuration."""

    @asynccontextmanager
    async def run(*freezes: dict[str, Any], **more: Any) -> AsyncIterator[Rig]:
        async with up(tmp_path, config={**CONFIG, "freezes": list(freezes), **more}) as rig:
            rig.history()
            yield rig

    return run
