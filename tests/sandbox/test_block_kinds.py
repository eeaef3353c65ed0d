"""Blocks and elements by kind: the constraints of each, and where it may stand."""

import pytest

from bot.sandbox.blockkit import message_attachments, message_blocks, view_content
from bot.sandbox.errors import SlackError
from tests.sandbox.test_block_kit import RICH, TASK, actions, button, option, section, select, words

URL = "https://a.example/x.png"
IMAGE = {"type": "image", "image_url": URL, "alt_text": "a picture"}


def placed(**element):
    """Return a block with one element that may stand among others."""
    return actions({"action_id": "e", **element})


def field(**element):
    """Return an input block."""
    return {"type": "input", "label": words(), "element": {"action_id": "e", **element}}


def cells(*texts):
    return [{"type": "raw_text", "text": text} for text in texts]


def data_table(rows, **more):
    return {"type": "data_table", "caption": "Crossings", "rows": rows, **more}


def chart(**chart):
    return {"type": "data_visualization", "title": "Sacks", "chart": chart}


def pie(*values):
    return chart(type="pie", segments=[{"label": str(n), "value": value} for n, value in enumerate(values)])


def lines(*series, categories=("a", "b")):
    return chart(type="line", series=list(series), axis_config={"categories": list(categories)})


def series(name, **points):
    return {"name": name, "data": [{"label": label, "value": value} for label, value in points.items()]}


REFUSED = [
    (
        placed(type="datepicker", initial_date="2026-02-30"),
        "must be formatted as YYYY-MM-DD",
        "/elements/0/initial_date",
    ),
    (placed(type="timepicker", initial_time="24:00"), "must be formatted as HH:mm", "/elements/0/initial_time"),
    (placed(type="timepicker", timezone="Mars/Olympus"), "must be a valid IANA time zone", "/elements/0/timezone"),
    (
        placed(type="datetimepicker", initial_date_time=1),
        "must be greater than 999999999",
        "/elements/0/initial_date_time",
    ),
    (placed(type="button", text=words(), url="nonsense"), "must be a valid URL", "/elements/0/url"),
    (
        placed(type="multi_users_select", initial_users=["U1", "U2"], max_selected_items=1),
        "no more than 1 items allowed",
        "/elements/0/initial_users",
    ),
    (
        placed(type="multi_static_select", options=[option()], initial_options=[option("w")]),
        "must exactly match one of the provided options",
        "/elements/0/initial_options",
    ),
    (
        placed(type="external_select", initial_option={"value": "x"}),
        "missing required field: text",
        "/elements/0/initial_option",
    ),
    (
        placed(type="conversations_select", filter={}),
        "must define `include` or `exclude_external_shared_channels` or `exclude_bot_users`",
        "/elements/0/filter",
    ),
    (
        placed(type="conversations_select", filter={"include": ["all"]}),
        "must be a valid enum value [im, mpim, private, public]",
        "/elements/0/filter/include/0",
    ),
    (
        placed(type="static_select", option_groups=[{"label": words("x" * 76), "options": [option()]}]),
        "must be less than 76 characters",
        "/elements/0/option_groups/0/label/text",
    ),
    (
        placed(type="static_select", options=[option()], option_groups=[]),
        "must define exactly one of `options` or `option_groups`",
        "/elements/0",
    ),
    (
        placed(type="checkboxes", options=[option(str(n)) for n in range(11)]),
        "no more than 10 items allowed",
        "/elements/0/options",
    ),
    (
        placed(type="radio_buttons", options=[option()], initial_option=option("other")),
        "must exactly match one of the provided options",
        "/elements/0/initial_option",
    ),
    (placed(type="overflow", options=[{**option(), "url": "x"}]), "must be a valid URL", "/elements/0/options/0/url"),
    (
        placed(type="workflow_button", text=words(), workflow={}),
        "missing required field: trigger",
        "/elements/0/workflow",
    ),
    (
        placed(type="workflow_button", text=words(), workflow={"trigger": {"url": "x"}}),
        "must be a valid URL",
        "/elements/0/workflow/trigger/url",
    ),
    (
        actions(button(confirm={"title": words(), "text": words("x" * 301), "confirm": words(), "deny": words()})),
        "must be less than 301 characters",
        "/elements/0/confirm/text/text",
    ),
    (
        actions(button(accessibility_label="x" * 76)),
        "must be less than 76 characters",
        "/elements/0/accessibility_label",
    ),
    (field(type="number_input"), "missing required field: is_decimal_allowed", "/element"),
    (
        field(type="number_input", is_decimal_allowed=True, min_value="5", max_value="4"),
        "cannot be greater than `max_value`",
        "/element/min_value",
    ),
    (
        field(type="number_input", is_decimal_allowed=False, initial_value="1.5"),
        "must be a whole number when `is_decimal_allowed` is false",
        "/element/initial_value",
    ),
    (
        field(type="number_input", is_decimal_allowed=True, max_value="4", initial_value="5"),
        "must be between `min_value` and `max_value`",
        "/element/initial_value",
    ),
    (field(type="number_input", is_decimal_allowed=True, min_value=1), "must provide a string", "/element/min_value"),
    (
        field(type="plain_text_input", min_length=5, max_length=4),
        "cannot be greater than `max_length`",
        "/element/min_length",
    ),
    (field(type="plain_text_input", min_length=3001), "must be less than 3001", "/element/min_length"),
    (
        field(type="plain_text_input", dispatch_action_config={"trigger_actions_on": ["on_blur"]}),
        "must be a valid enum value [on_enter_pressed, on_character_entered]",
        "/element/dispatch_action_config/trigger_actions_on/0",
    ),
    (
        field(type="rich_text_input", initial_value=words()),
        "must be a valid enum value [rich_text]",
        "/element/initial_value/type",
    ),
    (field(type="rich_text_input", min_lines=0), "must be greater than 0", "/element/min_lines"),
    (field(type="file_input", max_files=11), "must be less than 11", "/element/max_files"),
    (
        field(type="email_text_input", placeholder=words("x" * 151)),
        "must be less than 151 characters",
        "/element/placeholder/text",
    ),
    ({**field(type="plain_text_input"), "dispatch_action": "yes"}, "must provide a boolean", "/dispatch_action"),
    (
        section(accessory={"type": "plain_text_input", "action_id": "e"}),
        "unsupported type: plain_text_input",
        "/accessory/type",
    ),
    (
        {"type": "video", "alt_text": "x", "title": words(), "thumbnail_url": URL, "video_url": "http://a.example"},
        "must be a valid HTTPS URL",
        "/video_url",
    ),
    ({"type": "file", "external_id": "x", "source": "local"}, "must be a valid enum value [remote]", "/source"),
    ({"type": "call"}, "missing required field: call_id", ""),
    ({"type": "alert", "text": words()}, "unsupported type: alert", "/type"),
    ({**IMAGE, "slack_file": {"id": "F1"}}, "must define exactly one of `image_url` or `slack_file`", ""),
    ({"type": "image", "alt_text": "x", "slack_file": {}}, "must define exactly one of `id` or `url`", "/slack_file"),
    ({"type": "container", "child_blocks": [section()]}, "must define `title` or `rich_text_title`", ""),
    (
        {"type": "container", "title": words(), "child_blocks": [{"type": "plan", "title": "x"}]},
        "unsupported type: plan",
        "/child_blocks/0/type",
    ),
    (
        {"type": "container", "title": words(), "child_blocks": [section()], "default_collapsed": True},
        "needs `is_collapsible` to be true",
        "/default_collapsed",
    ),
    ({"type": "context_actions", "elements": [button()]}, "unsupported type: button", "/elements/0/type"),
    (
        {
            "type": "context_actions",
            "elements": [{"type": "icon_button", "action_id": "t", "icon": "skull", "text": words()}],
        },
        "must be a valid enum value [trash]",
        "/elements/0/icon",
    ),
    (
        {"type": "carousel", "elements": [{"type": "card", "title": words()}] * 11},
        "no more than 10 items allowed",
        "/elements",
    ),
    ({"type": "card", "title": words(), "body": words("x" * 201)}, "must be less than 201 characters", "/body/text"),
    ({**TASK, "sources": [{"type": "url", "url": "x", "text": "t"}]}, "must be a valid URL", "/sources/0/url"),
    ({"type": "table", "rows": [cells("")]}, "must be more than 0 characters", "/rows/0/0/text"),
    (
        {"type": "table", "rows": [cells("x")], "column_settings": [{"align": "top"}]},
        "must be a valid enum value [left, center, right]",
        "/column_settings/0/align",
    ),
    (data_table([cells("a", "b")]), "no less than 2 items allowed", "/rows"),
    (data_table([cells("a", "b"), cells("1")]), "all rows must have the same number of cells", "/rows/1"),
    (data_table([[RICH], cells("1")]), "unsupported type: rich_text", "/rows/0/0/type"),
    (
        data_table([cells("a"), *(cells("x" * 3000) for _ in range(4))]),
        "cells must be less than 10001 characters together",
        "/rows",
    ),
    (data_table([cells("a"), cells("1")], page_size=101), "must be less than 101", "/page_size"),
    (pie(1, 0), "must be greater than 0", "/chart/segments/1/value"),
    (pie(*range(1, 8)), "no more than 6 items allowed", "/chart/segments"),
    (lines(series("s", a=1)), "must have one data point for each of the categories", "/chart/series/0/data"),
    (
        lines(series("s", a=1, b=2), series("s", a=1, b=2)),
        '`name` "s" already exists',
        "/chart/series/1/name",
    ),
    (chart(type="radar"), "unsupported type: radar", "/chart/type"),
    (
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "dotted", "elements": []}]},
        "must be a valid enum value [bullet, ordered]",
        "/elements/0/style",
    ),
    (
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "user"}]}]},
        "missing required field: user_id",
        "/elements/0/elements/0",
    ),
    (
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "emoji", "name": "x"}]}],
        },
        "unsupported type: emoji",
        "/elements/0/elements/0/type",
    ),
]


@pytest.mark.parametrize(
    ("block", "message", "pointer"),
    REFUSED,
    ids=[f"{n}: {case[0]['type']} {case[1]}" for n, case in enumerate(REFUSED)],
)
def test_refused(block, message, pointer):
    with pytest.raises(SlackError) as caught:
        message_blocks([block])
    assert f"{message} [json-pointer:/blocks/0{pointer}]" in caught.value.body()["errors"]


TAKEN = [
    placed(type="datepicker", initial_date="2028-02-29"),
    placed(type="timepicker", initial_time="23:59", timezone="America/Chicago"),
    placed(type="multi_external_select", initial_options=[option()], max_selected_items=1, min_query_length=0),
    placed(type="conversations_select", filter={"include": ["public"], "exclude_bot_users": True}),
    placed(type="checkboxes", options=[option(), {**option("w"), "description": words("x", "mrkdwn")}]),
    placed(type="workflow_button", text=words(), workflow={"trigger": {"url": "https://slack.com/shortcuts/Ft0/x"}}),
    placed(type="rich_text_input", min_lines=2, max_lines=4),
    field(type="number_input", is_decimal_allowed=True, min_value="-0.5", max_value="4", initial_value="0"),
    field(type="rich_text_input", initial_value=RICH),
    field(type="file_input", filetypes=["png"], max_files=3),
    {"type": "video", "alt_text": "x", "title": words(), "thumbnail_url": URL, "video_url": URL, "title_url": URL},
    {"type": "file", "external_id": "x", "source": "remote"},
    {"type": "call", "call_id": "R1"},
    {"type": "card", "title": words("*x*", "mrkdwn"), "slack_icon": {"type": "icon", "name": "rocket"}},
    {"type": "container", "rich_text_title": RICH, "child_blocks": [IMAGE], "is_collapsible": True},
    {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "f",
                "positive_button": {"text": words("Good"), "value": "1"},
                "negative_button": {"text": words("Bad"), "value": "0"},
            }
        ],
    },
    {"type": "table", "rows": [cells("a", "b"), [RICH, {"type": "raw_number", "value": 7}]], "column_settings": [None]},
    data_table([cells("a", "b"), [RICH, {"type": "action", "element": button(), "fallback": cells("x")[0]}]]),
    pie(0.5, 3),
    lines(series("north", a=-1, b=2), series("south", a=1, b=2)),
]


@pytest.mark.parametrize("block", TAKEN, ids=[f"{n}: {block['type']}" for n, block in enumerate(TAKEN)])
def test_taken(block):
    (taken,) = message_blocks([block])
    assert taken["type"] == block["type"]


def test_what_spans_blocks():
    focused = [field(type="plain_text_input", focus_on_load=True) for _ in range(2)]
    with pytest.raises(SlackError) as caught:
        message_blocks([*focused, pie(1), pie(2), pie(3)])
    assert caught.value.body()["errors"] == [
        "only 2 data_visualization blocks allowed per message [json-pointer:/blocks/4]",
        "only one element can have `focus_on_load` set to true [json-pointer:/blocks/1]",
    ]


SURFACES = {
    "alert": {"modal"},
    "card": {"message", "modal", "home"},
    "carousel": {"message", "home"},
    "container": {"message"},
    "context_actions": {"message"},
    "data_table": {"message"},
    "data_visualization": {"message"},
    "file": {"message"},
    "input": {"message", "modal", "home"},
    "markdown": {"message"},
    "plan": {"message"},
    "rich_text": {"message", "modal", "home"},
    "table": {"message"},
    "task_card": {"message"},
    "video": {"message", "modal", "home"},
}
SAMPLES = {block["type"]: block for block in TAKEN} | {
    "alert": {"type": "alert", "text": words()},
    "carousel": {"type": "carousel", "elements": [{"type": "card", "title": words()}]},
    "markdown": {"type": "markdown", "text": "x"},
    "plan": {"type": "plan", "title": "x"},
    "rich_text": RICH,
    "task_card": TASK,
}


@pytest.mark.parametrize("kind", sorted(SURFACES))
def test_where_a_block_may_stand(kind):
    """As https://docs.slack.dev/reference/block-kit/blocks lists it."""

    def is_taken(surface):
        blocks = [SAMPLES[kind]]
        try:
            if surface == "message":
                message_blocks(blocks)
            else:
                view_content({"type": surface, "title": words(), "submit": words(), "blocks": blocks})
        except SlackError as error:
            assert any(f"unsupported type: {kind}" in line for line in error.messages)  # noqa: PT017 - both are right
            return False
        return True

    assert {surface for surface in ("message", "modal", "home") if is_taken(surface)} == SURFACES[kind]


@pytest.mark.parametrize(
    ("attachment", "line"),
    [
        ("x", "must provide an object [json-pointer:/attachments/0]"),
        ({"colour": "red"}, "invalid additional property: colour [json-pointer:/attachments/0]"),
        ({"text": 7}, "must provide a string [json-pointer:/attachments/0/text]"),
        ({"fields": [{"title": 7}]}, "must provide a string [json-pointer:/attachments/0/fields/0/title]"),
        ({"actions": [{"text": "x"}]}, "missing required field: type [json-pointer:/attachments/0/actions/0]"),
        (
            {"blocks": [{"type": "divider", "x": 1}]},
            "invalid additional property: x [json-pointer:/attachments/0/blocks/0]",
        ),
    ],
)
def test_attachments_that_are_refused(attachment, line):
    with pytest.raises(SlackError) as caught:
        message_attachments([attachment])
    assert f"[ERROR] {line}" in caught.value.messages


def test_attachments_are_numbered_and_their_blocks_get_ids():
    first, second = message_attachments([{"text": "x", "color": "#fff"}, {"blocks": [section(accessory=select())]}])
    assert (first["id"], second["id"], first["fallback"]) == (1, 2, "[no preview available]")
    assert second["blocks"][0]["block_id"]
