"""Routes of the stand-in: OAuth 2.0 with PKCE. A browser with the cookie `user` is asked nothing, others see pages."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.servers.gitlab.faults import raised
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import Token, User

routes = web.RouteTableDef()
CREATED = 1772323200


@routes.get("/oauth/authorize")
async def authorize(request: web.Request) -> web.Response:
    """Send back to the application with a code for the person in the cookie `user`; ask who it is without one."""
    server = request.app[SERVER]
    application = server.applications.get(request.query["client_id"])
    if application is None or request.query["redirect_uri"] not in application["redirect_uris"]:
        return web.Response(status=400, text="<html>The redirect URI included is not valid.</html>")
    if "user" not in request.cookies:
        return web.Response(text=_SIGN_IN, content_type="text/html")
    raise web.HTTPFound(_back(server, request.query, request.cookies["user"]))


@routes.post("/oauth/authorize")
async def answer(request: web.Request) -> web.Response:
    """Take what a person said on the page: who they are, and whether the application may act as them."""
    form = await request.post()
    if form["answer"] == "deny":
        denied = {"error": "access_denied", "state": request.query["state"]}
        raise web.HTTPFound(f"{request.query['redirect_uri']}?{urlencode(denied)}")
    raise web.HTTPFound(_back(request.app[SERVER], request.query, str(form["username"])))


def _back(server: GitLabServer, asked: Mapping[str, str], username: str) -> str:
    code = f"code-{server.new_id()}"
    server.codes[code] = {**asked, "user": server.users[username]}
    return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"


_SIGN_IN = """<!doctype html><html lang="en"><title>Sign in · GitLab</title><h1>Authorize Shipmate?</h1>
<form method="post"><label>Username <input name="username"></label>
<button name="answer" value="allow">Authorize</button> <button name="answer" value="deny">Cancel</button></form>"""


def _application(server: GitLabServer, form: Any) -> None:
    application = server.applications.get(form.get("client_id"))
    if application is None or application["secret"] not in {"", form.get("client_secret", "")}:
        raise raised(401, {"error": "invalid_client", "error_description": "Client authentication failed"})


def _new(server: GitLabServer, user: User, scopes: list[str], previous: Token | None = None) -> web.Response:
    token = Token(f"access-{server.new_id()}", user, scopes=scopes, kind="oauth", refresh=f"refresh-{server.new_id()}")
    token.previous = previous
    server.tokens[token.value] = token
    answer = {
        "access_token": token.value, "token_type": "Bearer", "expires_in": 7200, "refresh_token": token.refresh,
        "scope": " ".join(scopes), "created_at": CREATED,
    }  # fmt: skip
    return web.Response(text=json.dumps(answer), content_type="application/json")


@routes.post("/oauth/token")
async def token(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    form = await request.post()
    _application(server, form)
    invalid = {"error": "invalid_grant", "error_description": "The provided authorization grant is invalid, expired"}
    if form["grant_type"] == "refresh_token":
        for one in list(server.tokens.values()):
            if one.refresh and one.refresh == form["refresh_token"] and not one.revoked:
                return _new(server, one.user, list(one.scopes), one)
        raise raised(400, invalid)
    asked = server.codes.pop(str(form["code"]), None)
    if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
        raise raised(400, invalid)
    digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
        raise raised(400, invalid)
    return _new(server, asked["user"], asked["scope"].split())


@routes.post("/oauth/revoke")
async def revoke(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    form = await request.post()
    _application(server, form)
    for one in server.tokens.values():
        if form["token"] in {one.value, one.refresh}:
            one.revoked = True
    return web.json_response({})
