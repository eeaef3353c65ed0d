"""The one decision: no by default, more rights never mean less, wildcards mean what they say."""

import pytest
from hypothesis import given, strategies as st

from bot.command import Resource
from bot.permissions import Grant, decide

PERMISSIONS = ("deployment.start", "deployment.cancel", "deploymentx.start", "lock.take")
NAMES = ("a", "b")
GROUPS = ("developers", "ops", "person:mia")

patterns = st.lists(
    st.sampled_from((*PERMISSIONS, "deployment.*", "lock.*", "*.start", "*")), min_size=1, max_size=2
).map(tuple)
names = st.lists(st.sampled_from((*NAMES, "*")), min_size=1, max_size=2).map(tuple)
grants = st.lists(
    st.builds(
        Grant,
        permissions=patterns,
        groups=st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2).map(tuple),
        services=names,
        environments=names,
        targets=names,
    ),
    max_size=4,
)
holders = st.frozensets(st.sampled_from(GROUPS))
permissions = st.sampled_from(PERMISSIONS)
fields = st.sampled_from((*NAMES, ""))
resources = st.builds(Resource, service=fields, environment=fields, target=fields)


@given(holders, permissions, resources)
def test_without_grants_the_answer_is_no(groups: frozenset[str], permission: str, resource: Resource) -> None:
    assert not decide((), groups, permission, resource).allowed


@given(grants, permissions, resources)
def test_who_is_in_no_group_may_nothing(given_grants: list[Grant], permission: str, resource: Resource) -> None:
    assert not decide(given_grants, frozenset(), permission, resource).allowed


@given(grants, grants, holders, holders, permissions, resources)
def test_more_grants_and_more_groups_never_take_away(
    some: list[Grant],
    more: list[Grant],
    groups: frozenset[str],
    others: frozenset[str],
    permission: str,
    resource: Resource,
) -> None:
    if decide(some, groups, permission, resource).allowed:
        assert decide([*more, *some], groups | others, permission, resource).allowed


@given(grants, holders, permissions, resources)
def test_what_holds_for_all_holds_for_each(
    given_grants: list[Grant], groups: frozenset[str], permission: str, resource: Resource
) -> None:
    """Whoever may act on all targets may act on one of them, and so for services and environments."""
    if decide(given_grants, groups, permission, resource).allowed:
        for name in NAMES:
            narrower = Resource(resource.service or name, resource.environment or name, resource.target or name)
            assert decide(given_grants, groups, permission, narrower).allowed


@given(grants, holders, permissions, resources)
def test_who_could_are_exactly_the_groups_that_may(
    given_grants: list[Grant], groups: frozenset[str], permission: str, resource: Resource
) -> None:
    decision = decide(given_grants, groups, permission, resource)
    could = {group for group in GROUPS if decide(given_grants, {group}, permission, resource).allowed}
    assert {f"person:{name}" if name == "mia" else name for name in decision.who_could} == could
    assert decision.allowed == bool(could & groups)


@given(grants, holders, permissions, resources)
def test_a_plain_model_of_the_rule_agrees(
    given_grants: list[Grant], groups: frozenset[str], permission: str, resource: Resource
) -> None:
    def within(name: str, allowed: tuple[str, ...]) -> bool:
        return "*" in allowed or name in allowed

    family, verb = permission.split(".")
    expected = any(
        bool(groups.intersection(grant.groups))
        and bool({"*", permission, f"{family}.*", f"*.{verb}"}.intersection(grant.permissions))
        and within(resource.service, grant.services)
        and within(resource.environment, grant.environments)
        and within(resource.target, grant.targets)
        for grant in given_grants
    )
    assert decide(given_grants, groups, permission, resource).allowed == expected


@pytest.mark.parametrize(
    ("pattern", "permission", "held"),
    [
        ("deployment.*", "deployment.start", True),
        ("deployment.*", "deploymentx.start", False),
        ("deployment.*", "deployment", False),
        ("deployment.start", "deployment.start_now", False),
        ("*", "anything.at.all", True),
        ("*.read", "lock.read", True),
        ("*.read", "lock.spread", False),
        ("*.read", "read", False),
    ],
)
def test_wildcards(pattern: str, permission: str, held: bool) -> None:
    grant = Grant(permissions=(pattern,), groups=("g",))
    assert decide([grant], {"g"}, permission, Resource()).allowed is held


def test_the_rule_is_told_in_words_and_names_its_place() -> None:
    given_grants = [
        Grant(("lock.take",), ("developers",), number=0),
        Grant(("deployment.*",), ("developers", "person:mia"), environments=("staging",), number=1),
        Grant(("*",), ("ops",), number=2),
    ]
    yes = decide(given_grants, {"developers"}, "deployment.start", Resource("checkout", "staging"))
    assert yes.rule == "developers may deployment.start on checkout/staging (permissions[1])"
    no = decide(given_grants, {"developers"}, "deployment.start", Resource("checkout", "production"))
    assert not no.allowed
    assert no.who_could == ("ops",)
    assert "deployment.start on checkout/production" in no.rule
    on_staging = decide(given_grants, (), "deployment.start", Resource("checkout", "staging"))
    assert on_staging.who_could == ("developers", "mia", "ops")
