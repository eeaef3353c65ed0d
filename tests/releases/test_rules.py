"""Who may accept what, when that is enough, and what no force passes over."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from bot.identity import Person
from bot.policy.evaluator import evaluate
from bot.policy.facts import Facts
from bot.policy.policy import PlacePolicy
from bot.policy.verdicts import Verdict
from bot.releases.rules import (
    ENDED,
    TRANSITIONS,
    UNDER_WAY,
    Opinion,
    State,
    Word,
    judge_artifact,
    judge_sign_off,
    may_sign_off,
    sources,
)

PEOPLE = [Person(team="T0", user=f"U{number}") for number in range(4)]
OPINIONS = st.lists(
    st.builds(
        Opinion,
        person=st.sampled_from(PEOPLE),
        word=st.sampled_from([Word.ACCEPTED, Word.REJECTED]),
        digest=st.sampled_from(["sha256:a", "sha256:b"]),
        name=st.just("zoe"),
    ),
    unique_by=lambda one: one.person,
)


@given(OPINIONS, st.integers(1, 3), st.sampled_from(["sha256:a", "sha256:b"]))
def test_enough_people_accepted_this_very_artifact_and_nobody_rejected_it(
    opinions: list[Opinion], count: int, digest: str
):
    verdict = judge_sign_off(
        count=count, groups=("product",), of="staging", release="R-1", digest=digest, opinions=opinions
    )
    here = [one.word for one in opinions if one.digest == digest]
    assert verdict.ok == (here.count(Word.ACCEPTED) >= count and Word.REJECTED not in here)
    assert (verdict.code == "") == verdict.ok


@given(OPINIONS)
def test_what_is_no_release_is_never_signed_off(opinions: list[Opinion]):
    verdict = judge_sign_off(count=1, groups=("a", "b"), of="staging", release="", digest="", opinions=opinions)
    assert (verdict.ok, verdict.code) == (False, "not_signed_off")
    assert "1 of a or b" in verdict.words


def test_another_artifact_lets_a_sign_off_expire_and_says_so():
    said = Opinion(person=PEOPLE[0], word=Word.ACCEPTED, digest="sha256:a", name="zoe")
    verdict = judge_sign_off(
        count=1, groups=("product",), of="staging", release="R-1", digest="sha256:b", opinions=[said]
    )
    assert not verdict.ok
    assert "with another artifact: it expired" in verdict.words


@pytest.mark.parametrize(
    ("recorded", "found", "ok"), [("a", "a", True), ("a", "b", False), ("", "b", True), ("a", "", True)]
)
def test_an_artifact_is_the_recorded_one(recorded: str, found: str, ok: bool):
    assert judge_artifact(release="R-1", recorded=recorded, found=found, where="its build").ok is ok


@given(st.sets(st.sampled_from(["product", "others"])), st.booleans(), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_neither_cutter_nor_author_nor_stranger_signs_off(
    groups: set[str],
    wrote: bool,
    person: Person,
    cutter: Person,
):
    no = may_sign_off(person=person, groups=groups, asked=("product",), cutter=cutter, wrote=wrote)
    assert (no is None) == (person != cutter and not wrote and "product" in groups)


def test_every_state_is_reached_and_only_a_cut_release_is_the_end():
    assert set(TRANSITIONS) == set(State) == ENDED | UNDER_WAY
    assert {state for state, following in TRANSITIONS.items() if not following} == {State.CUT}
    assert sources(State.CUT) == {State.PUBLISHING}
    assert sources(State.STARTING) == {State.FAILED}


@pytest.mark.parametrize(
    ("code", "passes"), [("not_signed_off", True), ("artifact_moved", False), ("ref_moved", False)]
)
def test_force_passes_over_a_sign_off_and_never_over_content(code: str, passes: bool):
    facts = Facts(
        at=datetime(2026, 11, 23, tzinfo=UTC),
        kind="deploy",
        service="checkout",
        environment="production",
        sha="a" * 40,
        force="it burns",
        may_force=True,
        gates=(Verdict(rule="release", ok=False, words="no", code=code),),
    )
    policy = PlacePolicy(service="checkout", environment="production", force=("gates",))
    assert evaluate(facts, policy).allowed is passes
