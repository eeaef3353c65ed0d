"""The running bot's own parts, put together as it does, but for what commands do: each tells that it was reached.

Deliveries go in where Bolt hands them over, and at the terminal's door over HTTP. A change is run at once as it would
be from its row: taken from JSON, after it was written as JSON.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from bot.app.composition import App
from bot.command import Call, Command, Invocation
from bot.deliveries import from_json, to_json
from bot.dispatch import Outcome
from bot.registry import Registry
from bot.reply import Reply, text
from bot.sandbox import AppConfig, Options, Sandbox
from bot.settings import Settings
from bot.slack import manifest
from bot.store import Store
from commands.registry import registry
from tests.dispatch.conftest import HandClock
from tests.matrix import subjects
from tests.matrix.roles import ROLES, SEED, Role, settings

KEY = ECKey.generate_key("P-256", {"kid": "matrix", "use": "sig"})


class Road:
    """The dispatcher, listened to: `said` are the codes of the answers, "" for what was done."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._real = app.dispatcher
        self.registry, self.permissions, self.parse = self._real.registry, self._real.permissions, self._real.parse
        self.said: list[str] = []
        self.reached: list[tuple[str, str]] = []

    async def answer(self, invocation: Invocation, parsed: Any) -> Reply:
        reply = await self._real.answer(invocation, parsed)
        self.said.append(reply.code)
        return reply

    async def accept(self, invocation: Invocation) -> bool:
        kept = json.loads(json.dumps(to_json(self._real._sealed(invocation))))
        read = from_json(kept)
        assert read is not None
        outcome: Outcome = await self._real.run(read)
        self.said.append(outcome.reply.code)
        if invocation.delivery_id.startswith("terminal/"):
            self._app.terminal._wake(invocation.delivery_id, self._app.terminal._answer(outcome.reply))
        return True

    async def told(self, invocation: Invocation, reply: Reply) -> None:
        """Stand for the way back to Slack: an answer that did not come by the road counts, too."""
        self.said.append(reply.code)

    async def asked(self, invocation: Invocation, command: Command, given: Any) -> None:
        """Stand for a form that opens in Slack."""
        self.said.append("form")


class Town:
    """Everything one run needs."""

    def __init__(self, app: App, sandbox: Sandbox, road: Road, url: str, http: aiohttp.ClientSession) -> None:
        self.app, self.sandbox, self.road = app, sandbox, road
        self.url, self.http = url, http
        self.names: dict[str, dict[str, str]] = {}
        self._signed: dict[str, str] = {}

    @property
    def channel(self) -> str:
        found = self.sandbox.workspace.find_channel("checkout")
        assert found is not None
        return found.id

    def user(self, role: Role) -> dict[str, str]:
        """Return somebody's id and team as Slack's payloads name them."""
        user = self.sandbox.workspace.user(role.user)
        return {"id": user.id, "team_id": user.team_id, "name": user.name, "username": user.name}

    async def settled(self) -> str:
        """Return the code of the one answer there was, once there is nothing more to come; "silent" without one."""
        assert self.app.slack.edge is not None
        while under_way := self.app.slack.edge.tasks._tasks:
            await asyncio.wait(set(under_way))
        said, self.road.said = self.road.said, []
        return said[0] if said else "silent"

    async def typed(self, line: str, bearer: str) -> str:
        """Ask at the terminal's door; return the code."""
        async with self.http.post(
            f"{self.url}/api/do", json={"text": line}, headers={"Authorization": f"Bearer {bearer}"}
        ) as answer:
            told = await answer.json()
        self.road.said.clear()
        return str(told["code"])

    def token(self, role: Role) -> str:
        return secret_of(role.account or role.user)

    def id_token(self, role: Role) -> str:
        if role.user in self._signed:
            return self._signed[role.user]
        now = int(self.app.clock.now().timestamp())
        claims = {
            "iss": self.app.settings.identity.issuer, "aud": "shipmate-terminal", "sub": f"subject-of-{role.user}",
            "iat": now, "exp": now + 600, "email": f"{role.user}@acme.example", "email_verified": True,
        }  # fmt: skip
        made = jwt.encode({"alg": "ES256", "kid": "matrix"}, claims, KEY, algorithms=["ES256"])
        return self._signed.setdefault(role.user, made)


def secret_of(who: str) -> str:
    return f"the-long-secret-token-of-{who}"


def _stand_in(command: Command, road: list[tuple[str, str]]) -> Command:
    async def handler(call: Call, _args: object) -> Reply:
        road.append((command.name, call.person.user))
        return text("reached")

    return msgspec.structs.replace(command, handler=handler)


@asynccontextmanager
async def _issuer() -> AsyncIterator[str]:
    """Serve what an identity provider says of itself, and its keys."""
    at = ""

    async def document(_request: web.Request) -> web.Response:
        ends = {f"{name}_endpoint": f"{at}/{name}" for name in ("authorization", "token")}
        return web.json_response({"issuer": at, "jwks_uri": f"{at}/keys", **ends})

    async def keys(_request: web.Request) -> web.Response:
        return web.json_response({"keys": [KEY.as_dict(private=False)]})

    served = web.Application()
    served.add_routes([web.get("/.well-known/openid-configuration", document), web.get("/keys", keys)])
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    at = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield at
    finally:
        await runner.cleanup()


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Build a town in which everybody of `ROLES` lives."""
    sandbox = Sandbox(SEED, Options())
    await sandbox.start()
    clock = HandClock()
    reached: list[tuple[str, str]] = []
    commands = Registry(_stand_in(command, reached) for command in registry().values())
    async with _issuer() as issuer, aiohttp.ClientSession() as http:
        sandbox.platform.apps.install(_another_app())
        users = {user.name: user for user in sandbox.workspace.users.values()}
        home = sandbox.workspace.team.id
        ids = {}
        for name in (role.user for role in ROLES.values() if role.user):
            user = users[name]
            ids[name] = user.id if user.team_id == home else f"{user.team_id}/{user.id}"
        holders = [role.user or role.account for role in ROLES.values()]
        hashes = {who: hashlib.sha256(secret_of(who).encode()).hexdigest() for who in holders}
        made = Settings.model_validate(settings(ids, str(folder), sandbox.api_url, issuer, hashes))
        store = await Store.open(f"sqlite:///{folder / 'shipmate.db'}", clock=clock)
        app = App(made, store, clock, commands)
        config = AppConfig(
            manifest=manifest.build(made, registry()), mode="http", bot_token="xoxb-1-2-matrix",
            signing_secret="the-secret-of-the-matrix", request_url="http://127.0.0.1:1/",
        )  # fmt: skip
        sandbox.platform.apps.install(config)
        await app.slack.open()
        identity = app.slack.connection.identity
        assert identity is not None
        app.permissions.set_home(identity.team, identity.enterprise)
        app.permissions.add_source("usergroup", app.slack.usergroups)
        app.permissions.set_standing(app.is_member)
        road = Road(app)
        road.reached = reached
        await app.slack.connect(road, commands, app.world)
        edge = app.slack.edge
        assert edge is not None
        app.slack.answers.reply = road.told  # type: ignore[method-assign]
        edge._asking.open = road.asked  # type: ignore[method-assign]
        await app.web.start("127.0.0.1", 0, app.terminal.routes(road))  # type: ignore[arg-type]
        made_town = Town(app, sandbox, road, f"http://127.0.0.1:{app.web.port}", http)
        owner = app.permissions.person("ana")
        assert owner is not None
        made_town.names = await subjects.make(store, owner, made_town.channel, clock.now() - timedelta(minutes=1))
        try:
            yield made_town
        finally:
            await app.web.stop()
            await app.slack.close(1.0)
            await store.close()
            await sandbox.stop()


def _another_app() -> AppConfig:
    """Return an app of somebody else, whose bot user may act like a person."""
    declared = {
        "display_information": {"name": "hal"},
        "features": {"bot_user": {"display_name": "hal", "always_online": True}},
        "oauth_config": {"scopes": {"bot": ["chat:write"]}},
        "settings": {"socket_mode_enabled": True},
    }
    return AppConfig(manifest=declared, mode="socket", bot_token="xoxb-1-2-hal", app_token="xapp-1-A1-hal")
