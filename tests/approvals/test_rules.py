"""Who counts: N of M, each person once, never who asked or wrote it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from bot.approvals.rules import Rule, expired, may_vote, tally
from bot.identity import Person

PEOPLE = [Person(team="T", user=f"U{number}") for number in range(6)]
GROUPS = ["managers", "owners", "security"]
rules = st.lists(
    st.builds(Rule, st.integers(1, 3), st.lists(st.sampled_from(GROUPS), min_size=1, unique=True).map(tuple)),
    min_size=1,
    max_size=3,
)
voters = st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(GROUPS)))
excluded = st.frozensets(st.sampled_from(PEOPLE), max_size=3)


@given(rules, voters, excluded)
def test_each_person_counts_once_and_only_where_they_belong(
    asked: list[Rule], who: dict[Person, frozenset[str]], out: frozenset[Person]
):
    counted = tally(asked, who, out).counted
    assert not out & counted.keys()
    for person, number in counted.items():
        assert who[person] & set(asked[number].groups)


@given(rules, voters, excluded)
def test_satisfied_means_that_every_rule_has_its_people(
    asked: list[Rule], who: dict[Person, frozenset[str]], out: frozenset[Person]
):
    result = tally(asked, who, out)
    for number, rule in enumerate(asked):
        have = sum(1 for other in result.counted.values() if other == number)
        assert result.missing[number] == rule.count - have >= 0
    if result.satisfied:
        assert len(result.counted) == sum(rule.count for rule in asked)


@given(rules, voters, excluded)
def test_as_many_as_can_be_are_counted(asked: list[Rule], who: dict[Person, frozenset[str]], out: frozenset[Person]):
    def most(people: list[Person], free: list[int]) -> int:
        if not people:
            return 0
        first, *rest = people
        best = most(rest, free)
        for number, rule in enumerate(asked):
            if free[number] and who[first] & set(rule.groups):
                taken = [*free[:number], free[number] - 1, *free[number + 1 :]]
                best = max(best, 1 + most(rest, taken))
        return best

    found = tally(asked, who, out)
    assert len(found.counted) == most([one for one in who if one not in out], [rule.count for rule in asked])


@given(rules, voters, excluded, st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(GROUPS)))
def test_one_more_approval_never_takes_anything_away(
    asked: list[Rule], who: dict[Person, frozenset[str]], out: frozenset[Person], one: Person, groups: frozenset[str]
):
    before = tally(asked, who, out)
    after = tally(asked, {**who, one: groups | who.get(one, frozenset())}, out)
    assert sum(after.missing) <= sum(before.missing)


@given(rules, st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(GROUPS)))
def test_who_may_vote(asked: list[Rule], person: Person, groups: frozenset[str]):
    refusal = may_vote(person, groups, asked, {})
    wanted = {group for rule in asked for group in rule.groups}
    assert (refusal is None) == bool(groups & wanted)
    no = may_vote(person, frozenset(GROUPS), asked, {person: "wrote it"})
    assert no is not None
    assert no.code == "not_by_you"


def test_the_last_moment_is_too_late():
    end = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert expired(end, end)
    assert not expired(end - timedelta(microseconds=1), end)
