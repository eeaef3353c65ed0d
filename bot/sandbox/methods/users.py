"""Methods about people (https://docs.slack.dev/reference/methods?family=users)."""

from bot.sandbox import happenings
from bot.sandbox.call import USER, Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.people import PROFILE_FIELDS, User

_EMAIL = "users:read.email"
_DEFAULT_PAGE = 1000
_MAX_STATUS = 100
_MAX_FIELDS = 50
_LATEST = 9_999_999_999
_LISTED_LIMIT = 1000


def _shown(call: Call, user: User) -> Json:
    workspace, with_email = call.platform.workspace, _EMAIL in call.scopes
    shown = workspace.user_object(user, call.platform.base_url, with_email=with_email, viewer=call.actor)
    if call.flag("include_locale"):
        shown["locale"] = "en-US"
    return shown


@method("users.info", "users:read", tier=4, json_body=False)
async def info(call: Call) -> Json:
    """Describe a person (https://docs.slack.dev/reference/methods/users.info)."""
    return {"user": _shown(call, call.user())}


@method("users.list", "users:read", tier=2, json_body=False)
async def list_users(call: Call) -> Json:
    """List the people of the workspace (https://docs.slack.dev/reference/methods/users.list).

    People of other organisations are listed too; those the app shares no channel with are marked `is_stranger`
    (https://docs.slack.dev/reference/objects/user-object).
    """
    page, cursor = call.page(
        list(call.platform.workspace.users.values()),
        _DEFAULT_PAGE,
        maximum=_LISTED_LIMIT,
        error="limit_required",
    )
    shown = [_shown(call, user) for user in page]
    return {"members": shown, "cache_ts": int(call.platform.clock()), "response_metadata": {"next_cursor": cursor}}


@method("users.lookupByEmail", _EMAIL, tier=3, json_body=False)
async def lookup_by_email(call: Call) -> Json:
    """Find a person by e-mail address (https://docs.slack.dev/reference/methods/users.lookupByEmail)."""
    wanted = call.required("email").lower()
    for user in call.platform.workspace.users.values():
        if user.email and user.email.lower() == wanted and not user.is_stranger and not user.deleted:
            return {"user": _shown(call, user)}
    raise SlackError("users_not_found")


@method("users.identity", user=("identity.basic", "identity:read"), tokens=USER, json_body=False)
async def identity(call: Call) -> Json:
    """Say who signed in with Slack (https://docs.slack.dev/reference/methods/users.identity)."""
    user, team = call.platform.workspace.users[call.actor], call.platform.workspace.team
    shown: Json = {"name": user.real_name, "id": user.id}
    if "identity.email" in call.scopes:
        shown["email"] = user.email
    return {"user": shown, "team": {"id": team.id}}


@method("users.getPresence", "users:read", json_body=False)
async def get_presence(call: Call) -> Json:
    """Say whether somebody is there (https://docs.slack.dev/reference/methods/users.getPresence).

    People are, unless they set themselves away; an app's bot is while the app is connected.
    """
    user = call.platform.workspace.users[call.actor] if not call.text("user") else call.user()
    is_there = not user.deleted and not user.is_away
    if user.is_bot and is_there:
        app = call.platform.apps.installed.get(user.app_id)
        is_there = app is not None and (app.mode == "http" or call.platform.sockets.connected(app.id) > 0)
    answer: Json = {"presence": "active" if is_there else "away"}
    if user.id == call.actor:
        answer |= {"online": is_there, "auto_away": False, "manual_away": user.is_away, "connection_count": 1}
    return answer


@method("users.setActive", "users:write", tier=2)
async def set_active(call: Call) -> Json:  # noqa: ARG001 - the shape of a method
    """Do nothing, as Slack does by now (https://docs.slack.dev/reference/methods/users.setActive)."""
    return {}


@method("users.setPresence", "users:write", tier=2)
async def set_presence(call: Call) -> Json:
    """Set oneself away, or leave that to Slack (https://docs.slack.dev/reference/methods/users.setPresence)."""
    wanted = call.required("presence")
    if wanted not in {"auto", "away"}:
        raise SlackError("invalid_presence")
    call.platform.workspace.users[call.actor].is_away = wanted == "away"
    call.platform.changes.publish("user")
    return {}


@method("users.profile.get", "users.profile:read", tier=4, json_body=False)
async def get_profile(call: Call) -> Json:
    """Return a person's profile (https://docs.slack.dev/reference/methods/users.profile.get)."""
    user = call.platform.workspace.users[call.actor] if not call.text("user") else call.user()
    return {"profile": user.profile(with_email=_EMAIL in call.scopes, base_url=call.platform.base_url)}


@method("users.profile.set", user=("users.profile:write",), tokens=USER)
async def set_profile(call: Call) -> Json:
    """Change one's own profile, or as an admin another's.

    Reference: https://docs.slack.dev/reference/methods/users.profile.set
    """
    workspace = call.platform.workspace
    caller = workspace.users[call.actor]
    user = workspace.users.get(call.text("user") or call.actor)
    if user is None or user.is_bot or user.is_stranger:
        raise SlackError("permission_denied")
    may_administer = caller.is_admin or caller.is_owner
    if user is not caller and not may_administer:
        raise SlackError("not_admin")
    changes = _changes(call)
    if "email" in changes and not may_administer:
        raise SlackError("not_admin")
    if "email" in changes and str(changes["email"]).lower() in _other_addresses(call, user):
        raise SlackError("email_taken")
    user.set_profile(changes)
    happenings.person_changed(call.platform, user)
    return {"username": user.name, "profile": user.profile(with_email=True, base_url=call.platform.base_url)}


def _other_addresses(call: Call, user: User) -> set[str]:
    return {one.email.lower() for one in call.platform.workspace.users.values() if one is not user}


def _changes(call: Call) -> Json:
    """Return what `profile`, or `name` and `value`, set; raises the errors of `users.profile.set`."""
    if call.raw("profile") is not None:
        changes = call.decoded("profile", "invalid_profile")
    else:
        changes = {call.required("name"): call.text("value")}
    if not isinstance(changes, dict) or not changes or len(changes) > _MAX_FIELDS:
        raise SlackError("invalid_profile")
    if not set(changes) <= PROFILE_FIELDS | {"fields"}:
        raise SlackError("profile_set_failed")
    for name, value in changes.items():
        _check(name, value)
    return changes


def _check(name: str, value: object) -> None:
    if name == "status_expiration":
        if not str(value).isdecimal() or int(str(value)) > _LATEST:
            raise SlackError("invalid_profile")
        return
    if name == "fields":
        if not isinstance(value, dict):
            raise SlackError("invalid_profile")
        return
    if not isinstance(value, str):
        raise SlackError("invalid_profile")
    if name == "status_text" and len(value) > _MAX_STATUS:
        raise SlackError("too_long")
    if name in {"display_name", "real_name"} and value.startswith("@"):
        raise SlackError("invalid_starts_with_at")
