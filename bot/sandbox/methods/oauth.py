"""Methods that exchange codes for tokens (https://docs.slack.dev/reference/methods?family=oauth)."""

import secrets

from bot.sandbox import oauth
from bot.sandbox.apps import App
from bot.sandbox.call import NOBODY, Call, invalid, method
from bot.sandbox.errors import Json, SlackError


def _client(call: Call) -> App:
    """Return the app whose id and secret came by HTTP basic authentication or as arguments."""
    ident, secret = call.client or (call.text("client_id"), call.text("client_secret"))
    app = call.platform.apps.by_client(ident)
    if app is None:
        raise SlackError("invalid_client_id")
    if not secrets.compare_digest(secret.encode(), app.client_secret.encode()):
        raise SlackError("bad_client_secret")
    return app


def _about(call: Call, app: App) -> Json:
    """Return where the app is installed."""
    team = call.platform.workspace.team
    return {
        "app_id": app.id,
        "team": {"name": team.name, "id": team.id},
        "enterprise": team.enterprise.wire() if team.enterprise else None,
        "is_enterprise_install": False,
    }


@method("oauth.v2.access", tier=4, tokens=NOBODY, json_body=False)
async def access(call: Call) -> Json:
    """Exchange a code or a refresh token (https://docs.slack.dev/reference/methods/oauth.v2.access)."""
    app = _client(call)
    grant = call.text("grant_type", "authorization_code")
    if grant == "refresh_token":
        return _refreshed(call, app)
    if grant != "authorization_code":
        raise SlackError("invalid_grant_type")
    code = call.platform.codes.take(call.text("code"))
    if code is None or code.wish.app.client_id != app.client_id or code.expires < call.platform.clock():
        raise SlackError("invalid_code")
    if call.text("redirect_uri", code.wish.redirect_uri) != code.wish.redirect_uri:
        raise SlackError("bad_redirect_uri")
    if code.wish.challenge and not oauth.proves(code.wish.challenge, call.text("code_verifier")):
        raise SlackError("invalid_code_verifier")
    app.granted = (app.granted or frozenset()) | code.wish.scopes if code.wish.scopes else app.granted
    app.revoked.discard(app.bot_token)
    call.platform.apps.enter(app)
    answer = _about(call, app)
    if code.wish.scopes:
        answer |= oauth.bot_token(call.platform, call.platform.codes, app)
    authed: Json = {"id": code.user}
    if code.wish.user_scopes:
        authed |= oauth.user_token(call.platform, call.platform.codes, app, code.user, code.wish.user_scopes)
    return answer | {"authed_user": authed}


def _refreshed(call: Call, app: App) -> Json:
    if not call.text("refresh_token"):
        raise invalid("missing required field: refresh_token")
    found = call.platform.codes.refreshed(call.text("refresh_token"), app.id)
    if found is None or app.id not in call.platform.apps.installed:
        raise SlackError("invalid_refresh_token")
    user, scopes = found
    if user:
        renewed = oauth.user_token(call.platform, call.platform.codes, app, user, scopes)
        return _about(call, app) | renewed | {"user_id": user}
    return _about(call, app) | oauth.bot_token(call.platform, call.platform.codes, app)


@method("oauth.v2.exchange", tokens=NOBODY, json_body=False)
async def exchange(call: Call) -> Json:
    """Exchange a lasting token for one that ends (https://docs.slack.dev/reference/methods/oauth.v2.exchange)."""
    app = _client(call)
    if not app.manifest.rotates_tokens:
        raise SlackError("token_rotation_not_enabled")
    caller = call.caller if call.caller.app is app else None
    if caller is None or caller.kind not in {"bot", "user"}:
        raise SlackError("invalid_token")
    if caller.expires is not None or caller.token in app.revoked:
        raise SlackError("token_already_exchanged")
    app.revoked.add(caller.token)
    if caller.kind == "bot":
        return _about(call, app) | oauth.bot_token(call.platform, call.platform.codes, app)
    app.tokens.pop(caller.token, None)
    renewed = oauth.user_token(call.platform, call.platform.codes, app, caller.user, caller.scopes)
    return _about(call, app) | renewed
