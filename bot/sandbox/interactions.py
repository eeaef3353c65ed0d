"""Buttons, menus, option look-ups and shortcuts: payloads and what follows from them.

Reference: https://docs.slack.dev/reference/interaction-payloads
"""

import copy
from dataclasses import dataclass

from bot.sandbox.apps import App
from bot.sandbox.elements import (
    STATELESS,
    Placed,
    action_object,
    find_element,
    initial_values,
    value_object,
)
from bot.sandbox.errors import ControlError, Json
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform
from bot.sandbox.views import View


@dataclass(frozen=True, slots=True)
class Source:
    """Where an element is: in a message of a channel, or in a view."""

    app: App
    blocks: list[Json]
    message: Message | None = None
    channel: Channel | None = None
    view: View | None = None

    def attachment_of(self, placed: Placed | None) -> Json | None:
        """Return the attachment that an element is in; None for one in the message's own blocks, or in a view."""
        attachments = self.message.attachments if self.message and placed else []
        return next((one for one in attachments if placed and placed.block in one.get("blocks", [])), None)


def in_message(platform: Platform, user: User, channel: Channel, ts: str) -> Source:
    """Return a message a person acts on; raises `ControlError` when they do not see it or no app wrote it.

    Below what a person wrote, the elements are those of the app that unfurled its link.
    """
    message = channel.messages.get(ts)
    if message is None or message.ephemeral_to not in {"", user.id}:
        raise ControlError(
            "message_not_found", f"ts: {user.name} sees no message {ts!r} in {channel.name or channel.id}"
        )
    shown = [one for one in message.attachments if one.get("app_id", message.app_id) == message.app_id]
    unfurled = next((one for one in message.attachments if one.get("is_app_unfurl")), None)
    app = platform.apps.installed.get(message.app_id)
    if app is None and unfurled is not None:
        app = platform.apps.installed.get(str(unfurled.get("app_id")))
        shown = [unfurled]
    if app is None:
        raise ControlError("not_an_app_message", f"ts: the message {ts} was not written by an app")
    blocks = message.blocks + [block for one in shown for block in one.get("blocks", [])]
    return Source(app, blocks, message=message, channel=channel)


def in_view(platform: Platform, user: User, view_id: str) -> Source:
    """Return a view a person acts on; raises `ControlError` when it is not open for them."""
    view = platform.views.find(view_id)
    if view is None or view.user != user.id:
        own = [v.id for v in platform.views.stacks.get(user.id, [])]
        own += [home.id for home in platform.views.homes.values() if home.user == user.id]
        raise ControlError(
            "view_not_found", f"view_id: {user.name} has no view {view_id!r}; open are {', '.join(own) or 'none'}"
        )
    return Source(platform.apps.installed[view.app_id], view.blocks, view=view)


def base(platform: Platform, app: App, user: User, kind: str, view_id: str = "") -> Json:
    """Return what interaction payloads hold; `user.team_id` and `team` are the person's own team."""
    team = platform.workspace.teams[user.team_id]
    return {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": app.id,
        "token": app.verification_token,
        "trigger_id": platform.tickets.trigger(app.id, user.id, view_id),
        "team": {"id": team.id, "domain": team.domain},
        "enterprise": team.enterprise.wire() if team.enterprise else None,
        "is_enterprise_install": False,
    }


def _place(platform: Platform, source: Source, user: User, placed: Placed | None = None) -> Json:
    """Return the fields that say where the element is: container, channel and message, or view."""
    if source.view is not None:
        return {"container": {"type": "view", "view_id": source.view.id}, "view": source.view.wire()}
    message, channel = source.message, source.channel
    if message is None or channel is None:
        raise TypeError("a source is a view, or a message in a channel")
    attachment = source.attachment_of(placed)
    container: Json = {
        "type": "message" if attachment is None else "message_attachment",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.ephemeral_to),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    place: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": shown_name(channel)},
        "state": {"values": copy.deepcopy(message.inputs.get(user.id)) or initial_values(source.blocks)},
    }
    if attachment is not None:
        container["attachment_id"] = attachment.get("id", 1)
        container["is_app_unfurl"] = bool(attachment.get("is_app_unfurl"))
        if container["is_app_unfurl"]:
            container["app_unfurl_url"] = attachment.get("app_unfurl_url")
            place["app_unfurl"] = copy.deepcopy(attachment)
    if not message.ephemeral_to:
        place["message"] = message.wire(platform.workspace.file_objects(message, platform.base_url))
    return place


def shown_name(channel: Channel) -> str:
    """Return a channel's name as payloads write it: `directmessage` for a direct one, `privategroup` for a private one.

    Reference: https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling
    """
    return {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)


def _response_url(platform: Platform, source: Source, user: User) -> Json:
    if source.message is None or source.channel is None:
        return {}
    message = source.message
    key = platform.tickets.response(
        source.app.id, user.id, source.channel.id, thread_ts=message.thread_ts or message.ts, message_ts=message.ts
    )
    return {"response_url": f"{platform.base_url}/response/{source.app.id}/{key}"}


async def act(
    platform: Platform, user: User, source: Source, action_id: str, block_id: str | None, value: object
) -> Outcome:
    """Press a button or choose from a menu (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).

    `value` is what was chosen, plainly (see `elements.value_object`); buttons need none.
    """
    placed = find_element(source.blocks, action_id, block_id, value)
    if placed.type == "button" and value is not None and value != placed.element.get("value"):
        raise ControlError(
            "invalid_value", f"value: the button {action_id} carries {placed.element.get('value')!r}, not {value!r}"
        )
    action = action_object(placed, value, platform.workspace.next_ts())
    if placed.type not in STATELESS:
        _remember(source, user, placed.block_id, placed.action_id, value_object(placed, value))
    body = base(platform, source.app, user, "block_actions", source.view.id if source.view else "")
    body |= _place(platform, source, user, placed) | _response_url(platform, source, user)
    if placed.block.get("type") == "input" and not placed.block.get("dispatch_action"):
        return Outcome(details={"value": action})
    body["actions"] = [action]
    delivery = await platform.deliveries.send(source.app, "interactive", "block_actions", body, accepts_response=False)
    return _reported(platform, user, source, Outcome([delivery]))


def _remember(source: Source, user: User, block_id: str, action_id: str, value: Json) -> None:
    if source.view is not None:
        values = source.view.values
    elif source.message is not None:
        values = source.message.inputs.setdefault(user.id, initial_values(source.blocks))
    else:
        return
    values.setdefault(block_id, {})[action_id] = value


def _reported(platform: Platform, user: User, source: Source, outcome: Outcome) -> Outcome:
    """Tell the person when the app did not acknowledge."""
    ack = outcome.deliveries[0].ack
    if ack is not None and ack.ok:
        return outcome
    outcome.error = "operation_timeout" if ack is not None and ack.status == "timeout" else "dispatch_failed"
    if source.channel is not None:
        outcome.message = platform.workspace.from_slackbot(
            source.channel,
            user,
            f"{source.app.name} did not respond to what you did ({outcome.error}). Try again.",
            source.message.thread_ts if source.message and source.message.is_reply else "",
        )
    return outcome


async def suggest(
    platform: Platform, user: User, source: Source, action_id: str, block_id: str | None, typed: str
) -> Outcome:
    """Ask the app for the options of an external select.

    Reference: https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload. The outcome's details
    hold `options` or `option_groups` as the app gave them.
    """
    placed = find_element(source.blocks, action_id, block_id)
    if not placed.type.endswith("external_select"):
        raise ControlError(
            "not_external", f"action_id: {action_id} is a {placed.type}; only external selects look options up"
        )
    shortest = placed.element.get("min_query_length", 3)
    if len(typed) < shortest:
        return Outcome(details={"options": [], "min_query_length": shortest})
    body = base(platform, source.app, user, "block_suggestion", source.view.id if source.view else "")
    body.pop("trigger_id")
    body |= _place(platform, source, user, placed)
    body.pop("state", None)
    body |= {"action_id": placed.action_id, "block_id": placed.block_id, "value": typed}
    delivery = await platform.deliveries.send(source.app, "interactive", "block_suggestion", body)
    outcome = Outcome([delivery])
    ack = delivery.ack
    if ack is None or not ack.ok:
        outcome.error = "operation_timeout"
        return outcome
    offered = ack.body if isinstance(ack.body, dict) else {}
    if not isinstance(offered.get("options"), list) and not isinstance(offered.get("option_groups"), list):
        outcome.error = "invalid_options"
    outcome.details = {key: offered[key] for key in ("options", "option_groups") if key in offered}
    return outcome


async def shortcut(
    platform: Platform, user: User, callback_id: str, channel: Channel | None = None, ts: str = ""
) -> Outcome:
    """Use a global shortcut, or with a message a message shortcut.

    Reference: https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
    """
    kind = "message" if ts else "global"
    app = platform.apps.by_callback(callback_id, kind)
    if app is None:
        known = [f"{s.callback_id} ({s.type})" for a in platform.apps.installed.values() for s in a.manifest.shortcuts]
        raise ControlError(
            "shortcut_not_found",
            f"callback_id: no {kind} shortcut {callback_id!r}; there are: {', '.join(known) or 'none'}",
        )
    if channel is None or not ts:
        body = base(platform, app, user, "shortcut") | {"callback_id": callback_id}
        del body["user"]["name"]
    else:
        message = channel.messages.get(ts)
        if message is None or message.ephemeral_to:
            raise ControlError("message_not_found", f"ts: no message {ts!r} that shortcuts can act on")
        key = platform.tickets.response(app.id, user.id, channel.id, thread_ts=message.thread_ts, message_ts="")
        body = base(platform, app, user, "message_action") | {
            "callback_id": callback_id,
            "message_ts": message.ts,
            "channel": {"id": channel.id, "name": shown_name(channel)},
            "message": message.wire(platform.workspace.file_objects(message, platform.base_url)),
            "response_url": f"{platform.base_url}/response/{app.id}/{key}",
        }
    del body["api_app_id"]
    body["action_ts"] = platform.workspace.next_ts()
    delivery = await platform.deliveries.send(app, "interactive", str(body["type"]), body, accepts_response=False)
    source = Source(app, [], channel=channel)
    return _reported(platform, user, source, Outcome([delivery]))
