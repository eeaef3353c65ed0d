"""PersonalAccess, MergeRequests and IssueTracker: the fake keeps their contracts."""

import itertools
from datetime import timedelta

import pytest

from integrations.capabilities.merge_requests import MergeState
from integrations.capabilities.persons import Grant
from tests.fakes.forge import FakeForge
from tests.integrations.contract.git import DAY
from tests.integrations.contract.issues import IssueTrackerContract, PersonalIssuesContract
from tests.integrations.contract.merge_requests import PROJECT, MergeRequestsContract
from tests.integrations.contract.persons import CHALLENGE, REDIRECT, VERIFIER, PersonalAccessContract


class FakeSigningIn:
    """The fake as the suites drive it."""

    def __init__(self, forge: FakeForge) -> None:
        self.tool = forge
        for name in ("bob", "eve"):
            forge.add_account(name, f"{name}@example.org")

    async def sign_in(self, url: str, username: str) -> str:
        return self.tool.sign_in(url, username)

    async def grant(self, username: str) -> Grant:
        back = await self.sign_in(self.tool.sign_in_url(REDIRECT, "state", CHALLENGE), username)
        return await self.tool.redeem(back.partition("code=")[2].partition("&")[0], REDIRECT, VERIFIER)

    def end_all(self, username: str) -> None:
        self.tool.revoke_all(username)


class TestFakePersonalAccess(PersonalAccessContract):
    @pytest.fixture
    def signing(self):
        return FakeSigningIn(FakeForge())


class FakeReview(FakeSigningIn):
    def __init__(self, forge: FakeForge) -> None:
        super().__init__(forge)
        self.host = forge
        forge.may_merge = {"ada", "bob"}

    async def open(self, author: str, *, approvals: int = 0) -> int:
        number = len(self.host.merge_requests) + 1
        waits = ("approvals are missing",) if approvals else ()
        about = {"author": author, "obstacles": waits, "approvals_left": approvals}
        return self.host.add_merge_request(PROJECT, number, **about).number

    async def push(self, number: int) -> None:
        self.host.change(PROJECT, number, sha="e" * 40)

    async def close(self, number: int) -> None:
        self.host.change(PROJECT, number, state=MergeState.CLOSED)


class TestFakeMergeRequests(MergeRequestsContract):
    @pytest.fixture
    def review(self):
        return FakeReview(FakeForge())


class TestFakeIssues(IssueTrackerContract):
    @pytest.fixture
    def tracker(self):
        seconds = itertools.count()
        forge = FakeForge(now=lambda: DAY + timedelta(seconds=next(seconds)))
        forge.add_account("bob", "bob@example.org")
        return forge


class TestFakePersonalIssues(PersonalIssuesContract):
    @pytest.fixture
    def keeping(self):
        return FakeSigningIn(FakeForge())
