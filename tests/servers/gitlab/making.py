"""Routes of the stand-in by which others make what they need over HTTP: groups, projects, pushes.

https://docs.gitlab.com/api/groups/, https://docs.gitlab.com/api/projects/ and https://git-scm.com/docs/git-http-backend.
What pipelines of a project do is in `server.ci_of`, by the project's name: the stand-in reads no .gitlab-ci.yml.
"""

import base64
from typing import Any

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import MAINTAINER

routes = web.RouteTableDef()


@routes.get("/api/v4/groups/{id}")
async def group(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = _group(server, request.match_info["id"])
    return web.json_response({"id": found, "full_path": server.groups[found], "path": server.groups[found]})


@routes.post("/api/v4/groups")
async def make_group(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    asked: dict[str, Any] = await request.json()
    path = f"{server.groups[_group(server, str(asked['parent_id']))]}/{asked['path']}"
    made = server.add_group(path)
    return web.json_response({"id": made, "full_path": path, "path": asked["path"]}, status=201)


@routes.delete("/api/v4/groups/{id}")
async def delete_group(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    path = server.groups.pop(_group(server, request.match_info["id"]))
    for project in list(server.projects.values()):
        if project.path.startswith(f"{path}/"):
            del server.projects[project.id]
    return web.json_response({"message": "202 Accepted"}, status=202)


@routes.post("/api/v4/projects")
async def make_project(request: web.Request) -> web.Response:
    """Make a project whose main branch has one commit, and is protected, as GitLab does it."""
    server = request.app[SERVER]
    asked: dict[str, Any] = await request.json()
    path = f"{server.groups[_group(server, str(asked['namespace_id']))]}/{asked['path']}"
    name = path.replace("/", "-")
    members = {server.asker(request).user.username: MAINTAINER}
    project = server.add_project(path, members, server.ci_of.get(asked["path"], ()), repository=name)
    await server.repositories.make(name, project.default_branch, "Initial commit")
    return web.json_response(server.show.project(project), status=201)


@routes.delete("/api/v4/projects/{id}/protected_branches/{branch}")
async def unprotect(request: web.Request) -> web.Response:
    await request.app[SERVER].project(request, MAINTAINER)
    return web.Response(status=204)


@routes.route("*", r"/{path:[\w./-]+?}.git/{service:info/refs|git-upload-pack|git-receive-pack}")
async def git_http(request: web.Request) -> web.Response:
    """Let anybody read, and who has a token push."""
    server = request.app[SERVER]
    project = server.project_at(request.match_info["path"])
    variables = {
        "PATH_INFO": f"/{project.repository}.git/{request.match_info['service']}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    if "git-receive-pack" in request.path_qs:
        scheme, _, told = request.headers.get("Authorization", "").partition(" ")
        secret = base64.b64decode(told).decode().partition(":")[2] if scheme == "Basic" else ""
        if secret not in server.tokens:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="GitLab"'})
        variables["REMOTE_USER"] = server.tokens[secret].user.username
        variables |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": "true"}
        variables["GIT_CONFIG_KEY_0"] = "receive.advertisePushOptions"  # such as ci.skip
    status, headers, body = await server.repositories.http_backend(variables, await request.read())
    return web.Response(status=status, headers=headers, body=body)


def _group(server: GitLabServer, name: str) -> int:
    for number, path in server.groups.items():
        if name in {str(number), path}:
            return number
    raise refusal(404, "404 Group Not Found")
