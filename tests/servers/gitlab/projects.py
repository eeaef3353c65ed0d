"""Routes of the stand-in: version, users, our token, projects and their webhooks."""

from typing import Any

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.server import SERVER, VERSION
from tests.servers.gitlab.state import MAINTAINER, Hook

routes = web.RouteTableDef()
_FLAGS = (
    "push_events", "tag_push_events", "merge_requests_events", "pipeline_events", "job_events", "deployment_events",
    "issues_events", "note_events",
)  # fmt: skip


@routes.get("/api/v4/version")
async def version(request: web.Request) -> web.Response:
    return web.json_response({"version": VERSION, "revision": "0123456789a"})


@routes.get("/api/v4/user")
async def myself(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    return web.json_response(server.show.myself(server.asker(request).user))


@routes.get("/api/v4/users")
async def users(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    name, search = request.query.get("username"), request.query.get("search")
    found = [user for user in server.users.values() if name is None or user.username.lower() == name.lower()]
    if search is not None:  # of an address only the whole public one is found
        found = [user for user in found if user.public_email == search or search in user.username]
    return server.page(request, [server.show.user(user) for user in found])


@routes.get(r"/api/v4/users/{user:\d+}")
async def user(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    for one in server.users.values():
        if one.id == int(request.match_info["user"]):
            return web.json_response(server.show.user(one))
    raise refusal(404, "404 User Not Found")


@routes.get("/api/v4/personal_access_tokens/self")
async def own_token(request: web.Request) -> web.Response:
    token = request.app[SERVER].asker(request)
    if token.kind != "personal":
        raise refusal(400, "400 Bad request - This endpoint requires token type to be a personal access token")
    return web.json_response(
        {
            "id": 1, "name": token.name, "revoked": token.revoked, "created_at": "2026-01-01T00:00:00.000Z",
            "description": None, "scopes": list(token.scopes), "user_id": token.user.id,
            "last_used_at": "2026-03-01T00:00:00.000Z", "active": True, "expires_at": token.expires_at,
        }
    )  # fmt: skip


@routes.get("/api/v4/projects")
async def projects(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    name = server.asker(request).user.username
    found = [one for one in server.projects.values() if name in one.members]
    if "archived" in request.query:
        found = [one for one in found if one.archived == (request.query["archived"].lower() == "true")]
    if "search" in request.query:
        found = [one for one in found if request.query["search"].lower() in one.name.lower()]
    found.sort(key=lambda one: one.id, reverse=True)
    return server.page(request, [server.show.project(one) for one in found])


@routes.get("/api/v4/projects/{id}")
async def project(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    return web.json_response(server.show.project(await server.project(request)))


@routes.get("/api/v4/projects/{id}/hooks")
async def hooks(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = await server.project(request)
    if found.members[server.asker(request).user.username] < MAINTAINER:
        raise refusal(403, "403 Forbidden")
    return server.page(request, [server.show.hook(found, hook) for hook in found.hooks])


@routes.post("/api/v4/projects/{id}/hooks")
async def add_hook(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = await server.project(request, MAINTAINER)
    asked: dict[str, Any] = await request.json()
    url = str(asked["url"])
    if not url.startswith(("http://", "https://")):
        raise refusal(422, {"url": ["is blocked: Only allowed schemes are http, https"]})
    hook = Hook(server.new_id(), url, str(asked.get("token", "")), dict.fromkeys(_FLAGS, False), server.time.text())
    hook.flags["push_events"] = True  # GitLab's default
    hook.flags |= {name: bool(asked[name]) for name in _FLAGS if name in asked}
    hook.signing_token = str(asked.get("signing_token", "")) if server.signs else ""
    found.hooks.append(hook)
    return web.json_response(server.show.hook(found, hook), status=201)


@routes.put("/api/v4/projects/{id}/hooks/{hook}")
async def change_hook(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = await server.project(request, MAINTAINER)
    asked: dict[str, Any] = await request.json()
    for hook in found.hooks:
        if hook.id == int(request.match_info["hook"]):
            hook.flags |= {name: bool(asked[name]) for name in _FLAGS if name in asked}
            hook.token = str(asked.get("token", hook.token))
            hook.signing_token = str(asked.get("signing_token", hook.signing_token)) if server.signs else ""
            hook.alert_status = "executable"
            return web.json_response(server.show.hook(found, hook))
    raise refusal(404, "404 Not found")
