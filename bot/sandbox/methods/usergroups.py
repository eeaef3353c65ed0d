"""Methods about user groups (https://docs.slack.dev/reference/methods?family=usergroups).

Who may make and change them is a setting of the team (`usergroup_editors` of the seed).
"""

import re

from bot.sandbox import happenings
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_id
from bot.sandbox.model import Usergroup

_HANDLE = re.compile(r"[a-z0-9][a-z0-9._-]{0,20}\Z")
_FORBIDDEN = frozenset(("channel", "everyone", "here", "slackbot"))
_MAX_NAME = 80
_MAX_DESCRIPTION = 140
_WRITE = "usergroups:write"


def _editor(call: Call) -> None:
    workspace = call.platform.workspace
    if not workspace.may_edit_usergroups(workspace.users[call.actor]):
        raise SlackError("permission_denied")


def _group(call: Call, *, with_disabled: bool = True) -> Usergroup:
    group = call.platform.workspace.usergroups.get(call.required("usergroup"))
    if group is None or (group.is_disabled and not with_disabled):
        raise SlackError("no_such_subteam")
    return group


def _channels(call: Call) -> list[str]:
    wanted = call.names("channels")
    if not set(wanted) <= set(call.platform.workspace.channels):
        raise SlackError("invalid_channel_provided")
    return wanted


def _name(call: Call, group: Usergroup | None = None) -> str:
    name = call.text("name").strip()
    if not name:
        raise SlackError("missing_subteam_name")
    if len(name) > _MAX_NAME:
        raise SlackError("name_too_long")
    if any(one.name == name for one in call.platform.workspace.usergroups.values() if one is not group):
        raise SlackError("name_already_exists")
    return name


def _handle(call: Call, handle: str, group: Usergroup | None = None) -> str:
    """Return a handle that nobody has: no user, no channel, no other user group."""
    workspace = call.platform.workspace
    if not _HANDLE.match(handle):
        raise SlackError("bad_handle")
    if handle in _FORBIDDEN:
        raise SlackError("forbidden_handle")
    taken = {user.name for user in workspace.users.values()} | {one.name for one in workspace.channels.values()}
    taken |= {one.handle for one in workspace.usergroups.values() if one is not group}
    if handle in taken:
        raise SlackError("handle_already_exists")
    return handle


def _description(call: Call) -> str:
    if len(call.text("description")) > _MAX_DESCRIPTION:
        raise SlackError("description_too_long")
    return call.text("description")


def _shown(call: Call, group: Usergroup) -> Json:
    return {"usergroup": group.wire(with_users=True, with_count=call.flag("include_count"))}


@method("usergroups.list", "usergroups:read", tier=2, json_body=False)
async def list_usergroups(call: Call) -> Json:
    """List user groups (https://docs.slack.dev/reference/methods/usergroups.list)."""
    with_users, with_disabled = call.flag("include_users"), call.flag("include_disabled")
    with_count = call.flag("include_count")
    groups = call.platform.workspace.usergroups.values()
    return {
        "usergroups": [
            group.wire(with_users=with_users, with_count=with_count)
            for group in groups
            if with_disabled or not group.is_disabled
        ]
    }


@method("usergroups.create", _WRITE, tier=2)
async def create(call: Call) -> Json:
    """Make a user group (https://docs.slack.dev/reference/methods/usergroups.create)."""
    _editor(call)
    name = _name(call)
    handle = call.text("handle").removeprefix("@") or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:21]
    now = int(call.platform.clock())
    group = Usergroup(
        new_id("S"),
        _handle(call, handle),
        name,
        call.platform.workspace.team.id,
        [],
        description=_description(call),
        channels=_channels(call),
        created_by=call.actor,
        date_create=now,
    )
    call.platform.workspace.usergroups[group.id] = group
    happenings.usergroup(call.platform, group, call.actor, created=True)
    return _shown(call, group)


@method("usergroups.update", _WRITE, tier=2)
async def update(call: Call) -> Json:
    """Change a user group (https://docs.slack.dev/reference/methods/usergroups.update)."""
    _editor(call)
    group = _group(call)
    name = _name(call, group) if call.raw("name") is not None else group.name
    wanted = call.text("handle").removeprefix("@")
    handle = _handle(call, wanted, group) if call.raw("handle") is not None else group.handle
    description = _description(call) if call.raw("description") is not None else group.description
    channels = _channels(call) if call.raw("channels") is not None else group.channels
    group.name, group.handle, group.description, group.channels = name, handle, description, channels
    happenings.usergroup(call.platform, group, call.actor)
    return _shown(call, group)


@method("usergroups.disable", _WRITE, tier=2)
async def disable(call: Call) -> Json:
    """Take a user group out of use (https://docs.slack.dev/reference/methods/usergroups.disable)."""
    _editor(call)
    group = _group(call)
    group.date_delete, group.deleted_by = int(call.platform.clock()), call.actor
    happenings.usergroup(call.platform, group, call.actor)
    return _shown(call, group)


@method("usergroups.enable", _WRITE, tier=2)
async def enable(call: Call) -> Json:
    """Put a user group into use again (https://docs.slack.dev/reference/methods/usergroups.enable)."""
    _editor(call)
    group = _group(call)
    group.date_delete, group.deleted_by = 0, ""
    happenings.usergroup(call.platform, group, call.actor)
    return _shown(call, group)


@method("usergroups.users.list", "usergroups:read", tier=2, json_body=False)
async def list_members(call: Call) -> Json:
    """List the members of a user group (https://docs.slack.dev/reference/methods/usergroups.users.list)."""
    return {"users": list(_group(call, with_disabled=call.flag("include_disabled")).users)}


@method("usergroups.users.update", _WRITE, tier=2)
async def update_members(call: Call) -> Json:
    """Set all members of a user group (https://docs.slack.dev/reference/methods/usergroups.users.update)."""
    _editor(call)
    group = _group(call)
    wanted = list(dict.fromkeys(call.names("users")))
    if not wanted:
        raise SlackError("no_users_provided")
    users = call.platform.workspace.users
    if any(
        ident not in users or users[ident].deleted or users[ident].is_bot or users[ident].is_guest for ident in wanted
    ):
        raise SlackError("invalid_users")
    if any(users[ident].is_stranger for ident in wanted):
        raise SlackError("failed_for_some_users")
    happenings.usergroup_members(call.platform, group, wanted, call.actor)
    return _shown(call, group)
