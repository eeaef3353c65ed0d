"""Routes of the stand-in for tags that are made and for releases.

https://docs.gitlab.com/api/tags/#create-a-new-tag, https://docs.gitlab.com/api/releases/
"""

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.repositories import GitError
from tests.servers.gitlab.repository import commit_shown, ref_shown, tag_message
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import Project, Release

routes = web.RouteTableDef()
_BASE = "/api/v4/projects/{id}"


@routes.post(f"{_BASE}/repository/tags")
async def create_tag(request: web.Request) -> web.Response:
    """Make a tag, an annotated one where there is a message."""
    server = request.app[SERVER]
    project = await server.project(request)
    asked = await request.json()
    name = asked["tag_name"]
    if name in project.protected_tags:
        raise refusal(403, "You are not allowed to create this tag as it is protected.")
    if name in await server.repositories.refs(project.repository, "tags"):
        raise refusal(400, f"Tag {name} already exists")
    sha = await server.repositories.commit_of(project.repository, asked["ref"])
    if sha is None:
        raise refusal(400, f"Target {asked['ref']} is invalid")
    annotated = ["--annotate", "--cleanup=verbatim", "--file=-"] if asked.get("message") else []
    try:
        await server.repositories.run(
            project.repository, "tag", *annotated, name, sha, stdin=str(asked.get("message", "")).encode()
        )
    except GitError as error:
        raise refusal(400, f"Tag {name} already exists") from error
    shown = ref_shown(server, project, name, await commit_shown(server, project, sha), "tags")
    return web.json_response(shown | {"message": await tag_message(server, project, name)}, status=201)


@routes.get(f"{_BASE}/releases")
async def releases(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    return server.page(request, [server.show.release(project, one) for one in reversed(project.releases)])


@routes.get(_BASE + "/releases/{tag}")
async def release(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    return web.json_response(server.show.release(project, _the(project, request)))


@routes.post(f"{_BASE}/releases")
async def create_release(request: web.Request) -> web.Response:
    """Release a tag; without one GitLab makes it of `ref`, which it must be told."""
    server = request.app[SERVER]
    project = await server.project(request)
    asked = await request.json()
    tag = asked["tag_name"]
    if any(one.tag == tag for one in project.releases):
        raise refusal(409, "Release already exists")
    sha = (await server.repositories.refs(project.repository, "tags")).get(tag)
    if sha is None:
        raise refusal(422, "Ref is not specified")
    links = [
        {"id": server.new_id(), "link_type": "other", "direct_asset_url": one["url"], **one}
        for one in (asked.get("assets") or {}).get("links", ())
    ]
    made = Release(
        tag, asked.get("name") or tag, asked.get("description", ""), sha, server.asker(request).user,
        server.time.text(), links,
    )  # fmt: skip
    project.releases.append(made)
    return web.json_response(server.show.release(project, made), status=201)


@routes.put(_BASE + "/releases/{tag}")
async def change_release(request: web.Request) -> web.Response:
    """Change name and notes."""
    server: GitLabServer = request.app[SERVER]
    project = await server.project(request)
    found = _the(project, request)
    asked = await request.json()
    found.name = asked.get("name", found.name)
    found.description = asked.get("description", found.description)
    return web.json_response(server.show.release(project, found))


def _the(project: Project, request: web.Request) -> Release:
    for one in project.releases:
        if one.tag == request.match_info["tag"]:
            return one
    raise refusal(404, "404 Not Found")
