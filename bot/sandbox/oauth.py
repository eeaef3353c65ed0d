"""Installing an app by OAuth: the page on which somebody allows it, and the codes that come of it.

Reference: https://docs.slack.dev/authentication/installing-with-oauth
"""

import base64
import hashlib
import html
import secrets
from urllib.parse import urlencode

from aiohttp import web
from yarl import URL

from bot.sandbox.apps import App
from bot.sandbox.codes import Code, Codes, Wish
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_secret
from bot.sandbox.model import User
from bot.sandbox.platform import Platform
from bot.sandbox.tokens import LIFETIME, Token

_CODE_LIFETIME = 600
_STYLE = (
    ":root{color-scheme:light dark;--line:light-dark(#ddd,#444);--soft:light-dark(#f4f4f4,#2a2d30)}"
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:6vh 1rem;background:light-dark(#f4ede4,#1a1d21)}"
    "main{max-width:30rem;margin:auto;padding:2rem;border:1px solid var(--line);border-radius:12px;"
    "background:light-dark(#fff,#222529)}h1{font-size:1.5rem;line-height:1.25;margin:.75rem 0}"
    "h2{font-size:1rem;margin:1.25rem 0 .25rem}ul{margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.35rem}"
    "li{list-style:none}code{font-size:.85em;padding:.1rem .4rem;border-radius:4px;background:var(--soft)}"
    "form{margin-top:1.5rem;padding-top:1.25rem;border-top:1px solid var(--line)}img{display:block}"
    "button,select{font:inherit;padding:.5rem 1rem;border:1px solid var(--line);border-radius:6px}"
    "p.answers{display:flex;gap:.5rem;margin:1rem 0 0}button[value=allow]{background:#007a5a;color:#fff;border:0}"
    ":focus-visible{outline:3px solid #1d9bd1;outline-offset:2px}"
)


def bot_token(platform: Platform, codes: Codes, app: App) -> Json:
    """Return the bot's access token, a new one that ends when the app rotates its tokens."""
    shown: Json = {
        "access_token": app.bot_token,
        "token_type": "bot",
        "scope": ",".join(sorted(app.scopes)),
        "bot_user_id": app.bot_user_id,
    }
    if not app.manifest.rotates_tokens:
        return shown
    value = f"xoxe.xoxb-1-{new_secret(100)}"
    app.tokens[value] = Token("bot", app.bot_user_id, app.scopes, platform.clock() + LIFETIME)
    refresh = codes.refresh_token(app.id, "", app.scopes)
    return shown | {"access_token": value, "expires_in": LIFETIME, "refresh_token": refresh}


def user_token(platform: Platform, codes: Codes, app: App, user: str, scopes: frozenset[str]) -> Json:
    """Return a person's access token."""
    rotates = app.manifest.rotates_tokens
    value = f"xoxe.xoxp-1-{new_secret(100)}" if rotates else f"xoxp-{new_secret(64)}"
    app.tokens[value] = Token("user", user, scopes, platform.clock() + LIFETIME if rotates else None)
    shown: Json = {"access_token": value, "token_type": "user", "scope": ",".join(sorted(scopes))}
    if rotates:
        shown |= {"expires_in": LIFETIME, "refresh_token": codes.refresh_token(app.id, user, scopes)}
    return shown


def proves(challenge: str, verifier: str) -> bool:
    """Tell whether a PKCE verifier belongs to its challenge (RFC 7636, S256)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return secrets.compare_digest(digest, challenge)


class Authorization:
    """Serves `/oauth/v2/authorize`: what an app wants, who allows it, and the way back to the app."""

    def __init__(self, platform: Platform) -> None:
        """Keep the parts."""
        self._platform = platform

    def _wish(self, request: web.Request) -> Wish:
        """Return what is asked for; raises `SlackError` as https://docs.slack.dev/authentication lists them."""
        given = request.query
        app = self._platform.apps.by_client(given.get("client_id", ""))
        if app is None:
            raise SlackError("invalid_client_id")
        manifest = app.manifest
        redirect = given.get("redirect_uri", "") or (manifest.redirect_urls[0] if manifest.redirect_urls else "")
        if not redirect or not any(redirect.startswith(known) for known in manifest.redirect_urls):
            raise SlackError("bad_redirect_uri")
        scopes, user_scopes = _words(given.get("scope", "")), _words(given.get("user_scope", ""))
        if not scopes | user_scopes:
            raise SlackError("no_scopes")
        if not scopes <= manifest.scopes or not user_scopes <= manifest.user_scopes:
            raise SlackError("invalid_scope")
        challenge = given.get("code_challenge", "")
        if challenge and given.get("code_challenge_method", "plain") != "S256":
            raise SlackError("invalid_code_challenge_method")
        return Wish(app, scopes, user_scopes, redirect, given.get("state", ""), challenge)

    async def ask(self, request: web.Request) -> web.Response:
        """Show what the app wants, and who can allow it."""
        try:
            wish = self._wish(request)
        except SlackError as error:
            return _refused(error)
        people = [user for user in self._platform.workspace.users.values() if _may_install(user)]
        options = "".join(f'<option value="{one.id}">{html.escape(one.real_name)}</option>' for one in people)
        app, team = wish.app, html.escape(self._platform.workspace.team.name)
        return _page(
            f'<img src="/avatars/{app.bot_id}.svg" width="48" height="48" alt="">'
            f"<h1>{html.escape(app.name)} wants to access {team}</h1><p>{html.escape(app.manifest.description)}</p>"
            + _scopes("As an app it will be able to", wish.scopes)
            + _scopes("On your behalf it will be able to", wish.user_scopes)
            + f'<form method="post"><label>You are <select name="user">{options}</select></label><p class="answers">'
            '<button name="answer" value="allow">Allow</button><button name="answer" value="deny">Cancel</button>'
            "</p></form>"
        )

    async def decide(self, request: web.Request) -> web.Response:
        """Lead back to the app with a code, or with `access_denied`."""
        try:
            wish = self._wish(request)
        except SlackError as error:
            return _refused(error)
        form = await request.post()
        user = self._platform.workspace.find_user(str(form.get("user", "")))
        state = {"state": wish.state} if wish.state else {}
        if form.get("answer") != "allow" or user is None or not _may_install(user):
            raise web.HTTPFound(_back(wish.redirect_uri, {"error": "access_denied", **state}))
        code = Code(wish, user.id, self._platform.clock() + _CODE_LIFETIME)
        key = self._platform.codes.give(code)
        raise web.HTTPFound(_back(wish.redirect_uri, {"code": key, **state}))


def _may_install(user: User) -> bool:
    return not (user.is_bot or user.is_guest or user.is_stranger or user.deleted or user.id == "USLACKBOT")


def _refused(error: SlackError) -> web.Response:
    return _page(f"<h1>This app cannot be installed</h1><p>Slack would say: <code>{error.code}</code>.</p>", 400)


def _scopes(title: str, scopes: frozenset[str]) -> str:
    entries = "".join(f"<li><code>{html.escape(one)}</code></li>" for one in sorted(scopes))
    return f"<h2>{title}</h2><ul>{entries}</ul>" if entries else ""


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in text.replace(" ", ",").split(",") if word)


def _back(redirect_uri: str, answer: dict[str, str]) -> URL:
    separator = "&" if "?" in redirect_uri else "?"
    return URL(f"{redirect_uri}{separator}{urlencode(answer)}", encoded=True)


def _page(body: str, status: int = 200) -> web.Response:
    policy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Install an app</title><style>{_STYLE}</style><main>{body}</main></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers={"Content-Security-Policy": policy})
