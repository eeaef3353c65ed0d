"""What the stand-in does wrong on demand, and how it answers in GitLab's own form when it says no."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


def refusal(status: int, message: object, **headers: str) -> web.HTTPException:
    """Return an answer as GitLab gives it to what it refuses: `{"message": …}`."""
    return raised(status, {"message": message}, headers)


def raised(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.HTTPException:
    """Return an answer with this status and JSON, to be raised."""
    kinds = {
        400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 404: web.HTTPNotFound,
        406: web.HTTPNotAcceptable, 409: web.HTTPConflict, 422: web.HTTPUnprocessableEntity,
        429: web.HTTPTooManyRequests, 503: web.HTTPServiceUnavailable,
    }  # fmt: skip
    text = json.dumps(body)
    if status == 405:
        return web.HTTPMethodNotAllowed("", [], text=text, content_type="application/json", headers=headers)
    return kinds[status](text=text, content_type="application/json", headers=headers)


@dataclass(kw_only=True)
class Fault:
    """One kind of misbehaviour of the requests whose method and path fit, `times` times.

    `kind` is "answer" (with status, headers, text), "drop" (the connection closes before anything happens),
    "drop after" (it closes after the request took effect) or "hang" (until `gate` is set).
    """

    method: str = ""
    part: str = ""
    kind: str = "answer"
    status: int = 503
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    met: int = 0

    def fits(self, request: web.Request) -> bool:
        path = request.rel_url.raw_path
        return self.met < self.times and self.method in {"", request.method} and self.part in path
