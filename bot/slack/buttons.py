"""Buttons as Slack wants them, and back: what a press says is the same command and arguments.

A button's `action_id` is "do:<command>:<n>" (run it) or "ask:<command>:<n>" (open its modal), its `value` the
arguments as compact JSON. An overflow menu, whose values are short, carries both in each option's value.
Source: https://docs.slack.dev/reference/block-kit/block-elements/button-element
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import count

from msgspec import Struct

from bot.reply import Button, Confirm, Style
from bot.slack.mrkdwn import MAX_URL, Json, cut_plain

MAX_VALUE = 2000
MAX_OPTION_VALUE = 150
MAX_LABEL = 75
IN_A_ROW = 5
IN_OVERFLOW = 5
IN_BLOCK = 25
DO, ASK, MORE, LINK = "do", "ask", "more", "link"


class Press(Struct, frozen=True):
    """What a pressed button means: this command with these arguments, run or asked for in its modal."""

    command: str
    args: Mapping[str, str]
    ask: bool = False


def plain_text(text: str, limit: int) -> Json:
    """Return a `plain_text` object, never empty, cut to `limit` characters."""
    return {"type": "plain_text", "text": cut_plain(text, limit) if text.strip() else "…", "emoji": False}


def rows(buttons: Sequence[Button], numbers: Iterator[int] | None = None) -> list[Json]:
    """Return `actions` blocks of these buttons: the first five stand in the row, short ones past them in a menu.

    `numbers` makes each `action_id` unique in its message. A button that asks for confirmation, or whose
    arguments do not fit into an option of an overflow menu, stays a button.
    """
    ids = numbers if numbers is not None else count()
    shown, menu = _divide(buttons)
    elements = [_button(button, next(ids)) for button in shown]
    for start in range(0, len(menu), IN_OVERFLOW):
        chosen = menu[start : start + IN_OVERFLOW]
        elements.append(
            {"type": "overflow", "action_id": f"{MORE}:{next(ids)}", "options": [_option(button) for button in chosen]}
        )
    return [_row(elements[start : start + IN_BLOCK]) for start in range(0, len(elements), IN_BLOCK)]


def _row(elements: list[Json]) -> Json:
    """Return one block, named by what is in it.

    Slack gives a block without a name another one at each edit of its message, and whoever presses at that moment
    presses what is not there. So the same buttons keep their name, and buttons of another meaning never have it.
    """
    known = blake2b(json.dumps(elements).encode(), digest_size=8).hexdigest()
    return {"type": "actions", "block_id": f"row:{known}", "elements": elements}


def read(action: Json) -> Press | None:
    """Return what the pressed element of a `block_actions` payload means; None for a link or not one of ours.

    Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
    """
    kind, _, rest = str(action.get("action_id", "")).partition(":")
    if kind == MORE:
        option = action.get("selected_option")
        packed = _mapping(option.get("value") if isinstance(option, dict) else None)
        if packed is None:
            return None
        command, args = packed.get("c"), packed.get("a")
        if not isinstance(command, str) or not isinstance(args, dict):
            return None
        return Press(command, _texts(args), ask=bool(packed.get("k")))
    if kind not in {DO, ASK}:
        return None
    args = _mapping(action.get("value"))
    command = rest.rpartition(":")[0]
    return None if args is None or not command else Press(command, _texts(args), ask=kind == ASK)


def _divide(buttons: Sequence[Button]) -> tuple[list[Button], list[Button]]:
    shown = list(buttons[:IN_A_ROW])
    menu: list[Button] = []
    for button in buttons[IN_A_ROW:]:
        fits = button.confirm is None and (button.url or len(_packed(button)) <= MAX_OPTION_VALUE)
        (menu if fits and len(button.url) <= MAX_URL else shown).append(button)
    if len(menu) == 1:  # a menu of one thing is worse than the thing
        return list(buttons), []
    return shown, menu


def _button(button: Button, number: int) -> Json:
    element: Json = {"type": "button", "text": plain_text(button.label or button.command, MAX_LABEL)}
    if button.url and len(button.url) <= MAX_URL:
        element |= {"action_id": f"{LINK}:{number}", "url": button.url}
    else:
        args, whole = _fitting(button.args)
        kind = DO if whole and not button.ask else ASK
        element |= {"action_id": f"{kind}:{button.command}:{number}", "value": args}
    if button.style is not Style.PLAIN:
        element["style"] = button.style.value
    if button.confirm is not None:
        element["confirm"] = _confirm(button.confirm, danger=button.style is Style.DANGER)
    return element


def _confirm(confirm: Confirm, *, danger: bool) -> Json:
    dialog: Json = {
        "title": plain_text(confirm.title, 100),
        "text": plain_text(confirm.text, 300),
        "confirm": plain_text(confirm.yes, 30),
        "deny": plain_text(confirm.no, 30),
    }
    if danger:
        dialog["style"] = Style.DANGER.value
    return dialog


def _option(button: Button) -> Json:
    option: Json = {"text": plain_text(button.label or button.command, MAX_LABEL), "value": _packed(button)}
    if button.url:
        option |= {"url": button.url, "value": LINK}
    return option


def _packed(button: Button) -> str:
    packed: Json = {"c": button.command, "a": dict(button.args)}
    if button.ask:
        packed["k"] = 1
    return _compact(packed)


def _fitting(args: Mapping[str, str]) -> tuple[str, bool]:
    """Return the arguments as JSON that fits a button's value, and whether all of them are in it.

    What does not fit is left out, longest first; such a button opens the modal, where a person fills the gap.
    """
    left = dict(args)
    while len(text := _compact(left)) > MAX_VALUE:
        del left[max(left, key=lambda name: len(left[name]))]
    return text, len(left) == len(args)


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _mapping(text: object) -> Json | None:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _texts(args: Json) -> dict[str, str]:
    return {str(name): str(value) for name, value in args.items()}
