"""The checker itself: it explains what can be explained, and nothing else."""

from collections.abc import Iterator, Sequence

import pytest

from tests.histories.linear import Unexplained, explain

Operation = tuple[str, str, str]
"""Who, what (`take` or `free`), and the answer: `ok`, `no`, or `?` where the caller was told nothing."""


def ways(holder: str, operation: Operation, entries: Sequence[str]) -> Iterator[tuple[str, int]]:
    """A lock with one holder, whose log says who took and who freed it."""
    who, what, answer = operation
    may = holder == ("" if what == "take" else who)
    if answer != "ok" and (answer == "?" or not may):
        yield holder, 0
    if answer != "no" and may and list(entries[:1]) == [f"{who} {what}"]:
        yield (who if what == "take" else ""), 1


def told(operations: list[Operation], log: list[str], holder: str = "") -> set[str]:
    return set(explain(frozenset([holder]), operations, log, ways))


def test_of_two_who_race_one_wins_and_the_other_is_refused():
    race = [("mia", "take", "no"), ("tom", "take", "ok")]
    assert told(race, ["tom take"]) == {"tom"}


def test_an_order_is_found_whatever_the_order_they_are_told_in():
    batch = [("tom", "take", "ok"), ("mia", "free", "ok"), ("tom", "free", "ok"), ("mia", "take", "ok")]
    assert told(batch, ["mia take", "mia free", "tom take", "tom free"]) == {""}


def test_what_failed_may_have_happened_or_not_and_the_log_says_which():
    assert told([("mia", "take", "?")], []) == {""}
    assert told([("mia", "take", "?")], ["mia take"]) == {"mia"}


@pytest.mark.parametrize(
    ("batch", "log"),
    [
        ([("mia", "take", "ok"), ("tom", "take", "ok")], ["mia take", "tom take"]),  # two holders
        ([("mia", "take", "ok")], []),  # not in the log
        ([("mia", "take", "no")], ["mia take"]),  # refused, and done
        ([("mia", "take", "no")], []),  # refused for no reason
        ([("mia", "take", "ok")], ["mia take", "mia take"]),  # done twice
        ([("mia", "take", "?")], ["tom take"]),  # somebody else's
        ([("mia", "take", "ok"), ("mia", "free", "ok")], ["mia free", "mia take"]),  # the wrong way round
    ],
)
def test_what_no_order_explains_is_named(batch: list[Operation], log: list[str]):
    with pytest.raises(Unexplained, match="no order of these operations") as caught:
        told(batch, log)
    assert "explained at most" in str(caught.value)
