"""Tell new, known and flaky failures apart by what a test did in earlier runs: pure rules over its outcomes."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

# Two changes of mind may be a break and its mending; a third one on the same branch is no longer a story of changes.
FLAKY_FLIPS = 3
# What a test did longer ago says little of today's code; twenty runs of a branch are a week or so of a busy team.
WINDOW = 20
# One pass before it fails says nothing: a rate below needs some runs to be one.
LEAST_RUNS = 5


class Standing(StrEnum):
    """What a failure is, seen with the test's past."""

    NEW = "new"  # passed last time, or has no past
    KNOWN = "known"  # failed in the run before, too
    FLAKY = "flaky"  # passed and failed on the same code, or changes its mind too often


class Outcome(Struct, frozen=True, kw_only=True):
    """How a test came out in one run: `sha` is the commit that ran, `at` when the run ended."""

    sha: str
    branch: str
    passed: bool
    at: datetime


class Verdict(Struct, frozen=True, kw_only=True):
    """What a failure is, and why.

    `since` is the outcome that began the present row of failures (None: the failing run itself), `runs` the length of
    the row with the failing run, `flips` the changes among the last `seen` outcomes.
    """

    standing: Standing
    reason: str
    since: Outcome | None = None
    runs: int = 1
    flips: int = 0
    seen: int = 0


def standing(now: Outcome, earlier: Sequence[Outcome]) -> Verdict:
    """Judge a test that failed `now` by its earlier outcomes, in any order and of any branch.

    Flaky on the same commit counts over all branches, because the code was the same; rows and flips are of the
    branch of `now`, or of all branches where that branch has no past (a fresh merge request).
    """
    past = sorted((one for one in earlier if one.at <= now.at), key=lambda one: one.at)
    same_code = [one for one in past if one.sha == now.sha and one.passed]
    own = [one for one in past if one.branch == now.branch] or past
    recent = [*own[-(WINDOW - 1) :], now]
    flips = sum(before.passed is not after.passed for before, after in pairwise(recent))
    row = _row(own)

    def verdict(kind: Standing, reason: str) -> Verdict:
        since = row[0] if row else None
        return Verdict(standing=kind, reason=reason, since=since, runs=len(row) + 1, flips=flips, seen=len(recent))

    if same_code:
        return verdict(Standing.FLAKY, f"passed and failed on the same commit {now.sha[:8]}")
    if mixed := _mixed_commit(recent):
        return verdict(Standing.FLAKY, f"passed and failed on the same commit {mixed[:8]}")
    if flips >= FLAKY_FLIPS and len(recent) >= LEAST_RUNS:
        return verdict(Standing.FLAKY, f"changed {flips} times in {len(recent)} runs")
    if row:
        return verdict(Standing.KNOWN, f"fails since {row[0].sha[:8]} ({len(row) + 1} runs)")
    reason = "passed in the run before" if own else "has no earlier run"
    return verdict(Standing.NEW, reason)


def _row(past: Sequence[Outcome]) -> list[Outcome]:
    """Return the unbroken failures at the end of the past, oldest first."""
    row: list[Outcome] = []
    for outcome in reversed(past):
        if outcome.passed:
            break
        row.insert(0, outcome)
    return row


def _mixed_commit(outcomes: Sequence[Outcome]) -> str:
    """Return the newest commit on which the test both passed and failed, empty when there is none."""
    passed = {one.sha for one in outcomes if one.passed}
    return next((one.sha for one in reversed(outcomes) if not one.passed and one.sha in passed), "")
