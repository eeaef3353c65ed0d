"""Whether a payload has the shape that the edge reads: what is an object, a list, a text.

Slack's own payloads have it; anything else is refused as a whole before somebody reads a part of it.
Source: https://docs.slack.dev/reference/interaction-payloads and https://docs.slack.dev/reference/events
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.slack.mrkdwn import Json

_Object = dict[str, Any] | None
_Text = str | None


class _Command(Struct):
    trigger_id: str
    user_id: str
    command: str
    text: _Text = None


class _State(Struct):
    values: dict[str, dict[str, dict[str, Any]]] | None = None


class _View(Struct):
    state: _State | None = None
    blocks: list[dict[str, Any]] = []
    private_metadata: _Text = None
    callback_id: _Text = None


class _Interaction(Struct):
    """What all that people press, choose and submit has in common."""

    user: dict[str, Any]
    team: _Object = None
    channel: _Object = None
    container: _Object = None
    message: _Object = None
    trigger_id: _Text = None
    view: _View | None = None


class _Action(_Interaction, kw_only=True):
    trigger_id: str
    actions: list[dict[str, Any]]


class _Shortcut(_Interaction, kw_only=True):
    trigger_id: str


class _Viewed(_Interaction, kw_only=True):
    view: _View


class _Person(Struct):
    profile: _Object = None
    enterprise_user: _Object = None


class _Told(Struct):
    type: str
    user: str | _Person | None = None
    item: _Object = None
    links: list[dict[str, Any]] | None = None
    channel: Any = None


class _Event(Struct):
    event: _Told
    event_id: str


class _Other(Struct):
    """What is none of ours, and is left to Bolt: it looks whether something in it is our own doing."""

    event: _Object = None
    authorizations: list[dict[str, Any]] | None = None


_SHAPES: Final[Mapping[str, type[Struct]]] = {
    "command": _Command,
    "action": _Action,
    "options": _Interaction,
    "view": _Viewed,
    "view_closed": _Viewed,
    "event": _Event,
    "shortcut": _Shortcut,
    "": _Other,
}


def mistake(kind: str, body: Json) -> str:
    """Return what is wrong with a payload of this kind, "" where nothing is."""
    try:
        msgspec.convert(body, _SHAPES[kind])
    except msgspec.ValidationError as error:
        return str(error)
    return ""
