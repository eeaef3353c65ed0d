"""What an alert group is, whatever order its news comes in: a source that is told of late, twice and out of order."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from bot.alerts import rules
from bot.alerts.rules import Act, Episode, Hold, Next, State
from bot.identity import Person

START = datetime(2026, 3, 1, tzinfo=UTC)
MIA, TOM = Person(team="T0", user="U0MIA"), Person(team="T0", user="U0TOM")
NAMES = st.sampled_from(["a", "b", "c"])
SECOND = timedelta(seconds=1)


def episode(name: str = "a", *, at: int = 0, firing: bool = True, seen: int = 0, **more) -> Episode:
    began = START + at * SECOND
    values = {"ends_at": None if firing else began + SECOND, "seen_at": START + seen * SECOND, **more}
    return Episode(fingerprint=name, starts_at=began, firing=firing, **values)


class Source(RuleBasedStateMachine):
    """A source whose alerts begin and end, and whose notifications arrive in any order, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.true: dict[str, Episode] = {}
        self.sent: list[list[Episode]] = []
        self.ends_told: set[tuple[str, datetime]] = set()
        self.newest_told: dict[str, datetime] = {}
        self.known: Mapping[str, Episode] = {}
        self.asked = False

    def tick(self) -> datetime:
        self.asked = False
        self.now += SECOND
        return self.now

    @initialize()
    def begin(self) -> None:
        self.starts("a")

    @rule(name=NAMES)
    def starts(self, name: str) -> None:
        if name not in self.true or not self.true[name].firing:
            now = self.tick()
            self.true[name] = Episode(fingerprint=name, starts_at=now, seen_at=now)
            self.sent.append(list(self.true.values()))

    @rule(name=NAMES)
    def ends(self, name: str) -> None:
        if name in self.true and self.true[name].firing:
            now = self.tick()
            self.true[name] = replace(self.true[name], firing=False, ends_at=now)
            self.sent.append(list(self.true.values()))

    @rule(data=st.data())
    def a_notification_arrives(self, data: st.DataObject) -> None:
        """Any that was ever sent: late, or once more."""
        if not self.sent:
            return
        told = data.draw(st.sampled_from(self.sent))
        now = self.tick()
        seen = [replace(one, seen_at=now) for one in told]
        self.known = rules.taken_in(self.known, seen)
        for one in told:
            newest = self.newest_told.get(one.fingerprint, one.starts_at)
            self.newest_told[one.fingerprint] = max(newest, one.starts_at)
            if not one.firing:
                self.ends_told.add((one.fingerprint, one.starts_at))

    @rule()
    def the_source_is_asked(self) -> None:
        asked_at = self.tick()
        seen = [replace(one, seen_at=asked_at) for one in self.true.values() if one.firing]
        self.known = rules.taken_in(self.known, seen, asked_at=asked_at, knows_since=START)
        self.asked = True

    @invariant()
    def the_newest_that_was_told_is_what_is_known(self) -> None:
        for name, newest in self.newest_told.items():
            assert self.known[name].starts_at >= newest

    @invariant()
    def an_end_that_was_told_is_not_undone_by_a_late_beginning(self) -> None:
        for name, one in self.known.items():
            if (name, one.starts_at) in self.ends_told:
                assert not one.firing

    @invariant()
    def once_asked_it_is_what_it_is(self) -> None:
        if self.asked:
            firing = {name for name, one in self.true.items() if one.firing}
            assert {name for name, one in self.known.items() if one.firing} == firing
            state = rules.state_of(self.known, Hold())
            assert state is (State.FIRING if firing else State.RESOLVED)


TestSource = Source.TestCase
TestSource.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_what_was_heard_after_the_asking_began_is_not_taken_for_over():
    known = {"a": episode(seen=5)}
    assert rules.taken_in(known, [], asked_at=START + 4 * SECOND, knows_since=START) == known
    (gone,) = rules.taken_in(known, [], asked_at=START + 6 * SECOND, knows_since=START).values()
    assert not gone.firing


def test_a_source_that_has_just_begun_to_run_ends_nothing():
    known = {"a": episode()}
    since = START + 5 * SECOND
    assert rules.taken_in(known, [], asked_at=START + 9 * SECOND, knows_since=since) == known
    heard = {"a": episode(seen=6)}
    assert not rules.taken_in(heard, [], asked_at=START + 9 * SECOND, knows_since=since)["a"].firing


def test_an_alert_that_the_source_names_fires_though_its_end_was_told():
    known = {"a": episode(firing=False)}
    asked = [episode(seen=9)]
    assert rules.taken_in(known, asked, asked_at=START + 9 * SECOND, knows_since=START)["a"].firing


def test_silences_are_known_by_asking_and_stay_until_asked_again():
    muted = episode(silenced_by=("s1",), seen=1)
    known = rules.taken_in({"a": episode()}, [muted], asked_at=muted.seen_at, knows_since=START)
    after = rules.taken_in(known, [episode(seen=2)])
    assert after["a"].silenced_by == ("s1",)


@pytest.mark.parametrize(
    ("episodes", "hold", "state"),
    [
        ([], Hold(), State.RESOLVED),
        ([episode(firing=False)], Hold(acknowledged_by=MIA), State.RESOLVED),
        ([episode(), episode("b", firing=False)], Hold(), State.FIRING),
        ([episode()], Hold(acknowledged_by=MIA), State.ACKNOWLEDGED),
        ([episode(silenced_by=("s",))], Hold(acknowledged_by=MIA), State.SILENCED),
        ([episode(inhibited=True)], Hold(), State.SILENCED),
        ([episode(silenced_by=("s",)), episode("b")], Hold(), State.FIRING),
        ([episode()], Hold(quiet=True, acknowledged_by=MIA), State.UNKNOWN),
        ([episode(firing=False)], Hold(quiet=True), State.RESOLVED),
        ([episode()], Hold(closed_at=START, closed_by=MIA), State.RESOLVED),
    ],
)
def test_where_a_group_stands(episodes, hold, state):
    assert rules.state_of({one.fingerprint: one for one in episodes}, hold) is state


@pytest.mark.parametrize(
    ("before", "after", "hold", "minutes", "following"),
    [
        (episode(firing=False), episode(firing=False), Hold(), 1, Next.STAYS),
        (episode(firing=False), episode(at=60), Hold(), 1, Next.REOPENS),
        (episode(firing=False), episode(at=60), Hold(), 30, Next.FOLLOWED),
        (episode(), episode(), Hold(closed_at=START), 1, Next.STAYS),
        (episode(), episode(), Hold(closed_at=START), 30, Next.REOPENS),
        (episode(), episode(at=60), Hold(closed_at=START), 1, Next.REOPENS),
        (episode(), episode(at=60), Hold(closed_at=START), 30, Next.FOLLOWED),
        (episode(), episode(firing=False), Hold(closed_at=START), 30, Next.STAYS),
    ],
)
def test_what_follows_an_end(before, after, hold, minutes, following):
    now = START + timedelta(minutes=minutes)
    found = rules.after_the_end(
        {"a": before}, {"a": after}, hold, ended_at=START, now=now, within=timedelta(minutes=10)
    )
    assert found is following


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("holder", [None, MIA, TOM])
def test_what_people_may_do(state, act, holder):
    no = rules.refusal(act, state, Hold(acknowledged_by=holder), MIA)
    code = no.code if no else ""
    if act is Act.UNRESOLVE:
        assert code == ("not_called_over" if state is State.RESOLVED else "alert_open")
    elif state is State.RESOLVED:
        assert code == "alert_resolved"
    elif act is Act.ACKNOWLEDGE and holder == MIA:
        assert code == "acknowledged_already"
    elif act is Act.UNACKNOWLEDGE and holder is None:
        assert code == "not_acknowledged"
    else:
        assert not code


def test_an_act_changes_what_it_says_and_a_new_firing_takes_it_back():
    taken = rules.done(Act.ACKNOWLEDGE, Hold(), MIA, START)
    assert taken.acknowledged_by == MIA
    assert rules.done(Act.UNACKNOWLEDGE, taken, TOM, START).acknowledged_by is None
    closed = rules.done(Act.RESOLVE, taken, TOM, START)
    assert (closed.closed_by, closed.closed_at) == (TOM, START)
    assert rules.reopened(closed) == Hold()
