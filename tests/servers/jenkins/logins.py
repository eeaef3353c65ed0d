"""Logins and crumbs: an API token needs no crumb, a password does, together with the session it was given in."""

import base64
import hashlib
import secrets

from aiohttp import web

from tests.servers.jenkins import pages

_READ = "hudson.model.Hudson.Read"


class Logins:
    """One user, with an API token and a password."""

    def __init__(self) -> None:
        self.username, self.token, self.password = "bot", f"11{secrets.token_hex(16)}", secrets.token_hex(8)
        self._sessions: set[str] = set()
        self._salt = secrets.token_hex(8)

    def who(self, request: web.Request, path: str) -> tuple[str, bool, web.Response | None]:
        """Return who asks, whether by password, and what is answered if they may not come in."""
        header = request.headers.get("Authorization", "")
        if not header.startswith("Basic "):
            return "anonymous", False, pages.forbidden("anonymous", _READ, path)
        name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        if name != self.username or secret not in {self.token, self.password}:
            message = f"Invalid password/token for user: {name}"
            return name, False, pages.plain_error(401, message, path)
        return name, secret == self.password, None

    def crumb(self, request: web.Request, user: str) -> web.Response:
        """Return a crumb, and the session that it holds for."""
        session = request.cookies.get("JSESSIONID") or secrets.token_hex(8)
        crumb = self._crumb_of(user, session)
        shown = {
            "_class": "hudson.security.csrf.DefaultCrumbIssuer",
            "crumb": crumb,
            "crumbRequestField": "Jenkins-Crumb",
        }
        response = pages.json(shown)
        if request.path.endswith("python"):
            response.text = repr(shown)
        self._sessions.add(session)
        response.set_cookie("JSESSIONID", session, path="/")
        return response

    def _crumb_of(self, user: str, session: str) -> str:
        return hashlib.sha256(f"{user};{session};{self._salt}".encode()).hexdigest()

    def crumb_is_good(self, request: web.Request, user: str) -> bool:
        """Tell whether a request carries the crumb of its session."""
        session = request.cookies.get("JSESSIONID", "")
        return session in self._sessions and request.headers.get("Jenkins-Crumb") == self._crumb_of(user, session)
