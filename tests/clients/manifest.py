"""The manifest of the small app that every client library builds: see javascript/app.js and python/app.py."""

import copy
from typing import Any

_MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Beginner", "description": "The first app of somebody who reads the guide"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "beginner", "always_online": True},
        "slash_commands": [
            {"command": "/echo", "description": "Say it again", "usage_hint": "<words>"},
            {"command": "/ticket", "description": "Open a ticket"},
            {"command": "/people", "description": "Count the people of the workspace"},
            {"command": "/lost", "description": "Write to a channel that does not exist"},
        ],
        "shortcuts": [
            {"name": "New ticket", "type": "global", "callback_id": "new_ticket", "description": "Open a ticket"},
            {"name": "Note it", "type": "message", "callback_id": "note_it", "description": "Keep what it says"},
        ],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "app_mentions:read",
                "channels:history",
                "channels:read",
                "chat:write",
                "commands",
                "files:read",
                "files:write",
                "groups:read",
                "im:history",
                "im:read",
                "im:write",
                "reactions:read",
                "reactions:write",
                "users:read",
            ]
        }
    },
    "settings": {
        "event_subscriptions": {
            "bot_events": ["app_home_opened", "app_mention", "message.channels", "message.im", "reaction_added"]
        },
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}


def manifest(*more_scopes: str, name: str = "Beginner", redirect_url: str = "") -> dict[str, Any]:
    """Return a copy of the manifest, with more scopes, for an app of this name; `redirect_url` is that of OAuth."""
    made = copy.deepcopy(_MANIFEST)
    made["display_information"]["name"] = name
    made["oauth_config"]["scopes"]["bot"] += more_scopes
    if redirect_url:
        made["oauth_config"]["redirect_urls"] = [redirect_url]
    return made
