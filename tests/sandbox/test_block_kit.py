"""What Slack's Block Kit refuses and what it takes."""

import pytest
from hypothesis import given, strategies as st
from slack_sdk.models import blocks as sdk

from bot.sandbox.blockkit import message_blocks, view_content
from bot.sandbox.errors import SlackError


def words(text="x", kind="plain_text"):
    return {"type": kind, "text": text}


def button(**more):
    return {"type": "button", "action_id": "a", "text": words(), **more}


def option(value="v", text="t"):
    return {"text": words(text), "value": value}


def section(**more):
    return {"type": "section", **({"text": words()} | more)}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def select(**more):
    return {"type": "static_select", "action_id": "s", "options": [option()], **more}


TASK = {"type": "task_card", "task_id": "build", "title": "build", "status": "complete"}
RICH = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}

REFUSED = [
    ([{"type": "nonsense"}], "unsupported type: nonsense", "/blocks/0/type"),
    ([{}], "missing required field: type", "/blocks/0"),
    (["x"], "must provide an object", "/blocks/0"),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed", "/blocks"),
    ([section(text=words("x" * 3001))], "must be less than 3001 characters", "/blocks/0/text/text"),
    ([section(text=words(""))], "must be more than 0 characters", "/blocks/0/text/text"),
    ([section(text=words(7))], "must provide a string", "/blocks/0/text/text"),
    ([section(text={"type": "markdown", "text": "x"})], "unsupported type: markdown", "/blocks/0/text/type"),
    ([{"type": "section"}], "must define `text` or `fields`", "/blocks/0"),
    ([section(fields=[words()] * 11)], "no more than 10 items allowed", "/blocks/0/fields"),
    ([section(fields=[words("x" * 2001)])], "must be less than 2001 characters", "/blocks/0/fields/0/text"),
    ([section(color="red")], "invalid additional property: color", "/blocks/0"),
    ([section(block_id="x" * 256)], "must be less than 256 characters", "/blocks/0/block_id"),
    (
        [section(block_id="b"), section(block_id="b")],
        '`block_id` "b" already exists',
        "/blocks/1/block_id",
    ),
    ([actions(button(), button())], '`action_id` "a" already exists', "/blocks/0/elements/1/action_id"),
    ([{"type": "header", "text": words("x" * 151)}], "must be less than 151 characters", "/blocks/0/text/text"),
    ([{"type": "header", "text": words("x", "mrkdwn")}], "unsupported type: mrkdwn", "/blocks/0/text/type"),
    ([actions()], "must not be empty", "/blocks/0/elements"),
    ([actions(*(button(action_id=str(n)) for n in range(26)))], "no more than 25 items allowed", "/blocks/0/elements"),
    ([{"type": "context", "elements": [words()] * 11}], "no more than 10 items allowed", "/blocks/0/elements"),
    ([actions(button(text=words("x" * 76)))], "must be less than 76 characters", "/blocks/0/elements/0/text/text"),
    ([actions(button(action_id="x" * 256))], "must be less than 256 characters", "/blocks/0/elements/0/action_id"),
    ([actions(button(value="x" * 2001))], "must be less than 2001 characters", "/blocks/0/elements/0/value"),
    ([actions(button(url="x" * 3001))], "must be less than 3001 characters", "/blocks/0/elements/0/url"),
    ([actions(button(style="green"))], "must be a valid enum value [primary, danger]", "/blocks/0/elements/0/style"),
    ([actions(button(confirm={"title": words()}))], "missing required field: deny", "/blocks/0/elements/0/confirm"),
    (
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "unsupported type: plain_text_input",
        "/blocks/0/elements/0/type",
    ),
    (
        [actions(select(options=[option(str(n)) for n in range(101)]))],
        "no more than 100 items allowed",
        "/blocks/0/elements/0/options",
    ),
    (
        [actions(select(options=[option(text="x" * 76)]))],
        "must be less than 76 characters",
        "/blocks/0/elements/0/options/0/text/text",
    ),
    (
        [actions(select(options=[option(value="x" * 151)]))],
        "must be less than 151 characters",
        "/blocks/0/elements/0/options/0/value",
    ),
    (
        [actions(select(options=None))],
        "must define exactly one of `options` or `option_groups`",
        "/blocks/0/elements/0",
    ),
    (
        [actions(select(initial_option=option("other")))],
        "must exactly match one of the provided options",
        "/blocks/0/elements/0/initial_option",
    ),
    (
        [actions({"type": "overflow", "action_id": "o", "options": [option()] * 6})],
        "no more than 5 items allowed",
        "/blocks/0/elements/0/options",
    ),
    (
        [actions({"type": "datepicker", "action_id": "d", "initial_date": "23.11.2026"})],
        "must be formatted as YYYY-MM-DD",
        "/blocks/0/elements/0/initial_date",
    ),
    ([{"type": "image", "alt_text": "x"}], "must define exactly one of `image_url` or `slack_file`", "/blocks/0"),
    ([{"type": "image", "image_url": "https://acme.example/x.png"}], "missing required field: alt_text", "/blocks/0"),
    (
        [{"type": "plan", "title": "p", "tasks": [{**TASK, "status": "done"}]}],
        "must be a valid enum value [pending, in_progress, complete, error]",
        "/blocks/0/tasks/0/status",
    ),
    ([{**TASK, "details": words()}], "must be a valid enum value [rich_text]", "/blocks/0/details/type"),
    ([{"type": "markdown", "text": "x" * 12_001}], "must be less than 12001 characters", "/blocks/0/text"),
    (
        [{"type": "markdown", "text": "x" * 7000}] * 2,
        "markdown blocks must be less than 12001 characters together",
        "/blocks",
    ),
    (
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}],
        "no more than 20 items allowed",
        "/blocks/0/rows/0",
    ),
    (
        [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2,
        "only one table allowed per message",
        "/blocks/1",
    ),
    (
        [{"type": "card", "subtitle": words()}],
        "must define `hero_image` or `title` or `actions` or `body`",
        "/blocks/0",
    ),
    (
        [{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": []}]}],
        "missing required field: style",
        "/blocks/0/elements/0",
    ),
    ([{"type": "input", "label": words(), "element": button()}], "unsupported type: button", "/blocks/0/element/type"),
]


@pytest.mark.parametrize(
    ("blocks", "message", "pointer"), REFUSED, ids=[f"{n}: {case[1]}" for n, case in enumerate(REFUSED)]
)
def test_refused(blocks, message, pointer):
    with pytest.raises(SlackError) as caught:
        message_blocks(blocks)
    answer = caught.value.body()
    assert answer["error"] == "invalid_blocks"
    assert f"{message} [json-pointer:{pointer}]" in answer["errors"]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {one}" for one in answer["errors"]]


TAKEN = [
    section(
        accessory=button(
            style="danger", confirm={"title": words(), "text": words(), "confirm": words(), "deny": words()}
        )
    ),
    section(text=words("*x*", "mrkdwn"), fields=[words()] * 10, accessory=select(initial_option=option())),
    {"type": "header", "text": words("x" * 150)},
    {"type": "divider"},
    {
        "type": "context",
        "elements": [words("x", "mrkdwn"), {"type": "image", "image_url": "https://a.example", "alt_text": "a"}],
    },
    actions(button(), {"type": "datetimepicker", "action_id": "d", "initial_date_time": 1_800_000_000}),
    {
        "type": "input",
        "label": words(),
        "element": {"type": "number_input", "action_id": "n", "is_decimal_allowed": False},
    },
    {
        "type": "plan",
        "title": "D-1042",
        "tasks": [TASK, {**TASK, "details": RICH, "output": RICH, "status": "in_progress"}],
    },
    {**TASK, "sources": [{"type": "url", "url": "https://a.example", "text": "log"}]},
    {"type": "card", "title": words(), "body": words(), "actions": [button()]},
    {"type": "carousel", "elements": [{"type": "card", "title": words()}]},
    {"type": "container", "title": words(), "child_blocks": [section()]},
    {"type": "markdown", "text": "**x**"},
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}, RICH]], "column_settings": [{"align": "right"}]},
    {
        "type": "context_actions",
        "elements": [{"type": "icon_button", "icon": "trash", "action_id": "t", "text": words()}],
    },
    RICH,
]


@pytest.mark.parametrize("block", TAKEN, ids=[block["type"] + str(n) for n, block in enumerate(TAKEN)])
def test_taken_and_given_an_id(block):
    (taken,) = message_blocks([block])
    assert {**taken, "block_id": ""} == {**block, "block_id": ""} or block["type"] in {"carousel", "container"}
    assert taken["block_id"]
    assert "block_id" not in block


def test_elements_without_an_action_id_get_one():
    (taken,) = message_blocks([actions({"type": "button", "text": words()})])
    assert taken["elements"][0]["action_id"]


def test_what_slacks_own_models_build_is_taken():
    built = [
        sdk.SectionBlock(
            text=sdk.MarkdownTextObject(text="*hi*"), accessory=sdk.ButtonElement(text="Go", action_id="go")
        ),
        sdk.ActionsBlock(elements=[sdk.UserSelectElement(action_id="who", placeholder="Who?")]),
        sdk.InputBlock(label="Name", element=sdk.PlainTextInputElement(action_id="name", multiline=True)),
        sdk.TaskCardBlock(task_id="t", title="Build", status="pending"),
        sdk.TableBlock(rows=[[sdk.RawTextObject(text="a").to_dict()]]),
    ]
    taken = message_blocks([block.to_dict() for block in built])
    assert [block["type"] for block in taken] == ["section", "actions", "input", "task_card", "table"]


@pytest.mark.parametrize(
    ("view", "message", "pointer"),
    [
        ({"type": "modal", "blocks": []}, "missing required field: title", "/view"),
        (
            {"type": "modal", "title": words("x" * 25), "blocks": []},
            "must be less than 25 characters",
            "/view/title/text",
        ),
        (
            {"type": "modal", "title": words(), "blocks": [{"type": "divider"}] * 101},
            "no more than 100 items allowed",
            "/view/blocks",
        ),
        (
            {"type": "modal", "title": words(), "blocks": [], "private_metadata": "x" * 3001},
            "must be less than 3001 characters",
            "/view/private_metadata",
        ),
        (
            {"type": "modal", "title": words(), "blocks": [], "callback_id": "x" * 256},
            "must be less than 256 characters",
            "/view/callback_id",
        ),
        (
            {"type": "modal", "title": words(), "blocks": [TAKEN[6]]},
            "must define `submit` to use `input` block",
            "/view/blocks/0/input",
        ),
        ({"type": "modal", "title": words(), "blocks": [TASK]}, "unsupported type: task_card", "/view/blocks/0/type"),
        ({"type": "window", "blocks": []}, "unsupported type: window", "/view/type"),
        ([], "must provide an object", "/view"),
    ],
    ids=["title", "long title", "blocks", "metadata", "callback", "submit", "block type", "type", "array"],
)
def test_refused_views(view, message, pointer):
    with pytest.raises(SlackError) as caught:
        view_content(view)
    assert caught.value.code == "invalid_arguments"
    assert f"[ERROR] {message} [json-pointer:{pointer}]" in caught.value.messages


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "elements", "element", "accessory", "options", "block_id", "action_id", "fields"]
            )
            | st.text(max_size=3),
            inner
            | st.sampled_from(["section", "actions", "input", "container", "carousel", "plain_text", "static_select"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(_JSON, max_size=3))
def test_whatever_comes_is_taken_or_refused_by_code(blocks):
    try:
        message_blocks(blocks)
    except SlackError as error:
        assert error.code == "invalid_blocks"  # noqa: PT017 - both outcomes are right
