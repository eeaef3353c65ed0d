"""The sandbox: one server that is a Slack workspace."""

import hashlib
import importlib.resources
import logging
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.app_door import AppDoor
from bot.sandbox.apps import App, AppConfig
from bot.sandbox.clock import Clock, wall_clock
from bot.sandbox.control import Control
from bot.sandbox.errors import ControlError
from bot.sandbox.guard import Guard
from bot.sandbox.oauth import Authorization
from bot.sandbox.options import Options
from bot.sandbox.platform import Platform
from bot.sandbox.replies import ResponseUrls
from bot.sandbox.seed import Seed
from bot.sandbox.state_file import StateFile
from bot.sandbox.uploads import Uploads
from bot.sandbox.web_api import WebApi
from bot.sandbox.workspace import Workspace

_LOG = logging.getLogger(__name__)
_PAGE = importlib.resources.files("bot.sandbox") / "page"
_SHUTDOWN = 1.0


class Sandbox:
    """A local Slack workspace: Web API, Socket Mode or HTTP delivery, a page, and a control API for tests.

    `seed` describes people and channels, `options` the behaviour, `clock` the time (seconds since the epoch). With
    `state` the workspace is kept in this file; where it exists, it wins over the seed.
    """

    def __init__(
        self,
        seed: Seed | None = None,
        options: Options | None = None,
        clock: Clock = wall_clock,
        *,
        state: Path | None = None,
    ) -> None:
        """Build the workspace; no I/O before `start`."""
        self.platform = Platform(seed or Seed(), options or Options(), clock)
        self._runner: web.AppRunner | None = None
        self._guard = Guard()
        self._state = StateFile(state) if state is not None else None

    @property
    def workspace(self) -> Workspace:
        """Return the workspace's memory."""
        return self.platform.workspace

    @property
    def url(self) -> str:
        """Return the address of the page, without a slash at the end; raises `RuntimeError` before `start`."""
        if not self.platform.base_url:
            raise RuntimeError("the sandbox has no address yet; await start() first")
        return self.platform.base_url

    @property
    def api_url(self) -> str:
        """Return the base URL for Slack clients, with a slash at the end."""
        return f"{self.url}/api/"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen on `host` and `port` (0: any free one) and return the address.

        Raises `OSError` when the port is taken, `StateError` when the state file is faulty or another workspace has it.
        """
        if self._state is not None:
            self._state.open(self.platform)
        await self.platform.http.start()
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_SHUTDOWN)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        bound = self._runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        self.platform.base_url = f"http://{shown}:{bound[1]}"
        self._guard.bound_to(host)
        _LOG.info("workspace %s listens on %s", self.workspace.team.domain, self.platform.base_url)
        return self.platform.base_url

    async def stop(self) -> None:
        """Close every connection and stop listening; may be called twice."""
        self.platform.changes.close()
        await self.platform.deliveries.close()
        await self.platform.sockets.disconnect("link_disabled")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.platform.http.close()
        if self._state is not None:
            await self._state.close(self.platform)
            self._state = None

    async def install(self, config: AppConfig) -> App:
        """Install an app; in HTTP mode its events URL must answer the challenge.

        Raises `ManifestError` for a faulty manifest and `ControlError` for a URL that does not answer.
        """
        app = self.platform.apps.install(config)
        await self.verify(app)
        return app

    async def verify(self, app: App) -> None:
        """Prove that the events URL of an app in HTTP mode is its own; raises `ControlError` otherwise."""
        if app.mode == "http":
            await self.platform.http.verify_url(app)

    def _application(self) -> web.Application:
        application = web.Application(
            client_max_size=self.platform.options.max_body,
            middlewares=[self._guard.check, AppDoor(self.platform).check, _control_errors],
        )
        uploads = Uploads(self.platform)
        responses = ResponseUrls(self.platform)
        authorization = Authorization(self.platform)
        api = WebApi(self.platform)
        application.add_routes(
            [
                web.route("*", "/api/{method}", api.handle),
                web.get("/link/", self.platform.sockets.handle),
                web.post("/response/{app_id}/{key}", responses.handle),
                web.post("/upload/v1/{file}/{key}", uploads.receive),
                web.get("/files-pri/{file}/{name}", uploads.serve),
                web.get("/avatars/{name}.svg", uploads.avatar),
                web.get("/oauth/v2/authorize", authorization.ask),
                web.post("/oauth/v2/authorize", authorization.decide),
                *Control(self.platform).routes(),
                web.get("/", _page),
                web.get("/archives/{channel}/{rest:.*}", _permalink),
                web.get("/page/{file:.*}", _page),
            ]
        )
        return application


@web.middleware
async def _control_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ControlError as error:
        body: Mapping[str, Any] = {"ok": False, "error": error.code, "message": error.message}
        return web.json_response(body, status=error.status)


async def _permalink(request: web.Request) -> web.Response:
    """Lead a permalink to its place on the page."""
    place = {"channel": request.match_info["channel"]}
    if thread_ts := request.query.get("thread_ts"):
        place["thread"] = thread_ts
    raise web.HTTPFound("/#" + urlencode(place))


async def _page(request: web.Request) -> web.Response:
    """Serve a file of the page; only files that were shipped with it."""
    parts = request.match_info.get("file", "index.html").split("/")
    found = _PAGE
    for part in parts:
        if part in {"", ".", ".."}:
            raise web.HTTPNotFound
        found = found / part
    if not found.is_file():
        raise web.HTTPNotFound(text="the page has no such file")
    kind = mimetypes.guess_type(parts[-1])[0] or "application/octet-stream"
    content = found.read_bytes()
    response = web.Response(content_type=kind, headers={"Cache-Control": "no-cache"})
    response.etag = digest = hashlib.sha256(content).hexdigest()[:32]
    if any(known.value == digest for known in request.if_none_match or ()):
        response.set_status(304)
        return response
    if kind.startswith("text/"):
        response.charset = "utf-8"
    response.body = content
    return response
