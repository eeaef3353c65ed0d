"""File bytes: where apps send them and where they are read again.

Reference: https://docs.slack.dev/messaging/working-with-files
"""

from aiohttp import web

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
        """Return a file: to apps with their token, to the page without (it runs on this machine)."""
        ident = request.match_info["file"].partition("-")[2]
        file = self._platform.workspace.files.get(ident)
        if file is None or not file.complete:
            return web.Response(status=404, text="no such file")
        inline = file.mimetype in _INLINE
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Disposition": "inline" if inline else "attachment",
        }
        kind = file.mimetype if inline else "application/octet-stream"
        return web.Response(body=file.content, content_type=kind, headers=headers)

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
