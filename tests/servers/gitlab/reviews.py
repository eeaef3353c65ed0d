"""Routes of the stand-in: merge requests, which really merge."""

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.repositories import GitError
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import FINAL, MergeRequest, Project

routes = web.RouteTableDef()
_BASE = r"/api/v4/projects/{id}/merge_requests"


async def _refresh(server: GitLabServer, project: Project, one: MergeRequest) -> str:
    """Look at the branches again and return the merge status."""
    if one.state == "opened":
        one.head = await server.repositories.commit_of(project.repository, f"refs/heads/{one.source}") or one.head
        try:
            await server.repositories.run(project.repository, "merge-tree", "--write-tree", one.target, one.head)
            one.conflicts = False
        except GitError:
            one.conflicts = True
    if one.state != "opened":
        return "not_open"
    if one.checking:
        return "checking"
    pipelines = [pipeline.status for pipeline in project.pipelines if pipeline.sha == one.head]
    if one.pipeline_must_pass and pipelines[-1:] != ["success"]:
        return "ci_must_pass" if pipelines and pipelines[-1] in FINAL else "ci_still_running"
    for status, holds in (
        ("draft_status", one.draft),
        ("conflict", one.conflicts),
        ("not_approved", len(one.approved_by) < one.approvals_required),
    ):
        if holds:
            return status
    return "mergeable"


async def _found(request: web.Request) -> tuple[Project, MergeRequest, str]:
    server = request.app[SERVER]
    project = await server.project(request)
    for one in project.merge_requests:
        if str(one.iid) == request.match_info["iid"]:
            return project, one, await _refresh(server, project, one)
    raise refusal(404, "404 Not found")


@routes.get(_BASE)
async def merge_requests(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    state = request.query.get("state", "all")
    found = [one for one in project.merge_requests if state in {"all", one.state}]
    found.sort(key=lambda one: one.updated_at, reverse=request.query.get("sort", "desc") == "desc")
    shown = [
        server.show.merge_request(project, one, await _refresh(server, project, one), whole=False) for one in found
    ]
    return server.page(request, shown)


@routes.get(_BASE + r"/{iid:\d+}")
async def merge_request(request: web.Request) -> web.Response:
    project, one, status = await _found(request)
    return web.json_response(request.app[SERVER].show.merge_request(project, one, status))


@routes.get(_BASE + r"/{iid:\d+}/approvals")
async def approvals(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project, one, status = await _found(request)
    return web.json_response(server.show.approvals(project, one, server.asker(request).user, status))


@routes.post(_BASE + r"/{iid:\d+}/approve")
async def approve(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project, one, _ = await _found(request)
    asked = await request.json()
    user = server.asker(request).user
    if asked.get("sha", one.head) != one.head:
        raise refusal(409, f"SHA does not match HEAD of source branch: {one.head}")
    if user in one.approved_by or (one.approvers is not None and user.username not in one.approvers):
        raise refusal(401, "401 Unauthorized")
    one.approved_by.append(user)
    one.updated_at = server.time.text()
    server.deliveries.merge_request(project, one, user, "approved")
    return web.json_response(
        server.show.approvals(project, one, user, await _refresh(server, project, one)), status=201
    )


@routes.put(_BASE + r"/{iid:\d+}/merge")
async def merge(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project, one, status = await _found(request)
    asked = await request.json()
    user = server.asker(request).user
    if one.mergers is not None and user.username not in one.mergers:
        raise refusal(401, "401 Unauthorized")
    if status == "conflict":
        raise refusal(422, "Branch cannot be merged")
    if status != "mergeable":
        raise refusal(405, "405 Method Not Allowed")
    if asked.get("sha", one.head) != one.head:
        raise refusal(409, f"SHA does not match HEAD of source branch: {one.head}")
    one.merged_by = user
    await perform(server, project, one)
    server.deliveries.merge_request(project, one, user, "merge")
    return web.json_response(server.show.merge_request(project, one, "not_open"))


async def perform(server: GitLabServer, project: Project, one: MergeRequest) -> None:
    """Merge the branches."""
    message = f"Merge branch '{one.source}' into '{one.target}'"
    one.merge_commit_sha = await server.repositories.merge(project.repository, one.source, one.target, message)
    one.state = "merged"
    one.updated_at = server.time.text()
