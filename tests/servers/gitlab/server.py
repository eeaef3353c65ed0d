"""A stand-in for GitLab: its REST API v4 as far as the adapter uses it, stateful, over real Git.

Projects (with subgroups, renamed, archived), tokens with scopes and expiry, pipelines whose jobs a test can hold and
end, environments and deployments, merge requests that really merge, issues, webhooks that are really delivered, OAuth,
rate-limit headers, offset and keyset pagination. The forms of its answers are checked against the schemas that GitLab
publishes (openapi.json, test_schemas.py). Start it with `async with running(folder) as server`, make what is needed by
`add_project`, `add_user`, `add_token`, and order misbehaviour by `server.faults.append(Fault(...))`.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from tests.servers.gitlab.deliveries import Deliveries
from tests.servers.gitlab.entities import Entities
from tests.servers.gitlab.faults import Fault, raised, refusal
from tests.servers.gitlab.repositories import Repositories
from tests.servers.gitlab.state import DEVELOPER, MAINTAINER, JobSpec, Project, Time, Token, User

VERSION = "18.5.1"
_READING = {"api", "read_api"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GitLabServer:
    """What the stand-in keeps and how it is reached. `recorded` holds (method, route, status, JSON) of each answer."""

    def __init__(self, folder: Path) -> None:
        self.repositories = Repositories(folder)
        self.time = Time()
        self.show = Entities()
        self.deliveries = Deliveries(self)
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.projects: dict[int, Project] = {}
        self.groups: dict[int, str] = {}
        self.ci_of: dict[str, Any] = {}  # of projects that are made over HTTP, by name
        self.moved: dict[str, Project] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.recorded: list[tuple[str, str, int, Any]] = []
        self.runners_held = False
        self.signs = True  # whether it knows signing tokens of webhooks; older ones ignore them
        self.ranges = False  # whether traces are answered in parts, as GitLab itself never does
        self.url = ""
        self._ids = 100

    def new_id(self) -> int:
        self._ids += 1
        return self._ids

    def add_user(self, username: str, **about: Any) -> User:
        user = User(self.new_id(), username, username.title(), f"{username}@example.org", **about)
        self.users[username] = user
        return user

    def add_token(self, value: str, username: str, **about: Any) -> Token:
        token = Token(value, self.users[username], **about)
        self.tokens[value] = token
        return token

    def add_group(self, path: str) -> int:
        """Add a group in which others may make groups and projects over HTTP; return its id."""
        number = self.new_id()
        self.groups[number] = path
        return number

    def add_project(
        self, path: str, members: Mapping[str, int] | None = None, ci: Any = (), *, repository: str = ""
    ) -> Project:
        """Add a project. Its repository is the folder `<last part of the path>.git`, made by the test."""
        folder = repository or path.rsplit("/", 1)[-1]
        people = dict(members or {"shipmate": MAINTAINER})
        project = Project(self.new_id(), path, self.time.text(), folder, people, ci=ci)
        self.projects[project.id] = project
        return project

    def move(self, project: Project, path: str) -> None:
        """Rename a project; its old path is redirected."""
        self.moved[project.path] = project
        project.path = path

    def project_at(self, path: str) -> Project:
        return next(project for project in self.projects.values() if project.path == path)

    # What handlers ask for

    def asker(self, request: web.Request) -> Token:
        """Return the token of a request, which the middleware has checked."""
        return request[TOKEN]

    async def project(self, request: web.Request, level: int = DEVELOPER) -> Project:
        """Return the project that a request names, as far as its user may see it, as GitLab refuses it."""
        name = request.match_info["id"]
        user = self.asker(request).user
        found = self.projects.get(int(name)) if name.isdigit() else None
        found = found or next((one for one in self.projects.values() if one.path == name), None)
        moved = self.moved.get(name) if found is None else None
        found = found or moved
        if found is None or user.username not in found.members:
            raise refusal(404, "404 Project Not Found")
        if moved is not None:
            if request.method != "GET":
                raise refusal(405, "405 Non GET methods are not allowed for moved projects")
            old = f"/projects/{quote(name, safe='')}"
            target = f"{self.url}{request.rel_url.raw_path.replace(old, f'/projects/{found.id}', 1)}"
            if request.query_string:
                target += f"?{request.query_string}"
            raise web.HTTPMovedPermanently(target)
        if request.method != "GET" and (found.archived or found.members[user.username] < level):
            raise refusal(403, "403 Forbidden")
        return found

    def page(self, request: web.Request, items: Sequence[Any]) -> web.Response:
        """Answer with a page of a list and the headers that lead on, by number or, where asked for, by key."""
        size = min(int(request.query.get("per_page", 20)), 100)
        keyset = request.query.get("pagination") == "keyset"
        number = int(request.query.get("cursor" if keyset else "page", 1))
        part = list(items[(number - 1) * size : number * size])
        more = number * size < len(items)
        headers = {"X-Per-Page": str(size)}
        links = []
        if more:
            following = {**request.query, "cursor" if keyset else "page": str(number + 1), "per_page": str(size)}
            links.append(f'<{self.url}{request.rel_url.raw_path}?{urlencode(following)}>; rel="next"')
        if not keyset:
            headers |= {
                "X-Page": str(number), "X-Next-Page": str(number + 1) if more else "",
                "X-Total": str(len(items)), "X-Total-Pages": str(-(-len(items) // size)),
            }  # fmt: skip
        if links:
            headers["Link"] = ", ".join(links)
        return web.json_response(part, headers=headers)

    async def close(self) -> None:
        for fault in self.faults:
            fault.gate.set()
        await self.deliveries.close()


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note every answer."""
    server: GitLabServer = request.app[SERVER]
    try:
        answer = await handler(request)
    except web.HTTPException as refused:
        refused.headers.update(_limits())
        raise
    if isinstance(answer, web.Response) and answer.content_type == "application/json":
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else ""
        server.recorded.append((request.method, route, answer.status, json.loads(answer.text or "null")))
    if not answer.prepared:
        answer.headers.update(_limits())
    return answer


@web.middleware
async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note every request, and do what a fault orders."""
    server: GitLabServer = request.app[SERVER]
    server.requests.append((request.method, request.rel_url.raw_path, dict(request.headers)))
    fault = next((one for one in server.faults if one.fits(request)), None)
    if fault is None:
        return await handler(request)
    fault.met += 1
    await request.read()  # what comes later may find that nobody is there any more
    if fault.kind == "hang":
        await fault.gate.wait()
        return await handler(request)
    if fault.kind == "answer":
        kind = "text/html" if fault.text.startswith("<") else "application/json"
        return web.Response(status=fault.status, text=fault.text, headers=fault.headers, content_type=kind)
    if fault.kind == "drop after":
        await handler(request)
    if request.transport is not None:
        request.transport.close()
    return web.Response()


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Check the token of requests of the API as GitLab does: known, alive, with a scope that is enough."""
    server: GitLabServer = request.app[SERVER]
    if not request.path.startswith("/api/v4/"):
        return await handler(request)
    value = request.headers.get("PRIVATE-TOKEN") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = server.tokens.get(value)
    if token is None:
        raise refusal(401, "401 Unauthorized")
    ended = "Token was revoked. You have to re-authorize from the user." if token.revoked else ""
    ended = ended or ("Token is expired. You can either do re-authorization or token refresh." if token.expired else "")
    if ended:
        raise raised(401, {"error": "invalid_token", "error_description": ended})
    own = request.path in {"/api/v4/user", "/api/v4/personal_access_tokens/self"}
    enough = {"api"} if request.method != "GET" else _READING | ({"read_user"} if own else set())
    if not enough & set(token.scopes):
        body = {
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": " ".join(sorted(enough)),
        }
        raise raised(403, body)
    if token.previous is not None:
        token.previous.revoked = True
    request[TOKEN] = token
    return await handler(request)


def _limits() -> dict[str, str]:
    return {"RateLimit-Limit": "600", "RateLimit-Remaining": "599", "RateLimit-Reset": "1772323260"}


TOKEN: web.RequestKey[Token] = web.RequestKey("token", Token)
SERVER: web.AppKey[GitLabServer] = web.AppKey("server", GitLabServer)


@contextlib.asynccontextmanager
async def running(folder: Path, port: int = 0) -> AsyncIterator[GitLabServer]:
    """Yield a stand-in with a user and a token `shipmate`, whose repositories lie in a folder, on a free port."""
    from tests.servers.gitlab import (  # noqa: PLC0415 -- they name us
        making,
        oauth,
        pipelines,
        projects,
        releases,
        repository,
        reviews,
        work,
    )

    server = GitLabServer(folder)
    server.add_user("shipmate")
    server.add_token("glpat-shipmate", "shipmate")
    app = web.Application(middlewares=[misbehave, record, authenticate], client_max_size=64 * 1024 * 1024)
    app[SERVER] = server
    for part in (projects, repository, releases, pipelines, reviews, work, oauth, making):
        app.add_routes(part.routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    server.url = server.show.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await server.close()
        await runner.cleanup()


__all__ = ["SERVER", "VERSION", "Fault", "GitLabServer", "JobSpec", "running"]
