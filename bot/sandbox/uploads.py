"""File bytes: where apps send them and where they are read again.

Reference: https://docs.slack.dev/messaging/working-with-files
"""

from urllib.parse import urlencode

from aiohttp import web

from bot.sandbox.model import File
from bot.sandbox.people import picture
from bot.sandbox.platform import Platform

_INLINE = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"))


class Uploads:
    """Serves the upload URLs of `files.getUploadURLExternal` and the private URLs of file objects."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    async def receive(self, request: web.Request) -> web.Response:
        """Take a file's bytes, raw or as one part of a multipart form; answers `OK - <size>` as Slack does."""
        file = self._platform.workspace.files.get(request.match_info["file"])
        if file is None or file.complete:
            return web.Response(status=404, text="no such upload")
        content = b""
        if request.content_type == "multipart/form-data":
            form = await request.post()
            for part in form.values():
                if isinstance(part, web.FileField):
                    content = part.file.read()
        else:
            content = await request.read()
        if len(content) != file.length:
            return web.Response(status=400, text=f"announced were {file.length} bytes, here are {len(content)}")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def serve(self, request: web.Request) -> web.Response:
        """Return a file: to apps with a token that may read it, to the page without one.

        Everybody else is led to a page to sign in, as at Slack, which answers HTTP 200 in the end
        (https://docs.slack.dev/reference/objects/file-object#authentication).
        """
        ident = request.match_info["file"].partition("-")[2]
        file = self._platform.workspace.files.get(ident)
        if file is None or not file.complete:
            return web.Response(status=404, text="no such file")
        if not (_is_page(request) or self._may_read(request, file)):
            raise web.HTTPFound("/?" + urlencode({"redir": request.path}))
        inline = file.mimetype in _INLINE
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Disposition": "inline" if inline else "attachment",
        }
        kind = file.mimetype if inline else "application/octet-stream"
        return web.Response(body=file.content, content_type=kind, headers=headers)

    def _may_read(self, request: web.Request, file: File) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        caller = self._platform.apps.caller(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None or caller.app is None or token.strip() in caller.app.revoked:
            return False
        if "files:read" not in caller.scopes:
            return False
        workspace = self._platform.workspace
        channels = [workspace.channels.get(ident) for ident in file.channels]
        seen = (one for one in channels if one and (one.kind == "channel" or caller.user in one.members))
        # What a person gave and no channel shows was given in a modal, to its app.
        given = not channels and not workspace.users[file.user].is_bot
        return file.user == caller.user or given or any(seen)

    async def avatar(self, request: web.Request) -> web.Response:
        """Return the drawing that stands for a person, a bot user or a bot."""
        ident = request.match_info["name"]
        workspace, apps = self._platform.workspace, self._platform.apps
        user = workspace.users.get(ident)
        bots = (app for app in (*apps.installed.values(), *apps.known.values()) if app.bot_id == ident)
        name = user.real_name if user else next((app.name for app in bots), "")
        if not name:
            return web.Response(status=404, text="nobody has this id")
        headers = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=picture(ident, name), content_type="image/svg+xml", headers=headers)


def _is_page(request: web.Request) -> bool:
    """Tell whether the workspace's own page asks, or somebody who opens the address in a browser.

    Reference: https://www.w3.org/TR/fetch-metadata/; browsers send that to this machine alone, so elsewhere it counts
    that they ask for pictures or pages, while clients of apps take anything.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    return any(kind in request.headers.get("Accept", "") for kind in ("image/", "text/html"))
