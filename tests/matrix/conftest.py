"""One town for all cells, on a file in memory where the system has such: none of it need survive a power cut."""

import tempfile
from pathlib import Path

import pytest_asyncio
from structlog.testing import capture_logs

from tests.matrix.rig import town as built

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
WHERE = MEMORY if MEMORY.is_dir() else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town():
    """The town; what it logs is kept from the output: a line for each of thousands of answers."""
    with tempfile.TemporaryDirectory(dir=WHERE, prefix="matrix") as folder, capture_logs():
        async with built(Path(folder)) as made:
            yield made
