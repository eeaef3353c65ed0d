"""The wire, for people and tests: listed, asked for by message, and exported; never with a token or a secret."""

from aiohttp import web

from bot.sandbox.errors import ControlError, Json
from bot.sandbox.platform import Platform
from bot.sandbox.wire import without_secrets

FORMAT = "slack-wire-1"
"""The name of the export's shape; it changes when a reader of the old one would misunderstand the new one."""

_DEFAULT = 200
_MOST = 10_000


class WireListing:
    """Serves `GET /_sandbox/wire`, `/_sandbox/export` and `/_sandbox/deliveries`."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/_sandbox/wire", self.wire),
            web.get("/_sandbox/wire/{id}", self.exchange),
            web.get("/_sandbox/export", self.export),
            web.get("/_sandbox/deliveries", self.deliveries),
        ]

    async def wire(self, request: web.Request) -> web.Response:
        """Answer with exchanges, oldest first: after `?since=`, of `?app=`, about `?message=<channel>:<ts>`."""
        query = request.query
        if unknown := sorted(set(query) - {"since", "app", "limit", "message"}):
            raise ControlError("unknown_field", f"{unknown[0]}: no such field; known are app, limit, message, since")
        limit = min(_number(request, "limit", _DEFAULT), _MOST)
        log = self._platform.log
        if "message" in query:
            found = log.about(self._message(query["message"]))[-limit:]
        elif "since" in query:
            found = log.since(_number(request, "since", 0), self._app(request), limit)
        else:
            wanted = self._app(request)
            found = [one for one in log.newest(_MOST) if wanted in {"", one.app_id}][-limit:]
        listed = [one.wire() for one in found]
        last = found[-1].id if found else _number(request, "since", 0) if "since" in query else log.last
        return self._answer({"ok": True, "exchanges": listed, "next": last, "oldest": log.oldest})

    async def exchange(self, request: web.Request) -> web.Response:
        """Answer with one exchange by its number."""
        ident = request.match_info["id"]
        found = self._platform.log.find(int(ident)) if ident.isdecimal() else None
        if found is None:
            raise ControlError("exchange_not_found", f"id: no exchange {ident!r} is known (any more)", status=404)
        return self._answer({"ok": True, "exchange": found.wire()})

    async def export(self, request: web.Request) -> web.Response:  # noqa: ARG002 - the shape of a handler
        """Answer with the whole recording as a file."""
        answer = web.Response(text=recording(self._platform), content_type="application/json")
        answer.headers["Content-Disposition"] = 'attachment; filename="slack-wire.json"'
        return answer

    async def deliveries(self, request: web.Request) -> web.Response:
        """Answer with the newest calls and deliveries, newest last; `?limit=` takes the last so many."""
        found = [one for one in self._platform.log.newest(_MOST) if one.details.get("kind") != "socket"]
        return self._answer({"deliveries": [one.wire() for one in found[-(_number(request, "limit", 0)) :]]})

    def _message(self, wanted: str) -> str:
        """Return the key of a message named by its channel's id or name and its `ts`."""
        ref, _, ts = wanted.partition(":")
        channel = self._platform.workspace.find_channel(ref)
        if channel is None or not ts:
            raise ControlError("invalid_message", f"message: {wanted!r} is not <channel>:<ts> of a known channel")
        return f"{channel.id}:{ts}"

    def _app(self, request: web.Request) -> str:
        wanted = request.query.get("app", "")
        for app in self._platform.apps.installed.values():
            if wanted in {app.id, app.name}:
                return app.id
        if wanted:
            known = ", ".join(app.name for app in self._platform.apps.installed.values()) or "none"
            raise ControlError("app_not_found", f"app: no app {wanted!r} is installed; there are: {known}")
        return ""

    def _answer(self, body: Json) -> web.Response:
        return web.Response(text=without_secrets(body, secrets_of(self._platform)), content_type="application/json")


def secrets_of(platform: Platform) -> list[str]:
    """Return every secret of every app, installed or not."""
    return [
        secret
        for app in (*platform.apps.installed.values(), *platform.apps.known.values())
        for secret in (
            app.bot_token,
            app.app_token,
            app.signing_secret,
            app.verification_token,
            app.client_secret,
            *app.tokens,
            *app.revoked,
        )
    ]


def recording(platform: Platform) -> str:
    """Return everything that is known of the wire as JSON text, with who took part."""
    apps = [
        {"id": app.id, "name": app.name, "mode": app.mode, "bot_user_id": app.bot_user_id, "bot_id": app.bot_id}
        for app in platform.apps.installed.values()
    ]
    whole: Json = {
        "format": FORMAT,
        "exported_at": platform.clock(),
        "team": platform.workspace.team.wire(),
        "apps": apps,
        "exchanges": [one.wire() for one in platform.log.newest(platform.log.last)],
    }
    return without_secrets(whole, secrets_of(platform)) + "\n"


def _number(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, "")
    if value and not (value.isascii() and value.isdecimal()):
        raise ControlError("invalid_field", f"{name}: {value!r} must be a whole number")
    return int(value) if value else default
