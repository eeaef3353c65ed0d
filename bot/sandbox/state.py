"""The workspace as JSON for tests and for the page: all of it, or what one person sees."""

from bot.sandbox.errors import Json
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.platform import Platform
from bot.sandbox.views import View
from bot.sandbox.workspace import SLACKBOT


def whole(platform: Platform, viewer: User | None) -> Json:
    """Return users, team, channels with messages, apps and open views; `viewer` hides what that person cannot see."""
    workspace = platform.workspace
    seen = [c for c in workspace.channels.values() if viewer is None or viewer.id in c.members]
    views = [view for stack in platform.views.stacks.values() for view in stack]
    return {
        "team": workspace.team.wire(),
        "teams": [team.wire() for team in workspace.teams.values()],
        "users": [user(one) for one in workspace.users.values()],
        "usergroups": [group.wire(with_users=True) for group in workspace.usergroups.values()],
        "channels": [channel(platform, one, viewer) for one in seen],
        "apps": [app_state(platform, ident) for ident in platform.apps.installed],
        "views": [view_state(view) for view in views if viewer is None or view.user == viewer.id],
        "hints": list(workspace.hints),
        "now": platform.clock(),
        "viewer": viewer.id if viewer else None,
    }


def user(one: User) -> Json:
    """Return a person as the page shows them."""
    return {
        "id": one.id,
        "name": one.name,
        "real_name": one.real_name,
        "role": one.role,
        "team_id": one.team_id,
        "is_guest": one.is_guest,
        "is_stranger": one.is_stranger,
        "is_bot": one.is_bot,
        "is_deactivated": one.deleted,
        "is_slackbot": one.id == SLACKBOT,
        "bot_id": one.bot_id or None,
        "app_id": one.app_id or None,
        "tz": one.tz,
    }


def channel(platform: Platform, one: Channel, viewer: User | None, only: frozenset[str] | None = None) -> Json:
    """Return a channel with the messages `viewer` sees, oldest first; `only` takes those with these `ts`."""
    asked = one.messages.values() if only is None else [m for ts, m in one.messages.items() if ts in only]
    shown = [m for m in asked if viewer is None or m.ephemeral_to in {"", viewer.id}]
    name = one.name
    if one.is_im:
        others = [m for m in one.members if viewer is None or m != viewer.id] or one.members
        name = ",".join(platform.workspace.users[member].name for member in others)
    return {
        "id": one.id,
        "name": name,
        "kind": one.kind,
        "is_im": one.is_im,
        "is_private": one.kind != "channel",
        "is_ext_shared": one.is_ext_shared,
        "topic": one.topic,
        "purpose": one.purpose,
        "members": list(one.members),
        "pins": list(one.pins),
        "bookmarks": [bookmark.wire() for bookmark in one.bookmarks.values()],
        "messages": [message(platform, m, viewer) for m in shown],
    }


def message(platform: Platform, one: Message, viewer: User | None) -> Json:
    """Return a message: what `conversations.history` gives, who sees it, and what the viewer has entered into it.

    `exchange` is the number of the exchange that posted it, where an app did (see `GET /_sandbox/wire/<number>`).
    """
    files = platform.workspace.file_objects(one, platform.base_url)
    shown: Json = {"blocks": [], "reactions": []} | one.wire(files, with_metadata=True)
    shown |= {"channel": one.channel, "user": one.user}
    shown["blocks"] = [_with_address(platform, block) for block in shown["blocks"]]
    if (cause := platform.log.cause_of(f"{one.channel}:{one.ts}")) is not None:
        shown["exchange"] = cause
    if one.ephemeral_to:
        shown["ephemeral_to"] = one.ephemeral_to
    if viewer is not None and viewer.id in one.inputs:
        shown["inputs"] = one.inputs[viewer.id]
    elif viewer is None and one.inputs:
        shown["all_inputs"] = one.inputs
    return shown


def _with_address(platform: Platform, block: Json) -> Json:
    """Return an image block that names an uploaded file with the file's address, which a page needs to show it.

    Slack's clients look it up by the id (https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object).
    """
    named = block.get("slack_file")
    if not isinstance(named, dict) or (file := platform.workspace.files.get(str(named.get("id")))) is None:
        return block
    return block | {"slack_file": {**named, "url": file.wire(platform.base_url)["url_private"]}}


def view_state(view: View) -> Json:
    """Return a view, whose it is, and the errors below its inputs (block id -> sentence, "" for the whole view)."""
    return view.wire() | {"user": view.user, "errors": dict(view.errors)}


def app_state(platform: Platform, ident: str) -> Json:
    """Return an installed app without its secrets."""
    app = platform.apps.installed[ident]
    manifest = app.manifest
    return {
        "id": app.id,
        "name": app.name,
        "description": manifest.description,
        "bot_user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "mode": app.mode,
        "connected": platform.sockets.connected(app.id) > 0
        if app.mode == "socket"
        else bool(app.url_for("events_api")),
        "connections": platform.sockets.connected(app.id),
        "home_tab": manifest.home_tab,
        "commands": [
            {"command": c.command, "description": c.description, "usage_hint": c.usage_hint} for c in manifest.commands
        ],
        "shortcuts": [
            {"name": s.name, "type": s.type, "callback_id": s.callback_id, "description": s.description}
            for s in manifest.shortcuts
        ],
        "scopes": sorted(manifest.scopes),
        "bot_events": sorted(manifest.bot_events),
    }
