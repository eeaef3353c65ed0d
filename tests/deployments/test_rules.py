"""The rules of deployments: legal transitions only, terminal is terminal, and a verdict for everything."""

import math

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from bot.deployments.plan import Line, Plan, Release, digest_of
from bot.deployments.rules import (
    ENDED,
    FINAL,
    HOLDING,
    TRANSITIONS,
    State,
    digest,
    may_move,
    may_roll_back_itself,
    sources,
)
from bot.deployments.verification import Look, Measured, Outcome, Reading, judge, read_value
from bot.policy.rules import judge_checks, judge_promotion, judge_same, judge_target
from bot.policy.verdicts import Ask, Verdict

STATES = st.sampled_from(State)


class OnePlace(RuleBasedStateMachine):
    """Several deployments and one place, moved by compare-and-set as the ledger does, in any order, also twice."""

    @initialize(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        self.states = [State.PLANNING] * count
        self.seen = [[State.PLANNING] for _ in range(count)]
        self.holder: int | None = None

    @rule(which=st.integers(0, 3), to=STATES)
    def move(self, which: int, to: State) -> None:
        which %= len(self.states)
        now = self.states[which]
        if now not in sources(to):
            return
        if to in HOLDING:
            if self.holder not in {None, which}:
                return
            self.holder = which
        elif self.holder == which:
            self.holder = None
        self.states[which] = to
        self.seen[which].append(to)

    @invariant()
    def nothing_leaves_a_final_state(self) -> None:
        for seen in self.seen if hasattr(self, "seen") else ():
            assert not any(state in FINAL for state in seen[:-1])

    @invariant()
    def one_holds_the_place(self) -> None:
        if hasattr(self, "states"):
            holding = [number for number, state in enumerate(self.states) if state in HOLDING]
            assert holding == ([] if self.holder is None else [self.holder])


TestOnePlace = OnePlace.TestCase
TestOnePlace.settings = settings(max_examples=60, stateful_step_count=40)


@given(STATES, STATES)
def test_sources_and_moves_say_the_same(now: State, to: State):
    assert (now in sources(to)) == may_move(now, to)


def test_every_state_has_its_row_and_every_way_ends():
    assert set(TRANSITIONS) == set(State)
    reachable, todo = {State.PLANNING}, [State.PLANNING]
    while todo:
        for following in TRANSITIONS[todo.pop()] - reachable:
            reachable.add(following)
            todo.append(following)
    assert reachable == set(State)
    for state in State:
        seen, todo = {state}, [state]
        while todo:
            for following in TRANSITIONS[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        assert seen & FINAL, f"no way out of {state}"


def test_what_holds_has_not_ended():
    assert not HOLDING & ENDED


NAMES = st.lists(st.sampled_from(["unit", "lint", "scan", "e2e"]), unique=True)


@given(
    NAMES, st.dictionaries(st.sampled_from(["unit", "lint", "scan"]), st.sampled_from(["passed", "failed", "pending"]))
)
def test_checks_pass_only_if_each_required_one_passed(required: list[str], states: dict[str, str]):
    verdict = judge_checks(required=required, states=states)
    assert verdict.ok == all(states.get(name) == "passed" for name in required)
    assert verdict.ok or verdict.code in {"checks_failed", "checks_pending"}


SHAS = st.sampled_from(["", "a" * 40, "b" * 40])


@given(SHAS, st.sampled_from(["a" * 40, "b" * 40]), st.sampled_from(["", "staging"]))
def test_promotion_needs_the_exact_commit(succeeded: str, sha: str, before: str):
    verdict = judge_promotion(promote_from=before, succeeded_sha=succeeded, sha=sha, version="1.4.2")
    assert verdict.ok == (not before or succeeded == sha)


def test_same_and_target():
    assert judge_same(running_sha="a", sha="a", version="1", place="p", again=False).code == "already_there"
    assert judge_same(running_sha="a", sha="a", version="1", place="p", again=True).ok
    assert judge_same(running_sha="", sha="a", version="1", place="p", again=False).ok
    assert judge_target(wanted="", targets=["eu", "us"], place="p").code == "target_missing"
    assert judge_target(wanted="eu", targets=["eu", "us"], place="p").ok
    assert judge_target(wanted="", targets=[], place="p").ok


@given(st.sampled_from(["automatic", "offer"]), st.sampled_from(["", "abc"]), st.booleans(), st.booleans())
def test_nothing_irreversible_is_crossed_and_no_rollback_undone_without_a_person(
    policy: str, previous: str, irreversible: bool, back: bool
):
    itself, why = may_roll_back_itself(
        policy=policy, previous_sha=previous, irreversible=irreversible, is_rollback=back
    )
    assert itself == (policy == "automatic" and bool(previous) and not irreversible and not back)
    assert itself or why


READINGS = st.lists(st.sampled_from(Reading), max_size=12)


@given(READINGS, st.integers(1, 12), st.integers(0, 3))
def test_never_silently_successful(looks: list[Reading], wanted: int, allowed: int):
    outcome = judge(looks, wanted=wanted, failures_allowed=allowed)
    if outcome is Outcome.SUCCESSFUL:
        assert len(looks) >= wanted
        assert looks.count(Reading.UNKNOWN) * 2 <= len(looks)
        assert looks.count(Reading.GOOD) >= looks.count(Reading.BAD)
        assert looks.count(Reading.GOOD) > 0
    if outcome is Outcome.GOING:
        assert len(looks) < wanted


@given(READINGS, st.integers(1, 12), st.integers(0, 3))
def test_a_failure_stays_a_failure(looks: list[Reading], wanted: int, allowed: int):
    at = [judge(looks[:number], wanted=wanted, failures_allowed=allowed) for number in range(len(looks) + 1)]
    rows = [number for number, outcome in enumerate(at) if outcome is Outcome.FAILED and number < wanted]
    for number in rows:
        assert all(outcome is Outcome.FAILED for outcome in at[number:])


@given(st.floats(allow_nan=True), st.none() | st.floats(-10, 10), st.none() | st.floats(-10, 10))
def test_a_value_beyond_a_limit_is_bad(value: float, minimum: float | None, maximum: float | None):
    reading = read_value(value, minimum=minimum, maximum=maximum)
    if math.isnan(value):
        assert reading is Reading.UNKNOWN
    else:
        outside = (maximum is not None and value > maximum) or (minimum is not None and value < minimum)
        assert reading is (Reading.BAD if outside else Reading.GOOD)


def test_a_look_is_as_good_as_its_worst_value():
    def look(*readings: Reading) -> Reading:
        return Look(measured=tuple(Measured(name="x", reading=one, words="") for one in readings)).reading

    assert look(Reading.GOOD, Reading.BAD, Reading.UNKNOWN) is Reading.BAD
    assert look(Reading.GOOD, Reading.UNKNOWN) is Reading.UNKNOWN
    assert look(Reading.GOOD) is Reading.GOOD
    assert look() is Reading.UNKNOWN


PLAN = Plan(
    base=Release(sha="a" * 40, version="1.4.1"),
    lines=(Line(sha="b" * 40, title="T", author="zoe", emails=("zoe@example.org",)),),
    total=1,
    asks=(Ask(count=1, groups=("release-managers",)),),
    emails=("zoe@example.org",),
    verdicts=(Verdict(rule="locks", ok=True, words="unlocked"),),
)
RELEASE = Release(sha="b" * 40, version="1.4.2", artifact="x.tar", digest="sha256:1")


def test_a_plan_survives_its_json():
    assert Plan.from_json(PLAN.to_json()) == PLAN


def test_whatever_moves_makes_another_digest():
    def of(plan: Plan = PLAN, release: Release = RELEASE, place: str = "checkout/production") -> str:
        return digest_of(plan, kind="deploy", place=place, release=release)

    moved = [
        of(release=replace(RELEASE, sha="c" * 40)),
        of(release=replace(RELEASE, digest="sha256:2")),
        of(place="checkout/staging"),
        of(replace(PLAN, base=Release(sha="d" * 40))),
        of(replace(PLAN, asks=(Ask(count=2, groups=("release-managers",)),))),
        of(replace(PLAN, irreversible=("migrations/7.sql",))),
        of(replace(PLAN, left_behind=1)),
        of(replace(PLAN, emails=())),
    ]
    assert len({of(), *moved}) == len(moved) + 1
    assert of() == of(replace(PLAN, url="https://example.org", lines=()))


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_a_digest_does_not_depend_on_order(content: dict[str, object]):
    assert digest(content) == digest(dict(reversed(content.items())))
