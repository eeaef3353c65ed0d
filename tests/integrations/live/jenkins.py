"""Jobs for the contract suites in a Jenkins of which only its address is known: made over HTTP, deleted afterwards."""

import secrets
from typing import Self
from xml.sax.saxutils import escape

import aiohttp

from integrations.capabilities.runs import RunRef
from integrations.contract import Resources
from integrations.jenkins.client import Jenkins
from integrations.jenkins.settings import JenkinsSettings
from tests.integrations.contract.reports import Case, junit
from tests.integrations.contract.runs import Work
from tests.integrations.jenkins import jobs
from tests.integrations.live.stand_in import DIGEST
from tests.integrations.live.targets import Target
from tests.integrations.waiting import ended, eventually

_FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"
SCRIPTS = {
    "succeeds": f"""node {{
  echo 'one\\ntwo'
  writeFile file: 'shipmate.json', text: '{{"artifact": "shop.tar", "digest": "{DIGEST}"}}'
  archiveArtifacts 'shipmate.json'
}}""",
    "fails": "error 'it broke'",
    "waits": "input id: 'Go', message: 'Go on?'",
}
REPORTS = """node {
  deleteDir()
  if (params.REPORT) {
    writeFile file: 'report.xml', text: params.REPORT
    junit 'report.xml'
  }
}"""


class Folder:
    """A folder of pipelines, for as long as the block lasts.

    Needs the plugins Folders, Pipeline, Pipeline: REST API and JUnit; the user needs Job/Create, Job/Configure and
    Job/Delete at the top besides what the bot needs.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connected: list[Jenkins] = []
        self.adapter = self.connect()
        self.name = f"shipmate-{secrets.token_hex(4)}"
        self._url = target.url
        self._http = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(target.user, target.token)}
        )

    async def __aenter__(self) -> Self:
        """Make it."""
        await self._create("", self.name, _FOLDER)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Delete it with all that is in it."""
        try:
            async with self._http.post(f"{self._url}/job/{self.name}/doDelete", allow_redirects=False) as answer:
                assert answer.status in {200, 302}, await answer.text()
        finally:
            await self._http.close()
            for one in self._connected:
                await one.close()

    def connect(self) -> Jenkins:
        """Return an adapter of its own, closed with the folder."""
        target = self._target
        about = {"url": target.url, "username": target.user, "token": target.token, "timeout": 30}
        self._connected.append(Jenkins("jenkins", JenkinsSettings.model_validate(about), Resources(state_dir="")))
        return self._connected[-1]

    async def add(self, name: str, parameters: list[str], script: str) -> None:
        """Add a pipeline."""
        await self._create(f"/job/{self.name}", name, _pipeline(parameters, script))

    async def count(self, request_id: str) -> int:
        """Return how many builds of the folder's jobs carry a request id, as Jenkins says."""
        tree = "jobs[builds[actions[parameters[name,value]]]]"
        async with self._http.get(f"{self._url}/job/{self.name}/api/json", params={"tree": tree}) as answer:
            found = await answer.json()
        builds = [build for job in found["jobs"] for build in job["builds"]]
        parameters = [one for build in builds for action in build["actions"] for one in action.get("parameters", ())]
        return [one.get("value") for one in parameters if one["name"] == "SHIPMATE_REQUEST_ID"].count(request_id)

    async def _create(self, folder: str, name: str, config: str) -> None:
        url = f"{self._url}{folder}/createItem"
        headers = {"Content-Type": "application/xml"}
        async with self._http.post(url, params={"name": name}, data=config, headers=headers) as answer:
            assert answer.status == 200, f"{name}: {answer.status} {answer.headers.get('X-Error')}"


class FolderWork(Work):
    """The three jobs as the suites drive them."""

    sha = jobs.SHA

    def __init__(self, folder: Folder, kind: str) -> None:
        self.tracker = folder.adapter
        self.unknown = RunRef(folder.adapter.instance, f"{folder.name}/succeeds#999")
        self._folder = folder
        self._kind = kind

    async def prepare(self) -> Self:
        """Make the jobs."""
        names = [one.name for one in (jobs.BUILD if self._kind == "build" else jobs.DEPLOY)]
        for name, script in SCRIPTS.items():
            await self._folder.add(name, names, script)
        return self

    def job(self, name: str) -> str:
        return f"{self._folder.name}/{name}"

    def request(self, name: str) -> str:
        return f"{self._folder.name}-{name}"

    async def start(self, request: str, job: str, *, fence: int = 1) -> RunRef:
        if self._kind == "build":
            return await self.tracker.start_build(jobs.build(self.request(request), self.job(job)))
        return await self.tracker.start_deploy(jobs.deploy(self.request(request), self.job(job), fence))

    async def another(self) -> Jenkins:
        return self._folder.connect()

    async def release(self, ref: RunRef) -> None:
        async def waits() -> bool:
            return bool((await self.tracker.get_run(ref)).actions)

        await eventually(waits)
        await self.tracker.answer(ref, "Go", {})

    async def effects(self, request: str) -> int:
        return await self._folder.count(self.request(request))


class FolderTests:
    """A job whose builds report the tests that they are told."""

    def __init__(self, folder: Folder) -> None:
        self.source = folder.adapter
        self.unknown = RunRef(folder.adapter.instance, f"{folder.name}/reports#999")
        self._folder = folder

    async def prepare(self) -> Self:
        """Make the job."""
        await self._folder.add("reports", [*(one.name for one in jobs.BUILD), "REPORT"], REPORTS)
        return self

    async def run(self, request_id: str, *cases: Case) -> RunRef:
        told = {"REPORT": junit(cases)} if cases else {}
        name = f"{self._folder.name}/reports"
        ref = await self.source.start_build(jobs.build(f"{self._folder.name}-{request_id}", name, **told))
        await ended(self.source, ref)
        return ref


def _pipeline(parameters: list[str], script: str) -> str:
    defined = "".join(
        f"<hudson.model.StringParameterDefinition><name>{name}</name></hudson.model.StringParameterDefinition>"
        for name in parameters
    )
    return (
        "<flow-definition><properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        f"{defined}</parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>"
        '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">'
        f"<script>{escape(script)}</script><sandbox>true</sandbox></definition></flow-definition>"
    )
