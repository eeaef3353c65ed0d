"""Deployments of one place that are approved, rejected, taken back, cancelled, queued and ended at the same time.

The model says what each of these does: to votes, to the queue (first come, first served), to the claim of the place,
and to the audit log. What runs is the real road, ledger, approvals and locks; no workflow runs beside them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from hypothesis import strategies as st

from tests.histories.replicas import AWAY, Logged

AWAITING, QUEUED, DEPLOYING = "awaiting_approval", "queued", "deploying"
NEEDED = 2
REQUESTER = "mia"
OK = "ok"
TOO_LATE = frozenset({"not_waiting", "decided", "expired"})
NO_CANCEL = frozenset({"ended", "too_late_to_cancel"})


class One(NamedTuple):
    """One deployment: `overdue` tells that the time to approve it is over, `sent` that it cannot be held back."""

    id: str
    state: str = AWAITING
    approved: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    revoked: frozenset[str] = frozenset()
    overdue: bool = False
    sent: bool = False
    cancel_by: str = ""


class State(NamedTuple):
    """A place: its deployments by age, who waits for it in which order, who holds it, and whose lock is on it."""

    ones: tuple[One, ...] = ()
    queue: tuple[str, ...] = ()
    holder: str = ""
    locked_by: str = ""

    @property
    def held_up(self) -> bool:
        """Whether a lock is in the way; the requester's own is not."""
        return self.locked_by not in {"", REQUESTER}

    def get(self, ident: str) -> One:
        return next(one for one in self.ones if one.id == ident)

    def put(self, one: One) -> "State":
        return self._replace(ones=tuple(one if other.id == one.id else other for other in self.ones))


@dataclass(frozen=True)
class Act:
    """What somebody does, to which deployment, and what they were answered: `ok`, a code, or `AWAY`."""

    kind: str
    who: str
    of: str = ""
    answer: str = ""
    replica: int = 0


Outcome = tuple[State, frozenset[str], list[Logged]]


def ways(state: State, act: Act, entries: Sequence[Logged]) -> Iterator[tuple[State, int]]:
    """Say what an act may do."""
    if act.answer in {AWAY, "raced", "lock_raced"}:
        yield state, 0
    for after, answers, logged in _acts(state, act):
        if (act.answer == AWAY or act.answer in answers) and _same(logged, entries[: len(logged)]):
            yield after, len(logged)


def _same(expected: Sequence[Logged], seen: Sequence[Logged]) -> bool:
    return len(expected) == len(seen) and all(
        (one.action, one.subject) == (other.action, other.subject) and one.actor in {"", other.actor}
        for one, other in zip(expected, seen, strict=True)
    )


def _acts(state: State, act: Act) -> Iterator[Outcome]:
    match act.kind:
        case "lock":
            if state.locked_by in {"", act.who}:
                action = "lock.extend" if state.locked_by else "lock.take"
                yield state._replace(locked_by=act.who), frozenset({OK}), [Logged(action, act.who, "")]
            else:
                yield state, frozenset({"locked"}), []
        case "unlock":
            if state.locked_by == act.who:
                after, started = _next(state._replace(locked_by=""))
                yield after, frozenset({OK}), [*started, Logged("lock.released", act.who, "")]
            else:
                yield state, frozenset({"not_your_lock" if state.locked_by else "not_locked"}), []
        case "supersede":
            yield _superseded(state, act.of)
        case _:
            yield _DOES[act.kind](state, state.get(act.of), act.who)


def _approve(state: State, one: One, who: str) -> Outcome:
    if who in one.approved:
        return state, frozenset({OK}), []
    if one.state != AWAITING:
        return state, TOO_LATE, []
    if one.overdue:
        return _expire(state, one, "expired")
    if who == REQUESTER:
        return state, frozenset({"not_by_you"}), []
    one = one._replace(approved=one.approved | {who}, revoked=one.revoked - {who})
    logged = [Logged("deployment.vote.approve", who, one.id)]
    if len(one.approved) < NEEDED:
        return state.put(one), frozenset({OK}), logged
    return _approved(state, one, who, logged)


def _approved(state: State, one: One, who: str, logged: list[Logged]) -> Outcome:
    if not state.holder and not state.queue and not state.held_up:
        return *_start(state, one, frozenset({OK})), [*logged, Logged("deployment.deploying", who, one.id)]
    state = state.put(one._replace(state=QUEUED))._replace(queue=(*state.queue, one.id))
    after, started = _next(state)
    return after, frozenset({OK}), [*logged, Logged("deployment.queued", who, one.id), *started]


def _reject(state: State, one: One, who: str) -> Outcome:
    if who in one.rejected:
        return state, frozenset({OK}), []
    if one.state != AWAITING:
        return state, TOO_LATE, []
    if one.overdue:
        return _expire(state, one, "expired")
    rejected = one._replace(
        state="rejected", rejected=one.rejected | {who}, approved=one.approved - {who}, revoked=one.revoked - {who}
    )
    logged = [Logged("deployment.vote.reject", who, one.id), Logged("deployment.rejected", who, one.id)]
    return state.put(rejected), frozenset({OK}), logged


def _revoke(state: State, one: One, who: str) -> Outcome:
    late = frozenset({"too_late_to_revoke", "decided", "nothing_to_revoke"})
    if one.state not in {AWAITING, QUEUED, DEPLOYING}:
        return state, late | ({OK} if who in one.revoked else frozenset()), []
    if who in one.revoked:
        return state, frozenset({OK}), []
    if who not in one.approved:
        return state, frozenset({"nothing_to_revoke"}), []
    if one.sent:
        return state, frozenset({"too_late_to_revoke"}), []
    logged = [Logged("deployment.vote.revoke", who, one.id)]
    after = one._replace(approved=one.approved - {who}, revoked=one.revoked | {who}, state=AWAITING)
    if one.state == AWAITING:
        return state.put(after), frozenset({OK}), logged
    state = _left(state.put(after._replace(overdue=False)), one.id)
    state, started = _next(state)
    return state, frozenset({OK}), [*logged, Logged("deployment.awaiting_approval", who, one.id), *started]


def _cancel(state: State, one: One, who: str) -> Outcome:
    if one.cancel_by == who and one.state == DEPLOYING:
        return state, frozenset({OK}), []
    if one.state in {AWAITING, QUEUED}:
        state = _left(state.put(one._replace(state="cancelled", cancel_by=who)), one.id)
        return state, frozenset({OK}), [Logged("deployment.cancelled", who, one.id)]
    if one.state == DEPLOYING:
        return state.put(one._replace(cancel_by=who)), frozenset({OK}), [Logged("deployment.cancel", who, one.id)]
    return state, NO_CANCEL, []


def _send(state: State, one: One, _who: str) -> Outcome:
    """Look for the last time before it is sent: cancelled, held up by a lock, or gone."""
    if one.state != DEPLOYING or one.sent:
        return state, frozenset({OK}), []
    if one.cancel_by:
        state, started = _next(_left(state.put(one._replace(state="cancelled")), one.id))
        return state, frozenset({OK}), [Logged("deployment.cancelled", "", one.id), *started]
    if state.held_up:
        state = _left(state.put(one._replace(state=QUEUED)), one.id)
        return state._replace(queue=(one.id, *state.queue)), frozenset({OK}), [Logged("deployment.queued", "", one.id)]
    return state.put(one._replace(sent=True)), frozenset({OK}), []


def _finish(state: State, one: One, _who: str) -> Outcome:
    if one.state != DEPLOYING or not one.sent:
        return state, frozenset({OK}), []
    state, started = _next(_left(state.put(one._replace(state="succeeded")), one.id))
    return state, frozenset({OK}), [Logged("deployment.succeeded", "", one.id), *started]


def _lapse(state: State, one: One, _who: str) -> Outcome:
    return _expire(state, one, OK) if one.overdue and one.state == AWAITING else (state, frozenset({OK}), [])


_DOES = {
    "approve": _approve,
    "reject": _reject,
    "revoke": _revoke,
    "cancel": _cancel,
    "send": _send,
    "finish": _finish,
    "lapse": _lapse,
}


def _superseded(state: State, newer: str) -> Outcome:
    logged = []
    for one in state.ones:
        if one.id == newer:
            break
        if one.state in {AWAITING, QUEUED}:
            state = _left(state.put(one._replace(state="cancelled", cancel_by=REQUESTER)), one.id)
            logged.append(Logged("deployment.cancelled", "", one.id))
    return state, frozenset({OK}), logged


def _expire(state: State, one: One, answer: str) -> Outcome:
    return state.put(one._replace(state="expired")), frozenset({answer}), [Logged("deployment.expired", "", one.id)]


def _left(state: State, ident: str) -> State:
    """Take a deployment from the queue and the place."""
    queue = tuple(one for one in state.queue if one != ident)
    return state._replace(queue=queue, holder="" if state.holder == ident else state.holder)


def _start(state: State, one: One, answers: frozenset[str]) -> tuple[State, frozenset[str]]:
    return state.put(one._replace(state=DEPLOYING, sent=False))._replace(holder=one.id), answers


def _next(state: State) -> tuple[State, list[Logged]]:
    """Give a free place to whoever waits longest."""
    if state.holder or state.held_up or not state.queue:
        return state, []
    one = state.get(state.queue[0])
    state, _ = _start(state._replace(queue=state.queue[1:]), one, frozenset())
    return state, [Logged("deployment.deploying", "", one.id)]


PEOPLE = ("ana", "raj", "tom", "mia")
KINDS = (
    *["approve"] * 8,
    *["reject", "revoke", "revoke", "cancel", "lapse", "supersede"],
    *["send"] * 4,
    *["finish"] * 4,
    *["lock", "unlock", "unlock"],
)
ACTS = st.tuples(
    st.builds(Act, kind=st.sampled_from(KINDS), who=st.sampled_from(PEOPLE), replica=st.integers(0, 1)),
    st.integers(0, 3),
)


def aimed(act: Act, number: int, state: State) -> Act:
    """Name the deployment that an act is about: one of the newest, or for what workflows do the one under way."""
    if act.kind in {"send", "finish"}:  # the workflow does the one after the other, each once
        due = bool(state.holder) and state.get(state.holder).sent == (act.kind == "finish")
        return replace(act, of=state.holder if due else "")
    newest = state.ones[-4:]
    return replace(act, of=newest[number % len(newest)].id)
