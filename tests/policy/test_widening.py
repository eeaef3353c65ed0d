"""What widens the policy: found whatever it is, never where something is only taken away."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.amendments.policy import applied, canonical, policy_of
from bot.amendments.rules import compare, remembered, widening
from bot.command import Resource
from bot.permissions import Grant, decide
from bot.settings import Settings

Policy = dict[str, Any]

PEOPLE, GROUPS = ("ana", "mia", "tom"), ("developers", "managers")
PERMISSIONS = ("*", "deployment.*", "deployment.start", "deployment.read", "*.read", "lock.take")
SERVICES, PLACES = ("checkout", "search"), ("staging", "production")


def some(values: tuple[str, ...], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=least)


def scope(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.one_of(st.just(["*"]), some(values, 1))


GRANT = st.fixed_dictionaries(
    {"allow": some(PERMISSIONS, 1), "to": some((*GROUPS, "ana", "everyone"), 1)},
    optional={"services": scope(SERVICES), "environments": scope(PLACES)},
)
APPROVAL = st.fixed_dictionaries({"from": some(GROUPS, 1)}, optional={"count": st.integers(2, 3)})
RULES = st.fixed_dictionaries(
    {},
    optional={
        "approvals": st.lists(APPROVAL, max_size=2),
        "checks": some(("lint", "tests"), 1),
        "promote_from": st.just("staging"),
        "authors_may_approve": st.just(value=True),
    },
)
FREEZE = st.fixed_dictionaries(
    {"name": st.just("year-end"), "reason": st.just("quiet"), "from": st.just("2026-12-18T00:00:00")},
    optional={
        "environments": some(PLACES, 1),
        "production_like": st.just(value=True),
        "exceptions": some(GROUPS, 1),
        "rollbacks": st.just(value=False),
        "to": st.sampled_from(("2026-12-24T00:00:00", "2026-12-28T00:00:00")),
    },
)
POLICY = st.fixed_dictionaries(
    {
        "people": st.fixed_dictionaries(
            {
                name: st.fixed_dictionaries(
                    {}, optional={"slack": st.sampled_from(("U1", "U2")), "emails": some(("a@x.org", "b@x.org"), 1)}
                )
                for name in PEOPLE
            }
        ),
        "groups": st.fixed_dictionaries(
            {
                name: st.fixed_dictionaries(
                    {}, optional={"people": some(PEOPLE, 1), "usergroup": st.sampled_from(("S1", "S2"))}
                )
                for name in GROUPS
            }
        ),
        "permissions": st.lists(GRANT, max_size=4),
        "tokens": st.dictionaries(
            st.sampled_from(("laptop", "ci")), st.sampled_from(({"person": "mia"}, {"account": "ci"}))
        ),
        "environments": st.fixed_dictionaries(
            {name: st.sampled_from(({}, {"production_like": True})) for name in PLACES}
        ),
        "freezes": st.one_of(st.just({}), st.builds(lambda one: {"year-end": one}, FREEZE)),
        "services": st.fixed_dictionaries(
            {
                name: st.fixed_dictionaries(
                    {"environments": st.fixed_dictionaries(dict.fromkeys(PLACES, RULES))},
                    optional={"owners": some(GROUPS, 1)},
                )
                for name in SERVICES
            }
        ),
        "identity": st.one_of(
            st.just({}),
            st.fixed_dictionaries(
                {
                    "issuer": st.sampled_from(("https://a.example", "https://b.example")),
                    "client_id": st.just("shipmate"),
                },
                optional={
                    "required_for": some(("production_like", "irreversible", "forced"), 1),
                    "acr_values": st.just(["mfa"]),
                },
            ),
        ),
        "policy": st.fixed_dictionaries(
            {},
            optional={
                "second_person": st.just(value=True),
                "standard": st.lists(
                    st.sampled_from(({"name": "docs", "paths": ["docs/**"]}, {"name": "copy", "paths": ["i18n/**"]})),
                    unique_by=lambda one: one["name"],
                    min_size=1,
                ),
                "force": st.just({"skips": ["locks"]}),
            },
        ),
    }
)


@given(POLICY)
def test_nothing_changed_is_no_change(policy: Policy) -> None:
    found = compare(policy, policy)
    assert found.changes == ()
    assert canonical(found.kept) == canonical(policy)


@given(POLICY, POLICY)
def test_what_is_kept_widens_nothing(old: Policy, new: Policy) -> None:
    kept = compare(old, new).kept
    assert widening(old, kept) == ()
    if not widening(old, new):
        assert canonical(kept) == canonical(new)


@given(POLICY, POLICY, some((*GROUPS, "ana", "everyone")), st.sampled_from(SERVICES), st.sampled_from((*PLACES, "new")))
def test_what_is_kept_allows_only_what_both_allow(
    old: Policy, new: Policy, groups: list[str], service: str, environment: str
) -> None:
    kept = compare(old, new).kept

    def allows(policy: Policy, permission: str) -> bool:
        grants = [
            Grant(
                permissions=tuple(one["allow"]),
                groups=tuple(one["to"]),
                services=tuple(one.get("services", ["*"])),
                environments=tuple(one.get("environments", ["*"])),
            )
            for one in policy["permissions"]
        ]
        return decide(grants, groups, permission, Resource(service, environment)).allowed

    for permission in ("deployment.start", "deployment.read", "lock.take", "policy.approve"):
        assert not allows(kept, permission) or (allows(old, permission) and allows(new, permission))
        if allows(new, permission) and not allows(old, permission):
            assert any(one.where == "permissions" for one in widening(old, new))


def taken(policy: Policy, *path: str) -> Policy:
    """Return a deep copy with the entry at `path` taken out."""
    import copy  # noqa: PLC0415 - nothing else copies

    changed = copy.deepcopy(policy)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner.pop(path[-1], None)
    return changed


@given(POLICY, st.data())
def test_taking_away_is_never_widening_and_giving_back_is(policy: Policy, data: st.DataObject) -> None:
    narrower = data.draw(st.sampled_from(list(narrowings(policy))))
    assert widening(policy, narrower) == ()
    if compare(policy, narrower).changes:
        assert widening(narrower, policy) != ()


def narrowings(policy: Policy) -> list[Policy]:
    """Return the policy with one right less, or one guard more."""
    found = [policy]
    for name in GROUPS:
        found += [
            taken(policy, "groups", name, key) for key in ("people", "usergroup") if key in policy["groups"][name]
        ]
    found += [taken(policy, "people", name, "slack") for name in PEOPLE if "slack" in policy["people"][name]]
    found += [taken(policy, "tokens", name) for name in policy["tokens"]]
    for number in range(len(policy["permissions"])):
        rest = [one for index, one in enumerate(policy["permissions"]) if index != number]
        found.append({**policy, "permissions": rest})
        one = {**policy["permissions"][number], "services": ["checkout"]}
        if policy["permissions"][number].get("services", ["*"]) == ["*"]:
            found.append({**policy, "permissions": [*rest, one]})
    found.append({**policy, "policy": {**policy["policy"], "second_person": True}})
    found += [taken(policy, "policy", key) for key in ("standard", "force") if key in policy["policy"]]
    if not policy["freezes"]:
        freeze = {"name": "audit", "reason": "auditors", "environments": ["*"], "every": "0 9 * * 1", "for": "8h"}
        found.append({**policy, "freezes": {"audit": freeze}})
    place = policy["services"]["checkout"]["environments"]["production"]
    for stricter in (
        {**place, "checks": [*place.get("checks", []), "security"]},
        {**place, "approvals": [*place.get("approvals", []), {"from": ["managers"]}]},
        {**place, "approvals": [{**one, "count": one.get("count", 1) + 1} for one in place.get("approvals", [])]},
        {**place, "promote_from": place.get("promote_from", "staging")},
    ):
        changed = taken(policy, "tokens", "nobody")
        changed["services"]["checkout"]["environments"]["production"] = stricter
        found.append(changed)
    return found


BASE: Policy = {
    "people": {"mia": {"slack": "U1", "emails": ["mia@x.org"]}},
    "groups": {"managers": {"people": ["mia"]}},
    "permissions": [{"allow": ["deployment.start"], "to": ["managers"], "environments": ["staging"]}],
    "tokens": {},
    "environments": {"production": {"production_like": True}},
    "freezes": {"year-end": {"name": "year-end", "from": "2026-12-18T00:00:00", "to": "2026-12-25T00:00:00"}},
    "services": {
        "checkout": {
            "owners": ["managers"],
            "environments": {"production": {"approvals": [{"from": ["managers"], "count": 2}], "checks": ["tests"]}},
        }
    },
    "policy": {"second_person": True},
    "identity": {},
}


def changed(policy: Policy, path: str, value: object) -> Policy:
    *above, last = path.split(".")
    copied = taken(policy, "tokens", "nobody")
    inner = copied
    for key in above:
        inner = inner[key]
    inner[last] = value
    return copied


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("groups.managers.people", ["mia", "tom"], "groups.managers.people: tom added"),
        ("groups.managers.usergroup", "S1", "groups.managers.usergroup: S1 instead of none"),
        ("people.mia.slack", "U2", "people.mia.slack: U2 instead of U1"),
        ("people.mia.emails", [], "people.mia.emails: mia@x.org removed"),
        ("people.mia.accounts", {"gitlab": "mia"}, "people.mia.accounts: mia of gitlab"),
        ("permissions", [{"allow": ["*"], "to": ["managers"]}], "permissions: managers: * everywhere"),
        ("tokens.ci", {"name": "ci", "account": "ci"}, "terminal.tokens.ci: added, for ci"),
        ("environments.production", {}, "environments.production: no longer production-like"),
        ("freezes", {}, "freezes.year-end: removed"),
        ("services.checkout.owners", ["managers", "ana"], "services.checkout.owners: ana added"),
        (
            "services.checkout.environments.production.approvals",
            [{"from": ["managers"]}],
            "services.checkout.production.approvals: 1 of managers instead of 2 of managers",
        ),
        ("services.checkout.environments.production.checks", [], "services.checkout.production.checks: tests removed"),
        (
            "services.checkout.environments.production.authors_may_approve",
            True,
            "services.checkout.production.authors_may_approve: authors may approve",
        ),
        ("services.checkout.environments.production.unheard_of", 1, "services.checkout.production.unheard_of: changed"),
        ("policy", {}, "policy.second_person: changes of the policy need no second person"),
    ],
)
def test_what_widens_is_named_and_held_back(path: str, value: object, where: str) -> None:
    new = changed(BASE, path, value)
    found = compare(BASE, new)
    assert [str(one) for one in found.widening] == [where]
    assert widening(BASE, found.kept) == ()
    assert canonical(found.kept) != canonical(new)


TOKEN = {"name": "ci", "account": "ci", "secret_hash": "a" * 64, "allow": ["deployment.*"]}


@pytest.mark.parametrize(
    ("path", "old", "new", "widens"),
    [
        ("tokens.ci", TOKEN, {**TOKEN, "allow": ["deployment.start"]}, False),
        ("tokens.ci", TOKEN, {**TOKEN, "services": ["checkout"]}, False),
        ("tokens.ci", TOKEN, {**TOKEN, "expires": "2027-01-01T00:00:00+00:00"}, False),
        ("tokens.ci", TOKEN, {**TOKEN, "secret_hash": "b" * 64}, True),
        ("tokens.ci", {**TOKEN, "services": ["checkout"]}, TOKEN, True),
        ("tokens.ci", {**TOKEN, "expires": "2027-01-01T00:00:00+00:00"}, TOKEN, True),
        ("groups.managers", {"people": ["mia"], "delegable": False}, {"people": ["mia"]}, True),
        ("groups.managers", {"people": ["mia"]}, {"people": ["mia"], "delegable": False}, False),
        ("groups.managers", {"people": ["mia"]}, {"people": ["mia"], "claim": "sre"}, True),
        ("groups.managers", {"people": ["mia"], "claim": "sre"}, {"people": ["mia"]}, False),
        ("identity", {"issuer": "https://a", "required_for": ["forced"]}, {"issuer": "https://a"}, True),
        ("identity", {"issuer": "https://a"}, {"issuer": "https://a", "required_for": ["forced"]}, False),
        ("identity", {"issuer": "https://a"}, {"issuer": "https://b"}, True),
        ("services.checkout.environments.production", {}, {"identity": "required"}, False),
        ("services.checkout.environments.production", {"identity": "required"}, {}, True),
        ("services.checkout.environments.production", {"continuous": {"branch": "main"}}, {}, False),
        ("services.checkout.environments.production", {}, {"continuous": {"branch": "main"}}, True),
    ],
)
def test_which_way_a_change_goes(path: str, old: object, new: object, widens: bool) -> None:
    before, after = changed(BASE, path, old), changed(BASE, path, new)
    found = compare(before, after)
    assert bool(found.widening) is widens
    assert widening(before, found.kept) == ()
    assert found.changes
    assert bool(found.kept == after) is not widens


def test_a_rule_for_every_change_asks_no_less_than_one_for_some() -> None:
    path = "services.checkout.environments.production.approvals"
    when = {"from": ["managers"], "count": 2, "when": {"paths": ["payments/**"]}}
    some_changes = changed(BASE, path, [when])
    assert [one.where for one in widening(BASE, some_changes)] == ["services.checkout.production.approvals"]
    assert widening(some_changes, BASE) == ()
    other = changed(BASE, path, [{**when, "when": {"paths": ["docs/**"]}}])
    assert widening(some_changes, other) != ()


def test_a_freeze_that_was_over_may_be_taken_out() -> None:
    new = changed(BASE, "freezes", {})
    assert widening(BASE, new, now=datetime(2026, 12, 24, 23, 59, tzinfo=UTC)) != ()
    assert widening(BASE, new, now=datetime(2026, 12, 25, 0, 0, tzinfo=UTC)) == ()


def test_a_place_that_comes_back_has_its_rules() -> None:
    gone = taken(BASE, "services", "checkout")
    base = remembered(BASE, compare(BASE, gone).kept)
    back = changed(BASE, "services.checkout.environments.production.approvals", [])
    assert [one.where for one in widening(base, back)] == ["services.checkout.production.approvals"]


SETTINGS = Settings.model_validate(
    {
        "people": {"mia": {"slack": "U01MIA", "emails": ["mia@x.org"], "title": "Mia"}, "tom": {"slack": "U01TOM"}},
        "groups": {"managers": ["mia", "tom"]},
        "permissions": [{"allow": ["*"], "to": ["managers"], "environments": ["staging"]}],
        "terminal": {"tokens": [{"name": "mia-laptop", "person": "mia", "secret": "0123456789abcdef"}]},
        "environments": {"staging": {}, "production": {"production_like": True}},
        "freezes": [
            {"name": "nights", "reason": "sleep", "environments": ["production"], "every": "0 22 * * *", "for": "8h"},
            {"name": "year-end", "reason": "quiet", "environments": ["*"], "from": "2026-12-18", "to": "2026-12-24"},
        ],
        "services": {
            "checkout": {
                "owners": ["managers"],
                "repository": {"with": "gitlab", "project": "shop/checkout"},
                "environments": [
                    {
                        "name": "production",
                        "deploy": {"with": "jenkins", "job": "deploy", "parameters": {"FAST": "yes"}},
                        "approvals": [{"count": 2, "from": ["managers"]}],
                        "approval_expires": "90m",
                        "checks": ["tests"],
                        "verify": {"probes": [{"url": "http://x/healthz", "timeout": "2s"}]},
                    }
                ],
            }
        },
    }
)


def test_the_policy_of_settings_is_put_back_into_settings() -> None:
    policy = policy_of(SETTINGS)
    assert "0123456789abcdef" not in canonical(policy), "secrets stay out"
    assert applied(SETTINGS, policy) == SETTINGS
    identity = {"issuer": "https://login.example.org", "client_id": "shipmate", "client_secret": "hidden-away"}
    signing = Settings.model_validate({"identity": {**identity, "required_for": ["forced"]}})
    assert "hidden-away" not in canonical(policy_of(signing))
    held = applied(signing, {**policy_of(signing), "identity": {"issuer": "https://a.org", "client_id": "x"}})
    assert (held.identity.issuer, held.identity.required_for) == ("https://a.org", ())
    assert held.identity.client_secret == signing.identity.client_secret
    empty = Settings.model_validate(
        {"services": {"checkout": {**SETTINGS.services["checkout"].model_dump(by_alias=True), "owners": []}}}
    )
    other = policy_of(
        SETTINGS.model_copy(update={"services": empty.services, "groups": {}, "permissions": (), "freezes": ()})
    )
    assert policy_of(applied(SETTINGS, other)) == other
    assert policy_of(applied(applied(SETTINGS, other), policy)) == policy


@pytest.mark.parametrize(
    ("path", "value", "seen"),
    [
        ("groups", {}, lambda one: one.groups == {}),
        ("tokens", {}, lambda one: one.terminal.tokens == ()),
        ("freezes", {}, lambda one: one.freezes == ()),
        ("policy", {"second_person": True}, lambda one: one.policy.second_person),
        (
            "services.checkout.environments.production.checks",
            ["x"],
            lambda one: one.services["checkout"].environments[0].checks == ("x",),
        ),
        ("people.tom", {}, lambda one: one.people["tom"].slack == ""),
    ],
)
def test_each_part_of_a_policy_reaches_the_settings(path: str, value: object, seen: Callable[[Settings], bool]) -> None:
    assert not seen(SETTINGS)
    assert seen(applied(SETTINGS, changed(policy_of(SETTINGS), path, value)))
