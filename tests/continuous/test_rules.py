"""The rules of continuous deployment, in a small town of branches, looks and places: any order of events is tried."""

from dataclasses import dataclass, field

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from bot.continuous.rules import Facts, Next, Waiting, decide, is_green, number_of, request_id, superseded


@dataclass
class Attempt:
    """A deployment that was begun: of commit number `commit`, by look `number`."""

    commit: int
    number: int
    state: str = "waiting"

    @property
    def id(self) -> str:
        return f"D-{self.number}"


@dataclass
class Look:
    """A look on its way: what it saw, once it has seen, and whether it decided to begin."""

    number: int
    saw: int | None = None
    seen: int = 0
    begins: bool = False


@dataclass
class Town:
    head: int = 0
    number: int = 0
    looked: int = 0
    tried: int = 0
    running: int = 0
    paused: bool = False
    attempts: list[Attempt] = field(default_factory=list)


class Branches(RuleBasedStateMachine):
    """Commits are numbers that grow. Looks see, decide and begin in any order, may die after each and are run again."""

    looks: "Bundle[Look]" = Bundle("looks")

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.open: list[Look] = []

    def want(self) -> Look:
        self.town.number += 1
        look = Look(self.town.number)
        self.open.append(look)
        return look

    @rule(target=looks)
    def push(self) -> Look:
        self.town.head += 1
        return self.want()

    @rule(target=looks)
    def repeated_event(self) -> Look:
        return self.want()

    @rule()
    def push_without_an_event(self) -> None:
        self.town.head += 1

    @rule()
    def pause(self) -> None:
        self.town.paused = True

    @precondition(lambda self: self.town.paused)
    @rule(target=looks)
    def resume(self) -> Look:
        self.town.paused = False
        return self.want()

    @rule(look=looks)
    def see(self, look: Look) -> None:
        if look.saw is not None or look not in self.open:
            return
        if look.number != self.town.number:  # a newer one will see
            self.open.remove(look)
        else:
            look.seen, look.saw = self.town.looked, self.town.head

    @rule(look=looks)
    def decides(self, look: Look) -> None:
        town = self.town
        if look not in self.open or look.saw is None or look.begins:
            return
        following = decide(
            Facts(
                seen=look.seen,
                looked=town.looked,
                on=True,
                paused=town.paused,
                ready=str(look.saw) if look.saw else "",
                tried=str(town.tried) if town.tried else "",
                running=str(town.running) if town.running else "",
            )
        )
        if following is Next.OVERTAKEN:
            self.open.remove(look)
            if look.number == town.number:
                self.want()
            return
        town.looked = look.number
        if following in {Next.BEGIN, Next.RUNS_THERE}:
            assert look.saw > town.tried, "the branch only grows here: what goes never goes back"
            town.tried = look.saw
        look.begins = following is Next.BEGIN
        if not look.begins:
            self.open.remove(look)

    @rule(look=looks)
    def begins(self, look: Look) -> None:
        """Begin, and end what is older and waits: run again after a crash, it is the same deployment."""
        town = self.town
        if look not in self.open or not look.begins or look.saw is None:
            return
        if not any(one.number == look.number for one in town.attempts):
            town.attempts.append(Attempt(look.saw, look.number))
        waiting = [one for one in town.attempts if one.state == "waiting"]
        newest = max([look.number, *(one.number for one in waiting)])
        gone = superseded([Waiting(id=one.id, number=one.number) for one in waiting], newest)
        for one in waiting:
            if one.id in gone:
                one.state = "superseded"

    @rule(look=consumes(looks))
    def is_over(self, look: Look) -> None:
        if look in self.open and look.begins and self.has_begun(look):
            self.begins(look)
            self.open.remove(look)

    @rule()
    def next_turn(self) -> None:
        if any(one.state == "deploying" for one in self.town.attempts):
            return
        waiting = [one for one in self.town.attempts if one.state == "waiting"]
        if waiting:
            waiting[0].state = "deploying"

    @rule(good=st.booleans())
    def ends(self, good: bool) -> None:
        for one in self.town.attempts:
            if one.state == "deploying":
                one.state = "done" if good else "failed"
                self.town.running = one.commit if good else self.town.running

    @rule(commit=st.integers(1, 5))
    def somebody_deploys_by_hand(self, commit: int) -> None:
        if commit <= self.town.head and not any(one.state == "deploying" for one in self.town.attempts):
            self.town.running = commit

    @invariant()
    def never_two_at_once(self) -> None:
        assert sum(one.state == "deploying" for one in self.town.attempts) <= 1

    @invariant()
    def the_same_commit_once(self) -> None:
        commits = [one.commit for one in self.town.attempts]
        assert len(commits) == len(set(commits))

    @invariant()
    def the_order_of_looks_is_the_order_of_commits(self) -> None:
        """So that the number of a look tells which of two deployments is the newer one."""
        in_order = sorted(self.town.attempts, key=lambda one: one.number)
        assert [one.commit for one in in_order] == sorted(one.commit for one in in_order)

    def teardown(self) -> None:
        """Let all looks end, and one more event arrive: the newest commit was tried, whatever happened."""
        self.town.paused = False
        self.want()
        while any(look.saw is None or not look.begins or not self.has_begun(look) for look in self.open):
            for look in list(self.open):
                self.see(look)
                self.decides(look)
                self.begins(look)
        assert self.town.tried == self.town.head
        newest = max((one.number for one in self.town.attempts), default=0)
        left = [one.number for one in self.town.attempts if one.state == "waiting"]
        assert left in ([], [newest])

    def has_begun(self, look: Look) -> bool:
        return any(one.number == look.number for one in self.town.attempts)


TestBranches = Branches.TestCase
TestBranches.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.integers(1, 10**9), st.sampled_from(["checkout/staging", "checkout/production/eu"]))
def test_a_request_names_its_look(number: int, place: str):
    assert number_of(request_id(place, number)) == number


def test_other_requests_name_none():
    assert [number_of(one) for one in ("delivery-7", "continuous/a/b/x", "", "A/1")] == [0, 0, 0, 0]


def test_what_is_green():
    assert is_green(["unit"], {"unit": "passed", "slow": "failed"}, built=False)
    assert not is_green(["unit"], {"slow": "passed"}, built=True)
    assert not is_green([], {"unit": "passed", "slow": "pending"}, built=True)
    assert is_green([], {}, built=True)
    assert not is_green([], {}, built=False)
