"""The pages a browser sees while somebody links an account: plain HTML without scripts, kept and framed by nobody.

`GET /connect/<instance>?state=…` leads to the tool, `GET …/callback` shows both ends, `POST /connect/<instance>` is
the answer. Every value is escaped, and the policy allows nothing but the page's own style and form.
"""

from collections.abc import Awaitable, Callable
from html import escape
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.errors import UserError
from bot.grants.linking import LinkEnded, Linking, Sides
from bot.grants.rules import SIGN_IN_LASTS
from bot.pages import HEADERS, page
from bot.store import StoreUnavailable
from integrations.errors import IntegrationError

COOKIE: Final = "shipmate_connect"
_BODY_LIMIT: Final = 8 * 1024

log = structlog.get_logger()


class ConnectPages:
    """The three requests of a sign-in. `public_url` is where browsers reach us."""

    def __init__(self, linking: Linking, public_url: str) -> None:
        self._linking = linking
        parts = urlsplit(public_url.rstrip("/"))
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = parts.path
        self._secure = parts.scheme == "https"

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the bot's web server."""
        return [
            web.get("/connect/{instance}", self._told(self.open), allow_head=False),
            web.get("/connect/{instance}/callback", self._told(self.come_back), allow_head=False),
            web.post("/connect/{instance}", self._told(self.decide)),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """Lead a browser that opened the link to the tool, with a cookie that makes the sign-in its own."""
        instance = request.match_info["instance"]
        url, nonce = await self._linking.open(instance, request.query.get("state", ""))
        response = web.Response(status=303, headers={**HEADERS, "Location": url})
        response.set_cookie(
            COOKIE,
            nonce,
            max_age=int(SIGN_IN_LASTS.total_seconds()),
            path=f"{self._path}/connect/{instance}",
            httponly=True,
            secure=self._secure,
            samesite="Lax",  # the way back from the tool is a top-level GET from another site
        )
        return response

    async def come_back(self, request: web.Request) -> web.Response:
        """Show the browser's owner both ends, and ask."""
        instance = request.match_info["instance"]
        sides = await self._linking.come_back(instance, request.query, request.cookies.get(COOKIE, ""))
        if sides.verdict.allowed:
            return page(f"Let Shipmate act as you in {instance}?", _asking(sides, f"{self._path}/connect/{instance}"))
        return page("Not linked: these are not the same person", _refused(sides), status=403)

    async def decide(self, request: web.Request) -> web.Response:
        """Take the answer. Only the page's own form, from the browser that began, is heard."""
        instance = request.match_info["instance"]
        if request.headers.get("Origin", self._origin) != self._origin:
            raise LinkEnded("This form was sent from another site.")
        if (request.content_length or 0) > _BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(_BODY_LIMIT, request.content_length or 0)
        form = await request.post()
        agreed = form.get("answer") == "yes"
        nonce = request.cookies.get(COOKIE, "")
        sides = await self._linking.decide(instance, nonce, str(form.get("form", "")), agreed=agreed)
        if agreed:
            response = page("Connected", _both(sides) + "<p>You can close this page and go back to Slack.</p>")
        else:
            response = page("Not linked", f"<p>{escape(instance)} was told that Shipmate may not act as you.</p>")
        response.del_cookie(COOKIE, path=f"{self._path}/connect/{instance}")
        return response

    def _told(
        self, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Turn what can go wrong into a page that says so."""

        async def tell(request: web.Request) -> web.Response:
            instance = request.match_info["instance"]
            try:
                return await answer(request)
            except LinkEnded as error:
                log.info("connect.ended", instance=instance, reason=error.why)
                again = f"<p>For a new link, type <code>/shipmate connect {escape(instance)}</code> in Slack.</p>"
                return page("Nothing was linked", f"<p>{escape(error.why)}</p>{again}", status=400)
            except (UserError, IntegrationError, StoreUnavailable) as error:
                log.warning("connect.failed", instance=instance, error=repr(error))
                said = "<p>Something that is needed does not answer. Nothing was linked. Begin again in a moment.</p>"
                return page("Nothing was linked", said, status=503)

        return tell


def _both(sides: Sides) -> str:
    account = sides.account
    shown = f"@{account.username}" + (f" · {account.name}" if account.name else "")
    mail = account.email or "no confirmed address is told"
    here = ", ".join(sides.addresses) or "no address is known"
    return (
        f"<dl><dt>Account in {escape(sides.instance)}</dt><dd>{escape(shown)}</dd><dd>{escape(mail)}</dd>"
        f"<dt>Person in Slack</dt><dd>{escape(sides.name)}</dd><dd>{escape(here)}</dd></dl>"
    )


def _asking(sides: Sides, path: str) -> str:
    person, account = escape(sides.name), escape(sides.account.username)
    named = ""
    if sides.verdict.code == "named" and sides.account.email.casefold() not in {a.casefold() for a in sides.addresses}:
        named = '<p class="warn">The addresses differ. The configuration of Shipmate names this account for them.</p>'
    return (
        f"{_both(sides)}{named}"
        f"<p>If you agree, whoever acts as <strong>{person}</strong> in Slack can approve, merge and do "
        f"more as <strong>@{account}</strong>. If you are not {person}, say no: somebody may have sent you their "
        f"link.</p>"
        f'<form method="post" action="{escape(path)}"><input type="hidden" name="form" value="{escape(sides.form)}">'
        f'<button name="answer" value="yes">Yes, I am both</button><button name="answer" value="no">No</button></form>'
    )


def _refused(sides: Sides) -> str:
    instance, person = escape(sides.instance), escape(sides.name)
    return (
        f'<p class="warn">You signed in as @{escape(sides.account.username)}, but the link was made for {person}: '
        f"{escape(sides.verdict.rule)}.</p>{_both(sides)}"
        f"<p>Nothing was linked, and {instance} was told that Shipmate may not act as you. If somebody sent you this "
        f"link, they would have acted with your rights: tell whoever runs Shipmate.</p>"
        f"<p>If you are both, use the same confirmed address in both places, or have whoever runs Shipmate name the "
        f"account in the configuration: <code>people: … accounts: {{{instance}: "
        f"{escape(sides.account.username)}}}</code>.</p>"
    )
