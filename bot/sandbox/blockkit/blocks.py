"""Layout blocks, and which of them may stand where.

Reference: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator

from bot.sandbox.blockkit import elements
from bot.sandbox.blockkit.data import data_table, data_visualization, table
from bot.sandbox.blockkit.objects import any_text, block_id, https_url, plain_text, slack_file, url
from bot.sandbox.blockkit.rich_text import rich_text
from bot.sandbox.blockkit.schema import (
    Check,
    Field,
    Problem,
    anything,
    at_least_one,
    by_type,
    exactly_one,
    flag,
    items,
    one_of,
    shape,
    text,
    whole,
)

MAX_IN_MESSAGE = 50
MAX_IN_VIEW = 100
MAX_MARKDOWN = 12_000


def _block(kind: str, also: Check = anything, **fields: Field) -> Check:
    return shape({"type": Field(one_of(kind)), "block_id": block_id} | fields, also)


section = _block(
    "section",
    at_least_one("text", "fields"),
    text=Field(any_text(3000)),
    fields=Field(items(any_text(2000), 10, 1)),
    accessory=Field(by_type(elements.IN_SECTION)),
    expand=Field(flag),
)
"""https://docs.slack.dev/reference/block-kit/blocks/section-block"""

header = _block("header", text=Field(plain_text(150), required=True), level=Field(whole(1, 4)))
"""https://docs.slack.dev/reference/block-kit/blocks/header-block"""

divider = _block("divider")
"""https://docs.slack.dev/reference/block-kit/blocks/divider-block"""

context = _block("context", elements=Field(items(by_type(elements.IN_CONTEXT), 10, 1), required=True))
"""https://docs.slack.dev/reference/block-kit/blocks/context-block"""

context_actions = _block(
    "context_actions",
    elements=Field(
        items(by_type({"feedback_buttons": elements.feedback_buttons, "icon_button": elements.icon_button}), 5, 1),
        required=True,
    ),
)
"""https://docs.slack.dev/reference/block-kit/blocks/context-actions-block"""

actions = _block("actions", elements=Field(items(by_type(elements.IN_ACTIONS), 25, 1), required=True))
"""https://docs.slack.dev/reference/block-kit/blocks/actions-block"""

image = _block(
    "image",
    exactly_one("image_url", "slack_file"),
    alt_text=Field(text(2000), required=True),
    image_url=Field(url),
    slack_file=Field(slack_file),
    title=Field(plain_text(2000)),
)
"""https://docs.slack.dev/reference/block-kit/blocks/image-block"""

input_block = _block(
    "input",
    label=Field(plain_text(2000), required=True),
    element=Field(by_type(elements.IN_INPUT), required=True),
    dispatch_action=Field(flag),
    hint=Field(plain_text(2000)),
    optional=Field(flag),
)
"""https://docs.slack.dev/reference/block-kit/blocks/input-block"""

markdown = _block("markdown", text=Field(text(MAX_MARKDOWN, 1), required=True))
"""https://docs.slack.dev/reference/block-kit/blocks/markdown-block"""

task_card = _block(
    "task_card",
    task_id=Field(text(255, 1), required=True),
    title=Field(text(3000, 1), required=True),
    status=Field(one_of("pending", "in_progress", "complete", "error")),
    details=Field(rich_text),
    output=Field(rich_text),
    sources=Field(items(elements.url_source, 100)),
)
"""https://docs.slack.dev/reference/block-kit/blocks/task-card-block"""

plan = _block(
    "plan",
    title=Field(text(3000, 1), required=True),
    tasks=Field(items(by_type({"task_card": task_card}), 50)),
)
"""https://docs.slack.dev/reference/block-kit/blocks/plan-block"""

alert = _block(
    "alert",
    text=Field(any_text(200), required=True),
    level=Field(one_of("default", "info", "warning", "error", "success")),
)
"""https://docs.slack.dev/reference/block-kit/blocks/alert-block"""

card = _block(
    "card",
    at_least_one("hero_image", "title", "actions", "body"),
    hero_image=Field(elements.image),
    icon=Field(elements.image),
    slack_icon=Field(elements.slack_icon),
    title=Field(any_text(150)),
    subtitle=Field(any_text(150)),
    body=Field(any_text(200)),
    actions=Field(items(by_type({"button": elements.button}), 5, 1)),
)
"""https://docs.slack.dev/reference/block-kit/blocks/card-block"""

carousel = _block("carousel", elements=Field(items(by_type({"card": card}), 10, 1), required=True))
"""https://docs.slack.dev/reference/block-kit/blocks/carousel-block"""

video = _block(
    "video",
    alt_text=Field(text(2000), required=True),
    title=Field(plain_text(200), required=True),
    thumbnail_url=Field(url, required=True),
    video_url=Field(https_url, required=True),
    author_name=Field(text(50)),
    description=Field(plain_text(200)),
    provider_icon_url=Field(url),
    provider_name=Field(text(50)),
    title_url=Field(https_url),
)
"""https://docs.slack.dev/reference/block-kit/blocks/video-block"""

file = _block("file", external_id=Field(text(255, 1), required=True), source=Field(one_of("remote"), required=True))
"""https://docs.slack.dev/reference/block-kit/blocks/file-block"""

call = _block("call", call_id=Field(text(255, 1), required=True), api_decoration_available=Field(flag))
"""https://docs.slack.dev/apis/web-api/using-the-calls-api"""

_INNER = {
    "section": section,
    "divider": divider,
    "context": context,
    "actions": actions,
    "image": image,
    "header": header,
    "rich_text": rich_text,
    "input": input_block,
    "file": file,
    "table": table,
    "video": video,
}


def _folding(value: object, pointer: str) -> Iterator[Problem]:
    """Check what a container's properties ask of each other."""
    yield from at_least_one("title", "rich_text_title")(value, pointer)
    if not isinstance(value, dict):
        return
    if value.get("default_collapsed") and not value.get("is_collapsible"):
        yield f"{pointer}/default_collapsed", "needs `is_collapsible` to be true"
    if value.get("has_header_divider") and value.get("is_collapsible"):
        yield f"{pointer}/has_header_divider", "cannot be set when `is_collapsible` is true"


container = _block(
    "container",
    _folding,
    child_blocks=Field(items(by_type(_INNER), 10, 1), required=True),
    title=Field(plain_text(150)),
    rich_text_title=Field(rich_text),
    subtitle=Field(any_text(150)),
    width=Field(one_of("narrow", "standard", "wide", "full")),
    icon=Field(elements.image),
    is_collapsible=Field(flag),
    default_collapsed=Field(flag),
    has_header_divider=Field(flag),
)
"""https://docs.slack.dev/reference/block-kit/blocks/container-block"""

_EVERYWHERE = {
    "section": section,
    "divider": divider,
    "context": context,
    "actions": actions,
    "image": image,
    "header": header,
    "input": input_block,
    "rich_text": rich_text,
    "video": video,
    "card": card,
}
IN_MESSAGE = _EVERYWHERE | {
    "call": call,
    "carousel": carousel,
    "container": container,
    "context_actions": context_actions,
    "data_table": data_table,
    "data_visualization": data_visualization,
    "file": file,
    "markdown": markdown,
    "plan": plan,
    "table": table,
    "task_card": task_card,
}
IN_MODAL = _EVERYWHERE | {"alert": alert}
IN_HOME = _EVERYWHERE | {"carousel": carousel}
"""Which blocks go where: https://docs.slack.dev/reference/block-kit/blocks."""
