"""A program that receives pages by webhook, as the integration's page tells people to write one."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """Takes each page once, by its `Idempotency-Key`, and answers."""

    url = ""
    """Where it is served."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, Any]] = {}
        self.posts = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/pages/{person}", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        ident, seconds = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        if request.headers["webhook-signature"] != f"v1,{signed(ident, seconds, body)}":
            return web.json_response({"error": "the signature is wrong"}, status=401)
        told = json.loads(body)
        if request.match_info["person"] == "nobody":
            return web.json_response({"error": f"{request.url} is nobody's"}, status=422)
        self.posts += 1
        self.taken.setdefault(request.headers["Idempotency-Key"], told)
        return web.json_response({"ref": f"p-{len(self.taken)}"})


def signed(ident: str, seconds: str, body: bytes) -> str:
    """Return the signature of Standard Webhooks."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    return base64.b64encode(hmac.new(key, f"{ident}.{seconds}.".encode() + body, hashlib.sha256).digest()).decode()


async def post(url: str, ident: str, at: datetime, told: object) -> int:
    """Post an answer to a page, signed; returns the status."""
    body, seconds = json.dumps(told).encode(), str(int(at.timestamp()))
    headers = {"webhook-id": ident, "webhook-timestamp": seconds}
    headers["webhook-signature"] = f"v1,c29tZSBvbGQgc2VjcmV0 v1,{signed(ident, seconds, body)}"
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as answer:
        return answer.status
