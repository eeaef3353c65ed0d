"""ReleaseHost: the fake and `local` over real repositories keep the same contract."""

import pytest

from tests.fakes.releases import FakeReleases
from tests.integrations.contract.releases import DRAFT, PROJECT, ReleaseHostContract
from tests.integrations.repository import RealHistory


class FakeReleasing:
    def __init__(self) -> None:
        self.host = FakeReleases()
        self.first = self.host.commit(PROJECT, "First", files={"a": b"1"})
        self.second = self.host.commit(PROJECT, "Second", files={"a": b"2"}, parents=[self.first])


class TestFakeReleases(ReleaseHostContract):
    @pytest.fixture
    def releasing(self):
        return FakeReleasing()


class RealReleasing:
    def __init__(self, history: RealHistory, host) -> None:
        self.host = host
        self.first = history.commit(PROJECT, "First", files={"a": b"1"})
        self.second = history.commit(PROJECT, "Second", files={"a": b"2"}, parents=[self.first])
        history.branch(PROJECT, "main", self.second)


class TestLocal(ReleaseHostContract):
    @pytest.fixture
    async def releasing(self, real_history: RealHistory, connect_local):
        return RealReleasing(real_history, await connect_local())

    async def test_people_read_it_with_git(self, real_history: RealHistory, connect_local):
        releasing = RealReleasing(real_history, await connect_local())
        await releasing.host.create_tag(PROJECT, "v1.4.2", releasing.first, "shop 1.4.2\n\nShipmate-Release: R-88")
        await releasing.host.create_release(PROJECT, DRAFT)
        told = real_history.git(PROJECT, "cat-file", "tag", "v1.4.2").decode()
        assert "tagger Shipmate <" in told
        shown = real_history.git(PROJECT, "notes", "--ref=releases", "show", "v1.4.2").decode()
        assert shown.startswith("Name: shop 1.4.2\n")
        assert "Link: https://ci.example/shop.jar the artifact\n" in shown
        assert "# not a comment" in shown
        assert (await releasing.host.list_refs(PROJECT))[0].sha == releasing.first
