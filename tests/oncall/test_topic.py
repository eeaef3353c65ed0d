"""The part of a topic that names who is on call, and what stays as it is."""

import pytest
from hypothesis import given, strategies as st

from bot.oncall.topic import MOST, with_part, without_part

TEXT = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize(
    ("topic", "names", "then"),
    [
        ("", ["mia"], "[on call for primary: mia]"),
        ("Ships daily", ["mia", "tom"], "Ships daily [on call for primary: mia, tom]"),
        ("a [on call for primary: tom] b", ["mia"], "a [on call for primary: mia] b"),
        ("a [on call for other: tom]", ["mia"], "a [on call for other: tom] [on call for primary: mia]"),
        ("a [on call for primary: x] b [on call for primary: y]", ["mia"], "a [on call for primary: mia] b"),
        ("a", [], "a [on call for primary: nobody]"),
        ("a", ["[evil]: <!here>\n:bell:"], "a [on call for primary: evil here bell]"),
    ],
)
def test_changes_the_marked_part_alone(topic: str, names: list[str], then: str):
    assert with_part(topic, "primary", names) == then
    assert with_part(then, "primary", names) == then, "nothing is to be sent where it is right"


@pytest.mark.parametrize("topic", ["", "a", "a  b ", "[x] y"])
def test_takes_out_what_it_put_in(topic: str):
    made = with_part(topic, "primary", ["mia"])
    assert made is not None
    assert without_part(made, "primary") == topic
    assert without_part("[on call for primary: mia] a", "primary") == "a"


@given(TEXT, TEXT, st.lists(st.text(max_size=80), max_size=8))
def test_keeps_every_other_word_within_the_limit_of_slack(before: str, after: str, names: list[str]):
    topic = f"{before}[on call for primary: who]{after}"
    made = with_part(topic, "primary", names)
    if made is None:
        assert len(before) + len(after) + len("[on call for primary: ") > MOST - 80
        return
    assert len(made) <= MOST
    assert made.startswith(before)
    assert made.endswith(after)


def test_counts_whom_it_has_no_room_for_and_leaves_a_full_topic_alone():
    assert (
        with_part("x" * 190, "primary", ["mia"] * 9)
        == "x" * 190 + " [on call for primary: mia, mia, mia, mia, mia and 4 more]"
    )
    assert with_part("x" * 240, "primary", ["mia"]) is None
