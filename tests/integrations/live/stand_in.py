"""A stand-in as a process: `main` takes the tool, a port and a folder. What jobs do is known by their names."""

import asyncio
import hashlib
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from tests.servers.gitlab.server import running
from tests.servers.gitlab.state import JobSpec
from tests.servers.jenkins import Build, JenkinsServer

JENKINS_USER, JENKINS_TOKEN = "bot", "11stand-in"
GITLAB_TOKEN, GITLAB_GROUP = "glpat-shipmate", "team"
DIGEST = f"sha256:{hashlib.sha256(b'shop.tar').hexdigest()}"
RESULT = json.dumps({"artifact": "shop.tar", "digest": DIGEST}).encode()


async def succeeds(build: Build) -> None:
    build.say("one\ntwo")
    build.files["shipmate.json"] = RESULT


async def fails(build: Build) -> None:
    build.say("ERROR: it broke")
    raise RuntimeError("it broke")


async def waits(build: Build) -> None:
    await build.ask("Go", "Go on?")


async def reports(build: Build) -> None:
    told = build.values["REPORT"]
    cases = [_case(one) for one in fromstring(told).iter("testcase")] if told else []
    if cases:
        states = [case["status"] for case in cases]
        counts = {"failCount": "FAILED", "passCount": "PASSED", "skipCount": "SKIPPED"}
        told = {name: states.count(state) for name, state in counts.items()}
        build.report = {"duration": 1.0, **told, "suites": [{"name": "shop", "cases": cases}]}


def _case(one: Element) -> dict[str, Any]:
    failure = one.find("failure")
    state = "FAILED" if failure is not None else "SKIPPED" if one.find("skipped") is not None else "PASSED"
    told = {"className": one.get("classname"), "name": one.get("name"), "status": state, "duration": 0.25}
    if failure is None:
        return told
    return told | {"errorDetails": failure.get("message"), "errorStackTrace": failure.text}


async def jenkins(port: int, _folder: Path, ended: asyncio.Event) -> None:
    server = JenkinsServer(port=port)
    server.logins.username, server.logins.token = JENKINS_USER, JENKINS_TOKEN
    server.scripts = {"succeeds": succeeds, "fails": fails, "waits": waits, "reports": reports}
    async with server:
        await ended.wait()


def pipelines() -> dict[str, Any]:
    """Return what the pipelines of projects do, by the projects' names, as their .gitlab-ci.yml would have it."""

    def tested(variables: Mapping[str, str]) -> list[JobSpec]:
        told = variables.get("REPORT")
        cases = [_case(one) for one in fromstring(told).iter("testcase")] if told else []
        states = {"PASSED": "success", "FAILED": "failed", "SKIPPED": "skipped"}
        shown = [
            {
                "status": states[case["status"]], "name": case["name"], "classname": case["className"], "file": None,
                "execution_time": 0.5, "system_output": case.get("errorDetails"), "stack_trace": None,
                "recent_failures": None,
            }
            for case in cases
        ]  # fmt: skip
        return [JobSpec(name="make", report=shown)]

    broken = b"it broke\n\x1b[31;1mERROR: Job failed: exit code 3\n"
    made = {"shipmate.json": RESULT}
    return {
        "succeeds": [JobSpec(name="make", trace=b"one\ntwo\n", environment="staging", artifacts=made)],
        "fails": [JobSpec(name="make", trace=broken, outcome="failed")],
        "waits": [JobSpec(name="make", trace=b"waiting\n", manual=True)],
        "reports": tested,
    }


async def gitlab(port: int, folder: Path, ended: asyncio.Event) -> None:
    async with running(folder, port) as server:
        server.add_user("bob")
        server.add_group(GITLAB_GROUP)
        server.ci_of = pipelines()
        await ended.wait()


async def serve(tool: str, port: int, folder: Path) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, ended.set)
    await {"jenkins": jenkins, "gitlab": gitlab}[tool](port, folder, ended)


def main() -> None:
    """Run a stand-in until SIGINT."""
    tool, port, folder = sys.argv[1:]
    asyncio.run(serve(tool, int(port), Path(folder)))
