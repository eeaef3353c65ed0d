"""A command's arguments as a modal: inputs by type, menus that ask the argument's own options, and back to text.

Source: https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/reference/block-kit/blocks/input-block
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from bot.arguments import Slot, grammar_of
from bot.arguments.values import write
from bot.command import Command, Invocation, Option, Pairs
from bot.errors import UserError
from bot.reply import Message, escape
from bot.slack import blocks, parameters
from bot.slack.buttons import plain_text
from bot.slack.mrkdwn import Json, cut_plain
from integrations.capabilities.runs import Parameter

CALLBACK = "args:"
BLOCK = "arg:"
YES = "yes"
MAX_OPTIONS = 100
MAX_OPTION_TEXT = 75
MAX_OPTION_VALUE = 150
_MAX_INPUT = 3000
_MAX_TITLE = 24
_MAX_LABEL = 2000
_MAX_METADATA = 3000
MAX_BLOCKS = 95  # of the hundred that Slack takes
_FIRST = 0


def loading(command: Command) -> Json:
    """Return the view that is opened at once, while the options are being looked up."""
    return {
        "type": "modal",
        "callback_id": f"{CALLBACK}{command.name}",
        "title": plain_text(_title(command), _MAX_TITLE),
        "close": plain_text("Close", _MAX_TITLE),
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "One moment…"}}],
    }


def build(
    command: Command,
    given: Mapping[str, str],
    invocation: Invocation,
    *,
    first_options: Sequence[Option] = (),
    inputs: Sequence[Parameter] = (),
) -> Json:
    """Return the modal that asks for a command's arguments, filled with what is `given`.

    `first_options` are the choices of the first argument, which depends on no other: a plain menu of them when
    there are at most a hundred. All other menus are asked for what was typed (`option_list`). `inputs` are the names
    that an argument of `Pairs` takes: each has an input of its own. Where it was opened from is kept in its private
    metadata.
    """
    view = loading(command)
    fields: list[Json] = []
    for number, slot in enumerate(grammar_of(command.args).slots.values()):
        text = given.get(slot.name, "")
        if slot.kind is Pairs and inputs:
            fields += parameters.fields(slot.name, inputs[: MAX_BLOCKS - len(fields)], text)
        else:
            fields.append(_field(slot, text, first_options if number == _FIRST else ()))
    summary = {"type": "section", "text": {"type": "mrkdwn", "text": escape(command.summary or command.name)}}
    return {
        **view,
        "submit": plain_text(_verb(command), _MAX_TITLE),
        "close": plain_text("Cancel", _MAX_TITLE),
        "private_metadata": _kept(invocation),
        "blocks": [summary, *fields],
    }


def told(command: Command, message: Message) -> Json:
    """Return the view that says something instead of asking, such as why it cannot be asked."""
    return {**loading(command), "blocks": blocks.render(message, surface="modal")}


def values(view: Json, command: Command) -> dict[str, str]:
    """Return the arguments a submitted (or half filled) modal holds, as text; empty ones are left out.

    A box that is on by default and was cleared says "no".
    """
    state = (view.get("state") or {}).get("values") or {}
    found: dict[str, str] = parameters.values(state)
    for block_id, held in state.items():
        name = str(block_id).removeprefix(BLOCK)
        for element in held.values():
            if (text := _value(element)) and not str(block_id).startswith(parameters.BLOCK):
                found[name] = text
    for slot in grammar_of(command.args).slots.values():
        if slot.kind is bool and slot.default is True:
            found.setdefault(slot.name, write(False))  # noqa: FBT003 - the value that is written
    return found


def command_name(view: Json) -> str:
    """Return the command whose modal this is, "" for no modal of ours."""
    callback = str(view.get("callback_id") or "")
    return callback.removeprefix(CALLBACK) if callback.startswith(CALLBACK) else ""


def errors(command: Command, view: Json, error: UserError) -> Json:
    """Return the acknowledgement that shows an error below the input it is about, the first one when none is named.

    Source: https://docs.slack.dev/surfaces/modals#displaying_errors
    """
    present = {str(block.get("block_id")) for block in view.get("blocks", ()) if block.get("type") == "input"}
    text = f"{error.text}"
    slots = [slot for slot in grammar_of(command.args).slots.values() if f"{BLOCK}{slot.name}" in present]
    named = [slot for slot in slots if slot.named in text or slot.label in text.split()]
    chosen = (named or slots)[:1]
    if not chosen:
        return {"response_action": "update", "view": told(command, error.reply())}
    return {"response_action": "errors", "errors": {f"{BLOCK}{chosen[0].name}": cut_plain(text, _MAX_LABEL)}}


def option_list(options: Sequence[Option], typed: str, *, free: bool) -> list[Json]:
    """Return options as Slack wants them, at most a hundred; with `free` also what was typed itself."""
    found = [_option(option) for option in options[:MAX_OPTIONS] if 0 < len(option.value) <= MAX_OPTION_VALUE]
    words = typed.strip()
    if free and 0 < len(words) <= MAX_OPTION_TEXT and all(one["value"] != words for one in found):
        found = [*found[: MAX_OPTIONS - 1], _option(Option(words))]
    return found


def takes_any_text(slot: Slot) -> bool:
    """Tell whether an argument may hold more than its options: free text, such as a branch or a commit."""
    return slot.kind is str


def _field(slot: Slot, given: str, options: Sequence[Option]) -> Json:
    block: Json = {
        "type": "input",
        "block_id": f"{BLOCK}{slot.name}",
        "label": plain_text(_label(slot), _MAX_LABEL),
        "element": _element(slot, given, options),
        "optional": not slot.required,
    }
    if slot.arg.help:
        block["hint"] = plain_text(slot.arg.help, _MAX_LABEL)
    return block


def _element(slot: Slot, given: str, options: Sequence[Option]) -> Json:
    common: Json = {"action_id": slot.name}
    shown = given or ("" if slot.default is None else write(slot.default))
    if slot.kind is bool:
        choice = _option(Option(YES, _label(slot)))
        chosen: Json = {"initial_options": [choice]} if shown.lower() in {"yes", "true", "1", "on"} else {}
        return {"type": "checkboxes", "options": [choice], **common, **chosen}
    if issubclass(slot.kind, StrEnum):
        return _menu([Option(one.value) for one in slot.kind], shown, common)
    if slot.arg.options is not None and 0 < len(options) < MAX_OPTIONS:
        return _menu(options, shown, common)
    if slot.arg.options is not None:
        chosen = {"initial_option": _option(Option(shown))} if 0 < len(shown) <= MAX_OPTION_TEXT else {}
        return {"type": "external_select", "min_query_length": 0, **common, **chosen}
    if slot.kind is int:
        number = {"initial_value": shown} if shown.lstrip("-").isdecimal() else {}
        return {"type": "number_input", "is_decimal_allowed": False, **common, **number}
    element: Json = {"type": "plain_text_input", **common, "max_length": _MAX_INPUT}
    if slot.kind is Pairs:
        shown = "\n".join(f"{name}={value}" for name, value in parameters.given(shown).items())
        element["placeholder"] = plain_text("name=value, one a line", 150)
    if slot.arg.rest or slot.arg.multiline or slot.kind is Pairs:
        element["multiline"] = True
    if slot.kind is timedelta:
        element["placeholder"] = plain_text("for example 30m, 4h or 2d", 150)
    return {**element, "initial_value": shown[:_MAX_INPUT]} if shown else element


def _menu(options: Sequence[Option], shown: str, common: Json) -> Json:
    choices = option_list(options, shown, free=bool(shown))
    chosen = next((one for one in choices if one["value"] == shown), None)
    element = {"type": "static_select", "options": choices, **common}
    return element if chosen is None else {**element, "initial_option": chosen}


def _option(option: Option) -> Json:
    data: Json = {"text": plain_text(option.label or option.value, MAX_OPTION_TEXT), "value": option.value}
    if option.detail.strip():
        data["description"] = plain_text(option.detail, MAX_OPTION_TEXT)
    return data


def _value(element: Json) -> str:
    match element.get("type"):
        case "checkboxes":
            return YES if element.get("selected_options") else ""
        case "static_select" | "external_select":
            return str((element.get("selected_option") or {}).get("value") or "")
        case _:
            return str(element.get("value") or "").strip()


def _label(slot: Slot) -> str:
    words = (slot.arg.flag.lstrip("-") or slot.label).replace("-", " ")
    return words[:1].upper() + words[1:]


def _title(command: Command) -> str:
    return command.name.replace("-", " ").capitalize()


def _verb(command: Command) -> str:
    return command.name.split(" ")[-1].split("-")[0].capitalize()


def _kept(invocation: Invocation) -> str:
    kept = {
        "channel": invocation.channel.channel if invocation.channel else "",
        "channel_name": invocation.channel_name,
        "thread_ts": invocation.thread_ts,
        "message_ts": invocation.message_ts,
        "subject": invocation.subject,
        "response_url": invocation.response_url,
    }
    text = json.dumps({name: value for name, value in kept.items() if value})
    return text if len(text) <= _MAX_METADATA else "{}"
