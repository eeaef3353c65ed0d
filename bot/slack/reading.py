"""What Slack delivers, read into `Invocation`s: plain functions of the payload.

Source: https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling,
https://docs.slack.dev/reference/interaction-payloads and https://docs.slack.dev/reference/events
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from bot.command import Invocation, Trigger
from bot.identity import Channel, Person
from bot.slack.buttons import Press
from bot.slack.mrkdwn import Json

_MENTION = re.compile(r"^\s*<@[UW][A-Z0-9]+(\|[^>]*)?>[\s,:]*")
_SKIN_TONE = re.compile(r"::skin-tone-\d$")
_LONGEST = 20_000
_FIRST = datetime(2013, 1, 1, tzinfo=UTC)  # there was no Slack before
_AHEAD = timedelta(days=1)


class Home(Struct, frozen=True):
    """The workspace we are installed in, to name people and channels with."""

    team: str
    enterprise: str = ""


class Reaction(Struct, frozen=True):
    """An emoji put on a message: which, by whom, on what."""

    delivery_id: str
    name: str
    person: Person
    channel: Channel
    ts: str
    at: datetime


def person(home: Home, user: object, team: object, enterprise: object = "") -> Person:
    """Return who acted. A team that is not told is "unknown", which is never ours."""
    told = str(team or "") or "unknown"
    same = told == home.team or bool(home.enterprise and enterprise == home.enterprise)
    return Person(team=told, user=str(user or "unknown"), enterprise=home.enterprise if same else str(enterprise or ""))


def command(body: Json, names: Mapping[str, str], home: Home, now: datetime) -> Invocation:
    """Read a slash command; `names` maps "/deploy" to the words it stands for ("deploy"; "" for the root).

    In a shared channel `team_id` is the workspace of who typed it.
    """
    typed = str(body.get("command") or "").lower()
    words = names.get(typed, typed.removeprefix("/"))
    text = str(body.get("text") or "")[:_LONGEST]
    return Invocation(
        delivery_id=str(body["trigger_id"]),
        trigger=Trigger.SLASH,
        person=person(home, body.get("user_id"), body.get("team_id"), body.get("enterprise_id")),
        at=now,
        person_name=str(body.get("user_name") or ""),
        text=f"{words} {text}".strip(),
        channel=Channel(team=home.team, channel=str(body.get("channel_id")), enterprise=home.enterprise),
        channel_name=str(body.get("channel_name") or ""),
        response_url=str(body.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def press(body: Json, pressed: Press, home: Home, now: datetime) -> Invocation:
    """Read a pressed button."""
    user, container = _part(body, "user"), _part(body, "container")
    message, action = _part(body, "message"), (body.get("actions") or [{}])[0]
    channel = _part(body, "channel").get("id") or container.get("channel_id")
    message_ts = str(container.get("message_ts") or message.get("ts") or "")
    thread_ts = str(container.get("thread_ts") or message.get("thread_ts") or "")
    return Invocation(
        delivery_id=str(body["trigger_id"]),
        trigger=Trigger.BUTTON,
        person=person(home, user.get("id"), user.get("team_id"), _enterprise(body)),
        at=_moment(action.get("action_ts"), now),
        person_name=str(user.get("name") or user.get("username") or ""),
        command=pressed.command,
        args=pressed.args,
        channel=_channel(home, channel),
        channel_name=str(_part(body, "channel").get("name") or ""),
        thread_ts=thread_ts if thread_ts != message_ts else "",
        message_ts=message_ts,
        response_url=str(body.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def shortcut(body: Json, name: str, home: Home, now: datetime) -> Invocation:
    """Read a global or message shortcut that stands for the command `name`."""
    user, message = _part(body, "user"), _part(body, "message")
    message_ts = str(body.get("message_ts") or message.get("ts") or "")
    return Invocation(
        delivery_id=str(body["trigger_id"]),
        trigger=Trigger.SHORTCUT,
        person=person(home, user.get("id"), user.get("team_id") or _part(body, "team").get("id"), _enterprise(body)),
        at=_moment(body.get("action_ts"), now),
        person_name=str(user.get("username") or user.get("name") or ""),
        command=name,
        channel=_channel(home, _part(body, "channel").get("id")),
        thread_ts=str(message.get("thread_ts") or ""),
        message_ts=message_ts,
        response_url=str(body.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def submission(body: Json, name: str, args: Mapping[str, str], kept: Json, home: Home, now: datetime) -> Invocation:
    """Read a submitted modal; `kept` is where it was opened from (its private metadata)."""
    user = _part(body, "user")
    return Invocation(
        delivery_id=str(body.get("trigger_id") or view_delivery(body)),
        trigger=Trigger.MODAL,
        person=person(home, user.get("id"), user.get("team_id"), _enterprise(body)),
        at=now,
        person_name=str(user.get("name") or user.get("username") or ""),
        command=name,
        args=args,
        channel=_channel(home, kept.get("channel")),
        channel_name=str(kept.get("channel_name") or ""),
        thread_ts=str(kept.get("thread_ts") or ""),
        message_ts=str(kept.get("message_ts") or ""),
        subject=str(kept.get("subject") or ""),
        response_url=str(kept.get("response_url") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def mention(body: Json, home: Home, now: datetime) -> Invocation | None:
    """Read a message that mentions the bot or is written to it; None when a program or an edit wrote it."""
    event = _part(body, "event")
    if event.get("bot_id") or event.get("subtype") or not event.get("user") or event.get("hidden"):
        return None
    text = _MENTION.sub("", str(event.get("text") or "")[:_LONGEST]).strip()
    team = event.get("user_team") or event.get("team") or body.get("team_id")
    return Invocation(
        delivery_id=str(body["event_id"]),
        trigger=Trigger.MENTION,
        person=person(home, event.get("user"), team, body.get("enterprise_id")),
        at=_moment(event.get("event_ts") or event.get("ts"), now),
        text=text,
        channel=_channel(home, event.get("channel")),
        thread_ts=str(event.get("thread_ts") or ""),
        message_ts=str(event.get("ts") or ""),
    )


def reaction(body: Json, home: Home, now: datetime) -> Reaction | None:
    """Read an added reaction; None when it is not on a message."""
    event = _part(body, "event")
    item = _part(event, "item")
    if item.get("type") != "message" or not event.get("user"):
        return None
    return Reaction(
        delivery_id=str(body["event_id"]),
        name=_SKIN_TONE.sub("", str(event.get("reaction") or "")),
        person=person(
            home, event.get("user"), event.get("user_team") or body.get("team_id"), body.get("enterprise_id")
        ),
        channel=Channel(team=home.team, channel=str(item.get("channel")), enterprise=home.enterprise),
        ts=str(item.get("ts") or ""),
        at=_moment(event.get("event_ts"), now),
    )


def view_delivery(body: Json) -> str:
    """Return the id of a delivery about a view that has no trigger: the view, its state and what happened."""
    view = _part(body, "view")
    return f"{view.get('id', '')}/{view.get('hash', '')}/{body.get('type', '')}"


def metadata(view: Json) -> Json:
    """Return the JSON in a view's private metadata, empty when there is none."""
    try:
        value = json.loads(str(view.get("private_metadata") or "{}"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _part(body: Json, name: str) -> Json:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _enterprise(body: Json) -> str:
    return str(_part(body, "user").get("enterprise_id") or "")


def _channel(home: Home, ident: object) -> Channel | None:
    return Channel(team=home.team, channel=str(ident), enterprise=home.enterprise) if ident else None


def _moment(ts: object, now: datetime) -> datetime:
    """Return the moment of a Slack time stamp ("1700000000.000100"), `now` when there is none, or none that can be."""
    try:
        told = datetime.fromtimestamp(float(str(ts)), UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return told if _FIRST < told < now + _AHEAD else now
