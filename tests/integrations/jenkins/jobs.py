"""Jobs that the tests share, and requests for them."""

import hashlib
import json

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.deploys import DeployRequest
from tests.servers.jenkins import Build, JenkinsServer, Job, Script, text

SHA = "a" * 40
BUILD = [text(f"SHIPMATE_{name}") for name in ("REQUEST_ID", "SHA", "VERSION")]
DEPLOY = [*BUILD, *(text(f"SHIPMATE_{name}") for name in ("FENCE", "ENVIRONMENT", "TARGET", "ARTIFACT", "DIGEST"))]


async def succeeds(build: Build) -> None:
    build.say("one")
    build.say("two")
    digest = hashlib.sha256(str(build.number).encode()).hexdigest()
    build.files["shipmate.json"] = json.dumps({"artifact": "shop.tar", "digest": f"sha256:{digest}"}).encode()


async def fails(build: Build) -> str:
    build.say("it broke")
    return "FAILURE"


SCRIPTS: dict[str, Script | None] = {"succeeds": succeeds, "fails": fails, "waits": None}


def add(server: JenkinsServer, name: str = "shop/build", script: Script | None = None, **fields: object) -> Job:
    """Add a job that takes what a build needs."""
    return server.add_job(name, **{"parameters": BUILD, "script": script, **fields})  # type: ignore[arg-type]


def build(
    request_id: str, job: str = "shop/build", sha: str = SHA, branch: str = "", **parameters: str
) -> BuildRequest:
    return BuildRequest(
        request_id=request_id,
        job=job,
        project="shop",
        sha=sha,
        version=request_id,
        branch=branch,
        parameters=parameters,
    )


def deploy(request_id: str, job: str, fence: int = 1, target: str = "", environment: str = "staging") -> DeployRequest:
    return DeployRequest(
        request_id=request_id,
        job=job,
        service="shop",
        environment=environment,
        target=target,
        project="shop",
        sha=SHA,
        version=request_id,
        fence=fence,
        artifact="shop.tar",
        digest=f"sha256:{'0' * 64}",
    )
