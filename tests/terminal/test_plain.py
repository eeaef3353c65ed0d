"""Messages as a terminal shows them."""

import pytest
from hypothesis import given, strategies as st

from bot.plain import strip
from bot.reply import (
    Button,
    Buttons,
    Code,
    Divider,
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
    code,
    escape,
    link,
    say,
)
from bot.terminal.plain import render


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("*bold* _italic_ ~gone~ `code`", "bold italic gone code"),
        ("*_both_*", "both"),
        ("snake_case_name and 2*3*4 = 24", "snake_case_name and 2*3*4 = 24"),
        ("`keep *this* _so_`", "keep *this* _so_"),
        ("<https://example.org/a_b_c|compare>", "compare (https://example.org/a_b_c)"),
        ("<https://example.org/>", "https://example.org/"),
        ("by <@U123> in <#C1|ops>, <!subteam^S1|@devs> <!channel>", "by @U123 in #ops, @devs @channel"),
        ("since <!date^1772366400^{time}|12:00 UTC>", "since 12:00 UTC"),
        ("a &amp;&lt;b&gt; &amp;lt;", "a &<b> &lt;"),
        ("red \x1b[31malert\x1b]0;title\x07 \u202egnp", "red [31malert]0;title gnp"),
    ],
)
def test_markup_becomes_text(markup, plain):
    assert strip(markup) == plain


PLAIN = """\
checkout → production
7 commits by mia & tom
D-1
  done     build  #4 (https://ci/4)
  running  deploy  https://ci/5
  waiting  verify
where    version
staging  1.4.2
生产     1
    line one
    line [2Jtwo
--------
[picture: errors over time]
asked by @mia
  Approve: shipmate do 'approve D-1'
  Log: https://ci/5"""


def test_every_part_has_a_plain_form():
    message = Message(
        summary="s",
        parts=(
            Headline(say("{} → production", "checkout")),
            Paragraph(say("7 commits by {}", code("mia & tom"))),
            Steps(
                "D-1",
                (
                    Step(key="b", title="build", state=StepState.DONE, detail=link("https://ci/4", "#4")),
                    Step(key="d", title="deploy", state=StepState.ACTIVE, url="https://ci/5"),
                    Step(key="v", title="verify", state=StepState.PENDING),
                ),
            ),
            Table(("where", "version"), ((Markup("staging"), code("1.4.2")), (Markup("生产"), Markup("1")))),
            Code("line one\nline \x1b[2Jtwo"),
            Divider(),
            Picture(png=b"", alt="errors over time"),
            Note(Markup("_asked by_ <@U1|mia>")),
            Buttons((Button(label="Approve", command="approve"), Button(label="Log…", url="https://ci/5"))),
        ),
    )
    assert render(message, lambda button: f"shipmate do '{button.command} D-1'") == PLAIN
    assert render(Message(summary="only a summary")) == "only a summary"


@given(st.text())
def test_text_from_outside_comes_through_as_it_was_but_for_what_a_terminal_would_obey(text):
    shown = strip(code(text).replace("`", "") if "`" in text else code(text))
    assert not any(char in shown for char in "\x00\x07\x1b\x9b\x7f\u202e")


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="*_~`")))
def test_plain_text_is_not_changed_by_the_way_through_markup(text):
    assert strip(escape(text)) == text


@pytest.mark.parametrize("piece", ["*", "_a", "<", "`", "*a*", "<!date^1^{time}|", "*_~"])
def test_long_markup_takes_no_time_to_speak_of(piece):
    assert strip(piece * 3_000) is not None
