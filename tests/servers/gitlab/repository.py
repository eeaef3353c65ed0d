"""Routes of the stand-in over real Git: refs, commits, files, comparisons, and statuses."""

from typing import Any

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.repositories import GitError
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import Project, Status

routes = web.RouteTableDef()
_BASE = "/api/v4/projects/{id}/repository"


async def commit_shown(server: GitLabServer, project: Project, revision: str) -> dict[str, Any]:
    sha = await server.repositories.commit_of(project.repository, revision)
    if sha is None:
        raise refusal(404, "404 Commit Not Found")
    commits = await server.repositories.commits(project.repository, "--max-count=1", sha)
    return server.show.commit(project, commits[0])


async def _refs(request: web.Request, space: str) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    sort = "refname"
    if request.query.get("order_by") == "version":
        sort = "-version:refname" if request.query.get("sort") == "desc" else "version:refname"
    refs = await server.repositories.refs(project.repository, space, sort)
    search = request.query.get("search", "").lower()
    found = {name: sha for name, sha in refs.items() if search in name.lower()}
    listed = await server.repositories.commits(project.repository, "--no-walk", *set(found.values())) if found else []
    shown = {one["id"]: server.show.commit(project, one) for one in listed}
    return server.page(request, [ref_shown(server, project, name, shown[sha], space) for name, sha in found.items()])


def ref_shown(server: GitLabServer, project: Project, name: str, commit: dict[str, Any], space: str) -> dict[str, Any]:
    if space == "tags":
        return {
            "name": name, "message": "", "target": commit["id"], "commit": commit, "release": None, "protected": False,
            "created_at": None,
        }  # fmt: skip
    return {
        "name": name, "commit": commit, "merged": False, "protected": False, "developers_can_push": False,
        "developers_can_merge": False, "can_push": True, "default": name == project.default_branch,
        "web_url": f"{server.url}/{project.path}/-/tree/{name}",
    }  # fmt: skip


async def _one_ref(request: web.Request, space: str, kind: str) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    name = request.match_info["name"]
    sha = (await server.repositories.refs(project.repository, space)).get(name)
    if sha is None:
        raise refusal(404, f"404 {kind} Not Found")
    shown = ref_shown(server, project, name, await commit_shown(server, project, sha), space)
    if space == "tags":
        shown["message"] = await tag_message(server, project, name)
    return web.json_response(shown)


async def tag_message(server: GitLabServer, project: Project, name: str) -> str:
    """Return the message of an annotated tag, "" for one that is none."""
    form = "--format=%(if:equals=tag)%(objecttype)%(then)%(contents)%(end)"
    out = await server.repositories.run(project.repository, "for-each-ref", form, f"refs/tags/{name}")
    return out.decode().rstrip("\n")


@routes.get(f"{_BASE}/tags")
async def tags(request: web.Request) -> web.Response:
    return await _refs(request, "tags")


@routes.get(f"{_BASE}/branches")
async def branches(request: web.Request) -> web.Response:
    return await _refs(request, "heads")


@routes.get(_BASE + "/tags/{name}")
async def tag(request: web.Request) -> web.Response:
    return await _one_ref(request, "tags", "Tag")


@routes.get(_BASE + "/branches/{name}")
async def branch(request: web.Request) -> web.Response:
    return await _one_ref(request, "heads", "Branch")


@routes.get(f"{_BASE}/commits")
async def commits(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    what = "--all" if request.query.get("all", "").lower() == "true" else request.query.get("ref_name", "HEAD")
    found = await server.repositories.commits(project.repository, what)
    return server.page(request, [server.show.commit(project, one) for one in found])


@routes.get(_BASE + "/commits/{sha}")
async def commit(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    return web.json_response(await commit_shown(server, project, request.match_info["sha"]))


@routes.get(_BASE + "/commits/{sha}/refs")
async def commit_refs(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    sha = request.match_info["sha"]
    found = []
    for kind, space in (("branch", "heads"), ("tag", "tags")):
        try:
            out = await server.repositories.run(
                project.repository, "for-each-ref", f"--contains={sha}", "--format=%(refname)", f"refs/{space}"
            )
        except GitError as error:
            raise refusal(404, "404 Commit Not Found") from error
        found += [{"type": kind, "name": line.split("/", 2)[2]} for line in out.decode().splitlines()]
    return server.page(request, found)


@routes.get(f"{_BASE}/compare")
async def compare(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    ends = [await server.repositories.commit_of(project.repository, request.query[one]) for one in ("from", "to")]
    if None in ends:
        raise refusal(404, "404 Ref Not Found")
    base, head = map(str, ends)
    listed = await server.repositories.commits(project.repository, "--reverse", f"{base}..{head}")
    names = await server.repositories.run(project.repository, "diff-tree", "-r", "-z", "--name-only", base, head)
    diffs = [
        {
            "diff": "", "new_path": name, "old_path": name, "a_mode": "100644", "b_mode": "100644", "new_file": False,
            "renamed_file": False, "deleted_file": False, "collapsed": False, "too_large": False,
            "generated_file": False,
        }
        for name in names.decode().split("\0") if name
    ]  # fmt: skip
    shown = [server.show.commit(project, one) for one in listed]
    return web.json_response(
        {
            "commit": shown[-1] if shown else None, "commits": shown, "diffs": diffs, "compare_timeout": False,
            "compare_same_ref": base == head, "web_url": f"{server.url}/{project.path}/-/compare/{base}...{head}",
        }
    )  # fmt: skip


@routes.get(_BASE + "/files/{path}/raw")
async def raw_file(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    sha = await server.repositories.commit_of(project.repository, request.query["ref"])
    if sha is None:
        raise refusal(404, "404 Commit Not Found")
    content = await server.repositories.blob(project.repository, sha, request.match_info["path"])
    if content is None:
        raise refusal(404, "404 File Not Found")
    return web.Response(body=content, content_type="text/plain")


@routes.get(_BASE + "/commits/{sha}/statuses")
async def statuses(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    sha = request.match_info["sha"]
    await commit_shown(server, project, sha)
    newest = {one.name: one for one in project.statuses if one.sha == sha}
    every = request.query.get("all", "").lower() == "true"
    found = [one for one in project.statuses if one.sha == sha] if every else list(newest.values())
    if "name" in request.query:
        found = [one for one in found if one.name == request.query["name"]]
    return server.page(request, [server.show.status(one) for one in found])


@routes.post("/api/v4/projects/{id}/statuses/{sha}")
async def set_status(request: web.Request) -> web.Response:
    """Move on a status that is not over, else make another one, which takes its place."""
    server = request.app[SERVER]
    project = await server.project(request)
    asked = await request.json()
    sha = await server.repositories.commit_of(project.repository, request.match_info["sha"])
    if sha is None:
        raise refusal(404, "404 Commit Not Found")
    name = asked.get("name", "default")
    before = [one for one in project.statuses if (one.sha, one.name) == (sha, name)]
    if before and before[-1].status == asked["state"] and asked["state"] in {"running", "pending"}:
        event = {"running": "run", "pending": "enqueue"}[asked["state"]]
        raise refusal(400, f"Cannot transition status via :{event} from :{asked['state']} (Reason(s): Status cannot)")
    if before and before[-1].status in {"running", "pending"}:
        status = before[-1]
        status.status = asked["state"]
        status.target_url = asked.get("target_url", status.target_url)
        status.description = asked.get("description", status.description)
        return web.json_response(server.show.status(status), status=201)
    status = Status(
        server.new_id(), sha, name, asked["state"], server.asker(request).user, server.time.text(),
        target_url=asked.get("target_url"), description=asked.get("description"),
    )  # fmt: skip
    project.statuses.append(status)
    return web.json_response(server.show.status(status), status=201)
