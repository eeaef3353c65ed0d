"""Jenkins keeps the contracts of BuildServer, Deployer and TestReports."""

import pytest

from integrations.capabilities import reports
from tests.integrations.contract.reports import ReportsContract
from tests.integrations.contract.runs import BuildServerContract, DeployerContract
from tests.integrations.live.jenkins import FolderTests, FolderWork

pytestmark = pytest.mark.timeout(1800)  # a real Jenkins takes seconds for each build, when it has an executor


class TestBuilds(BuildServerContract):
    @pytest.fixture
    async def work(self, folder):
        return await FolderWork(folder, "build").prepare()

    async def test_knows_reports(self, work):
        assert isinstance(work.tracker, reports.TestReports)


class TestDeploys(DeployerContract):
    @pytest.fixture
    async def work(self, folder):
        return await FolderWork(folder, "deploy").prepare()


class TestReportsOfBuilds(ReportsContract):
    @pytest.fixture
    async def tested(self, folder):
        return await FolderTests(folder).prepare()
