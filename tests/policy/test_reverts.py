"""What reverts and fixes say: reverts of merges, reverts of reverts, and words that only look like them."""

import pytest
from hypothesis import given, strategies as st

from bot.policy.facts import BlockSeen
from bot.policy.reverts import Told, says_it_fixes, undone
from bot.policy.rules import judge_blocked

BAD = ["a" * 40, "b" * 40, "c" * 40]


def sha(number: int) -> str:
    return f"{number:040x}"


def revert(number: int, of: str, more: str = "") -> Told:
    return Told(sha(number), f'Revert "Something"\n\nThis reverts commit {of}{more}.\n')


def test_a_merge_and_a_short_name_count():
    assert undone([revert(1, BAD[0], ", reversing\nchanges made to 1234567")], BAD) == {BAD[0]}
    assert undone([revert(1, BAD[1][:12])], BAD) == {BAD[1]}


@pytest.mark.parametrize("message", ["This reverts commit abc", f"quote: This reverts commit {BAD[0]}", "Revert it"])
def test_what_only_looks_like_a_revert_does_not_count(message):
    assert undone([Told(sha(1), message)], BAD) == frozenset()


@given(st.integers(0, 6))
def test_each_revert_of_the_revert_before_turns_it_round(times):
    told = [revert(1, BAD[0])]
    told += [revert(number, sha(number - 1)) for number in range(2, 2 + times)]
    assert (BAD[0] in undone(told, BAD)) == (times % 2 == 0)


def test_a_fix_says_so_in_a_line_of_its_own():
    names = ("D-7", "v1.4.2", "1.4.2", BAD[0])
    assert says_it_fixes([Told(sha(1), "Hold on\n\nFixes: D-7\n")], names) == "D-7"
    assert says_it_fixes([Told(sha(1), f"Hold on\n\nfixes-release: {BAD[0][:9]}")], names) == BAD[0][:9]
    assert says_it_fixes([Told(sha(1), "This fixes: D-7 perhaps"), Told(sha(2), "Fixes: D-71")], names) == ""


@pytest.mark.parametrize(
    ("itself", "own", "fixed", "fix", "ok"),
    [
        (True, 0, "", False, False),
        (True, 0, "", True, False),
        (False, 0, "", True, False),
        (False, 1, "", False, False),
        (False, 1, "", True, True),
        (False, 1, "it reverts it", False, True),
    ],
)
def test_only_what_mends_it_passes(itself, own, fixed, fix, ok):
    seen = BlockSeen(deployment="D-7", sha=BAD[0], version="v1", why="errors", itself=itself, own=own, fixed=fixed)
    verdict = judge_blocked(seen, version="v2", fix=fix)
    assert (verdict.ok, verdict.code) == (ok, "" if ok else "blocked")
    assert "D-7" in verdict.words
