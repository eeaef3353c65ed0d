"""One evaluator: facts survive the way through JSON, force needs the right, unknown never lets more pass."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from bot.policy.evaluator import EMERGENCY, FORCED, NORMAL, STANDARD, evaluate
from bot.policy.facts import BlockSeen, Facts, FreezeSeen, LockSeen
from bot.policy.policy import ApprovalRule, Emergency, PlacePolicy, Standard
from bot.policy.verdicts import Verdict

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHA, OTHER = "a" * 40, "b" * 40
GOOD = Facts(
    at=AT,
    kind="deploy",
    service="checkout",
    environment="production",
    sha=SHA,
    version="v1.4.2",
    running_sha=OTHER,
    standing={"staging": SHA},
    checks={"unit": "passed", "e2e": "passed"},
    files=("payments/card.py", "docs/card.md"),
)
POLICY = PlacePolicy(
    service="checkout",
    environment="production",
    checks=("unit", "e2e"),
    promote_from="staging",
    approvals=(
        ApprovalRule(2, ("release-managers",)),
        ApprovalRule(1, ("security",), ("payments/**",), irreversible=True),
    ),
    standard=(Standard(name="texts", kinds=("deploy",), paths=("docs/**",)),),
    emergency=Emergency(approvers=("on-call",), checks=("unit",)),
    force=("approvals", "checks", "freezes", "locks", "promotion", "blocked"),
)
FROZEN = FreezeSeen(name="xmas", words="frozen: xmas", until=AT + timedelta(hours=1), could=("owners",))
BAD: dict[str, dict[str, Any]] = {
    "locked": {
        "lock": LockSeen(scope="checkout/production", by="tom", reason="PAY-300", until=AT + timedelta(hours=2))
    },
    "frozen": {"freezes": (FROZEN,), "opens": AT + timedelta(hours=1)},
    "blocked": {
        "blocked": BlockSeen(deployment="D-7", sha=SHA, version="v1.4.2", why="rolled back", could=("owners",))
    },
    "not_promoted": {"standing": {}},
    "checks_failed": {"checks": {"unit": "passed", "e2e": "failed"}},
    "checks_pending": {"checks": None},
    "already_there": {"running_sha": SHA},
    "signed_off": {"gates": (Verdict(rule="sign-off", ok=False, words="nobody has", code="signed_off"),)},
}


def bad(*codes: str) -> dict[str, Any]:
    """Return the facts that make each of these rules say no."""
    return {key: value for one in codes for key, value in BAD[one].items()}


def no(facts: Facts, policy: PlacePolicy = POLICY) -> Verdict:
    """Return the first no of a decision."""
    refusal = evaluate(facts, policy).refusal
    assert refusal is not None
    return refusal


wishes = st.sets(st.sampled_from(sorted(BAD))).map(lambda names: bad(*names))
people = st.fixed_dictionaries(
    {
        "force": st.sampled_from(["", "it burns"]),
        "may_force": st.booleans(),
        "change_class": st.sampled_from(["", NORMAL, STANDARD, EMERGENCY]),
        "files": st.sampled_from([None, (), ("docs/a.md",), ("docs/a.md", "payments/b.py"), ("src/c.py",)]),
        "irreversible": st.sampled_from([(), ("migrations/1.sql",)]),
        "kind": st.sampled_from(["deploy", "rollback"]),
    }
)


@given(wishes, people)
def test_the_same_is_decided_from_what_is_kept(wish, person):
    facts = replace(GOOD, **{**wish, **person})
    assert Facts.from_json(facts.to_json()) == facts
    assert evaluate(Facts.from_json(facts.to_json()), POLICY) == evaluate(facts, POLICY)


@given(wishes, people)
def test_only_who_may_passes_over_and_only_what_the_policy_names(wish, person):
    facts = replace(GOOD, **{**wish, **person})
    judgement = evaluate(facts, POLICY)
    if judgement.skipped:
        assert facts.force
        assert judgement.review
    if facts.force and not facts.may_force:
        assert judgement.refusal is not None
        assert judgement.refusal.code == "no_force"
    kept = {"already_there", "signed_off"} & {one.code for one in evaluate(replace(facts, force=""), POLICY).verdicts}
    assert kept <= {one.code for one in judgement.verdicts}, "neither is among what may be passed over"
    if judgement.allowed and judgement.change_class in {NORMAL, EMERGENCY}:
        assert judgement.asks, "these rules ask somebody about every such change"
    forced_nothing = evaluate(facts, replace(POLICY, force=None))
    assert forced_nothing.skipped == ()


@given(wishes, people)
def test_unknown_files_never_ask_fewer(wish, person):
    facts = replace(GOOD, **{**wish, **person})
    known, unknown = (evaluate(replace(facts, files=files), POLICY) for files in (facts.files, None))
    assert {ask.groups for ask in known.asks} <= {ask.groups for ask in unknown.asks}


@pytest.mark.parametrize("code", sorted(BAD))
def test_each_rule_says_its_no_alone(code):
    judgement = evaluate(replace(GOOD, **BAD[code]), POLICY)
    assert [one.code for one in judgement.verdicts if not one.ok] == [code]


def test_who_is_asked_and_why():
    asks = evaluate(GOOD, POLICY).asks
    assert [(ask.count, ask.groups, ask.why) for ask in asks] == [
        (2, ("release-managers",), ""),
        (1, ("security",), "payments/card.py changes"),
    ]
    assert len(evaluate(replace(GOOD, files=("src/a.py",)), POLICY).asks) == 1
    irreversible = evaluate(replace(GOOD, files=("m/1.sql",), irreversible=("m/1.sql",)), POLICY).asks
    assert irreversible[1].why == "m/1.sql cannot be undone"
    assert evaluate(replace(GOOD, files=None), POLICY).asks[1].why == "which files change is not known"


def test_a_standard_change_asks_nobody_and_keeps_its_checks():
    texts = replace(GOOD, files=("docs/a.md",))
    judgement = evaluate(texts, POLICY)
    assert (judgement.change_class, judgement.asks, judgement.allowed) == (STANDARD, (), True)
    assert no(replace(texts, checks={})).code == "checks_pending"
    assert evaluate(replace(texts, change_class=NORMAL), POLICY).asks
    assert evaluate(replace(texts, irreversible=("docs/a.md",)), POLICY).change_class == NORMAL
    refusal = no(replace(GOOD, change_class=STANDARD))
    assert (refusal.code, "docs/**" in refusal.words) == ("not_standard", True)


def test_an_emergency_asks_one_on_call_and_waits_for_named_checks_only():
    urgent = replace(GOOD, change_class=EMERGENCY, reason="cards fail", checks={"unit": "passed"})
    judgement = evaluate(urgent, POLICY)
    assert [(ask.count, ask.groups) for ask in judgement.asks] == [(1, ("on-call",))]
    assert judgement.allowed
    assert judgement.review
    assert judgement.authors_excluded
    assert no(replace(urgent, checks={})).code == "checks_pending"
    assert no(replace(urgent, **BAD["locked"])).code == "locked"
    assert evaluate(urgent, replace(POLICY, authors_may_approve=True)).authors_excluded
    assert no(urgent, replace(POLICY, emergency=None)).code == "no_emergency"


def test_force_names_what_it_passed_over():
    everything = bad("locked", "frozen", "blocked", "not_promoted", "checks_failed")
    forced = replace(GOOD, **everything, force="cards fail", may_force=True)
    judgement = evaluate(forced, POLICY)
    assert judgement.change_class == FORCED
    assert judgement.allowed
    assert set(judgement.skipped) == {"locked", "frozen", "blocked", "not_promoted", "checks_failed", "approvals"}
    assert no(forced, replace(POLICY, force=("checks", "approvals"))).code == "frozen"


def test_a_no_says_who_could_and_until_when():
    frozen = no(replace(GOOD, **BAD["frozen"], could_force=("captains",)))
    assert (frozen.could, frozen.until) == (("owners", "captains"), AT + timedelta(hours=1))
    locked = no(replace(GOOD, **BAD["locked"]))
    assert locked.until == AT + timedelta(hours=2)


def test_another_policy_has_another_digest():
    assert POLICY.digest == replace(POLICY).digest
    assert POLICY.digest != replace(POLICY, checks=("unit",)).digest
