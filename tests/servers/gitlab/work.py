"""Routes of the stand-in: issues, and deployments that are written from outside."""

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import FINAL, Deployment, Issue, Project

routes = web.RouteTableDef()
_BASE = "/api/v4/projects/{id}"


@routes.get(f"{_BASE}/issues")
async def issues(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    query = request.query
    found = project.issues
    if "state" in query:
        found = [one for one in found if one.state == query["state"]]
    if query.get("scope") == "created_by_me":
        found = [one for one in found if one.author is server.asker(request).user]
    if "search" in query:
        found = [one for one in found if query["search"].lower() in one.description.lower()]
    if "assignee_username" in query:
        found = [one for one in found if query["assignee_username"] in {user.username for user in one.assignees}]
    ordered = sorted(found, key=lambda one: one.updated_at, reverse=True)
    return server.page(request, [server.show.issue(project, one) for one in ordered])


@routes.post(f"{_BASE}/issues")
async def add_issue(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    asked = await request.json()
    if not asked.get("title"):
        raise refusal(400, {"title": ["can't be blank"]})
    now = server.time.text()
    user = server.asker(request).user
    labels = [label for label in asked.get("labels", "").split(",") if label]
    issue = Issue(server.new_id(), len(project.issues) + 1, asked["title"], asked["description"], user, now, now)
    issue.labels = labels
    issue.assignees = [one for one in server.users.values() if one.id in asked.get("assignee_ids", ())]
    project.issues.append(issue)
    server.deliveries.issue(project, issue, user, "open")
    return web.json_response(server.show.issue(project, issue), status=201)


async def _issue(request: web.Request) -> tuple[GitLabServer, Project, Issue]:
    server = request.app[SERVER]
    project = await server.project(request)
    for one in project.issues:
        if str(one.iid) == request.match_info["iid"]:
            return server, project, one
    raise refusal(404, "404 Not found")


@routes.get(_BASE + r"/issues/{iid:\d+}")
async def issue(request: web.Request) -> web.Response:
    server, project, one = await _issue(request)
    return web.json_response(server.show.issue(project, one))


@routes.put(_BASE + r"/issues/{iid:\d+}")
async def change_issue(request: web.Request) -> web.Response:
    server, project, one = await _issue(request)
    asked = await request.json()
    if "assignee_ids" in asked:
        one.assignees = [user for user in server.users.values() if user.id in asked["assignee_ids"]]
    if asked.get("state_event") == "close":
        one.state = "closed"
    one.updated_at = server.time.text()
    return web.json_response(server.show.issue(project, one))


@routes.get(f"{_BASE}/deployments")
async def deployments(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    found = project.deployments[::-1]
    for name in ("environment", "status"):
        if name in request.query:
            found = [one for one in found if getattr(one, name) == request.query[name]]
    return server.page(request, [server.show.deployment(project, one) for one in found])


@routes.post(f"{_BASE}/deployments")
async def add_deployment(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    asked = await request.json()
    if await server.repositories.commit_of(project.repository, asked["sha"]) is None:
        raise refusal(400, {"ref": ["The branch or tag does not exist"]})
    now = server.time.text()
    made = Deployment(
        server.new_id(), len(project.deployments) + 1, asked["environment"], asked["sha"], asked["ref"], asked["tag"],
        asked["status"], server.asker(request).user, now, now,
    )  # fmt: skip
    project.deployments.append(made)
    server.deliveries.deployment(project, made)
    return web.json_response(server.show.deployment(project, made), status=201)


async def _deployment(request: web.Request) -> tuple[GitLabServer, Project, Deployment]:
    server = request.app[SERVER]
    project = await server.project(request)
    for one in project.deployments:
        if str(one.id) == request.match_info["deployment"]:
            return server, project, one
    raise refusal(404, "404 Not found")


@routes.get(_BASE + r"/deployments/{deployment:\d+}")
async def deployment(request: web.Request) -> web.Response:
    server, project, one = await _deployment(request)
    return web.json_response(server.show.deployment(project, one))


@routes.put(_BASE + r"/deployments/{deployment:\d+}")
async def change_deployment(request: web.Request) -> web.Response:
    server, project, one = await _deployment(request)
    asked = await request.json()
    if one.job is not None:
        raise refusal(403, "403 Forbidden")
    if one.status in FINAL:
        raise refusal(400, {"status": [f"Cannot transition status via :{asked['status']} from :{one.status}"]})
    one.status, one.updated_at = asked["status"], server.time.text()
    server.deliveries.deployment(project, one)
    return web.json_response(server.show.deployment(project, one))


@routes.get(_BASE + r"/environments/{environment:\d+}")
async def environment(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    for place in server.show.environments(project):
        if str(place["id"]) == request.match_info["environment"]:
            return web.json_response(place)
    raise refusal(404, "404 Not found")
