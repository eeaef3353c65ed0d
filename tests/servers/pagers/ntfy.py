"""A stand-in of an ntfy server, from its documentation (publish and subscribe pages, 2025-07; sequences as of 2.16).

No real one can be had here: neither Debian nor the package indexes carry the server.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from aiohttp import web

TOKEN = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_FIELDS = {
    "topic", "message", "title", "tags", "priority", "actions", "click", "attach", "markdown", "icon", "filename",
    "delay", "email", "call", "sequence_id",
}  # fmt: skip
_MOST_ACTIONS = 3
_LONGEST = 4096


class NtfyStandIn:
    """Keeps messages by topic. `readable`: the token may read topics. `sequences`: it is of version 2.16 or on."""

    url = ""
    """Where it is served."""

    def __init__(self, *, readable: bool = True, sequences: bool = True) -> None:
        self.readable = readable
        self.sequences = sequences
        self.kept: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/", self._publish),
            web.get("/v1/account", self._account),
            web.get("/{topic}/json", self._poll),
        ]

    def shown(self, topic: str) -> list[dict[str, Any]]:
        """Return what a phone shows: of one sequence only the newest."""
        shown: dict[str, dict[str, Any]] = {}
        for one in self.kept:
            if one["topic"] == topic:
                shown[one.get("sequence_id", one["id"])] = one
        return list(shown.values())

    async def press(self, message: Mapping[str, Any]) -> int:
        """Press the message's only button on the phone; returns the status of what it called."""
        (action,) = message["actions"]
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                action.get("method", "POST"), action["url"], data=action.get("body", ""), headers=action.get("headers")
            ) as answer,
        ):
            return answer.status

    async def _publish(self, request: web.Request) -> web.Response:
        refused = self._stranger(request)
        if refused is not None:
            return refused
        try:
            told = await request.json()
        except ValueError:
            return _error(400, 40017, "invalid request: request body must be message JSON")
        for code, words in _wrong(told):
            return _error(400, code, words)
        ident = base64.b32encode(len(self.kept).to_bytes(7, "big")).decode()[:12]
        message = {"id": ident, "time": 1_780_000_000 + len(self.kept), "event": "message", **told}
        for action in message.get("actions", []):
            action["id"] = "a1"
        if self.sequences:
            message.setdefault("sequence_id", ident)
        else:
            message.pop("sequence_id", None)
        self.kept.append(message)
        return web.json_response(message)

    async def _poll(self, request: web.Request) -> web.Response:
        refused = self._stranger(request)
        if refused is not None:
            return refused
        if not self.readable:
            return _error(403, 40301, "forbidden")
        assert request.query.get("poll") == "1", "a subscription would never end"
        wanted = {one for one in request.query.get("tags", "").split(",") if one}
        topic = request.match_info["topic"]
        found = [one for one in self.kept if one["topic"] == topic and wanted <= set(one.get("tags", []))]
        lines = "".join(f"{json.dumps(one)}\n" for one in found)
        return web.Response(text=lines, content_type="application/x-ndjson")

    async def _account(self, request: web.Request) -> web.Response:
        return self._stranger(request) or web.json_response({"username": "phil", "role": "user"})

    def _stranger(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {TOKEN}":
            return None
        return _error(401, 40101, "unauthorized")


def _wrong(told: Any) -> Iterator[tuple[int, str]]:
    if not isinstance(told, dict) or not set(told) <= _FIELDS:
        yield 40017, "invalid request: request body must be message JSON"
        return
    if not isinstance(told.get("topic"), str) or not _TOPIC.fullmatch(told["topic"]):
        yield 40009, "invalid request: topic invalid"
    if told.get("priority", 3) not in {1, 2, 3, 4, 5}:
        yield 40007, "invalid priority parameter"
    if len(told.get("message", "").encode()) > _LONGEST:
        yield 40017, "invalid request: this stand-in takes no message that would become an attachment"
    if not _TOPIC.fullmatch(told.get("sequence_id", "x")):
        yield 40049, "invalid request: sequence ID invalid"
    actions = told.get("actions", [])
    if len(actions) > _MOST_ACTIONS:
        yield 40018, "invalid request: actions invalid; only 3 actions allowed"
    for action in actions:
        if (
            action.get("action") not in {"view", "broadcast", "http"}
            or not action.get("label")
            or not action.get("url")
        ):
            yield 40018, "invalid request: actions invalid"
        if not all(isinstance(value, str) for value in action.get("headers", {}).values()):
            yield 40018, "invalid request: actions invalid"


def _error(status: int, code: int, words: str) -> web.Response:
    told = {"code": code, "http": status, "error": words, "link": "https://ntfy.sh/docs/publish/"}
    return web.json_response(told, status=status)
