"""Inputs for names that are known only at run time, such as the parameters of a job, and what a person put into them.

Source: https://docs.slack.dev/reference/block-kit/blocks/input-block
"""

import json
from collections.abc import Mapping, Sequence

from bot.arguments.values import read
from bot.command import Pairs
from bot.errors import BadInput
from bot.slack.buttons import plain_text
from bot.slack.mrkdwn import Json
from integrations.capabilities.runs import Parameter, ParameterKind

BLOCK = "pair:"
_BOX = "box"
_MAX_LABEL = 2000
_MAX_INPUT = 3000
_MAX_OPTIONS = 100
_MAX_CHOICE = 75
_MAX_BLOCK_ID = 255


def fields(argument: str, parameters: Sequence[Parameter], text: str) -> list[Json]:
    """Return one input for each parameter of the argument, filled with what `text` holds or with its default."""
    known = given(text)
    blocks = []
    for parameter in parameters:
        block_id = f"{BLOCK}{argument}:{parameter.name}"
        if len(block_id) > _MAX_BLOCK_ID:
            continue  # no input can be named so; it is given on the line
        block: Json = {
            "type": "input",
            "block_id": block_id,
            "label": plain_text(parameter.name, _MAX_LABEL),
            "element": _element(parameter, known.get(parameter.name)),
            "optional": not parameter.required or parameter.kind is ParameterKind.BOOLEAN,
        }
        hint = parameter.description
        if parameter.kind is ParameterKind.SECRET:
            hint = f"{hint} It is handed over and shown nowhere.".strip()
        if hint:
            block["hint"] = plain_text(hint, _MAX_LABEL)
        blocks.append(block)
    return blocks


def values(state: Mapping[str, Mapping[str, Json]]) -> dict[str, str]:
    """Return the arguments that such inputs hold: argument -> its pairs as JSON. A cleared box says "false"."""
    found: dict[str, Pairs] = {}
    for block_id, held in state.items():
        if not str(block_id).startswith(BLOCK):
            continue
        argument, _, name = str(block_id).removeprefix(BLOCK).partition(":")
        pairs = found.setdefault(argument, Pairs())
        for element in held.values():
            if (value := _value(element)) is not None:
                pairs[name] = value
    return {argument: json.dumps(pairs, ensure_ascii=False) for argument, pairs in found.items() if pairs}


def given(text: str) -> Pairs:
    """Return the pairs of a text, none where it holds none."""
    try:
        pairs = read(Pairs, text, "")
    except BadInput:
        return Pairs()
    return pairs if isinstance(pairs, Pairs) else Pairs()


def _element(parameter: Parameter, value: str | None) -> Json:
    common: Json = {"action_id": "value"}
    shown = parameter.default if value is None else value
    if parameter.kind is ParameterKind.BOOLEAN:
        box = _option(parameter.name, _BOX)
        chosen: Json = {"initial_options": [box]} if shown.lower() == "true" else {}
        return {"type": "checkboxes", "options": [box], **common, **chosen}
    choices = [choice for choice in parameter.choices if 0 < len(choice) <= _MAX_CHOICE]
    if parameter.kind is ParameterKind.CHOICE and 0 < len(choices) <= _MAX_OPTIONS:
        menu = [_option(choice, choice) for choice in choices]
        first = shown or choices[0]
        picked: Json = {"initial_option": _option(first, first)} if first in choices else {}
        return {"type": "static_select", "options": menu, **common, **picked}
    element: Json = {"type": "plain_text_input", **common, "max_length": _MAX_INPUT}
    if parameter.kind is ParameterKind.SECRET:
        return element
    return {**element, "initial_value": shown[:_MAX_INPUT]} if shown else element


def _option(label: str, value: str) -> Json:
    return {"text": plain_text(label, _MAX_CHOICE), "value": value}


def _value(element: Json) -> str | None:
    match element.get("type"):
        case "checkboxes":
            return "true" if element.get("selected_options") else "false"
        case "static_select":
            option = element.get("selected_option")
            return str(option["value"]) if option else None
        case _:
            value = element.get("value")
            return None if value is None or value == "" else str(value)
