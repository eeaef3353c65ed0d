"""New, known and flaky failures."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from bot.diagnosis.history import Outcome, Standing, standing

START = datetime(2026, 11, 1, tzinfo=UTC)


def outcomes(marks: str, branch: str = "main") -> list[Outcome]:
    """Returns one outcome per mark, each on a commit of its own: + passed, - failed."""
    return [
        Outcome(sha=f"{n:040x}", branch=branch, passed=mark == "+", at=START + timedelta(hours=n))
        for n, mark in enumerate(marks)
    ]


@pytest.mark.parametrize(
    ("past", "kind", "runs"),
    [
        ("", Standing.NEW, 1),
        ("+", Standing.NEW, 1),
        ("-", Standing.KNOWN, 2),
        ("++---", Standing.KNOWN, 4),
        ("--++", Standing.NEW, 1),
        ("+-+-+", Standing.FLAKY, 1),
        ("+" * 30, Standing.NEW, 1),
        ("+-+-" + "+" * 25, Standing.NEW, 1),  # long ago
    ],
)
def test_standing(past, kind, runs):
    *earlier, now = outcomes(past + "-")
    verdict = standing(now, earlier)
    assert (verdict.standing, verdict.runs) == (kind, runs)
    assert verdict.reason


def test_the_same_commit_on_another_branch():
    *earlier, now = outcomes("++-")
    other = Outcome(sha=now.sha, branch="feature", passed=True, at=now.at - timedelta(minutes=1))
    assert standing(now, [*earlier, other]).standing is Standing.FLAKY


def test_a_fresh_branch_has_the_past_of_the_others():
    *earlier, last = outcomes("+--")
    now = Outcome(sha="f" * 40, branch="feature", passed=False, at=last.at + timedelta(hours=1))
    verdict = standing(now, [*earlier, last])
    assert (verdict.standing, verdict.since) == (Standing.KNOWN, earlier[1])


@given(st.text("+-", max_size=40), st.randoms())
def test_the_order_given_does_not_matter(past, random):
    *earlier, now = outcomes(past + "-")
    shuffled = list(earlier)
    random.shuffle(shuffled)
    assert standing(now, shuffled) == standing(now, earlier)
