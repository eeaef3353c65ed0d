"""The pages a browser sees while somebody signs in: to approve one exact thing, or to have their groups known.

`GET /sign-in?state=…` leads to the identity provider, `GET /sign-in/callback` shows what would be approved and by whom,
`POST /sign-in/<name>` is the answer. No page decides anything by being looked at.
"""

from collections.abc import Awaitable, Callable
from html import escape
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bot.approvals.approvals import Standing
from bot.approvals.rules import State
from bot.errors import Degraded, UserError
from bot.pages import HEADERS, page
from bot.signin.rules import LINK_LASTS
from bot.signin.signing import About, Shown, SignInEnded, Signing
from bot.store import StoreUnavailable

_COOKIE: Final = "shipmate_sign_in_"
_BODY_LIMIT: Final = 8 * 1024
_MOST_GROUPS: Final = 50

log = structlog.get_logger()

Answer = Callable[[web.Request], Awaitable[web.Response]]


class SignInPages:
    """The three requests of a sign-in. `public_url` is where browsers reach us."""

    def __init__(self, signing: Signing, public_url: str) -> None:
        self._signing = signing
        parts = urlsplit(public_url.rstrip("/"))
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._path = f"{parts.path}/sign-in"
        self._secure = parts.scheme == "https"

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the bot's web server."""
        return [
            web.get("/sign-in", _told(self.open), allow_head=False),
            web.get("/sign-in/callback", _told(self.come_back), allow_head=False),
            web.post("/sign-in/{ident}", _told(self.decide)),
        ]

    async def open(self, request: web.Request) -> web.Response:
        """Lead a browser that opened the link to the provider, with a cookie that makes the sign-in its own."""
        url, ident, secret = await self._signing.open(request.query.get("state", ""))
        response = web.Response(status=303, headers={**HEADERS, "Location": url})
        response.set_cookie(
            f"{_COOKIE}{ident}",
            secret,
            max_age=int(LINK_LASTS.total_seconds()),
            path=self._path,
            httponly=True,
            secure=self._secure,
            samesite="Lax",  # the way back from the provider is a top-level GET from another site
        )
        return response

    async def come_back(self, request: web.Request) -> web.Response:
        """Show the browser's owner who they are and what they would approve, and ask."""
        shown = await self._signing.come_back(request.query, lambda ident: request.cookies.get(f"{_COOKIE}{ident}", ""))
        if not shown.verdict.allowed:
            response = page("Nothing was counted: this link is not yours", _refused(shown), status=403)
        elif shown.about is None:
            response = page(f"Signed in as {shown.name}", _groups(shown))
        else:
            return page(shown.about.title, _asking(shown, shown.about, f"{self._path}/{shown.ident}"))
        self._forget(response, shown.ident)
        return response

    async def decide(self, request: web.Request) -> web.Response:
        """Take the answer. Only the page's own form, from the browser that signed in, is heard."""
        ident = request.match_info["ident"]
        if request.headers.get("Origin", self._origin) != self._origin:
            raise SignInEnded("This form was sent from another site.")
        if (request.content_length or 0) > _BODY_LIMIT:
            raise web.HTTPRequestEntityTooLarge(_BODY_LIMIT, request.content_length or 0)
        form = await request.post()
        secret = request.cookies.get(f"{_COOKIE}{ident}", "")
        standing = await self._signing.decide(
            ident, secret, str(form.get("form", "")), agreed=form.get("answer") == "yes"
        )
        if standing is None:
            response = page("Not approved", "<p>You said no, so nothing was counted. To reject it, use its card.</p>")
        else:
            response = page("Your approval is counted", _counted(standing))
        self._forget(response, ident)
        return response

    def _forget(self, response: web.Response, ident: str) -> None:
        response.del_cookie(f"{_COOKIE}{ident}", path=self._path)


def _told(answer: Answer) -> Answer:
    """Turn what can go wrong into a page that says so."""

    async def tell(request: web.Request) -> web.Response:
        try:
            return await answer(request)
        except SignInEnded as error:
            log.info("sign_in.ended", reason=error.why)
            again = "<p>For a new link, press the button in Slack again.</p>"
            return page("Nothing was counted", f"<p>{escape(error.why)}</p>{again}", status=400)
        except Degraded as error:
            log.warning("sign_in.failed", code=error.code, error=str(error.text))
            return page("Nothing was counted", f"<p>{escape(str(error.text))}</p>", status=503)
        except UserError as error:
            log.info("sign_in.refused", code=error.code)
            return page("Nothing was counted", f"<p>{escape(str(error.text))} ({escape(error.code)})</p>", status=409)
        except StoreUnavailable as error:
            log.warning("sign_in.failed", error=repr(error))
            said = "<p>Shipmate's store does not answer. Nothing was counted. Try again in a moment.</p>"
            return page("Nothing was counted", said, status=503)

    return tell


def _facts(pairs: list[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs if value)
    return f"<dl>{rows}</dl>"


def _who(shown: Shown) -> list[tuple[str, str]]:
    account = " · ".join(part for part in (shown.who.name, shown.who.email) if part) or shown.who.subject
    return [("You signed in as", account), ("In Slack that is", shown.name)]


def _asking(shown: Shown, about: About, path: str) -> str:
    person = escape(shown.name)
    return (
        f"{_facts([*about.facts.items(), *_who(shown)])}"
        f"<p>You are about to approve exactly this as <strong>{person}</strong>. If you did not press Approve in Slack "
        f"yourself, say no: somebody else may have, and sent you here.</p>"
        f'<form method="post" action="{escape(path)}"><input type="hidden" name="form" value="{escape(shown.form)}">'
        f'<button name="answer" value="yes">Approve</button><button name="answer" value="no">No</button></form>'
    )


def _refused(shown: Shown) -> str:
    account = shown.who.email or shown.who.name or shown.who.subject
    return (
        f'<p class="warn">You signed in as {escape(account)}, but the link was made for {escape(shown.name)}: '
        f"{escape(shown.verdict.rule)}.</p><p>Nothing was counted, and {escape(shown.name)} was told. If somebody sent "
        "you this link, they would have had your approval taken for theirs: tell whoever runs Shipmate.</p>"
        "<p>If you are both, use the same verified address in both places, or have whoever runs Shipmate name your "
        f"subject in the configuration: <code>people: … subject: {escape(shown.who.subject)}</code>.</p>"
    )


def _groups(shown: Shown) -> str:
    groups = shown.who.groups
    if groups is None:
        said = "<p>The provider told no groups: is their claim configured for this client?</p>"
    elif not groups:
        said = "<p>The provider says that you are in no group.</p>"
    else:
        more = f" and {len(groups) - _MOST_GROUPS} more" if len(groups) > _MOST_GROUPS else ""
        said = f"<p>Groups: {escape(', '.join(groups[:_MOST_GROUPS]))}{more}.</p>"
    return f"{_facts(_who(shown))}{said}<p>You can close this page and go back to Slack.</p>"


def _counted(standing: Standing) -> str:
    missing = sum(standing.tally.missing)
    if standing.approval.state is State.APPROVED:
        said = "It is approved."
    elif missing:
        said = f"{missing} more approval{'' if missing == 1 else 's'} needed."
    else:
        said = "See its card for where it stands."
    return f"<p>{escape(standing.approval.subject)}: {said}</p><p>You can close this page and go back to Slack.</p>"
