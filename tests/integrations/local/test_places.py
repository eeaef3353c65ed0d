"""Places of `local`: a real service that is deployed, kept alive, replaced, and survives us."""

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from integrations.capabilities.runs import RunState
from integrations.errors import Refused
from integrations.local.files import is_locked
from integrations.local.places import folder_name
from integrations.local.processes import ProcessId, alive
from integrations.local.stop import stop_all
from tests.integrations.contract.test_runs import build, deploy
from tests.integrations.waiting import ended, eventually, log_of

JOB = "shop/staging"
SERVER = b"""
import http.server, pathlib, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = pathlib.Path(__file__).with_name("answer").read_bytes() if self.path == "/version" else b"ok"
        self.send_response(200 if self.path in ("/version", "/healthz") else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

print("serving with hunter22", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def port():
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        number: int = probing.getsockname()[1]
        return number


@pytest.fixture
def settings(port):
    """Return settings with one place and a build that needs no tool."""
    place = {
        "port": port,
        "command": [sys.executable, "{release}/server.py", "{port}"],
        "version_path": "/version",
        "probe_interval": 0.1,
        "stop_timeout": 2,
        "env": {"PYTHONDONTWRITEBYTECODE": "1"},
    }
    return {"builds": {"shop": {}}, "places": {JOB: place}, "secrets": ["hunter22"]}


@pytest.fixture
def release(real_history):
    """Return what commits a version of the service and returns its SHA; `answer` is what it says its version is."""

    def commit(version: str, *, answer: str | None = None, server: bytes = SERVER) -> str:
        sha: str = real_history.commit(
            "shop", version, files={"server.py": server, "answer": (answer or version).encode()}
        )
        return sha

    return commit


@pytest.fixture
def folder(state_dir):
    return state_dir / "local" / "places" / "shop_2f_staging"


def answered(port: int) -> str:
    with OPENER.open(f"http://127.0.0.1:{port}/version", timeout=10) as answer:
        body: bytes = answer.read()
        return body.decode()


def child_of(folder: Path) -> ProcessId:
    child = ProcessId.from_json(json.loads((folder / "child.json").read_text()))
    assert child is not None
    return child


async def put(local, sha: str, version: str, fence: int, **more: str):
    request = deploy(version, JOB, sha, fence)
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return await local.start_deploy(type(request)(**{**fields, **more}))


async def running(local):
    return await local.get_running(JOB, "shop", "staging", "")


async def test_the_artifact_that_was_built_is_deployed_and_answers(connect_local, settings, release, port, folder):
    local = await connect_local(**settings)
    sha = release("v1")
    built = await ended(local, await local.start_build(build("b-1", "shop", sha)))
    ref = await put(local, sha, "v1", 1, artifact=built.result["artifact"], digest=built.result["digest"])
    run = await ended(local, ref)
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    assert [stage.name for stage in run.stages] == ["unpack", "switch", "start"]
    now = await running(local)
    assert (now.sha, now.version, now.healthy, now.url) == (sha, "v1", True, f"http://127.0.0.1:{port}")
    assert await asyncio.to_thread(answered, port) == "v1"
    assert (folder / "current" / "answer").read_text() == "v1"
    service_log = b"".join(file.read_bytes() for file in sorted((folder / "output").iterdir()))
    assert service_log == b"serving with ***\n"


async def test_a_new_version_takes_the_place_of_the_old_one(connect_local, settings, release, port, folder):
    local = await connect_local(**settings)
    assert await running(local) is None
    await ended(local, await put(local, release("v1"), "v1", 1))
    before = await asyncio.to_thread(child_of, folder)
    await ended(local, await put(local, release("v2"), "v2", 2))
    assert (await running(local)).version == "v2"
    assert await asyncio.to_thread(answered, port) == "v2"
    assert not alive(before)


async def test_a_service_that_dies_is_started_again(connect_local, settings, release, port, folder):
    local = await connect_local(**settings)
    await ended(local, await put(local, release("v1"), "v1", 1))
    since = (await running(local)).since
    before = await asyncio.to_thread(child_of, folder)
    os.kill(before.pid, signal.SIGKILL)

    async def again() -> bool:
        return (await asyncio.to_thread(child_of, folder)) != before and (await running(local)).healthy

    assert await eventually(again)
    assert (await running(local)).since == since
    assert await asyncio.to_thread(answered, port) == "v1"


@pytest.mark.parametrize(
    ("options", "reason", "line"),
    [
        ({"server": b"print('no such table: carts'); raise SystemExit(4)"}, "ended with status 4", "no such table"),
        ({"answer": "something else"}, "does not name v1", "serving"),
        ({"server": b"import time; print('hangs', flush=True); time.sleep(300)"}, "does not answer", "hangs"),
    ],
)
async def test_a_version_that_does_not_come_up_fails_and_says_why(
    connect_local, settings, release, options, reason, line
):
    settings["places"][JOB]["ready_timeout"] = 1.5
    local = await connect_local(**settings)
    ref = await put(local, release("v1", **options), "v1", 1)
    run = await ended(local, ref)
    assert run.state is RunState.FAILED
    assert reason in run.reason
    assert line in await log_of(local, ref)
    assert (await running(local)).healthy is False


async def test_a_port_that_somebody_else_has_fails_the_deploy(connect_local, settings, release, port):
    settings["places"][JOB]["ready_timeout"] = 1
    local = await connect_local(**settings)
    with socket.create_server(("127.0.0.1", port)):
        run = await ended(local, await put(local, release("v1"), "v1", 1))
    assert run.state is RunState.FAILED
    assert f"port {port} is taken by another process" in run.reason


async def test_a_newer_claim_supersedes_a_deploy_that_still_waits(connect_local, settings, release):
    settings["places"][JOB]["ready_timeout"] = 60
    local = await connect_local(**settings)
    stuck = await put(local, release("v1", answer="something else"), "v1", 1)

    async def started() -> bool:
        now = await running(local)
        return now is not None and now.version == "v1"

    assert await eventually(started)
    good = await put(local, release("v2"), "v2", 2)
    assert (await ended(local, good)).state is RunState.SUCCEEDED
    run = await ended(local, stuck)
    assert run.state is RunState.FAILED
    assert "superseded" in run.reason
    with pytest.raises(Refused):
        await put(local, release("v1"), "v0", 1)
    assert (await running(local)).version == "v2"


async def test_an_artifact_that_is_not_the_one_approved_is_not_deployed(connect_local, settings, release, state_dir):
    local = await connect_local(**settings)
    sha = release("v1")
    built = await ended(local, await local.start_build(build("b-1", "shop", sha)))
    unknown = await ended(local, await put(local, sha, "v1", 1, artifact="x.tar", digest="sha256:" + "0" * 64))
    assert "there is no artifact sha256:0000" in unknown.reason
    (stored,) = (state_dir / "local" / "artifacts").glob("*/*.tar")
    stored.write_bytes(b"tampered")
    tampered = await ended(local, await put(local, sha, "v1b", 2, artifact="x.tar", digest=built.result["digest"]))
    assert tampered.state is RunState.FAILED
    assert "asked for" in tampered.reason
    assert await running(local) is None


async def test_the_service_survives_us_and_is_seen_by_who_comes_after(connect_local, settings, release, port, folder):
    first = await connect_local(**settings)
    await ended(first, await put(first, release("v1"), "v1", 1))
    before = await asyncio.to_thread(child_of, folder)
    await first.close()
    second = await connect_local(**settings)
    assert (await running(second)).healthy is True
    assert await asyncio.to_thread(child_of, folder) == before


async def test_a_killed_supervisor_is_brought_back_and_its_service_runs_once(connect_local, settings, release, folder):
    local = await connect_local(**settings)
    await ended(local, await put(local, release("v1"), "v1", 1))
    before = await asyncio.to_thread(child_of, folder)
    supervisor = json.loads((folder / "supervisor.json").read_text())
    os.kill(supervisor["pid"], signal.SIGKILL)

    async def unwatched() -> bool:
        return (await running(local)).healthy is False

    assert await eventually(unwatched)
    again = await connect_local(**settings)

    async def healthy() -> bool:
        now = await running(again)
        return bool(now and now.healthy and await asyncio.to_thread(child_of, folder) != before)

    assert await eventually(healthy)
    assert not alive(before)


async def test_everything_stops_when_asked_and_comes_back(connect_local, settings, release, state_dir, folder, port):
    settings["builds"]["slow"] = {"command": ["sleep", "300"]}
    local = await connect_local(**settings)
    sha = release("v1")
    await ended(local, await put(local, sha, "v1", 1))
    slow = await local.start_build(build("b-1", "slow", sha))
    child = await asyncio.to_thread(child_of, folder)
    assert await asyncio.to_thread(stop_all, state_dir) == 2
    assert not alive(child)
    assert not is_locked(folder / "supervisor.lock")
    assert await running(local) is None
    assert (await local.get_run(slow)).state is RunState.CANCELLED
    assert await asyncio.to_thread(stop_all, state_dir) == 0
    again = await connect_local(**settings)

    async def back() -> bool:
        now = await running(again)
        return bool(now and now.healthy)

    assert await eventually(back)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["unpack", "switch", "start"])
async def test_a_deploy_killed_in_the_middle_leaves_the_old_or_the_new_and_can_be_repeated(
    connect_local, settings, release, state_dir, folder, port, stage
):
    local = await connect_local(**settings)
    await ended(local, await put(local, release("v1"), "v1", 1))
    sha = release("v2")
    ref = await put(local, sha, "v2", 2)
    run_folder = state_dir / "local" / "runs" / ref.id

    async def reached() -> bool:
        run = await local.get_run(ref)
        return run.state.final or stage in {one.name for one in run.stages}

    assert await eventually(reached)
    for name in ("started.json", "job.json"):
        process = json.loads((run_folder / name).read_text())
        if alive(ProcessId.from_json(process)):
            os.kill(process["pid"], signal.SIGKILL)
    killed = await ended(local, ref)

    async def whole() -> bool:
        now = await running(local)
        if now is None or not now.healthy:
            return False
        try:
            return bool(await asyncio.to_thread(answered, port) == now.version)
        except OSError:  # between the old and the new
            return False

    assert await eventually(whole)
    assert (await running(local)).version in ({"v2"} if killed.state is RunState.SUCCEEDED else {"v1", "v2"})
    assert (await ended(local, await put(local, sha, "v2", 3, request_id="again"))).state is RunState.SUCCEEDED
    assert (await running(local)).version == "v2"
    assert len(list((folder / "releases").glob("[0-9a-f]*"))) == 2


def test_names_of_places_never_meet():
    names = [("a/b",), ("a", "b"), ("a_2f_b",), ("a@b",), ("a", "", "b"), ("a", "b", "")]
    assert len({folder_name(*words) for words in names}) == len(names)
    assert not any("/" in folder_name(*words) for words in names)
