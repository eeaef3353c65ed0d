"""Composition objects: text, options, confirm dialogs and the like.

Reference: https://docs.slack.dev/reference/block-kit/composition-objects
"""

import re
from collections.abc import Iterator

from bot.sandbox.blockkit.schema import (
    Check,
    Field,
    Problem,
    at_least_one,
    by_type,
    exactly_one,
    flag,
    items,
    one_of,
    shape,
    text,
)

ID_LIMIT = 255
URL_LIMIT = 3000
VALUE_LIMIT = 2000

action_id = Field(text(ID_LIMIT))
block_id = Field(text(ID_LIMIT))
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")


def url(value: object, pointer: str) -> Iterator[Problem]:
    """Check an address: a scheme, a colon, and what follows without spaces, up to 3000 characters."""
    problems = list(text(URL_LIMIT, 1)(value, pointer))
    if not problems and isinstance(value, str) and not _ADDRESS.fullmatch(value):
        problems.append((pointer, "must be a valid URL"))
    yield from problems


def https_url(value: object, pointer: str) -> Iterator[Problem]:
    """Check an address that must begin with `https://`."""
    problems = list(url(value, pointer))
    if not problems and not str(value).startswith("https://"):
        problems.append((pointer, "must be a valid HTTPS URL"))
    yield from problems


def plain_text(maximum: int, minimum: int = 1) -> Check:
    """Check a `plain_text` object (https://docs.slack.dev/reference/block-kit/composition-objects/text-object)."""
    return by_type({"plain_text": _plain(maximum, minimum)})


def any_text(maximum: int, minimum: int = 1) -> Check:
    """Check a `plain_text` or `mrkdwn` object."""
    return by_type({"plain_text": _plain(maximum, minimum), "mrkdwn": _mrkdwn(maximum, minimum)})


def _plain(maximum: int, minimum: int) -> Check:
    fields = {
        "type": Field(one_of("plain_text")),
        "text": Field(text(maximum, minimum), required=True),
        "emoji": Field(flag),
    }
    return shape(fields)


def _mrkdwn(maximum: int, minimum: int) -> Check:
    fields = {
        "type": Field(one_of("mrkdwn")),
        "text": Field(text(maximum, minimum), required=True),
        "verbatim": Field(flag),
    }
    return shape(fields)


def option(*, mrkdwn: bool = False, with_url: bool = False) -> Check:
    """Check an option (https://docs.slack.dev/reference/block-kit/composition-objects/option-object).

    Text, description: 75 characters; value: 150. Markup is for checkboxes and radio buttons, URLs for overflow menus.
    """
    words = any_text(75) if mrkdwn else plain_text(75)
    fields = {
        "text": Field(words, required=True),
        "value": Field(text(150), required=True),
        "description": Field(words),
    }
    if with_url:
        fields["url"] = Field(url)
    return shape(fields)


option_group = shape(
    {"label": Field(plain_text(75), required=True), "options": Field(items(option(), 100, 1), required=True)}
)
"""https://docs.slack.dev/reference/block-kit/composition-objects/option-group-object"""

confirm = shape(
    {
        "title": Field(plain_text(100), required=True),
        "text": Field(any_text(300), required=True),
        "confirm": Field(plain_text(30), required=True),
        "deny": Field(plain_text(30), required=True),
        "style": Field(one_of("primary", "danger")),
    }
)
"""https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object"""

dispatch_action_config = shape(
    {"trigger_actions_on": Field(items(one_of("on_enter_pressed", "on_character_entered"), 2, 1), required=True)}
)
"""https://docs.slack.dev/reference/block-kit/composition-objects/dispatch-action-configuration-object"""

conversation_filter = shape(
    {
        "include": Field(items(one_of("im", "mpim", "private", "public"), 4, 1)),
        "exclude_external_shared_channels": Field(flag),
        "exclude_bot_users": Field(flag),
    },
    at_least_one("include", "exclude_external_shared_channels", "exclude_bot_users"),
)
"""https://docs.slack.dev/reference/block-kit/composition-objects/conversation-filter-object"""

slack_file = shape({"id": Field(text(ID_LIMIT, 1)), "url": Field(url)}, exactly_one("id", "url"))
"""https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object"""


def unique(values: Iterator[tuple[str, str]], what: str) -> Iterator[Problem]:
    """Yield a problem for each repeated value; `values` are (value, pointer)."""
    seen: set[str] = set()
    for value, pointer in values:
        if value in seen:
            yield pointer, f'`{what}` "{value}" already exists'
        seen.add(value)
