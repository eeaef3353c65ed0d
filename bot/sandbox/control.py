"""The control API under `/_sandbox/`: what people do, what they see, and what goes wrong on request."""

import asyncio
import contextlib
import difflib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from aiohttp import web

from bot.sandbox import acts, own_messages, state, trouble, upkeep
from bot.sandbox.apps import AppConfig
from bot.sandbox.control_request import Fields, read_json
from bot.sandbox.errors import ControlError, Json, ManifestError
from bot.sandbox.model import User
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform
from bot.sandbox.wire_listing import WireListing

_Act: TypeAlias = Callable[[Platform, Fields], Awaitable[Outcome | Json]]

_KEEP_ALIVE = 15.0
_SECRETS = ("bot_token", "app_token", "signing_secret", "client_id", "client_secret")
_SETTINGS = ("manifest", "mode", "request_url", "distributed", "channels")

POSTS: dict[str, tuple[_Act, frozenset[str]]] = {
    "messages": (acts.message, frozenset(("user", "channel", "text", "thread_ts", "broadcast", "files"))),
    "edits": (own_messages.edit, frozenset(("user", "channel", "ts", "text"))),
    "deletions": (own_messages.delete, frozenset(("user", "channel", "ts"))),
    "commands": (acts.command, frozenset(("user", "channel", "command", "text", "thread_ts"))),
    "actions": (acts.action, frozenset(("user", "channel", "ts", "view_id", "action_id", "block_id", "value"))),
    "reactions": (acts.reaction, frozenset(("user", "channel", "ts", "name", "remove"))),
    "views": (acts.view, frozenset(("user", "view_id", "values", "close", "clear"))),
    "options": (acts.options, frozenset(("user", "channel", "ts", "view_id", "action_id", "block_id", "value"))),
    "shortcuts": (acts.shortcut, frozenset(("user", "callback_id", "channel", "ts"))),
    "home": (acts.home, frozenset(("user", "tab"))),
    "events": (acts.event, frozenset()),
    "members": (acts.member, frozenset(("user", "channel", "remove"))),
    "channels": (acts.channel, frozenset(("name", "private", "members"))),
    "pins": (upkeep.pin, frozenset(("user", "channel", "ts", "remove"))),
    "archive": (upkeep.archive, frozenset(("user", "channel", "undo"))),
    "rename": (upkeep.rename, frozenset(("user", "channel", "name"))),
    "topic": (upkeep.topic, frozenset(("user", "channel", "topic"))),
    "people": (upkeep.person, frozenset()),
    "uninstall": (upkeep.uninstall, frozenset(("app",))),
    "assistant": (upkeep.assistant, frozenset(("user", "app", "channel", "thread_ts"))),
    "faults": (
        trouble.fault,
        frozenset(("method", "delivery", "kind", "times", "retry_after", "seconds", "clear", "mix")),
    ),
    "away": (trouble.away, frozenset(("seconds", "on", "events"))),
    "limits": (trouble.limits, frozenset(("mode",))),
    "disconnect": (trouble.disconnect, frozenset(("reason", "app_id"))),
    "drop": (trouble.drop, frozenset()),
    "redeliver": (trouble.redeliver, frozenset(("delivery_id",))),
}
"""Every POST of the control API, with the fields it takes (an empty set takes any)."""


class Control:
    """Serves the control API; wrong input is answered with HTTP 400 and `{ok: false, error, message}`."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        posts = [web.post(f"/_sandbox/{name}", self._poster(name)) for name in POSTS]
        known = [
            *posts,
            web.delete("/_sandbox/reactions", self._poster("reactions", {"remove": True})),
            web.post("/_sandbox/apps", self.install),
            web.post("/_sandbox/files", self.upload),
            web.get("/_sandbox/state", self.state),
            web.get("/_sandbox/channels/{channel}", self.channel),
            web.get("/_sandbox/views", self.views),
            web.get("/_sandbox/views/{view}", self.view),
            web.get("/_sandbox/home", self.home),
            *WireListing(self._platform).routes(),
            web.get("/_sandbox/faults", self.faults),
            web.get("/_sandbox/health", self.health),
            web.get("/_sandbox/stream", self.stream),
        ]
        return [*known, web.route("*", "/_sandbox/{rest:.*}", _unknown(known))]

    def _poster(self, name: str, fixed: Json | None = None) -> Callable[[web.Request], Awaitable[web.Response]]:
        act, allowed = POSTS[name]

        async def post(request: web.Request) -> web.Response:
            data = await read_json(request) | (fixed or {})
            outcome = await act(self._platform, Fields(self._platform, data, allowed))
            return web.json_response(outcome.wire() if isinstance(outcome, Outcome) else {"ok": True, **outcome})

        return post

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file from a person."""
        return web.json_response({"ok": True, **await own_messages.upload(self._platform, request)})

    async def install(self, request: web.Request) -> web.Response:
        """Install an app from its manifest and answer with its ids and secrets."""
        data = await read_json(request)
        fields = Fields(self._platform, data, frozenset((*_SECRETS, *_SETTINGS)))
        if not isinstance(data.get("manifest"), dict):
            raise ControlError("missing_field", "manifest: must be an app manifest as a JSON object")
        if data.get("mode") not in {None, "socket", "http"}:
            raise ControlError("invalid_field", "mode: must be socket or http")
        given: dict[str, Any] = {name: fields.optional(name) for name in (*_SECRETS, "request_url")}
        given["channels"] = fields.names("channels")
        try:
            app = self._platform.apps.install(
                AppConfig(
                    manifest=data["manifest"], mode=data.get("mode"), distributed=fields.flag("distributed"), **given
                )
            )
        except ManifestError as error:
            body = {"ok": False, "error": "invalid_manifest", "message": str(error), "errors": error.problems}
            return web.json_response(body, status=400)
        if app.mode == "http":
            await self._platform.http.verify_url(app)
        return web.json_response(
            {
                "ok": True,
                "app_id": app.id,
                **{name: getattr(app, name) for name in _SECRETS},
                "bot_user_id": app.bot_user_id,
                "bot_id": app.bot_id,
                "team_id": self._platform.workspace.team.id,
            }
        )

    def _viewer(self, request: web.Request, name: str = "viewer") -> User | None:
        wanted = request.query.get(name)
        return self._platform.workspace.user(wanted, name) if wanted else None

    async def state(self, request: web.Request) -> web.Response:
        """Answer with the whole workspace, or what `?viewer=` sees."""
        return web.json_response(state.whole(self._platform, self._viewer(request)))

    async def channel(self, request: web.Request) -> web.Response:
        """Answer with one channel, by id or name, and its messages; `?ts=` (commas between) asks for these alone."""
        workspace, viewer, wanted = self._platform.workspace, self._viewer(request), request.match_info["channel"]
        found = workspace.find_channel(wanted)
        if viewer is not None:
            found = workspace.channel(wanted, viewer)
        if found is None:
            raise ControlError("channel_not_found", f"channel: no channel {wanted!r}", status=404)
        only = frozenset(request.query["ts"].split(",")) if "ts" in request.query else None
        return web.json_response(state.channel(self._platform, found, viewer, only))

    async def views(self, request: web.Request) -> web.Response:
        """Answer with the modals that are open for `?user=`, topmost last."""
        person = self._viewer(request, "user")
        if person is None:
            raise ControlError("missing_field", "user: is missing; say whose views, as ?user=mia")
        stack = self._platform.views.stacks.get(person.id, [])
        return web.json_response({"views": [state.view_state(view) for view in stack]})

    async def view(self, request: web.Request) -> web.Response:
        """Answer with one open view or home."""
        found = self._platform.views.find(request.match_info["view"])
        if found is None:
            raise ControlError("view_not_found", "view: it is not open", status=404)
        return web.json_response(state.view_state(found))

    async def home(self, request: web.Request) -> web.Response:
        """Answer with the home tabs published to `?user=` (`view` is the first app's, None before it publishes)."""
        person = self._viewer(request, "user")
        if person is None:
            raise ControlError("missing_field", "user: is missing; say whose home, as ?user=mia")
        homes = [
            state.view_state(home) for (_, owner), home in self._platform.views.homes.items() if owner == person.id
        ]
        return web.json_response({"view": homes[0] if homes else None, "views": homes})

    async def faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 - the shape of a handler
        """Answer with the faults still to happen, whether the workspace is away, and how strict the limits are."""
        platform = self._platform
        told = platform.faults.wire() | {"away": platform.absence.is_away, "limits": platform.limits.mode}
        return web.json_response({"ok": True, **told})

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002 - the shape of a handler
        """Answer that the sandbox runs, and how many connections each app holds."""
        connections = {ident: self._platform.sockets.connected(ident) for ident in self._platform.apps.installed}
        return web.json_response({"ok": True, "connections": connections})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send every change as a server-sent event `change`, until the reader leaves or the sandbox stops."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        with self._platform.changes.listen() as changes, contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            await response.write(b"retry: 1000\n: connected\n\n")
            while True:
                try:
                    async with asyncio.timeout(_KEEP_ALIVE):
                        change = await changes.get()
                except TimeoutError:
                    await response.write(b": alive\n\n")
                    continue
                if change is None:
                    break
                await response.write(f"event: change\ndata: {json.dumps(change)}\n\n".encode())
        return response


def _unknown(routes: Sequence[web.RouteDef]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers to every other path, and to a known one with another verb: what there is instead."""
    verbs: dict[str, set[str]] = {}
    for route in routes:
        verbs.setdefault(route.path.removeprefix("/_sandbox/").partition("/{")[0], set()).add(route.method)

    async def unknown(request: web.Request) -> web.Response:
        rest = request.match_info["rest"]
        if rest in verbs:
            wanted = " or ".join(sorted(verbs[rest]))
            raise ControlError("method_not_allowed", f"{rest}: takes {wanted}, not {request.method}", status=405)
        near = difflib.get_close_matches(rest, verbs, n=1)
        advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(verbs))}"
        raise ControlError("unknown_path", f"{rest or 'the path'}: is nothing of the control API; {advice}", status=404)

    return unknown
