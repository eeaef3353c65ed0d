"""Slack's app manifest, made from the settings and the declared commands, so that both always fit.

Source: https://docs.slack.dev/reference/app-manifest
"""

import json
from collections.abc import Iterable, Mapping, Sequence

import yaml

from bot.arguments import usage
from bot.command import Command
from bot.errors import BadInput
from bot.settings import Settings, Slack
from bot.slack.modals import CALLBACK
from bot.slack.mrkdwn import Json, cut_plain
from bot.slack.quoting import takes_message
from bot.slack.web import PATH

ROOT = "shipmate"
DEFAULT = ("deploy",)
MAX_COMMANDS = 50
MAX_COMMAND = 32
_MAX_DESCRIPTION = 2000
_MAX_HINT = 1000
_MAX_SHORTCUT = 24

SCOPES: Mapping[str, str] = {
    "app_mentions:read": "hear @shipmate …",
    "channels:history": "find a message again after a crash, so that none is posted twice",
    "channels:read": "find channels by name, and see which are shared with other organisations",
    "chat:write": "post and edit",
    "commands": "slash commands and shortcuts",
    "files:read": "show pictures of metrics",
    "files:write": "upload pictures of metrics",
    "groups:history": "as channels:history, for private channels it is invited to",
    "groups:read": "as channels:read, for private channels it is invited to",
    "im:history": "hear what is written to it directly",
    "im:read": "recognise direct messages",
    "im:write": "write to people directly",
    "reactions:read": "see reactions on its own messages",
    "usergroups:read": "know who is in a user group that a group of the configuration names",
    "users:read": "know who asks: name, time zone, guest or not, own organisation or not",
    "users:read.email": "know whose commits are whose",
}
"""Every scope that is asked for, and why."""

LINK_SCOPES: Mapping[str, str] = {
    "links:read": "hear of links to the domains of `slack.unfurl`",
    "links:write": "show below a message what is behind them",
}
"""Asked for only where `slack.unfurl` names domains."""

TOPIC_SCOPES: Mapping[str, str] = {
    "channels:write.topic": "name who is on call in the topic of a schedule's channel",
    "groups:write.topic": "as channels:write.topic, for private channels it is invited to",
}
"""Asked for only where a topic may follow a schedule."""

USER_SCOPES: Mapping[str, str] = {"usergroups:write": "have a user group follow who is on call"}
"""Asked of a person, only where a user group follows a schedule."""

EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.im",
    "reaction_added",
    "tokens_revoked",
    "user_change",
)

RESERVED = frozenset(
    [
        "active",
        "apps",
        "archive",
        "away",
        "call",
        "collapse",
        "dm",
        "dnd",
        "expand",
        "feed",
        "feedback",
        "huddle",
        "invite",
        "invite_people",
        "join",
        "keys",
        "kick",
        "leave",
        "list",
        "me",
        "msg",
        "mute",
        "open",
        "part",
        "prefs",
        "remind",
        "remove",
        "rename",
        "search",
        "shortcuts",
        "shrug",
        "star",
        "status",
        "topic",
        "unarchive",
        "who",
    ]
)
"""Slack's own commands, which no app may take (https://slack.com/help/articles/201259356)."""


def build(settings: Settings, registry: Mapping[str, Command], *, name: str = "Shipmate") -> Json:
    """Return the manifest as JSON.

    Raises:
        BadInput: an alias is no command, Slack reserves its name, there are too many, or HTTP mode has no
            `server.public_url`.
    """
    socket = settings.slack.mode == "socket"
    url = _url(settings)
    request = {} if socket else {"request_url": url}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": name,
            "description": "Carries releases from a channel to a running service and back.",
            "background_color": "#1d2b3a",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "shortcuts": _shortcuts(registry),
            **({"unfurl_domains": list(settings.slack.unfurl)} if settings.slack.unfurl else {}),
            "slash_commands": [{**one, **({} if socket else {"url": url})} for one in _commands(settings, registry)],
        },
        "oauth_config": {"scopes": {"bot": sorted(scopes(settings)), **_user_scopes(settings)}},
        "settings": {
            "event_subscriptions": {"bot_events": events(settings.slack), **request},
            "interactivity": {
                "is_enabled": True,
                **request,
                **({} if socket else {"message_menu_options_url": url}),
            },
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def scopes(settings: Settings) -> Mapping[str, str]:
    """Return every scope that the bot needs with these settings, and why."""
    topics = any(one.topic != "never" for one in settings.oncall.followed)
    return {**SCOPES, **(LINK_SCOPES if settings.slack.unfurl else {}), **(TOPIC_SCOPES if topics else {})}


def _user_scopes(settings: Settings) -> Json:
    return {"user": sorted(USER_SCOPES)} if any(one.usergroup for one in settings.oncall.followed) else {}


def events(slack: Slack) -> list[str]:
    """Return every event that is subscribed to."""
    return sorted({*EVENTS, "link_shared"}) if slack.unfurl else list(EVENTS)


def as_json(manifest: Json) -> str:
    """Return a manifest as Slack's page for new apps takes it."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def as_yaml(manifest: Json) -> str:
    """Return a manifest as YAML, which Slack takes too."""
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)


def names(settings: Settings) -> dict[str, str]:
    """Return what each slash command stands for: "/acme-deploy" -> "deploy", the root -> ""."""
    prefix = settings.slack.prefix
    wanted = dict.fromkeys((ROOT, *DEFAULT, *settings.slack.aliases))
    return {f"/{prefix}{one}": "" if one == ROOT else one for one in wanted}


def _commands(settings: Settings, registry: Mapping[str, Command]) -> Iterable[Json]:
    declared = names(settings)
    if len(declared) > MAX_COMMANDS:
        raise BadInput(
            "too_many_commands", f"{len(declared)} slash commands: Slack takes {MAX_COMMANDS}; shorten slack.aliases."
        )
    for slash, words in declared.items():
        if slash[1:] in RESERVED:
            raise BadInput(
                "reserved_command",
                f"{slash} is a command of Slack itself: set slack.prefix or drop it from slack.aliases.",
            )
        if len(slash) > MAX_COMMAND:
            raise BadInput("long_command", f"{slash} is longer than the {MAX_COMMAND} characters Slack takes.")
        command = registry.get(words or ROOT)
        members = [one for name, one in registry.items() if name.startswith(f"{words} ")] if words else []
        if members:
            yield _group(slash, [one for one in members if not one.hidden])
            continue
        if words and command is None:
            if words in DEFAULT:
                continue
            raise BadInput("unknown_alias", f"slack.aliases: {words} is no command of Shipmate.")
        summary = command.summary if command is not None else "Everything Shipmate can do"
        hint = "help" if not words or command is None else _hint(command)
        entry: Json = {
            "command": slash,
            "description": cut_plain(summary or words, _MAX_DESCRIPTION),
            "should_escape": True,
        }
        yield {**entry, "usage_hint": cut_plain(hint, _MAX_HINT)} if hint else entry


def _group(slash: str, members: Sequence[Command]) -> Json:
    """Return the slash command of a group, whose hint names what may follow it."""
    verbs = [one.name.partition(" ")[2] for one in members]
    return {
        "command": slash,
        "description": cut_plain(" ".join(one.summary for one in members), _MAX_DESCRIPTION),
        "should_escape": True,
        "usage_hint": cut_plain(" | ".join(verbs), _MAX_HINT),
    }


def _hint(command: Command) -> str:
    """Return the usage without the command's own name, which Slack shows beside it."""
    return usage(command).removeprefix("/").removeprefix(command.name).strip()


def _shortcuts(registry: Mapping[str, Command]) -> list[Json]:
    """Return the shortcuts: of commands that are declared in any case, and on messages of those that take one."""
    anywhere = [_shortcut(registry[name], "global") for name in DEFAULT if name in registry]
    return anywhere + [_shortcut(one, "message") for one in registry.values() if takes_message(one)]


def _shortcut(command: Command, kind: str) -> Json:
    """Return one shortcut; of "issue create" it is called "Create issue…"."""
    words = " ".join(reversed(command.name.split()))
    return {
        "name": cut_plain(f"{words.capitalize()}…", _MAX_SHORTCUT),
        "type": kind,
        "callback_id": f"{CALLBACK}{command.name}",
        "description": cut_plain(command.summary or command.name, 150),
    }


def _url(settings: Settings) -> str:
    if settings.slack.mode == "socket":
        return ""
    if not settings.server.public_url:
        raise BadInput("no_public_url", "slack.mode is http, so Slack must be told where: set server.public_url.")
    return settings.server.public_url.rstrip("/") + PATH
