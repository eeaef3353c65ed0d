"""Whatever a message holds, its blocks are such as Slack takes; the judge is the sandbox's Block Kit schema."""

import json
import re

import pytest
from hypothesis import given, settings, strategies as st

from bot.reply import (
    Button,
    Buttons,
    Code,
    Confirm,
    Headline,
    Markup,
    Message,
    Note,
    Paragraph,
    Picture,
    Step,
    Steps,
    StepState,
    Table,
    escape,
    link,
    say,
)
from bot.sandbox.blockkit import message_blocks, view_content
from bot.slack import blocks, buttons
from bot.slack.mrkdwn import cut, elements, strip
from tests.slack import messages as any_message


def texts(value):
    """Yield every mrkdwn text in rendered blocks."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


@settings(deadline=None)
@given(any_message.messages, st.booleans())
def test_any_message_renders_to_blocks_slack_takes(message, rich):
    rendered = blocks.render(message, rich=rich, pictures=["F01", "F02"])
    message_blocks(rendered)
    assert 1 <= len(blocks.plain(message)) <= 3000
    assert len(blocks.spelled_out(message)) <= blocks.MAX_MESSAGE
    for page in blocks.paged(message, rich=rich):
        message_blocks(page)


def test_empty_lines_before_a_full_one_make_no_empty_section():
    message = Message(summary="x", parts=(Paragraph(Markup("\n\n" + "a" * 3000 + "\n\n" + "b" * 3000)),))
    rendered = blocks.render(message)
    message_blocks(rendered)
    assert [block["text"]["text"].strip()[0] for block in rendered] == ["a", "b"]


@settings(deadline=None, max_examples=40)
@given(any_message.messages)
def test_any_message_renders_in_a_modal_and_in_the_home_tab(message):
    for surface in ("modal", "home"):
        rendered = blocks.render(message, surface=surface)
        view_content({"type": surface, "title": {"type": "plain_text", "text": "x"}, "blocks": rendered})


@settings(deadline=None)
@given(any_message.markup, st.integers(10, 200))
def test_cut_breaks_no_link_mention_or_escaped_character(text, limit):
    short = cut(text, limit)
    assert len(short) <= limit
    assert short.count("<") == short.count(">")
    assert not re.search(r"&(?!amp;|lt;|gt;)", re.sub(r"<[^>]*>", "", short))  # a link's own "&" is its own
    for entity in re.findall(r"<[^>]*>", short):
        assert entity in text


@settings(deadline=None)
@given(st.lists(any_message.buttons, max_size=14))
def test_every_button_means_the_same_after_its_way_through_slack(given_buttons):
    pressed = []
    for row in buttons.rows(given_buttons):
        for element in row["elements"]:
            if element["type"] == "overflow":
                pressed += [buttons.read({**element, "selected_option": option}) for option in element["options"]]
            else:
                pressed.append(buttons.read(element))
    wanted = [button for button in given_buttons if not button.url or len(button.url) > 3000]
    read = [press for press in pressed if press is not None]
    assert len(read) == len(wanted)
    for press in read:
        twins = [
            button
            for button in wanted
            if button.command == press.command
            and (dict(button.args) == press.args or (press.ask and press.args.items() <= button.args.items()))
        ]
        assert twins
        assert press.ask or not all(button.ask for button in twins)


def test_outside_text_cannot_mention_or_link():
    message = Message(
        summary="<!channel> look",
        parts=(Paragraph(say("{}", "<!channel> <https://evil.example|bank>")), Code("<!here>"), Note(escape("<@U1>"))),
    )
    assert blocks.plain(message) == "&lt;!channel&gt; look"
    rendered = blocks.render(message)
    assert all("<" not in text for text in texts(rendered))
    assert rendered[1]["elements"][0]["elements"] == [{"type": "text", "text": "<!here>"}]


def test_past_the_limit_of_blocks_the_last_line_counts_what_is_left():
    message = Message(summary="many", parts=tuple(Paragraph(Markup(f"line {n}")) for n in range(60)))
    rendered = blocks.render(message)
    assert len(rendered) == 50
    assert rendered[-1]["elements"][0]["text"] == "… 11 more not shown here"
    assert [len(page) for page in blocks.paged(message)] == [49, 11]
    exactly = Message(summary="many", parts=message.parts[:50])
    assert len(blocks.render(exactly)) == 50
    assert "more" not in str(blocks.render(exactly)[-1])


def test_steps_are_a_plan_of_task_cards_and_words_where_those_do_not_render():
    steps = Steps(
        "checkout to production",
        (
            Step(key="build", title="build #412", state=StepState.DONE, url="https://ci.example/412"),
            Step(key="verify", title="verify", state=StepState.FAILED, detail=Markup("errors *31 %*")),
            Step(key="promote", title="promote", state=StepState.SKIPPED),
        ),
    )
    message = Message(summary="x", parts=(steps,))
    [plan] = blocks.render(message)
    assert plan["type"] == "plan"
    assert [task["status"] for task in plan["tasks"]] == ["complete", "error", "complete"]
    assert plan["tasks"][2]["title"] == "promote (skipped)"
    assert plan["tasks"][1]["details"]["elements"][0]["elements"] == [
        {"type": "text", "text": "errors "},
        {"type": "text", "text": "31 %", "style": {"bold": True}},
    ]
    [section] = blocks.render(message, rich=False)
    lines = section["text"]["text"].splitlines()
    assert lines[0] == "*checkout to production*"
    assert "failed" in lines[2]
    assert "skipped" in lines[3]
    assert [block["type"] for block in blocks.render(message, surface="home")] == ["section"]


def test_a_table_reads_without_columns_where_tables_do_not_render():
    table = Table(("service", "runs"), ((Markup("checkout"), link("https://x.example", "1.4.2")),))
    message = Message(summary="x", parts=(table, table))
    first, second = blocks.render(message)
    assert first["type"] == "table"
    assert second["text"]["text"].splitlines()[1] == "checkout · <https://x.example|1.4.2>"


def test_more_than_five_buttons_go_into_a_menu_except_those_that_ask_first():
    many = [Button(label=f"b{n}", command="where", args={"service": str(n)}) for n in range(8)]
    risky = Button(label="Roll back", command="rollback", confirm=Confirm(title="t", text="t", yes="y"))
    [row] = buttons.rows([*many, risky])
    assert [element["type"] for element in row["elements"]] == ["button"] * 6 + ["overflow"]
    assert row["elements"][5]["text"]["text"] == "Roll back"
    assert [option["text"]["text"] for option in row["elements"][6]["options"]] == ["b5", "b6", "b7"]


def test_arguments_too_long_for_a_button_open_the_modal_instead_of_running_without_them():
    [row] = buttons.rows([Button(label="Go", command="deploy", args={"service": "checkout", "reason": "x" * 3000})])
    press = buttons.read(row["elements"][0])
    assert press == buttons.Press("deploy", {"service": "checkout"}, ask=True)


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"action_id": "link:1", "value": "{}"},
        {"action_id": "do:deploy:1", "value": "[1]"},
        {"action_id": "do:deploy:1", "value": "{"},
        {"action_id": "do:deploy:1"},
        {"action_id": "do:", "value": "{}"},
        {"action_id": "more:1", "selected_option": {"value": "link"}},
        {"action_id": "more:1", "selected_option": {"value": json.dumps({"c": 1, "a": {}})}},
        {"action_id": "more:1", "selected_option": None},
    ],
)
def test_a_press_that_is_not_ours_means_nothing(action):
    assert buttons.read(action) is None


def test_pictures_stand_by_their_file_or_by_their_words():
    message = Message(summary="x", parts=(Picture(b"png", "error ratio rising to 31 %", "errors"),))
    assert blocks.render(message, pictures=["F9"])[0]["slack_file"] == {"id": "F9"}
    assert "error ratio rising" in str(blocks.render(message))


def test_markup_becomes_rich_text_and_plain_text():
    there = link("https://x.example/?a=1&b", "l")
    text = say("{} *bold* `a*b` <@U1> {} {}", "5 * 3 * 2 & <x>", there, "snake_case_name")
    assert strip(text) == "5 * 3 * 2 & <x> bold a*b @U1 l snake_case_name"
    assert {"type": "text", "text": "a*b", "style": {"code": True}} in elements(text)
    assert {"type": "link", "url": "https://x.example/?a=1&b", "text": "l"} in elements(text)


def test_a_headline_is_bold_unless_its_own_marks_would_break_it():
    assert blocks.render(Message(summary="s", parts=(Headline(Markup("a → b")),)))[0]["text"]["text"] == "*a → b*"
    assert blocks.render(Message(summary="s", parts=(Headline(Markup("a *b*")),)))[0]["text"]["text"] == "a *b*"
    assert blocks.render(Message(summary="s", parts=(Buttons(()),)))[0]["text"]["text"] == "s"
