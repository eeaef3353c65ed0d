"""Block elements: buttons, menus, pickers and inputs.

Reference: https://docs.slack.dev/reference/block-kit/block-elements
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from bot.sandbox.blockkit.objects import (
    VALUE_LIMIT,
    action_id,
    any_text,
    confirm,
    conversation_filter,
    dispatch_action_config,
    option,
    option_group,
    plain_text,
    slack_file,
    url,
)
from bot.sandbox.blockkit.rich_text import rich_text
from bot.sandbox.blockkit.schema import (
    Check,
    Field,
    Problem,
    anything,
    exactly_one,
    flag,
    items,
    matching,
    one_of,
    shape,
    text,
    whole,
)
from bot.sandbox.elements import listed
from bot.sandbox.people import is_zone

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _date(value: str) -> bool:
    """Tell whether this is a day of the calendar, written as Slack wants it."""
    if not _DAY.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _zone(value: object, pointer: str) -> Iterator[Problem]:
    """Check the name of a time zone, such as America/Chicago."""
    problems = list(text(100, 1)(value, pointer))
    if not problems and not is_zone(str(value)):
        problems.append((pointer, "must be a valid IANA time zone"))
    yield from problems


_DATE = matching(_date, "YYYY-MM-DD")
_TIME = matching(re.compile(r"([01]\d|2[0-3]):[0-5]\d").fullmatch, "HH:mm")
_NUMBER = matching(re.compile(r"-?\d+(\.\d+)?").fullmatch, "a number")
_PLACEHOLDER = Field(plain_text(150))
_ANY = Field(anything)
_FLAG = Field(flag)
_STRING_ID = Field(text(255, 1))
_STRING_IDS = Field(items(text(255, 1), 100))
_EPOCH_MAX = 9_999_999_999


def _element(kind: str, also: Check = anything, /, **fields: Field) -> Check:
    common = {"type": Field(one_of(kind)), "action_id": action_id, "confirm": Field(confirm)}
    return shape(common | fields, also)


def _offered(value: object, pointer: str) -> Iterator[Problem]:
    """Check that what is chosen at first is among the options."""
    if not isinstance(value, dict):
        return
    groups = [group for group in listed(value, "option_groups") if isinstance(group, dict)]
    offered = listed(value, "options") + [one for group in groups for one in listed(group, "options")]
    for name in ("initial_option", "initial_options"):
        initial = value.get(name)
        for one in initial if isinstance(initial, list) else [initial] if initial else []:
            if one not in offered:
                yield f"{pointer}/{name}", "must exactly match one of the provided options"


def _chosen(value: object, pointer: str) -> Iterator[Problem]:
    """Check that no more is chosen at first than may be chosen."""
    if not isinstance(value, dict):
        return
    limit = value.get("max_selected_items")
    for name in ("initial_options", "initial_users", "initial_conversations", "initial_channels"):
        if isinstance(limit, int) and len(listed(value, name)) > limit:
            yield f"{pointer}/{name}", f"no more than {limit} items allowed"


def _within(low: str, high: str) -> Check:
    """Check that the property `low` is no greater than `high`, and `initial_value` of a number between them."""

    def check(value: object, pointer: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            return
        bounds = {name: _amount(value.get(name)) for name in (low, high, "initial_value")}
        least, most, first = bounds[low], bounds[high], bounds["initial_value"]
        if least is not None and most is not None and least > most:
            yield f"{pointer}/{low}", f"cannot be greater than `{high}`"
        if value.get("type") != "number_input":
            return
        for name, amount in bounds.items():
            if amount is not None and not value.get("is_decimal_allowed") and amount % 1:
                yield f"{pointer}/{name}", "must be a whole number when `is_decimal_allowed` is false"
        if first is not None and ((least is not None and first < least) or (most is not None and first > most)):
            yield f"{pointer}/initial_value", f"must be between `{low}` and `{high}`"

    return check


def _amount(value: object) -> Decimal | None:
    """Return a number given as one or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        amount = Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    return amount if amount.is_finite() else None


def _choices(value: object, pointer: str) -> Iterator[Problem]:
    """Check that a menu has options or groups of them, and that its initial choice is among them."""
    yield from exactly_one("options", "option_groups")(value, pointer)
    yield from _offered(value, pointer)
    yield from _chosen(value, pointer)


def _input(kind: str, also: Check = anything, /, **fields: Field) -> Check:
    common = {"placeholder": _PLACEHOLDER, "focus_on_load": _FLAG}
    return _element(kind, also, **(common | fields))


def _menu(kind: str, also: Check = anything, /, **fields: Field) -> Check:
    more = {"placeholder": _PLACEHOLDER, "focus_on_load": _FLAG}
    if kind.startswith("multi_"):
        more["max_selected_items"] = Field(whole(1))
    return _element(kind, also, **(more | fields))


_OPTIONS = {"options": Field(items(option(), 100, 1)), "option_groups": Field(items(option_group, 100, 1))}

button = _element(
    "button",
    text=Field(plain_text(75), required=True),
    url=Field(url),
    value=Field(text(VALUE_LIMIT)),
    style=Field(one_of("primary", "danger")),
    accessibility_label=Field(text(75)),
)
"""https://docs.slack.dev/reference/block-kit/block-elements/button-element"""

image = shape(
    {
        "type": Field(one_of("image")),
        "alt_text": Field(text(2000), required=True),
        "image_url": Field(url),
        "slack_file": Field(slack_file),
    },
    exactly_one("image_url", "slack_file"),
)
"""https://docs.slack.dev/reference/block-kit/block-elements/image-element"""

slack_icon = shape({"type": Field(one_of("icon")), "name": Field(text(255, 1), required=True)})
"""https://docs.slack.dev/reference/block-kit/composition-objects/slack-icon-object"""

url_source = shape(
    {"type": Field(one_of("url")), "url": Field(url, required=True), "text": Field(text(3000), required=True)}
)
"""https://docs.slack.dev/reference/block-kit/block-elements/url-source-element"""

_feedback_button = shape(
    {
        "text": Field(plain_text(75), required=True),
        "value": Field(text(VALUE_LIMIT), required=True),
        "accessibility_label": Field(text(75)),
    }
)

feedback_buttons = _element(
    "feedback_buttons",
    positive_button=Field(_feedback_button, required=True),
    negative_button=Field(_feedback_button, required=True),
)
"""https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element"""

icon_button = _element(
    "icon_button",
    icon=Field(one_of("trash"), required=True),
    text=Field(plain_text(75), required=True),
    value=Field(text(VALUE_LIMIT)),
    accessibility_label=Field(text(75)),
    visible_to_user_ids=_STRING_IDS,
)
"""https://docs.slack.dev/reference/block-kit/block-elements/icon-button-element"""

_OFFERED = Field(items(option(), 100))
_external = {"min_query_length": Field(whole(0))}
_conversations = {
    "default_to_current_conversation": _FLAG,
    "response_url_enabled": _FLAG,
    "filter": Field(conversation_filter),
}

SELECTS = {
    "static_select": _menu("static_select", _choices, initial_option=_ANY, **_OPTIONS),
    "external_select": _menu("external_select", anything, initial_option=Field(option()), **_external),
    "users_select": _menu("users_select", initial_user=_STRING_ID),
    "conversations_select": _menu("conversations_select", anything, initial_conversation=_STRING_ID, **_conversations),
    "channels_select": _menu("channels_select", initial_channel=_STRING_ID, response_url_enabled=_FLAG),
}
"""https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element"""

MULTI_SELECTS = {
    "multi_static_select": _menu("multi_static_select", _choices, initial_options=_ANY, **_OPTIONS),
    "multi_external_select": _menu("multi_external_select", _chosen, initial_options=_OFFERED, **_external),
    "multi_users_select": _menu("multi_users_select", _chosen, initial_users=_STRING_IDS),
    "multi_conversations_select": _menu(
        "multi_conversations_select",
        _chosen,
        initial_conversations=_STRING_IDS,
        default_to_current_conversation=_FLAG,
        filter=Field(conversation_filter),
    ),
    "multi_channels_select": _menu("multi_channels_select", _chosen, initial_channels=_STRING_IDS),
}
"""https://docs.slack.dev/reference/block-kit/block-elements/multi-select-menu-element"""

PICKERS = {
    "datepicker": _input("datepicker", initial_date=Field(_DATE)),
    "timepicker": _input("timepicker", initial_time=Field(_TIME), timezone=Field(_zone)),
    "datetimepicker": _element(
        "datetimepicker", initial_date_time=Field(whole(1_000_000_000, _EPOCH_MAX)), focus_on_load=_FLAG
    ),
}
"""https://docs.slack.dev/reference/block-kit/block-elements/date-picker-element and its neighbours"""

CHOICES = {
    "checkboxes": _element(
        "checkboxes",
        _offered,
        options=Field(items(option(mrkdwn=True), 10, 1), required=True),
        initial_options=_ANY,
        focus_on_load=_FLAG,
    ),
    "radio_buttons": _element(
        "radio_buttons",
        _offered,
        options=Field(items(option(mrkdwn=True), 10, 1), required=True),
        initial_option=_ANY,
        focus_on_load=_FLAG,
    ),
}
"""https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element and radio-button-group-element"""

overflow = _element("overflow", options=Field(items(option(with_url=True), 5, 1), required=True))
"""https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element"""

_input_parameter = shape({"name": Field(text(255, 1), required=True), "value": Field(anything, required=True)})
_trigger = shape(
    {"url": Field(url, required=True), "customizable_input_parameters": Field(items(_input_parameter, 100))}
)
_workflow = shape({"trigger": Field(_trigger, required=True)})
"""https://docs.slack.dev/reference/block-kit/composition-objects/workflow-object"""

workflow_button = _element(
    "workflow_button",
    text=Field(plain_text(75), required=True),
    workflow=Field(_workflow, required=True),
    style=Field(one_of("primary", "danger")),
    accessibility_label=Field(text(75)),
)
"""https://docs.slack.dev/reference/block-kit/block-elements/workflow-button-element"""

_dispatching = {"dispatch_action_config": Field(dispatch_action_config)}
_LENGTH = whole(0, 3000)

INPUTS = {
    "plain_text_input": _input(
        "plain_text_input",
        _within("min_length", "max_length"),
        initial_value=Field(text(3000)),
        multiline=_FLAG,
        min_length=Field(_LENGTH),
        max_length=Field(whole(1, 3000)),
        **_dispatching,
    ),
    "number_input": _input(
        "number_input",
        _within("min_value", "max_value"),
        is_decimal_allowed=Field(flag, required=True),
        initial_value=Field(_NUMBER),
        min_value=Field(_NUMBER),
        max_value=Field(_NUMBER),
        **_dispatching,
    ),
    "email_text_input": _input("email_text_input", initial_value=Field(text(3000)), **_dispatching),
    "url_text_input": _input("url_text_input", initial_value=Field(text(3000)), **_dispatching),
    "rich_text_input": _input(
        "rich_text_input",
        _within("min_lines", "max_lines"),
        initial_value=Field(rich_text),
        min_lines=Field(whole(1, 100)),
        max_lines=Field(whole(1, 100)),
        **_dispatching,
    ),
    "file_input": _element("file_input", filetypes=Field(items(text(20, 1), 100, 1)), max_files=Field(whole(1, 10))),
}
"""https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element and its neighbours"""

IN_SECTION = (
    {"button": button, "image": image, "overflow": overflow, "workflow_button": workflow_button}
    | SELECTS
    | MULTI_SELECTS
    | PICKERS
    | CHOICES
)
IN_ACTIONS = (
    {
        "button": button,
        "overflow": overflow,
        "workflow_button": workflow_button,
        "rich_text_input": INPUTS["rich_text_input"],
    }
    | SELECTS
    | MULTI_SELECTS
    | PICKERS
    | CHOICES
)
IN_INPUT = SELECTS | MULTI_SELECTS | PICKERS | CHOICES | INPUTS
IN_CONTEXT = {"image": image, "plain_text": any_text(3000), "mrkdwn": any_text(3000)}
