"""A secret in every setting, and in what tools answer: none of them comes out anywhere."""

import asyncio
import base64
import itertools
import json
import os
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.hostile import payloads
from tests.hostile.house import BOT_TOKEN, NOBODY, SECRETS, House, as_json, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")

KNOWN = {**SECRETS, "BOT_TOKEN": BOT_TOKEN}


class Tool:
    """What every address of a tool in the configuration leads to, and the stranger that it sends us on to."""

    def __init__(self, manner: str) -> None:
        self.manner = manner
        self.at, self.stranger = NOBODY, ""
        self.asked: list[str] = []
        self.strangers_got: list[bytes] = []
        self._status = itertools.cycle((500, 401, 403, 404, 200, 429))

    async def answer(self, request: web.Request) -> web.Response:
        """Tell everything back that we were told, as a proxy's page of errors does, or send the client elsewhere."""
        self.asked.append(request.path)
        if self.manner == "redirects":
            raise web.HTTPTemporaryRedirect(f"{self.stranger}{request.rel_url}")
        told = {"message": f"{dict(request.headers)} {request.url} {await request.text()}"}
        return web.json_response(told, status=next(self._status))

    async def listen(self, request: web.Request) -> web.Response:
        """Keep all that came."""
        self.strangers_got.append(f"{request.raw_path} {request.raw_headers} ".encode() + await request.read())
        return web.json_response({})


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["silent", "echoes", "redirects"], ids=lambda manner: manner
)
async def tool(request: pytest.FixtureRequest) -> AsyncIterator[Tool]:
    one = Tool(request.param)
    app, strange = web.Application(), web.Application()
    app.router.add_route("*", "/{path:.*}", one.answer)
    strange.router.add_route("*", "/{path:.*}", one.listen)
    server, stranger = TestServer(app), TestServer(strange, host="localhost")
    try:
        for each in (server, stranger):
            await each.start_server(access_log=None)  # their log is none of ours
        one.stranger = str(stranger.make_url("")).rstrip("/")
        if one.manner != "silent":
            one.at = str(server.make_url("")).rstrip("/")
        yield one
    finally:
        await server.close()
        await stranger.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("canary"), tool.at) as opened:
        yield opened


def forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it may come out: as such, in an address, in JSON, in base64."""
    yield secret.encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    yield base64.b64encode(secret.encode()).rstrip(b"=")


def found_in(content: bytes) -> list[str]:
    """Return the names of the secrets that some content holds."""
    return [name for name, secret in KNOWN.items() if any(form in content for form in forms(secret))]


async def told(house: House) -> list[str]:
    """Have everything said that can be said about the configuration and its tools; return it."""
    said = []
    for text in (
        "shipmate health", "health", "help", "help deploy", "where", "where checkout", "build run checkout main",
        "deploy checkout@1.0 to staging", "deploys checkout", "metrics checkout", "oncall", "alert list", "access",
        "connect gitlab", "login", "audit", "policy", "registry", "release cut checkout", "tests checkout main",
        "issue create checkout because it is broken", "mr list checkout", "silence list", "paging", "audit --export",
    ):  # fmt: skip
        answer = await house.do(as_json({"text": text}))
        assert answer.status == 200, answer
        said.append(answer.text)
    for path in (
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/identity",
        "/sign-in?state=x",
        "/connect/gitlab?state=x",
        "/x",
    ):
        answer = await house.ask("GET", path)
        said.append(f"{answer.text} {answer.headers}")
    for instance, kinds in payloads.WEBHOOKS.items():
        for body in kinds.values():
            said.append((await house.hook(instance, as_json(body))).text)
            said.append((await house.hook(instance, as_json({"x": [body]}))).text)
    async with asyncio.timeout(90):
        await house.app.starter.idle()
    return said


async def test_no_secret_comes_out_of_a_whole_house(house: House, tool: Tool) -> None:
    said = await told(house)
    assert len(house.app.toolbox.adapters()) > 8
    assert bool(tool.asked) is (tool.manner != "silent")
    state = await house.http.get(f"{house.sandbox.url}/_sandbox/state")
    places = {
        "answers": "\n".join(said).encode(),
        "log": house.log.getvalue().encode(),
        "workspace": (await state.read()),
        "settings, shown": repr(house.app.settings).encode(),
        **{str(path.relative_to(house.folder)): path.read_bytes() for path in files(house.folder)},
        **{f"process {pid}": line for pid, line in command_lines()},
    }
    assert len(places) > 6
    assert len(places["log"]) > 1000
    assert b"jenkins" in places["answers"]
    assert {where: names for where, content in places.items() if (names := found_in(content))} == {}
    assert [got for got in tool.strangers_got if found_in(got)] == [], "a redirect took a secret to another server"


async def test_a_secret_that_was_planted_is_found(house: House) -> None:
    """The net of the test above has no hole: what stands in a file of the store is seen."""
    (house.folder / "planted").write_text(f"token={SECRETS['JENKINS_TOKEN']}")
    assert [found_in(path.read_bytes()) for path in files(house.folder) if path.name == "planted"] == [
        ["JENKINS_TOKEN"]
    ]
    (house.folder / "planted").unlink()


def files(folder: Path) -> list[Path]:
    """Return all files below a folder: the stores with their logs, what runs left behind, the configuration."""
    return [path for path in folder.rglob("*") if path.is_file()]


def command_lines() -> Iterator[tuple[str, bytes]]:
    """Yield the command line and environment of each process that descends from this one."""
    for task in Path("/proc").glob("[0-9]*"):
        try:
            stat = (task / "stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == os.getpid():
                yield task.name, (task / "cmdline").read_bytes() + (task / "environ").read_bytes()
        except OSError:
            continue
