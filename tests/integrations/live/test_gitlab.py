"""GitLab keeps the contracts of GitHost, BuildServer, Deployer, TestReports, IssueTracker and DeliveryBoard.

What people decide in GitLab as themselves (merge requests, issues of their own) needs people who sign in: those suites
run against the stand-in alone, in tests/integrations/gitlab.
"""

import os

import pytest

from tests.integrations.contract import delivery, git, issues
from tests.integrations.contract.reports import ReportsContract
from tests.integrations.contract.runs import BuildServerContract, DeployerContract
from tests.integrations.live.gitlab import GroupBoard, GroupHistory, GroupTests, GroupWork

pytestmark = pytest.mark.timeout(1800)  # a runner takes as long as a minute for each pipeline


class TestGitHost(git.GitHostContract):
    numbers = (139, 180)  # what a search finds first: both begin with f370

    @pytest.fixture
    async def history(self, group):
        group.add(git.PROJECT)
        return GroupHistory(group)


class TestBuilds(BuildServerContract):
    @pytest.fixture
    async def work(self, group):
        return GroupWork(group, "build")


class TestDeploys(DeployerContract):
    @pytest.fixture
    async def work(self, group):
        return GroupWork(group, "deploy")


class TestReportsOfPipelines(ReportsContract):
    @pytest.fixture
    async def tested(self, group):
        return GroupTests(group)


class TestIssues(issues.IssueTrackerContract):
    @pytest.fixture
    async def tracker(self, group):
        group.add(issues.PROJECT)
        return group.adapter

    @pytest.fixture
    def ada(self, group):
        return group.call("GET", "user")["username"]

    @pytest.fixture
    def bob(self, gitlab_target):
        if gitlab_target.real and not os.environ.get("GITLAB_OTHER_USER"):
            pytest.skip("needs GITLAB_OTHER_USER, somebody else in the group")
        return os.environ.get("GITLAB_OTHER_USER", "bob")


class TestDeliveryBoard(delivery.DeliveryBoardContract):
    @pytest.fixture
    async def world(self, group):
        return GroupBoard(group, delivery.PROJECT)
