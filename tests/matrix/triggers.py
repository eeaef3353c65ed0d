"""Every way to ask, as Slack's payloads and the terminal's requests: each takes a role and a wish, and asks it.

Source: https://docs.slack.dev/interactivity/implementing-slash-commands, https://docs.slack.dev/reference/events and
https://docs.slack.dev/reference/interaction-payloads
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from bot.arguments import SUBJECT_ARGS, grammar_of
from bot.command import Invocation, Trigger
from bot.identity import Person
from bot.slack import modals
from tests.matrix.rig import Town
from tests.matrix.roles import MINE, Role
from tests.matrix.subjects import STAMPS
from tests.matrix.wishes import Wish

Json = dict[str, Any]
_numbers = count(1)


def _fresh(kind: str) -> str:
    return f"{kind}{next(_numbers)}"


def _acted(town: Town, role: Role) -> Json:
    return {"user": town.user(role), "team": {"id": town.user(role)["team_id"]}, "trigger_id": _fresh("trigger")}


async def _hear(town: Town, kind: str, body: Json) -> str:
    edge = town.app.slack.edge
    assert edge is not None
    answered = await edge.listeners[kind](body)
    code = await town.settled()
    return _code_in(answered) if code == "silent" and answered is not None else code


def _code_in(answered: Json | str) -> str:
    """Return the code of an answer that stands in the acknowledgement alone; below an input stand its words."""
    told = answered if isinstance(answered, str) else json.dumps(answered)
    named = re.search(r"\(([a-z_]+)\)", told)
    return named[1] if named else "deactivated" if "account is deactivated" in told else f"unread: {told}"


async def root(town: Town, role: Role, wish: Wish) -> str:
    """Type "/shipmate deploy …"."""
    return await _slash(town, role, "/shipmate", wish.line)


async def alias(town: Town, role: Role, wish: Wish) -> str:
    """Type "/deploy …"."""
    return await _slash(town, role, f"/{wish.command.name}", wish.line.removeprefix(wish.command.name).strip())


async def _slash(town: Town, role: Role, command: str, words: str) -> str:
    user = town.user(role)
    body = {
        "command": command, "text": words, "user_id": user["id"], "team_id": user["team_id"],
        "channel_id": town.channel, "trigger_id": _fresh("trigger"), "response_url": "http://127.0.0.1:1/",
    }  # fmt: skip
    return await _hear(town, "command", body)


async def mention(town: Town, role: Role, wish: Wish) -> str:
    """Write "@shipmate deploy …" in a channel."""
    return await _said(town, role, wish, {})


async def thread(town: Town, role: Role, wish: Wish) -> str:
    """Write it in the thread of a card."""
    return await _said(town, role, wish, {"thread_ts": STAMPS[MINE]})


async def _said(town: Town, role: Role, wish: Wish, more: Json) -> str:
    user = town.user(role)
    event = {
        "type": "app_mention", "user": user["id"], "user_team": user["team_id"], "channel": town.channel,
        "text": f"<@U0BOT> {wish.line}", "ts": f"{town.app.clock.now().timestamp():.6f}", **more,
    }  # fmt: skip
    return await _hear(town, "event", {"event": event, "event_id": _fresh("Ev"), "team_id": user["team_id"]})


async def button(town: Town, role: Role, wish: Wish) -> str:
    """Press a button on a message."""
    place = {"type": "message", "message_ts": "1600000000.000100", "channel_id": town.channel}
    return await _press(town, role, wish, {"channel": {"id": town.channel}, "container": place})


async def home(town: Town, role: Role, wish: Wish) -> str:
    """Press a button of the App Home, which is in no channel."""
    return await _press(town, role, wish, {"container": {"type": "view", "view_id": "V1"}})


async def _press(town: Town, role: Role, wish: Wish, where: Json) -> str:
    value = json.dumps(dict(wish.args), separators=(",", ":"))
    action = {"type": "button", "action_id": f"do:{wish.command.name}:0", "value": value}
    return await _hear(town, "action", {"type": "block_actions", **_acted(town, role), "actions": [action], **where})


async def submission(town: Town, role: Role, wish: Wish) -> str:
    """Submit the command's form with these values."""
    invocation = Invocation(delivery_id="", trigger=Trigger.BUTTON, person=Person("T", "U"), at=town.app.clock.now())
    view = modals.build(wish.command, wish.args, invocation)
    values = {
        block["block_id"]: {block["element"]["action_id"]: _filled(block["element"])}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    view = {**view, "id": _fresh("V"), "hash": "h", "state": {"values": values}, "private_metadata": "{}"}
    return await _hear(town, "view", {"type": "view_submission", **_acted(town, role), "view": view})


def _filled(element: Json) -> Json:
    """Return an input as Slack sends what it holds, taken over from what the form was opened with."""
    match element["type"]:
        case "checkboxes":
            return {"type": "checkboxes", "selected_options": element.get("initial_options", [])}
        case "static_select" | "external_select":
            return {"type": element["type"], "selected_option": element.get("initial_option")}
        case kind:
            return {"type": kind, "value": element.get("initial_value")}


async def shortcut(town: Town, role: Role, wish: Wish) -> str:
    """Choose the command's global shortcut: it only opens the form."""
    return await _hear(
        town, "shortcut", {"type": "shortcut", "callback_id": f"args:{wish.command.name}", **_acted(town, role)}
    )


async def reaction(town: Town, role: Role, wish: Wish) -> str:
    """Put the emoji that means this command on the card of what it is about."""
    meant = {command: emoji for emoji, command in town.app.settings.slack.reactions.items()}
    stamp = STAMPS[wish.about]
    if "alert" in wish.args:
        stamp = stamp.replace(".0001", ".0002")
    user = town.user(role)
    event = {
        "type": "reaction_added", "user": user["id"], "user_team": user["team_id"],
        "reaction": meant[wish.command.name],
        "item": {"type": "message", "channel": town.channel, "ts": stamp},
    }  # fmt: skip
    return await _hear(town, "event", {"event": event, "event_id": _fresh("Ev"), "team_id": user["team_id"]})


async def token(town: Town, role: Role, wish: Wish) -> str:
    """Type it in a terminal, with a token of the configuration."""
    return await town.typed(wish.line, town.token(role))


async def id_token(town: Town, role: Role, wish: Wish) -> str:
    """Type it in a terminal, signed in at the identity provider."""
    return await town.typed(wish.line, town.id_token(role))


Ask = Callable[[Town, Role, Wish], Awaitable[str]]
IN_SLACK: Mapping[str, Ask] = {
    ask.__name__: ask for ask in (root, alias, mention, thread, button, home, submission, shortcut, reaction)
}
ELSEWHERE: Mapping[str, Ask] = {ask.__name__: ask for ask in (token, id_token)}
WAYS: Mapping[str, Ask] = {**IN_SLACK, **ELSEWHERE}
FORGEABLE = frozenset({"mention", "thread", "reaction"})


def ways(town: Town, role: Role, wish: Wish) -> list[str]:
    """Return the ways in which this role can ask for this wish."""
    slack = town.app.settings.slack
    found = list(IN_SLACK) if role.user else []
    if wish.command.name not in {"deploy", *slack.aliases}:
        found = [one for one in found if one != "alias"]
    subject = any(name in grammar_of(wish.command.args).slots for name in SUBJECT_ARGS)
    if wish.command.name not in slack.reactions.values() or not subject:
        found = [one for one in found if one != "reaction"]
    if role.user == "hal":
        return found
    return [*found, "token", "id_token"] if role.user else ["token"]
