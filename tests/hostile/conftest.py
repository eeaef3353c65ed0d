"""The house with all doors, once for each module: nothing that is refused may leave a trace in it."""

from collections.abc import AsyncIterator

import hypothesis
import pytest
import pytest_asyncio

from tests.hostile.house import House, open_house

hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=1000)  # for `make fuzz`


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Everything up, over HTTP."""
    async with open_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened
