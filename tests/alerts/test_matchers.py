"""Matchers as people write them."""

import re

import pytest
from hypothesis import given, strategies as st

from integrations.capabilities.alerts import Matcher
from integrations.capabilities.matchers import all_match, matches, read, read_all, written

NAMES = st.from_regex(re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,10}", re.ASCII), fullmatch=True)
MATCHERS = st.builds(Matcher, NAMES, st.text(max_size=20), is_equal=st.booleans())


@given(st.lists(MATCHERS, max_size=4))
def test_what_is_written_is_read_back(matchers):
    assert list(read_all(written(matchers))) == matchers
    assert list(read_all("{" + written(matchers) + "}")) == matchers


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("severity=critical", Matcher("severity", "critical")),
        (' team =~ "pay.*" ', Matcher("team", "pay.*", is_regex=True)),
        ("env!=staging", Matcher("env", "staging", is_equal=False)),
        ('pod!~"a|b"', Matcher("pod", "a|b", is_regex=True, is_equal=False)),
        ('a=""', Matcher("a", "")),
    ],
)
def test_every_form_is_read(text, matcher):
    assert read(text) == matcher


@pytest.mark.parametrize(
    "text", ["", "x", "1a=b", 'a="b', "a==b c", 'a=~"("', "a=b,,c=d", 'a="b" c="d"', "a=b}", "a=b, c"]
)
def test_what_is_none_is_told(text):
    with pytest.raises(ValueError, match=r"matcher|regular expression"):
        read(text)


def test_a_label_that_is_missing_is_empty_and_expressions_are_anchored():
    labels = {"service": "checkout"}
    assert matches(Matcher("pod", ""), labels)
    assert not matches(Matcher("service", "check", is_regex=True), labels)
    assert all_match([Matcher("service", "check.*", is_regex=True), Matcher("pod", "x", is_equal=False)], labels)
    assert not all_match([Matcher("service", "checkout"), Matcher("pod", "x")], labels)
