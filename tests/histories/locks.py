"""Locks: the model of them, and a machine that takes, takes over, releases and lets expire at the same time."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bot.audit import Audit
from bot.changes.records import changes
from bot.identity import Person
from bot.locks import records
from bot.locks.locks import Locks, Taken, Wish
from bot.locks.records import Lock
from bot.locks.rules import Scope
from bot.slack.outbox import Outbox
from bot.store import Tx
from bot.store.starts import starts
from tests.histories.faults import Fault
from tests.histories.linear import explain
from tests.histories.replicas import AWAY, Logged, Replicas

MIA, TOM, ANA = (Person(team="T", user=name) for name in ("mia", "tom", "ana"))
SCOPES = {scope.key: scope for scope in (Scope("checkout", "production"), Scope())}


@dataclass(frozen=True, order=True)
class Held:
    """One lock in the model: `ends` is None for good. One whose time is over is there until that is written."""

    scope: str
    id: str
    who: str
    ends: datetime | None

    def counts(self, now: datetime) -> bool:
        return self.ends is None or now < self.ends


State = frozenset[Held]
Outcome = tuple[State, str, list[Logged]]
"""The state after an act, its answer, and what it leaves in the log."""


@dataclass(frozen=True)
class Act:
    """What one person does, and what they were answered: a code, `AWAY`, or the id of the lock."""

    kind: str
    who: str
    scope: str
    minutes: int = 0
    lock: str = ""
    answer: str = ""
    replica: int = 0


def ways(state: State, act: Act, entries: Sequence[Logged], now: datetime) -> Iterator[tuple[State, int]]:
    """Say what an act may do."""
    if act.answer in {AWAY, "lock_raced"}:  # who is told that it was a race shall ask again: nothing was done
        yield state, 0
    if act.answer == "lock_raced":
        return
    at = next((one for one in state if one.scope == act.scope), None)
    for after, answer, logged in _acts(state, act, at, now, entries):
        if act.answer in {AWAY, answer} and list(entries[: len(logged)]) == logged:
            yield after, len(logged)


def _acts(state: State, act: Act, at: Held | None, now: datetime, entries: Sequence[Logged]) -> Iterator[Outcome]:
    current = at if at is not None and at.counts(now) else None
    ends = now + timedelta(minutes=act.minutes) if act.minutes else None
    rest = state - {at} if at is not None else state

    def begun(ends: datetime | None, action: str, *before: Logged) -> Iterator[Outcome]:
        ident = entries[len(before)].subject if len(entries) > len(before) else ""
        made = Held(act.scope, ident, act.who, ends)
        yield rest | {made}, ident, [*before, Logged(action, act.who, ident)]

    if act.kind == "expire":
        mine = next((one for one in state if one.id == act.lock), None)
        if mine is None or mine.counts(now):
            yield state, "", []
        else:
            yield state - {mine}, "", [Logged("lock.expired", "shipmate", mine.id)]
    elif current is None:
        if act.kind == "take":
            over = [] if at is None else [Logged("lock.expired", "shipmate", at.id)]
            yield from begun(ends, "lock.take", *over)
        else:
            yield state, "not_locked", []
    else:
        yield from _on_held(state, act, current, rest, ends, begun)


def _on_held(
    state: State, act: Act, current: Held, rest: State, ends: datetime | None, begun: Callable[..., Iterator[Outcome]]
) -> Iterator[Outcome]:
    mine = current.who == act.who
    match act.kind:
        case "take" if mine:
            yield rest | {replace(current, ends=ends)}, current.id, [Logged("lock.extend", act.who, current.id)]
        case "take_over" if mine:
            yield state, current.id, []
        case "take_over" if current.id == act.lock:
            yield from begun(ends or current.ends, "lock.take_over")
        case "take" | "take_over":
            yield state, "locked", []
        case "release" if mine:
            yield rest, current.id, [Logged("lock.released", act.who, current.id)]
        case _:
            yield state, "not_your_lock", []


ACTS = st.builds(
    Act,
    kind=st.sampled_from(["take", "take", "take", "take_over", "release", "expire"]),
    who=st.sampled_from(["mia", "tom", "ana"]),
    scope=st.sampled_from(sorted(SCOPES)).map(str),
    minutes=st.sampled_from([0, 5, 5, 60]),
    replica=st.integers(0, 1),
)
PLANS = st.lists(st.sampled_from([*[Fault.NONE] * 3, Fault.BEFORE, Fault.AFTER]), max_size=5)


@dataclass(frozen=True)
class Moment:
    """What happens at once: who does what, and what becomes of the commits; `minutes` passed before it."""

    acts: list[Act]
    newest: bool
    plan: list[Fault]
    file_held: bool
    minutes: int


MOMENTS = st.builds(
    Moment,
    acts=st.lists(ACTS, min_size=2, max_size=5),
    newest=st.booleans(),
    plan=PLANS,
    file_held=st.sampled_from([False, False, False, True]),
    minutes=st.sampled_from([0, 0, 1, 4, 6, 61]),
)


class LockHistory(RuleBasedStateMachine):
    """Three people, two scopes, and everything at once."""

    url = ""
    replicas = 1

    @initialize()
    def begin(self) -> None:
        self.town = Replicas(self.url, self.replicas)
        self.freed: list[str] = []
        self.locks = [self._locks(number) for number in range(self.replicas)]
        self.known: list[str] = []
        self.states: frozenset[State] = frozenset([frozenset()])
        self.counts = {"begun": 0, "ended": 0}

    def teardown(self) -> None:
        if hasattr(self, "town"):
            self.town.close()

    def _locks(self, number: int) -> Locks:
        store, clock = self.town.stores[number], self.town.clock
        locks = Locks(
            store=store,
            clock=clock,
            audit=Audit(store, clock, quiet=True),
            outbox=Outbox(store, clock),
            name_of=lambda person: person.user,
        )

        async def note(tx: Tx, scope: Scope) -> None:
            tx.after_commit(lambda: self.freed.append(scope.key))

        locks.on_released.append(note)
        return locks

    @rule(moment=MOMENTS)
    def at_once(self, moment: Moment) -> None:
        """Time passes; then several people act in the same moment, and the store fails some of them."""
        self.town.clock.jump(minutes=moment.minutes)
        acts = [self._aimed(act, newest=moment.newest) for act in moment.acts]
        answers = self.town.at_once([self._work(act) for act in acts], moment.plan, file_held=moment.file_held)
        done = [replace(act, answer=str(answer)) for act, answer in zip(acts, answers, strict=True)]
        entries = self.town.new_entries("lock.")
        now = self.town.clock.now()
        self.states = explain(self.states, done, entries, lambda state, act, left: ways(state, act, left, now))
        self.known += [one.subject for one in entries if one.action in {"lock.take", "lock.take_over"}]
        self._look(entries)

    def _aimed(self, act: Act, *, newest: bool) -> Act:
        """Name the lock that an act is about: one that is known to whoever acts, the newest or an older one."""
        if act.kind == "take_over":
            held = [one for state in self.states for one in state if one.scope == act.scope]
            return replace(act, lock=held[0].id if held and newest else next(iter(self.known), "L-0"))
        if act.kind == "expire":
            return replace(act, lock=(self.known[-1] if newest else self.known[0]) if self.known else "L-0")
        return act

    def _work(self, act: Act) -> Callable[[], Awaitable[str]]:
        locks = self.locks[act.replica % self.replicas]
        person = Person(team="T", user=act.who)
        duration = timedelta(minutes=act.minutes) if act.minutes else None
        wish = Wish(scope=SCOPES[act.scope], person=person, duration=duration)

        async def work() -> str:
            made: Taken | Lock
            match act.kind:
                case "take":
                    made = await locks.take(wish)
                case "take_over":
                    made = await locks.take_over(wish, lock_id=act.lock)
                case "release":
                    made = await locks.release(wish.scope, person)
                case _:
                    await locks.expire(act.lock)
                    return ""
            return made.id if isinstance(made, Lock) else made.lock.id

        return work

    def _look(self, entries: Sequence[Logged]) -> None:
        """Compare the rows with the model: of the states that explain what was said, the one that is kept."""
        table = records.locks
        rows = self.town.rows(sa.select(table).where(records.HELD))
        kept = frozenset(Held(row.scope, row.id, row.person.user, row.expires_at) for row in rows)
        assert kept in self.states, f"kept {kept}, but answers and log say {self.states}"
        assert len({one.scope for one in kept}) == len(kept), "one holder of a scope"
        self.states = frozenset([kept])
        for entry in entries:
            begins = entry.action in {"lock.take", "lock.take_over"}
            self.counts["begun"] += begins
            self.counts["ended"] += entry.action in {"lock.released", "lock.expired"}
        told = self.town.rows(sa.select(changes.c.kind, sa.func.count()).group_by(changes.c.kind))
        counted = {str(kind): count for kind, count in told}
        assert counted.get("lock.taken", 0) == self.counts["begun"], "what changed is told once, with its entry"
        assert counted.get("lock.released", 0) == self.counts["ended"]
        deadlines = {row.workflow_id for row in self.town.rows(sa.select(starts.c.workflow_id))}
        for one in kept:
            if one.ends is not None:
                assert f"{one.id}/expire/{one.ends:%Y%m%dT%H%M%S.%f}" in deadlines, f"nobody ends {one}"
