"""No sequence of events lets an unapproved or changed deployment start.

Hypothesis makes up the events: pushes, wishes, votes that are given and taken back, expiry, other policies and groups,
locks, freezes, break-glass, changes from outside, and processes that die after any step. What runs is the real road on
SQLite (see `one_place`). What must hold is said here from what the test itself did, not from the bot's own tables.
"""

from dataclasses import dataclass

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.deployments.records import Deployment
from bot.errors import UserError
from bot.identity import Person
from integrations.capabilities.deploys import Running
from tests.deployments.one_place import PLACE, OnePlace
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE

PEOPLE = st.sampled_from([MIA, TOM, ANA, RAJ, ZOE])
NAMES = {MIA: "mia", TOM: "tom", ANA: "ana", RAJ: "raj", ZOE: "zoe"}
OWNERS = {"zoe", "raj"}


EVENTS = ("push", "revoke", "report", "expire", "cancel", "lock", "freeze", "outside", "more_approvals", "other_groups")
HAPPENS = st.integers(0, 27).map(lambda number: (*EVENTS, "no_force", *("nothing",) * 17)[number])


@dataclass(frozen=True)
class Vote:
    """One approval as the test saw it given: by whom, when they were of which groups, for what."""

    name: str
    manager: bool
    sha: str
    base: str
    count: int


@dataclass(frozen=True)
class Commit:
    """What the test pushed."""

    sha: str
    by: str
    payments: bool


@dataclass(frozen=True)
class Turn:
    """One wish: what is pushed before, who asks how, who votes, what happens between, and where processes die."""

    pushed: str
    payments: bool
    who: Person
    exact: bool
    burns: bool
    voters: list[Person]
    happens: tuple[str, str, str]
    dies: tuple[int, int]
    calm: bool


DIES = st.sampled_from([0, 0, 1, 2, 3, 4])
TURNS = st.builds(
    Turn,
    pushed=st.sampled_from(["zoe", "mia", "ana", ""]),
    payments=st.sampled_from([False, False, True]),
    who=PEOPLE,
    exact=st.booleans(),
    burns=st.sampled_from([False, False, False, True]),
    voters=st.permutations([RAJ, ANA, TOM, ZOE, MIA]).flatmap(
        lambda people: st.sampled_from([people, people, people, people[:2], []])
    ),
    happens=st.tuples(HAPPENS, HAPPENS, HAPPENS),
    dies=st.tuples(DIES, DIES),
    calm=st.sampled_from([True, True, False]),
)


class Approved(RuleBasedStateMachine):
    """One place, many people, and no order."""

    @initialize()
    def begin(self) -> None:
        self.commits: list[Commit] = []
        self.passed: dict[str, bool] = {}
        self.votes: dict[str, dict[str, Vote]] = {}
        self.asked_by: dict[str, str] = {}
        self.forced: set[str] = set()
        self.count, self.force, self.members = 1, True, ("ana", "raj", "tom")
        self.locked = self.frozen = False
        self.went: dict[str, str] = {}
        self.place = OnePlace(self.about_to_go, self.about_to_send)
        self.commits.append(Commit(self.place.head, "zoe", payments=False))
        self.passed[self.place.head] = True

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.place.close()

    # What people and the world do

    @rule(turn=TURNS)
    def one_is_asked_for(self, turn: Turn) -> None:
        """Bring one wish on its way, with something that happens between any two moments of it."""
        if turn.calm:
            self.calm_down()
        if turn.pushed:
            self.push(turn.pushed, payments=turn.payments)
        self.ask(turn.who, exact=turn.exact, force=turn.burns)
        self.place.work(die_after=turn.dies[0])
        getattr(self, f"_{turn.happens[0]}")()
        self.place.work()
        for waiting in self.place.waiting():
            self.vote(self.place.get(waiting), turn.voters)
        getattr(self, f"_{turn.happens[1]}")()
        self.place.work(die_after=turn.dies[1])
        getattr(self, f"_{turn.happens[2]}")()
        self.work_it_all_off()

    @rule()
    def calm_down(self) -> None:
        if self.locked:
            self._lock()
        if self.frozen:
            self._freeze()
        self.passed[self.place.head] = True
        self.place.report(self.place.head, passed=True)
        self.work_it_all_off()

    def push(self, by: str, *, payments: bool) -> None:
        sha = self.place.push(f"Change by {by}", payments=payments, passed=True, by=by)
        self.commits.append(Commit(sha, by, payments=payments))
        self.passed[sha] = True

    def ask(self, who: Person, *, exact: bool, force: bool) -> None:
        ref = self.place.head if exact else "main"
        why = ' --force "cards fail"' if force else ""
        answer = self.place.run(who, f"deploy checkout@{ref} to production --queue{why}")
        if not isinstance(answer, UserError) and answer.subject:
            self.asked_by.setdefault(answer.subject, NAMES[who])
            if force:
                self.forced.add(answer.subject)

    def vote(self, one: Deployment, people: list[Person]) -> None:
        for person in people:
            answer = self.place.run(person, command="approve", deployment=one.id, plan=one.plan_digest)
            if not isinstance(answer, UserError):
                name = NAMES[person]
                seen = Vote(name, name in self.members, one.sha, one.previous_sha, self.count)
                self.votes.setdefault(one.id, {})[name] = seen

    def work_it_all_off(self) -> None:
        for _ in range(20):
            if not self.place.work():
                return

    def _nothing(self) -> None:
        """Let nothing happen."""

    def _push(self) -> None:
        self.push("zoe", payments=True)

    def _revoke(self) -> None:
        for one in self.place.open():
            for who in (ANA, RAJ):
                if not isinstance(self.place.run(who, f"revoke {one}"), UserError):
                    self.votes.get(one, {}).pop(NAMES[who], None)

    def _report(self) -> None:
        self.passed[self.place.head] = False
        self.place.report(self.place.head, passed=False)

    def _expire(self) -> None:
        for one in self.place.waiting()[:1]:
            self.place.expire(self.place.get(one).approval_id)

    def _cancel(self) -> None:
        for one in self.place.open()[:1]:
            self.place.run(MIA, f"cancel {one}")

    def _more_approvals(self) -> None:
        self._reload(count=3 - self.count)

    def _other_groups(self) -> None:
        self._reload(members=("ana", "raj") if "tom" in self.members else ("ana", "raj", "tom"))

    def _no_force(self) -> None:
        self._reload(force=not self.force)

    def _reload(self, **changed: object) -> None:
        vars(self).update(changed)
        self.place.reload(count=self.count, force=self.force, members=self.members)

    def _lock(self) -> None:
        answer = self.place.run(TOM, f"{'unlock' if self.locked else 'lock'} checkout production")
        self.locked ^= not isinstance(answer, UserError)

    def _freeze(self) -> None:
        text = "unfreeze checkout/production" if self.frozen else "freeze checkout/production --for 30d --reason audit"
        self.frozen ^= not isinstance(self.place.run(ANA, text), UserError)

    def _outside(self) -> None:
        one = self.commits[len(self.commits) // 2]
        self.place.rig.deploys.running[PLACE] = Running(sha=one.sha, version=one.sha[:7])

    # What must hold

    def about_to_go(self, one: Deployment) -> None:
        """Look at what the last look let pass, in the moment in which it did."""
        assert self.passed[one.sha], "a required check has not passed"
        if not one.sha.startswith(one.asked):
            assert one.sha == self.place.head, "the branch names another commit now"
        assert not (self.locked and self.asked_by[one.id] != "tom"), "somebody else holds the place"
        if one.id in self.forced:
            assert self.force, "nothing may be forced here"
            assert self.asked_by[one.id] in OWNERS, "who asked may not force"
        else:
            assert not self.frozen, "the place is frozen"
            self.enough(one)
        self.went[one.id] = one.sha

    def enough(self, one: Deployment) -> None:
        """Count by hand the votes that were given for exactly this."""
        base = self.place.rig.deploys.running[PLACE].sha
        shas = [commit.sha for commit in self.commits]
        span = sorted((shas.index(base), shas.index(one.sha)))
        between = self.commits[span[0] + 1 : span[1] + 1]
        wrote = {commit.by for commit in between} or {self.commits[shas.index(one.sha)].by}
        if shas.index(base) > shas.index(one.sha):  # it takes commits away: its own author wrote what runs then
            wrote = {self.commits[shas.index(one.sha)].by}
        votes = [
            vote
            for vote in self.votes.get(one.id, {}).values()
            if (vote.sha, vote.base) == (one.sha, base) and vote.count == self.count
        ]
        voters = {vote.name for vote in votes} - {self.asked_by[one.id]} - wrote
        managers = {vote.name for vote in votes if vote.manager} & voters
        assert len(managers) >= self.count, f"{len(managers)} of {self.count} release-managers"
        if any(commit.payments for commit in between):
            owners = voters & OWNERS
            assert owners, "payments change, and no owner agreed"
            assert len(managers | owners) > self.count, "one person counts for one rule"

    def about_to_send(self, one: Deployment) -> None:
        """Look at what is sent: what the last look let pass, and nothing else."""
        assert self.went.get(one.id) == one.sha, "nothing let this pass"

    @invariant()
    def sent_once_and_only_what_went(self) -> None:
        if not hasattr(self, "place"):
            return
        sent = [request.request_id for request in self.place.rig.deployed]
        assert len(sent) == len(set(sent))
        assert {name.partition("/")[0] for name in sent} <= self.went.keys()
        assert all(self.went[one.request_id.partition("/")[0]] == one.sha for one in self.place.rig.deployed)


TestApproved = Approved.TestCase
TestApproved.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
