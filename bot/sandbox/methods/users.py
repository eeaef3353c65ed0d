"""Methods about people and user groups (https://docs.slack.dev/reference/methods?family=users)."""

from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError

_EMAIL = "users:read.email"


@method("users.info", "users:read", tier=4)
async def info(call: Call) -> Json:
    """Describe a person (https://docs.slack.dev/reference/methods/users.info)."""
    return {"user": call.user().wire(with_email=_EMAIL in call.app.manifest.scopes)}


@method("users.list", "users:read", tier=2)
async def list_users(call: Call) -> Json:
    """List the people of the workspace (https://docs.slack.dev/reference/methods/users.list).

    People of other organisations are listed too once a channel is shared with them, marked `is_stranger`.
    """
    with_email = _EMAIL in call.app.manifest.scopes
    page, cursor = call.page(
        [user.wire(with_email=with_email) for user in call.platform.workspace.users.values()], 1000
    )
    return {"members": page, "cache_ts": int(call.platform.clock()), "response_metadata": {"next_cursor": cursor}}


@method("users.lookupByEmail", _EMAIL, tier=3)
async def lookup_by_email(call: Call) -> Json:
    """Find a person by e-mail address (https://docs.slack.dev/reference/methods/users.lookupByEmail)."""
    wanted = call.required("email").lower()
    for user in call.platform.workspace.users.values():
        if user.email and user.email.lower() == wanted and not user.is_stranger:
            return {"user": user.wire(with_email=True)}
    raise SlackError("users_not_found")


@method("usergroups.list", "usergroups:read", tier=2)
async def list_usergroups(call: Call) -> Json:
    """List user groups (https://docs.slack.dev/reference/methods/usergroups.list)."""
    with_users = call.flag("include_users")
    groups = call.platform.workspace.usergroups.values()
    return {"usergroups": [group.wire(with_users=with_users) for group in groups]}


@method("usergroups.users.list", "usergroups:read", tier=2)
async def list_usergroup_users(call: Call) -> Json:
    """List the members of a user group (https://docs.slack.dev/reference/methods/usergroups.users.list)."""
    group = call.platform.workspace.usergroups.get(call.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}
