"""Projects for the contract suites in a GitLab of which only its address is known: made and deleted over HTTP."""

import json
import secrets
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import requests

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.delivery import Delivered
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.git import Author, Check, CheckState
from integrations.capabilities.runs import RunRef
from integrations.contract import Resources
from integrations.gitlab.client import GitLab, connect
from integrations.gitlab.settings import GitLabSettings
from tests.integrations.contract.reports import Case, junit
from tests.integrations.contract.runs import Work
from tests.integrations.live.stand_in import RESULT
from tests.integrations.live.targets import Target
from tests.integrations.repository import ADA, DAY, RealHistory
from tests.integrations.waiting import ended, eventually

STATUS = {CheckState.PENDING: "running", CheckState.PASSED: "success", CheckState.FAILED: "failed"}
DELIVERED = {"running": Delivered.RUNNING, "success": Delivered.SUCCEEDED} | {
    "failed": Delivered.FAILED,
    "canceled": Delivered.CANCELLED,
}
MADE = f"echo '{RESULT.decode()}' > shipmate.json"
JOBS: Mapping[str, Mapping[str, Any]] = {
    "succeeds": {
        "script": ["printf 'one\\ntwo\\n'", MADE],
        "artifacts": {"paths": ["shipmate.json"]},
        "environment": {"name": "staging"},
    },
    "fails": {"script": ["echo it broke; exit 3"]},
    "waits": {"script": ["echo waiting"], "when": "manual", "allow_failure": False},
    "reports": {
        "script": ["""if [ -n "$REPORT" ]; then printf '%s' "$REPORT" > report.xml; fi"""],
        "artifacts": {"when": "always", "reports": {"junit": "report.xml"}},
    },
}


class Group:
    """A subgroup with projects in it, for as long as the block lasts. Calls of it wait: nothing else goes on.

    The token needs the scopes `api` and `write_repository` and the role Owner in the group that the environment names;
    what is run there needs a runner with a shell and `printf`.
    """

    adapter: GitLab

    def __init__(self, target: Target, folder: Path) -> None:
        self.name = f"shipmate-{secrets.token_hex(4)}"
        self.path = f"{target.place}/{self.name}"
        self.git = RealHistory(folder)
        self._target = target
        self._connected: list[GitLab] = []
        self._id = 0

    async def __aenter__(self) -> Self:
        """Make it."""
        self.adapter = await self.connect()
        above = self.call("GET", f"groups/{urllib.parse.quote(self._target.place, safe='')}")
        self._id = self.call("POST", "groups", name=self.name, path=self.name, parent_id=above["id"])["id"]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Delete it with all that is in it."""
        try:
            self.call("DELETE", f"groups/{self._id}")
        finally:
            for one in self._connected:
                await one.close()

    async def connect(self) -> GitLab:
        """Return an adapter of its own, closed with the group."""
        about = {"url": self._target.url, "token": self._target.token, "group": self.path, "timeout": 30}
        made = await connect("gitlab", GitLabSettings.model_validate(about), Resources(state_dir=""))
        self._connected.append(made)
        return made

    def add(self, name: str, job: str = "") -> str:
        """Add a project whose pipelines run a job; return the commit that its main branch is at, "" without a job."""
        about = {"name": name, "path": name, "namespace_id": self._id, "initialize_with_readme": True}
        made = self.call("POST", "projects", **about, ci_pipeline_variables_minimum_override_role="developer")
        self.call("DELETE", f"projects/{made['id']}/protected_branches/main")  # as we push what we like
        if not job:
            return ""
        recipe = json.dumps({"make": JOBS[job]}).encode()  # JSON is YAML
        sha = self.git.commit(name, "First", files={".gitlab-ci.yml": recipe})
        self.push(name, f"{sha}:refs/heads/main")
        return sha

    def push(self, project: str, *refs: str) -> None:
        """Push commits of the local repository of a project."""
        scheme, _, host = self._target.url.partition("://")
        url = f"{scheme}://oauth2:{self._target.token}@{host}/{self.path}/{project}.git"
        self.git.git(project, "push", "--quiet", "--force", "-o", "ci.skip", url, *refs)

    def call(self, method: str, where: str, **about: Any) -> Any:
        """Return the answer to a request of the API. Raises: HTTPError."""
        url, headers = f"{self._target.url}/api/v4/{where}", {"PRIVATE-TOKEN": self._target.token}
        answer = requests.request(method, url, json=about or None, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def project(self, name: str, rest: str) -> str:
        """Return the path of something of a project."""
        return f"projects/{urllib.parse.quote(f'{self.path}/{name}', safe='')}/{rest}"


class GroupHistory:
    """Commits that are written here by real git and pushed; between pushes no branch holds them."""

    def __init__(self, group: Group) -> None:
        self.host = group.adapter
        self._group = group

    def commit(
        self,
        project: str,
        message: str,
        *,
        files: Mapping[str, bytes] | None = None,
        parents: Sequence[str] = (),
        author: Author = ADA,
        at: Any = DAY,
    ) -> str:
        sha = self._group.git.commit(project, message, files=files, parents=parents, author=author, at=at)
        self._group.push(project, f"{sha}:refs/heads/passing-by")
        self._group.push(project, ":refs/heads/passing-by")
        return sha

    def tag(self, project: str, name: str, sha: str) -> None:
        self._group.git.tag(project, name, sha)
        self._group.push(project, f"refs/tags/{name}")

    def branch(self, project: str, name: str, sha: str) -> None:
        self._group.push(project, f"{sha}:refs/heads/{name}")

    def check(self, project: str, sha: str, *checks: Check) -> None:
        for check in checks:
            about = {"name": check.name, "state": STATUS[check.state], "ref": "main"}
            about |= {"target_url": check.url} if check.url else {}
            self._group.call("POST", self._group.project(project, f"statuses/{sha}"), **about)


class GroupWork(Work):
    """Projects whose pipelines have one job each."""

    def __init__(self, group: Group, kind: str) -> None:
        self.tracker = group.adapter
        self._group = group
        self._kind = kind
        self._shas = {name: group.add(name, name) for name in ("succeeds", "fails", "waits")}
        self.sha = self._shas["succeeds"]
        self.unknown = RunRef(group.adapter.instance, "1/999999999999")

    def request(self, name: str) -> str:
        return f"{self._group.name}-{name}"

    async def start(self, request: str, job: str, *, fence: int = 1) -> RunRef:
        name, sha = self.request(request), self._shas[job]
        if self._kind == "build":
            return await self.tracker.start_build(
                BuildRequest(request_id=name, job=job, project=job, sha=sha, version=name)
            )
        return await self.tracker.start_deploy(
            DeployRequest(
                request_id=name, job=job, service="shop", environment="staging", target="", project=job, sha=sha,
                version=name, fence=fence,
            )
        )  # fmt: skip

    async def another(self) -> GitLab:
        return await self._group.connect()

    async def release(self, ref: RunRef) -> None:
        async def waits() -> str:
            return next((one.id for one in (await self.tracker.get_run(ref)).actions), "")

        await self.tracker.answer(ref, await eventually(waits), {})

    async def effects(self, request: str) -> int:
        """Return how many pipelines carry a request id, as GitLab says."""
        found = 0
        for name in self._shas:
            for pipeline in self._group.call("GET", self._group.project(name, "pipelines?per_page=100")):
                path = self._group.project(name, f"pipelines/{pipeline['id']}/variables")
                values = {one["key"]: one["value"] for one in self._group.call("GET", path)}
                found += values.get("SHIPMATE_REQUEST_ID") == self.request(request)
        return found


class GroupTests:
    """A project whose pipelines report the tests that they are told."""

    def __init__(self, group: Group) -> None:
        self.source = group.adapter
        self.unknown = RunRef(group.adapter.instance, "1/999999999999")
        self._sha = group.add("reports", "reports")
        self._name = group.name

    async def run(self, request_id: str, *cases: Case) -> RunRef:
        told = {"REPORT": junit(cases)} if cases else {}
        ref = await self.source.start_build(
            BuildRequest(
                request_id=f"{self._name}-{request_id}", job="reports", project="reports", sha=self._sha, version="1",
                parameters=told,
            )
        )  # fmt: skip
        await ended(self.source, ref)
        return ref


class GroupBoard:
    """What people see of deployments and statuses of a project."""

    def __init__(self, group: Group, project: str) -> None:
        self.board = group.adapter
        group.add(project)
        self.sha = group.git.commit(project, "First", files={"a.txt": b"1"})
        group.push(project, f"{self.sha}:refs/heads/main")
        self._group = group
        self._project = project

    async def entries(self) -> Sequence[tuple[str, str, Delivered]]:
        path = self._group.project(self._project, "deployments?order_by=id&sort=asc&per_page=100")
        found = self._group.call("GET", path)
        return [
            (one["environment"]["name"], one["sha"], DELIVERED[one["status"]])
            for one in sorted(found, key=lambda one: int(one["id"]))
        ]

    async def checks(self) -> Sequence[Check]:
        return await self.board.list_checks(self._project, self.sha)
