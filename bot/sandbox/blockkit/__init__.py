"""Block Kit as Slack checks it: which blocks, elements and lengths are refused, and in which words.

Reference: https://docs.slack.dev/reference/block-kit
"""

import copy
import json
from collections.abc import Iterator, Sequence

from bot.sandbox.blockkit import blocks as layout
from bot.sandbox.blockkit.attachments import MAX_ATTACHMENTS, attachment
from bot.sandbox.blockkit.data import MAX_CHARTS
from bot.sandbox.blockkit.objects import plain_text, unique
from bot.sandbox.blockkit.schema import Check, Field, Problem, anything, by_type, flag, items, one_of, shape, text
from bot.sandbox.elements import cell_elements, placed_elements
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_secret

_HOLDERS = ("accessory", "element", "elements", "actions", "child_blocks", "rows")
"""Properties of blocks under which elements are found."""

_MAX_VIEW_BYTES = 250 * 1024
_message_blocks = items(by_type(layout.IN_MESSAGE), layout.MAX_IN_MESSAGE)


def _view(kind: str, blocks: Check, **fields: Field) -> Check:
    common = {
        "type": Field(one_of(kind)),
        "blocks": Field(blocks, required=True),
        "private_metadata": Field(text(3000)),
        "callback_id": Field(text(255)),
        "external_id": Field(text(255)),
    }
    return shape(common | fields)


_views = by_type(
    {
        "modal": _view(
            "modal",
            items(by_type(layout.IN_MODAL), layout.MAX_IN_VIEW),
            title=Field(plain_text(24), required=True),
            close=Field(plain_text(24)),
            submit=Field(plain_text(24)),
            clear_on_close=Field(flag),
            notify_on_close=Field(flag),
            submit_disabled=Field(flag),
        ),
        "home": _view(
            "home",
            items(by_type(layout.IN_HOME), layout.MAX_IN_VIEW),
            title=Field(anything),
            close=Field(anything),
            submit=Field(anything),
        ),
    }
)


def message_blocks(value: object, pointer: str = "/blocks") -> list[Json]:
    """Check the blocks of a message and return a copy in which every block has an id.

    Raises `SlackError` `invalid_blocks_format` for what is no array and `invalid_blocks` with Slack's wording
    (https://docs.slack.dev/reference/methods/chat.postMessage#errors) for everything else.
    """
    if not isinstance(value, list):
        raise SlackError("invalid_blocks_format")
    problems = [*_message_blocks(value, pointer), *_cross_checks(value, pointer)]
    if problems:
        lines = _lines(problems)
        raise SlackError("invalid_blocks", errors=lines, messages=[f"[ERROR] {line}" for line in lines])
    return _with_ids(value)


def message_attachments(value: object) -> list[Json]:
    """Check attachments and return a copy in which each is numbered and has blocks with ids.

    Raises `SlackError` `invalid_attachments`, `too_many_attachments`, and what `message_blocks` raises.
    """
    if not isinstance(value, list):
        raise SlackError("invalid_attachments", messages=["[ERROR] must be an array [json-pointer:/attachments]"])
    if len(value) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    checked: list[Json] = []
    for index, one in enumerate(value):
        problems = list(attachment(one, f"/attachments/{index}"))
        if problems:
            raise SlackError("invalid_attachments", messages=[f"[ERROR] {line}" for line in _lines(problems)])
        entry = {"id": index + 1, "fallback": "[no preview available]", **copy.deepcopy(one)}
        if "blocks" in one:
            entry["blocks"] = message_blocks(one["blocks"], f"/attachments/{index}/blocks")
        checked.append(entry)
    return checked


def view_content(value: object) -> Json:
    """Check a view and return a copy in which every block has an id.

    Raises `SlackError` `invalid_arguments` with Slack's wording, or `view_too_large` over 250 kB
    (https://docs.slack.dev/reference/methods/views.open#errors).
    """
    problems = list(_views(value, "/view"))
    if isinstance(value, dict) and isinstance(value.get("blocks"), list):
        problems += _cross_checks(value["blocks"], "/view/blocks")
        problems += _submit_checks(value)
    if problems or not isinstance(value, dict):
        raise SlackError("invalid_arguments", messages=[f"[ERROR] {line}" for line in _lines(problems)])
    if len(json.dumps(value)) > _MAX_VIEW_BYTES:
        raise SlackError("view_too_large")
    return {**copy.deepcopy(value), "blocks": _with_ids(value["blocks"])}


def _lines(problems: list[Problem]) -> list[str]:
    return list(dict.fromkeys(f"{message} [json-pointer:{pointer}]" for pointer, message in problems))


def _with_ids(value: list[Json]) -> list[Json]:
    """Return a copy in which every block has a block id and every element an action id, as Slack fills them in."""
    copied = copy.deepcopy(value)
    for block in copied:
        if not block.get("block_id"):
            block["block_id"] = new_secret(5)
        for key in ("child_blocks", "elements"):
            if block.get("type") in {"container", "carousel"} and isinstance(block.get(key), list):
                block[key] = _with_ids(block[key])
        for element in _interactive(block):
            element["action_id"] = element.get("action_id") or new_secret(5)
    return copied


def _interactive(block: Json) -> Iterator[Json]:
    """Yield the elements of a checked block that need an action id."""
    kind = block["type"]
    inner = {
        "section": [block.get("accessory")],
        "input": [block.get("element")],
        "actions": block.get("elements"),
        "context_actions": block.get("elements"),
        "card": block.get("actions"),
        "data_table": cell_elements(block),
    }.get(kind)
    for element in inner or []:
        if element is not None and element["type"] != "image":
            yield element


def _cross_checks(blocks: Sequence[object], pointer: str) -> Iterator[Problem]:
    """Check what spans blocks: ids that must be unique, and one table per message."""
    objects = [(index, block) for index, block in enumerate(blocks) if isinstance(block, dict)]
    yield from unique(
        ((str(b["block_id"]), f"{pointer}/{i}/block_id") for i, b in objects if b.get("block_id")), "block_id"
    )
    for index, block in objects:
        yield from unique(_action_ids(block, f"{pointer}/{index}"), "action_id")
    yield from _counted(objects, pointer)
    markdown = sum(len(str(b.get("text", ""))) for _, b in objects if b.get("type") == "markdown")
    if markdown > layout.MAX_MARKDOWN:
        yield pointer, f"markdown blocks must be less than {layout.MAX_MARKDOWN + 1} characters together"


def _action_ids(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield each action id in a block with its place, those of blocks inside it, too."""
    if isinstance(value, dict):
        if isinstance(value.get("action_id"), str) and value["action_id"]:
            yield value["action_id"], f"{pointer}/action_id"
        for name in _HOLDERS:
            yield from _action_ids(value.get(name), f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _action_ids(one, f"{pointer}/{index}")


def _counted(objects: list[tuple[int, Json]], pointer: str) -> Iterator[Problem]:
    """Check how many blocks of a kind a message holds, and that one element at most wants the focus.

    Reference: https://docs.slack.dev/reference/block-kit/blocks/table-block and
    https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
    """
    tables = [index for index, block in objects if block.get("type") == "table"]
    for index in tables[1:]:
        yield f"{pointer}/{index}", "only one table allowed per message"
    charts = [index for index, block in objects if block.get("type") == "data_visualization"]
    for index in charts[MAX_CHARTS:]:
        yield f"{pointer}/{index}", f"only {MAX_CHARTS} data_visualization blocks allowed per message"
    focused = [i for i, block in objects for p in placed_elements([block]) if p.element.get("focus_on_load") is True]
    for index in focused[1:]:
        yield f"{pointer}/{index}", "only one element can have `focus_on_load` set to true"


def _submit_checks(view: Json) -> Iterator[Problem]:
    """Check that a modal with inputs can be submitted (https://docs.slack.dev/reference/views/modal-views)."""
    inputs = (n for n, one in enumerate(view["blocks"]) if isinstance(one, dict) and one.get("type") == "input")
    first = next(inputs, None)
    if view.get("type") == "modal" and first is not None and not view.get("submit"):
        yield f"/view/blocks/{first}/input", "must define `submit` to use `input` block"
