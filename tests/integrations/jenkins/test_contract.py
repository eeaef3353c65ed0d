"""Jenkins keeps the contracts of BuildServer and Deployer, over the stand-in."""

import pytest

from integrations.capabilities import reports
from integrations.capabilities.runs import RunRef
from integrations.jenkins.client import Jenkins
from integrations.jenkins.names import RunName
from tests.integrations.contract.reports import Case, ReportsContract
from tests.integrations.contract.runs import BuildServerContract, DeployerContract
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import ended
from tests.servers.jenkins import Build, JenkinsServer


class JenkinsWork:
    """The stand-in's jobs as the suites drive them."""

    sha = jobs.SHA

    def __init__(self, tracker: Jenkins, server: JenkinsServer, kind: str) -> None:
        self.tracker = tracker
        self.unknown = RunRef(tracker.instance, "succeeds#999")
        self._server = server
        self._kind = kind
        for name, script in jobs.SCRIPTS.items():
            parameters = jobs.BUILD if kind == "build" else jobs.DEPLOY
            server.add_job(name, parameters=parameters, script=script, kind="pipeline")

    async def start(self, request_id: str, job: str, *, fence: int = 1) -> RunRef:
        if self._kind == "build":
            return await self.tracker.start_build(jobs.build(request_id, job))
        return await self.tracker.start_deploy(jobs.deploy(request_id, job, fence))

    async def release(self, ref: RunRef) -> None:
        name = RunName.parse(ref.id)
        assert name is not None
        for build in self._server.job(name.job).builds.values():
            if build.values["SHIPMATE_REQUEST_ID"] == name.request_id:
                build.finish()

    def effects(self, request_id: str) -> int:
        return sum(self._server.started(job, SHIPMATE_REQUEST_ID=request_id) for job in self._server.jobs)


class TestJenkinsBuilds(BuildServerContract):
    @pytest.fixture
    def work(self, jenkins, server):
        return JenkinsWork(jenkins, server, "build")

    async def test_knows_reports(self, work):
        assert isinstance(work.tracker, reports.TestReports)


class TestJenkinsDeploys(DeployerContract):
    @pytest.fixture
    def work(self, jenkins, server):
        return JenkinsWork(jenkins, server, "deploy")


class JenkinsTested:
    """A job whose builds report the tests they are told."""

    def __init__(self, source: Jenkins, server: JenkinsServer) -> None:
        self.source = source
        self.unknown = RunRef(source.instance, "shop/build#999")
        self._cases: tuple[Case, ...] = ()
        jobs.add(server, script=self._script)

    async def _script(self, build: Build) -> None:
        states = [state for _, _, state, _ in self._cases]
        if states:
            build.report = {
                "duration": 1.0,
                "failCount": states.count("failed"),
                "passCount": states.count("passed"),
                "skipCount": states.count("skipped"),
                "suites": [{"name": "shop", "cases": [_case(*one) for one in self._cases]}],
            }

    async def run(self, request_id: str, *cases: Case) -> RunRef:
        self._cases = cases
        ref = await self.source.start_build(jobs.build(request_id))
        await ended(self.source, ref)
        return ref


def _case(suite: str, name: str, state: str, message: str) -> dict[str, object]:
    told = {"className": suite, "name": name, "status": state.upper(), "duration": 0.25}
    return told | ({"errorDetails": message, "errorStackTrace": "at line 7"} if state == "failed" else {})


class TestJenkinsReports(ReportsContract):
    @pytest.fixture
    def tested(self, jenkins, server):
        return JenkinsTested(jenkins, server)
