"""Jobs for the contract suites in a Jenkins of which only its address is known: made over HTTP, deleted afterwards."""

import secrets
from typing import Self

import aiohttp

from integrations.capabilities.runs import RunRef
from integrations.jenkins.client import Jenkins
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import eventually

_FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"
_DIGEST = "0" * 64
SCRIPTS = {
    "succeeds": f"""node {{
  echo 'one\\ntwo'
  writeFile file: 'shipmate.json', text: '{{"artifact": "shop.tar", "digest": "sha256:{_DIGEST}"}}'
  archiveArtifacts 'shipmate.json'
}}""",
    "fails": "error 'it broke'",
    "waits": "input id: 'Go', message: 'Go on?'",
}


class LiveWork:
    """A folder of pipelines as the suites drive them. Needs the plugins Folders, Pipeline and Pipeline: REST API.

    The user needs Job/Create, Job/Configure and Job/Delete besides what the bot needs.
    """

    sha = jobs.SHA

    def __init__(self, tracker: Jenkins, kind: str, url: str, user: str, token: str) -> None:
        self.tracker = tracker
        self.folder = f"shipmate-{secrets.token_hex(4)}"
        self.unknown = RunRef(tracker.instance, f"{self.folder}/succeeds#999")
        self._kind = kind
        self._url = url.rstrip("/")
        self._http = aiohttp.ClientSession(headers={"Authorization": aiohttp.encode_basic_auth(user, token)})

    async def __aenter__(self) -> Self:
        """Make the jobs."""
        await self._create("", self.folder, _FOLDER)
        names = [one.name for one in (jobs.BUILD if self._kind == "build" else jobs.DEPLOY)]
        for name, script in SCRIPTS.items():
            await self._create(f"/job/{self.folder}", name, _pipeline(names, script))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Delete them."""
        async with self._http.post(f"{self._url}/job/{self.folder}/doDelete", allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
        await self._http.close()

    async def start(self, request_id: str, job: str, *, fence: int = 1) -> RunRef:
        job = f"{self.folder}/{job}"
        if self._kind == "build":
            return await self.tracker.start_build(jobs.build(request_id, job))
        return await self.tracker.start_deploy(jobs.deploy(request_id, job, fence))

    async def release(self, ref: RunRef) -> None:
        async def waits() -> bool:
            return bool((await self.tracker.get_run(ref)).actions)

        await eventually(waits)
        await self.tracker.answer(ref, "Go", {})

    async def count(self, request_id: str) -> int:
        """Return how many builds of the folder's jobs carry a request id, as Jenkins says."""
        tree = "jobs[builds[actions[parameters[name,value]]]]"
        async with self._http.get(f"{self._url}/job/{self.folder}/api/json", params={"tree": tree}) as answer:
            found = await answer.json()
        builds = [build for job in found["jobs"] for build in job["builds"]]
        parameters = [one for build in builds for action in build["actions"] for one in action.get("parameters", ())]
        return parameters.count(
            {"_class": "hudson.model.StringParameterValue", "name": "SHIPMATE_REQUEST_ID", "value": request_id}
        )

    async def _create(self, folder: str, name: str, config: str) -> None:
        url = f"{self._url}{folder}/createItem"
        headers = {"Content-Type": "application/xml"}
        async with self._http.post(url, params={"name": name}, data=config, headers=headers) as answer:
            assert answer.status == 200, f"{name}: {answer.status} {answer.headers.get('X-Error')}"


def _pipeline(parameters: list[str], script: str) -> str:
    defined = "".join(
        f"<hudson.model.StringParameterDefinition><name>{name}</name></hudson.model.StringParameterDefinition>"
        for name in parameters
    )
    return (
        "<flow-definition><properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>"
        f"{defined}</parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>"
        '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">'
        f"<script>{script}</script><sandbox>true</sandbox></definition></flow-definition>"
    )
