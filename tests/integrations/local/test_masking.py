"""Secrets are masked, however the output was cut when it was written."""

import re

import pytest
from hypothesis import given, strategies as st

from integrations.local.masking import WINDOW, Mask

SECRETS = ["hunter22", "päss wörd", "-----BEGIN KEY-----\nMIIEabcdef\n-----END KEY-----"]
PATTERNS = [r"token=(\S+)", r"\bAKIA[0-9A-Z]{16}\b"]


def masked(pieces: list[bytes]) -> bytes:
    mask = Mask(SECRETS, PATTERNS)
    return b"".join(map(mask.feed, pieces)) + mask.flush()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


pieces_of_text = st.lists(
    st.sampled_from(
        [b"hunter22", b"hunter", b"22", "päss wörd".encode(), b"token=abc", b"token=", b"AKIA0123456789ABCDEF", b"\n",
         b"\r\n", b" ", b"MIIEabcdef", b"x" * 100, b"\xff\x00", "ä".encode()]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@given(pieces_of_text, st.lists(st.integers(min_value=0), max_size=20))
def test_any_cutting_masks_the_same(data, places):
    whole = masked([data])
    assert masked(cut(data, places)) == whole
    assert masked([bytes([byte]) for byte in data]) == whole
    for secret in ("hunter22", "päss wörd", "MIIEabcdef"):
        assert secret.encode() not in whole


@given(st.integers(min_value=WINDOW - 6000, max_value=WINDOW + 6000), st.lists(st.integers(min_value=0), max_size=10))
def test_a_secret_in_a_line_without_end_is_masked_also_where_windows_meet(before, places):
    data = b"." * before + b"hunter22" + b"." * 5000
    out = masked(cut(data, places))
    assert out == b"." * before + b"***" + b"." * 5000


def test_a_match_longer_than_a_window_swallows_the_rest_of_its_line():
    out = masked([b"a token=" + b"s" * (3 * WINDOW) + b"\nnext\n"])
    assert b"ssss" not in out
    assert out.startswith(b"a token=***")
    assert out.endswith(b"\nnext\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"pw hunter22!", b"pw ***!"),
        (b"hunter22hunter22", b"***"),
        (b"token=abc rest", b"token=*** rest"),
        (b"MIIEabcdef", b"***"),
        (b"p%C3%A4ss%20w%C3%B6rd", b"***"),
        (b"aHVudGVyMjI=", b"***="),
        (b"id AKIA0123456789ABCDEF.", b"id ***."),
        (b"nothing here", b"nothing here"),
    ],
)
def test_what_is_masked(line, expected):
    assert Mask(SECRETS, PATTERNS).apply(line) == expected


def test_secrets_that_overlap_are_masked_as_one():
    assert Mask(["abcdef", "defghi"]).apply(b"xabcdefghix") == b"x***x"


def test_a_secret_too_short_to_be_one_does_not_destroy_the_log():
    assert Mask(["abc", ""]).apply(b"abcabc") == b"abcabc"


@given(st.binary(max_size=200))
def test_without_secrets_nothing_changes(data):
    mask = Mask()
    assert mask.feed(data) + mask.flush() == data


@given(st.text(alphabet="abcdefgh \n", max_size=60), st.sampled_from(["abcd", "efgh", "aaaa"]))
def test_a_text_is_masked_as_its_lines_are(text, secret):
    assert Mask([secret]).text(text) == re.sub(f"(?:{secret})+", "***", text) or secret == "aaaa"
