"""Whatever comes in: bounded, quick, the same however it is cut."""

import tracemalloc

from hypothesis import given, strategies as st

from bot.diagnosis import Intake, diagnose
from bot.diagnosis.cleaning import cleaned
from bot.diagnosis.diagnosis import CAUSE_LENGTH, EXCERPT_LINES
from bot.diagnosis.intake import FIRST_MARKED, HEAD, LAST_MARKED, LINE_LENGTH, TAIL
from tests.diagnosis.conftest import load

PIECES = sorted({line for log in load() if not log.held_out for line in log.read().splitlines()[:60]})
LOGS = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=80)), max_size=40).map(b"\n".join)


@given(LOGS)
def test_any_mixture_of_lines_is_diagnosed(log):
    found = diagnose(log)
    assert len(found.excerpt) <= EXCERPT_LINES
    assert 0 < len(found.cause) <= CAUSE_LENGTH or not log.strip()
    assert "\x1b" not in found.cause
    assert all("\x1b" not in line.text for line in found.excerpt)


@given(LOGS, st.integers(1, 64))
def test_pieces_do_not_matter(log, size):
    assert diagnose(log[n : n + size] for n in range(0, len(log), size)) == diagnose(log)


@given(st.text(alphabet="aA:. /[](){}#-=>\t'\"\x1b0123456789", max_size=60).map(lambda text: text * 30))
def test_repeats_do_not_make_patterns_explode(text):
    diagnose(text + "\n" + text)  # the time limit of every test is the assertion


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing_of_the_colours(text):
    assert "\x1b" not in cleaned(text)


def test_a_huge_log_is_read_in_bounded_memory():
    intake = Intake()
    tracemalloc.start()
    try:
        for number in range(3_000):
            intake.feed(b"[ERROR] something failed\n" * 20 + b"x" * 5_000 + str(number).encode())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000
    lines = intake.lines()
    assert len(lines) <= HEAD + FIRST_MARKED + LAST_MARKED + TAIL
    assert max(len(line.text) for line in lines) <= LINE_LENGTH
    assert intake.count == 60_001
