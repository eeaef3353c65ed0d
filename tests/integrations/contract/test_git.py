"""GitHost: the fake and `local` over real repositories keep the same contract."""

import pytest

from tests.fakes.git import FakeGit
from tests.integrations.contract.git import GitHostContract
from tests.integrations.repository import RealHistory


class FakeHistory(FakeGit):
    @property
    def host(self) -> FakeGit:
        return self


class TestFakeGit(GitHostContract):
    @pytest.fixture
    def history(self):
        return FakeHistory()


class TestLocal(GitHostContract):
    numbers = (139, 180)  # what a search finds first: both begin with f370

    @pytest.fixture
    async def history(self, real_history: RealHistory, connect_local):
        real_history.host = await connect_local()
        return real_history
