"""The stand-in answers as the real Jenkins did, exchange by exchange: status, headers, and JSON."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.servers.jenkins import Build, JenkinsServer, text

RECORDING = json.loads((Path(__file__).parent / "payloads/jenkins-2.263.4.json").read_text(encoding="utf-8"))
HEADERS = ("Content-Type", "X-Jenkins", "Location", "X-Text-Size", "X-More-Data", "X-Error", "WWW-Authenticate")
MEASURED = {
    *("timestamp", "duration", "estimatedDuration", "inQueueSince", "crumb", "why", "id"),
    *("startTimeMillis", "endTimeMillis", "durationMillis", "queueDurationMillis", "pauseDurationMillis"),
}
LOGINS = {
    "root, anonymous": "none",
    "root, bad token": "bad",
    "crumb issuer with password": "password",
    "create item, password login without crumb": "password",
}


class Play:
    """Does between the exchanges what time and the recorded jobs' own commands did."""

    def __init__(self, server: JenkinsServer) -> None:
        self.server = server

    async def before(self, name: str) -> None:
        steps = {
            "queue item, has executable": self.let_start,
            "progressiveText from 511": lambda: self.build().say("+ echo step 2\nstep 2\n+ sleep 1"),
            "progressiveText from 542": lambda: self.build().say("+ echo step 3\nstep 3\n+ sleep 1"),
            "progressiveText from 573": lambda: self.finish("+ [ prod != hang ]\n+ [ prod != bad ]"),
            "queue item hang": self.let_start,
            "queue item bad": self.let_start,
            "failed build": lambda: self.build().finish("FAILURE"),
            "pipeline queue item": self.let_start,
        }
        if name in steps:
            steps[name]()
        await self.settle(name)

    def after(self, name: str) -> None:
        if name == "create freestyle":
            self.server.job("rec").script = None
        if name == "create pipeline in folder":
            self.server.job("recfolder/release").script = pipeline
        if name == "pipeline finished (approve)":
            self.server.executor.last_id += 1  # item 12 was queued, and is not in the recording
        if name == "queue item, has executable":
            self.build().say("Running as SYSTEM\nBuilding in workspace /var/lib/jenkins/workspace/rec")

    def build(self) -> Build:
        return self.server.job("rec").newest()[0]

    def finish(self, words: str) -> None:
        self.build().say(words)
        self.build().finish()

    def let_start(self) -> None:
        self.server.executor.end_quiet_periods()

    async def settle(self, name: str) -> None:
        """Wait until what the exchange is about is there."""
        if "wfapi describe, paused" in name:
            await until(lambda: bool(self.server.job("recfolder/release").newest()[0].inputs))
        if name.startswith("pipeline finished"):
            await until(lambda: not self.server.job("recfolder/release").newest()[0].building)
        if name == "aborted build":
            await until(lambda: not self.build().building)


async def pipeline(build: Build) -> None:
    async with build.stage("Build"):
        build.say(f"+ echo build {build.values['VER']}")
    try:
        async with build.stage("Approve"):
            await build.ask("go", "Deploy to prod?", ok="Ship", parameters=[text("WHY", "x")])
    except asyncio.CancelledError:
        build.end_stage(build.begin_stage("Deploy"), "SUCCESS")  # as recorded: skipped, and told as a success
        for name in ("a", "b"):
            build.end_stage(build.begin_stage(name), "ABORTED")
        build.end_stage(build.begin_stage("Declarative: Post Actions"), "SUCCESS")
        raise
    for name in ("Deploy", "a", "b", "Declarative: Post Actions"):
        async with build.stage(name):
            build.say(name)


async def until(condition) -> None:
    async with asyncio.timeout(45):
        while not condition():  # noqa: ASYNC110 -- what it waits for is inside of the stand-in
            await asyncio.sleep(0.005)


@pytest.fixture
async def server():
    async with JenkinsServer(quiet_period=3600) as server:
        server.executor.nodes[0].executors = 2
        deploy = server.add_job("deploy")
        server.add_job("nocrumb")
        server.add_job("team/x")
        item = server.executor.schedule(deploy, {}, cause(server), delay=0)
        server.executor.end_quiet_periods()
        await until(lambda: 1 in deploy.builds)
        deploy.builds[1].finish("ABORTED")
        server.executor.items.pop(item.id)
        server.executor.last_id = 6
        yield server


def cause(server):
    from tests.servers.jenkins.queue import Cause  # noqa: PLC0415 -- of the stand-in's inside

    return Cause(user=server.username)


async def test_every_recorded_exchange(server):
    play = Play(server)
    given = {"token": server.token, "bad": "wrong", "password": server.password}
    logins = {name: {"Authorization": aiohttp.encode_basic_auth("bot", secret)} for name, secret in given.items()}
    differences = []
    async with aiohttp.ClientSession() as session:
        for exchange in RECORDING["exchanges"]:
            name, asked, recorded = exchange["name"], exchange["request"], exchange["response"]
            await play.before(name)
            async with session.request(
                asked["method"],
                server.url + asked["url"],
                data=asked["data"],
                headers={**asked["headers"], **logins.get(LOGINS.get(name, "token"), {})},
                allow_redirects=False,
            ) as answer:
                body = await answer.text()
            play.after(name)
            root = server.url
            found = [] if answer.status == recorded["status"] else [f"status {answer.status}"]
            found += compared_headers(answer.headers, recorded["headers"], root)
            found += compared_bodies(body, recorded, root)
            differences += [f"{name}: {one}" for one in found]
    assert len(RECORDING["exchanges"]) == 71
    assert not differences, "\n".join(differences)


def compared_headers(got, recorded, root: str) -> list[str]:
    found = []
    for name in HEADERS:
        mine, theirs = got.get(name), recorded.get(name)
        if name == "Content-Type" and not theirs:
            continue  # the recording leaves out that of an empty body
        if (mine is None) != (theirs is None) or (
            mine is not None and name != "X-Text-Size" and plain(mine, root).strip() != plain(theirs, root).strip()
        ):
            found.append(f"{name} is {mine!r}, recorded {theirs!r}")
    return found


def compared_bodies(body: str, recorded: dict[str, Any], root: str) -> list[str]:
    kind = recorded["headers"].get("Content-Type", "")
    if "json" in kind:
        if not body.startswith(("{", "[")):
            return [f"no JSON: {body[:300]!r}"]
        return list(compared(json.loads(plain(body, root)), json.loads(plain(recorded["body"], root)), ""))
    if "html" in kind:
        mine, theirs = (re.search(r"<title>(.*?)</title>", page, re.DOTALL) for page in (body, recorded["body"]))
        return [] if theirs is None or (mine and mine[1] == theirs[1]) else [f"titles {mine} {theirs}"]
    if "text/plain" in kind and "\r\n" in recorded["body"]:
        return [] if "\r\n" in body else [f"line ends of {body!r}"]
    return []


def compared(mine: Any, theirs: Any, where: str):
    """Yield where two JSON values differ; what was measured only has to be of the same kind."""
    if type(mine) is not type(theirs):
        yield f"{where} is {mine!r}, recorded {theirs!r}"
    elif isinstance(theirs, dict):
        if mine.keys() != theirs.keys():
            yield f"{where} differs in {sorted(mine.keys() ^ theirs.keys())}"
        for key in mine.keys() & theirs.keys():
            if key not in MEASURED or type(mine[key]) is not type(theirs[key]):
                yield from compared(mine[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list):
        if len(mine) != len(theirs):
            yield f"{where} has {len(mine)} entries, recorded {len(theirs)}"
        for number, (one, other) in enumerate(zip(mine, theirs, strict=False)):
            yield from compared(one, other, f"{where}[{number}]")
    elif mine != theirs:
        yield f"{where} is {mine!r}, recorded {theirs!r}"


def plain(words: str, root: str) -> str:
    """Return text without what differs by nature: where the server listens, and numbers of nodes in a pipeline."""
    words = words.replace(root, "http://jenkins").replace("http://127.0.0.1:8085", "http://jenkins")
    return re.sub(r"execution/node/\d+/", "execution/node/N/", words)
