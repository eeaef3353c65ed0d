"""A Slack app manifest for tests: everything switched on."""

import copy
from typing import Any

SCOPES = [
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "links:read",
    "links:write",
    "pins:read",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
]

EVENTS = [
    "app_home_opened",
    "app_mention",
    "member_joined_channel",
    "message.channels",
    "message.im",
    "reaction_added",
    "reaction_removed",
]

_MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Ferry", "description": "Ships things"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "ferry", "always_online": True},
        "slash_commands": [
            {"command": "/ship", "description": "Ship a thing", "usage_hint": "<thing>"},
            {"command": "/who-is", "description": "Look people up", "should_escape": True},
        ],
        "shortcuts": [
            {"name": "Ship it", "type": "global", "callback_id": "ship_it", "description": "Ship something"},
            {"name": "Ship this", "type": "message", "callback_id": "ship_this", "description": "Ship what it says"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {
        "event_subscriptions": {"bot_events": EVENTS},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}


def manifest(**settings):
    """Return a fresh manifest; `scopes` and `events` replace the lists, `domains` are those it unfurls."""
    made = copy.deepcopy(_MANIFEST)
    if "scopes" in settings:
        made["oauth_config"]["scopes"]["bot"] = settings["scopes"]
    if "events" in settings:
        made["settings"]["event_subscriptions"]["bot_events"] = settings["events"]
    if "domains" in settings:
        made["features"]["unfurl_domains"] = settings["domains"]
    return made
