"""`shipmate login`: a person signs in in a terminal by the device flow, and is held to the same rules as in Slack."""

import asyncio
import json
import re
import stat
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.signin.bearers import Bearers
from bot.signin.page import SignInPages
from bot.starter import Starter
from bot.terminal import Terminal, ask
from bot.terminal.login import Kept, NotSignedIn, SignIn
from bot.web import Web
from tests.identity.browser import PUBLIC, Browser
from tests.identity.conftest import ANA, Desk
from tests.identity.test_provider import answering


class Laptop:
    """Somebody's machine: the client, and the folder it keeps things in."""

    def __init__(self, folder, url):
        self.kept = Kept(folder / "config")
        self.file = folder / "config" / "sign-ins.json"
        self.url = url
        self.said = []
        self.pauses = []
        self.typed = asyncio.Event()
        self.clock = SystemClock()

    @property
    def sign_in(self):
        return SignIn(self.url, self.kept, self.clock, say=self.said.append, pause=self._pause)

    async def _pause(self, seconds):
        self.pauses.append(seconds)
        await asyncio.wait_for(self.typed.wait(), 90)

    async def login(self, name, *, go="in"):
        """Begin, type the code in a browser as somebody, and wait for the end."""
        self.typed.clear()
        under_way = asyncio.create_task(self.sign_in.begin())
        while not any("type" in line for line in self.said):
            assert not under_way.done(), under_way
            await asyncio.sleep(0.01)
        shown = re.search(r"Open (\S+) and type (\S+)", "\n".join(self.said))
        assert shown, self.said
        where, code = shown.groups()
        browser = Browser(0)
        await browser.go(where)
        await browser.submit(user_code=code)
        await browser.submit(confirm="yes")
        await browser.sign_in(name, go=go)
        self.typed.set()
        await under_way

    async def do(self, text):
        return await ask(text, url=self.url, token=await self.sign_in.token(), say=self.said.append)


@asynccontextmanager
async def counter(desk: Desk, folder):
    """Open the terminal's door of a desk."""
    rig = desk.rig
    deliveries = Deliveries(rig.store, rig.clock, "p1")
    terminal = Terminal(rig.settings.terminal, deliveries, rig.clock)
    terminal.signed_in = Bearers(desk.provider, desk.persons, rig.permissions)
    dispatcher = Dispatcher(
        registry=rig.registry,
        permissions=rig.permissions,
        audit=rig.audit,
        deliveries=deliveries,
        store=rig.store,
        world=rig.world,
        clock=rig.clock,
        replier=terminal.keep,
    )
    starter = Starter(deliveries, dispatcher, clock=rig.clock)
    await starter.start()
    server = Web(_ready)
    routes = [*terminal.routes(dispatcher), *SignInPages(desk.signing, PUBLIC).routes()]
    await server.start("127.0.0.1", 0, routes)
    try:
        yield Laptop(folder, f"http://127.0.0.1:{server.port}")
    finally:
        await server.stop()
        await starter.stop(5)


async def _ready():
    return ""


@pytest.fixture
async def laptop(desk_with, tmp_path):
    def change(config):
        config["people"]["ana"]["emails"] = ["ana@example.org"]
        config["groups"]["told"] = {"claim": "release-managers"}

    async with desk_with(change=change) as desk, counter(desk, tmp_path) as made:
        made.desk = desk
        yield made


async def test_a_person_signs_in_and_acts_by_the_same_rules_and_in_the_same_audit(laptop, program):
    desk = laptop.desk
    await laptop.login("ana")
    assert laptop.said[-1] == "You are signed in."
    assert stat.S_IMODE(laptop.file.stat().st_mode) == 0o600
    deployment = await desk.asked()
    assert await laptop.do(f"reject {deployment.id} --reason 'not today'") == 0, laptop.said
    entry = next(one for one in await desk.entries("reject") if one.outcome == "allowed")
    assert entry.actor == ANA
    assert entry.data["via"] == f"oidc:{program.issuer} ana"
    assert entry.data["trigger"] == "terminal"
    assert "told" in await desk.rig.permissions.groups_of(ANA), "the groups of that sign-in count"


async def test_a_bound_approval_is_not_given_by_a_terminal_alone(laptop):
    desk = laptop.desk
    deployment = await desk.asked()
    await laptop.login("ana")
    assert await laptop.do(f"approve {deployment.id}") == 1
    assert f"{PUBLIC}/sign-in?state=" in laptop.said[-1], "the way on is printed"
    assert await desk.votes(deployment) == 0


async def test_an_account_that_is_nobodys_here_opens_nothing(laptop, program):
    program.know("guest", email="guest@elsewhere.example", email_verified=True)
    await laptop.login("guest")
    assert await laptop.do("where checkout") == 1
    assert "type /shipmate login in slack once" in laptop.said[-1].lower()


async def test_a_token_of_the_browsers_client_opens_no_terminal(laptop, program):
    desk = laptop.desk
    caught = []
    read = desk.provider.read

    async def noted(token, **more):
        caught.append(token)
        return await read(token, **more)

    desk.provider.read = noted
    await desk.proven(ANA, await desk.asked(), "ana")
    assert await ask("where checkout", url=laptop.url, token=caught[0], say=laptop.said.append) == 1
    assert "aud" in laptop.said[-1]


async def test_saying_no_signs_nobody_in(laptop):
    with pytest.raises(NotSignedIn, match="said no"):
        await laptop.login("ana", go="no")
    assert not laptop.file.exists()


async def test_what_is_about_to_end_is_renewed_and_what_cannot_be_is_told(laptop):
    await laptop.login("ana")
    first = await laptop.sign_in.token()
    assert await laptop.sign_in.token() == first
    kept = json.loads(laptop.file.read_text())
    kept[laptop.url]["id_token"] = "a.e30.b"  # says no end: it is over
    laptop.file.write_text(json.dumps(kept))
    assert await laptop.do("where checkout") == 0, laptop.said
    assert json.loads(laptop.file.read_text())[laptop.url]["id_token"] not in {"", "a.e30.b"}

    del kept[laptop.url]["refresh_token"]
    laptop.file.write_text(json.dumps(kept))
    with pytest.raises(NotSignedIn, match="shipmate login"):
        await laptop.sign_in.token()


async def test_signing_out_forgets_it_here_and_at_the_provider(laptop):
    await laptop.login("ana")
    kept = json.loads(laptop.file.read_text())
    await laptop.sign_in.end()
    assert await laptop.sign_in.token() == ""
    kept[laptop.url]["id_token"] = "a.e30.b"
    laptop.file.write_text(json.dumps(kept))
    with pytest.raises(NotSignedIn, match="Sign in again"):
        await laptop.sign_in.token()


async def test_the_client_slows_down_and_gives_up_as_it_is_told(tmp_path):
    answers = iter(["authorization_pending", "slow_down", "slow_down", "authorization_pending", "expired_token"])

    def answer(base, path):
        if path == "/api/identity":
            return web.json_response({"issuer": base, "client_id": "c", "scopes": ["openid"]})
        if path.endswith("openid-configuration"):
            endpoints = {"token_endpoint": f"{base}/token", "device_authorization_endpoint": f"{base}/device"}
            return web.json_response({"issuer": base, **endpoints})
        if path == "/device":
            device = {"device_code": "d", "user_code": "AB-CD", "verification_uri": f"{base}/go", "interval": 1}
            return web.json_response({**device, "expires_in": 600})
        return web.json_response({"error": next(answers)}, status=400)

    async with answering(answer) as (url, _):
        laptop = Laptop(tmp_path, url)
        laptop.typed.set()
        with pytest.raises(NotSignedIn, match="not typed in time"):
            await laptop.sign_in.begin()
    assert laptop.pauses == [1, 1, 6, 11, 11]


@pytest.mark.parametrize("url", ["http://shipmate.example.org", "ftp://x", "shipmate"])
async def test_a_sign_in_never_travels_unencrypted(tmp_path, url):
    with pytest.raises(NotSignedIn, match="not https"):
        await Laptop(tmp_path, url).sign_in.begin()


async def test_a_file_that_is_broken_is_no_sign_in(tmp_path):
    laptop = Laptop(tmp_path, "https://shipmate.example.org")
    laptop.file.parent.mkdir()
    for text in ("", "[]", "{", '{"https://shipmate.example.org": 7}'):
        laptop.file.write_text(text)
        assert await laptop.sign_in.token() == ""
