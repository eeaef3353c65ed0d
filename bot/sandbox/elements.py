"""Interactive elements inside blocks: where they are, what they hold, and the value objects Slack makes of input.

Reference: https://docs.slack.dev/reference/block-kit/block-elements and
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import ControlError, Json

BUTTONS = frozenset(("button", "workflow_button", "icon_button"))
STATELESS = BUTTONS | {"overflow", "feedback_buttons"}

_OPTION_FIELDS = {
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "plain_text_input": "value",
    "number_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
}
_INITIAL_FIELDS = {
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_users": "initial_users",
    "selected_conversation": "initial_conversation",
    "selected_conversations": "initial_conversations",
    "selected_channel": "initial_channel",
    "selected_channels": "initial_channels",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
    "value": "initial_value",
    "rich_text_value": "initial_value",
}
_LISTS = frozenset(("selected_options", "selected_users", "selected_conversations", "selected_channels", "files"))
_OPTIONS = frozenset(("selected_option", "selected_options"))


@dataclass(frozen=True, slots=True)
class Placed:
    """An element and the block it is in; `element` is the app's JSON."""

    block: Json
    element: Json

    @property
    def block_id(self) -> str:
        """Return the id of the block around it."""
        return str(self.block.get("block_id", ""))

    @property
    def action_id(self) -> str:
        """Return the element's own id."""
        return str(self.element.get("action_id", ""))

    @property
    def type(self) -> str:
        """Return the element's type, for example `button`."""
        return str(self.element.get("type", ""))


_NESTED = {"carousel": "elements", "container": "child_blocks"}
_ELEMENT_LISTS = {"actions": "elements", "context_actions": "elements", "card": "actions"}
_SINGLE_ELEMENTS = {"section": "accessory", "input": "element"}


def placed_elements(blocks: Sequence[object]) -> Iterator[Placed]:
    """Yield every interactive element of the blocks, outermost first, in reading order.

    What is no block or no element is passed over, so that blocks can be walked before they are checked.
    """
    for block in blocks:
        if not isinstance(block, dict):
            continue
        kind = str(block.get("type"))
        if kind in _NESTED:
            yield from placed_elements(listed(block, _NESTED[kind]))
        elif kind in _ELEMENT_LISTS:
            yield from _placed(block, listed(block, _ELEMENT_LISTS[kind]))
        elif kind == "data_table":
            yield from _placed(block, cell_elements(block))
        elif kind in _SINGLE_ELEMENTS:
            yield from _placed(block, [block.get(_SINGLE_ELEMENTS[kind])])


def cell_elements(table: Json) -> list[Any]:
    """Return what can be pressed in the cells of a data table.

    Reference: https://docs.slack.dev/reference/block-kit/blocks/data-table-block
    """
    cells = (cell for row in listed(table, "rows") if isinstance(row, list) for cell in row)
    return [cell.get("element") for cell in cells if isinstance(cell, dict) and cell.get("type") == "action"]


def _placed(block: Json, elements: Sequence[object]) -> Iterator[Placed]:
    return (Placed(block, element) for element in elements if isinstance(element, dict) and "action_id" in element)


def listed(parent: Json, name: str) -> list[Any]:
    """Return a property that should be an array; empty when it is anything else."""
    value = parent.get(name)
    return value if isinstance(value, list) else []


def find_element(blocks: Sequence[Json], action_id: str, block_id: str | None, value: object = None) -> Placed:
    """Return the element with this action id, and block id when it is given.

    Of several buttons with one action id, the one that carries `value` is meant, else the first. Raises `ControlError`
    naming all elements when there is none.
    """
    elements = list(placed_elements(blocks))
    fitting = [one for one in elements if one.action_id == action_id and block_id in {None, "", one.block_id}]
    for placed in fitting:
        if value is not None and placed.element.get("value") == value:
            return placed
    if fitting:
        return fitting[0]
    known = ", ".join(f"{p.action_id} (block {p.block_id})" for p in elements) or "none"
    wanted = action_id + (f" in block {block_id}" if block_id else "")
    raise ControlError("action_not_found", f"action_id: nothing here has {wanted}; there are: {known}")


def blank_value(element: Json) -> Json:
    """Return the value object of an element nobody has touched: its initial value, or nothing."""
    kind = str(element["type"])
    field = _OPTION_FIELDS[kind]
    value = element.get(_INITIAL_FIELDS.get(field, ""))
    if value is None and field in _LISTS:
        value = []
    return {"type": kind, field: value}


def initial_values(blocks: Sequence[Json]) -> dict[str, dict[str, Any]]:
    """Return `state.values` of blocks nobody has touched: block id -> action id -> value object."""
    values: dict[str, dict[str, Any]] = {}
    for placed in placed_elements(blocks):
        if placed.type in _OPTION_FIELDS:
            values.setdefault(placed.block_id, {})[placed.action_id] = blank_value(placed.element)
    return values


def carried_over(entered: Mapping[str, Mapping[str, Json]], blocks: Sequence[Json]) -> dict[str, dict[str, Any]]:
    """Return `state.values` of replaced blocks: what was entered stays where block id, action id and type stay."""
    values = initial_values(blocks)
    for block_id, actions in values.items():
        for action_id, value in actions.items():
            before = entered.get(block_id, {}).get(action_id)
            if before is not None and before.get("type") == value.get("type"):
                actions[action_id] = before
    return values


def is_empty(value: Json) -> bool:
    """Tell whether a value object holds nothing, as a required input must not."""
    held = value.get(_OPTION_FIELDS.get(str(value.get("type")), ""))
    return held in (None, "", [])


def known_options(element: Json) -> list[Json]:
    """Return the options an element offers, out of its groups too."""
    options = list(element.get("options", []))
    for group in element.get("option_groups", []):
        options += group.get("options", [])
    return options


def value_object(placed: Placed, plain: object, suggested: Sequence[Json] = ()) -> Json:
    """Return the value object for what a person chose, given plainly: an option's value, a user id, a date, a text.

    A value object as Slack writes it is taken too.

    `suggested` are the options an app offered for an external select. Raises `ControlError` for a value the element
    does not offer.
    """
    kind = placed.type
    field = _OPTION_FIELDS[kind]
    if isinstance(plain, dict) and plain.get("type") == kind:
        plain = plain.get(field)
    if field in _LISTS:
        given = [] if plain is None else list(plain) if isinstance(plain, (list, tuple)) else [plain]
        chosen: object = [_option(placed, one, suggested) for one in given] if field in _OPTIONS else given
        limit = placed.element.get("max_selected_items") or placed.element.get("max_files")
        if isinstance(limit, int) and len(given) > limit:
            raise ControlError("invalid_value", f"value: {placed.action_id} takes at most {limit} items")
    elif field in _OPTIONS:
        chosen = None if plain is None else _option(placed, plain, suggested)
    elif field == "selected_date_time":
        chosen = None if plain is None else _whole(placed, plain)
    elif field == "rich_text_value":
        chosen = rich_text(str(plain)) if isinstance(plain, str) else plain
    else:
        chosen = None if plain in (None, "") else str(plain)
    return {"type": kind, field: chosen}


def _whole(placed: Placed, plain: object) -> int:
    if isinstance(plain, bool) or not isinstance(plain, (int, str)) or not str(plain).isdigit():
        raise ControlError("invalid_value", f"value: {placed.action_id} takes seconds since the epoch, not {plain!r}")
    return int(plain)


def _option(placed: Placed, plain: object, suggested: Sequence[Json]) -> Json:
    if isinstance(plain, dict):
        plain = plain.get("value")
    is_external = placed.type.endswith("external_select")
    offered = [*known_options(placed.element), *suggested]
    for option in offered:
        if option.get("value") == plain:
            return option
    if is_external and not suggested and isinstance(plain, str):
        return {"text": {"type": "plain_text", "text": plain, "emoji": True}, "value": plain}
    known = ", ".join(str(option.get("value")) for option in offered) or "none"
    raise ControlError("invalid_value", f"value: {placed.action_id} has no option {plain!r}; there are: {known}")


def action_object(placed: Placed, plain: object, action_ts: str, suggested: Sequence[Json] = ()) -> Json:
    """Return the entry of `actions` for a press or a choice."""
    element = placed.element
    action: Json = {
        "action_id": placed.action_id,
        "block_id": placed.block_id,
        "type": placed.type,
        "action_ts": action_ts,
    }
    if placed.type in BUTTONS:
        action |= {
            key: element[key] for key in ("text", "value", "style", "url", "icon") if element.get(key) is not None
        }
    elif placed.type == "overflow":
        action["selected_option"] = _option(placed, plain, ())
    elif placed.type == "feedback_buttons":
        offered = {element[key]["value"]: element[key] for key in ("positive_button", "negative_button")}
        if not isinstance(plain, str) or plain not in offered:
            raise ControlError("invalid_value", f"value: {placed.action_id} takes one of {', '.join(offered)}")
        action |= {"value": plain, "text": offered[plain]["text"]}
    else:
        action |= value_object(placed, plain, suggested)
    for key in ("placeholder", "confirm", "initial_option", "initial_options", "initial_date", "initial_time"):
        if element.get(key) is not None and placed.type not in BUTTONS:
            action[key] = element[key]
    return action


def rich_text(text: str) -> Json:
    """Return the rich text block that Slack's composer makes of a plain line."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}] if text else []}],
    }
