"""A machine over one place: people decide at the same moment, the store fails, and the road goes on beside them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bot.approvals.records import votes
from bot.approvals.rules import Vote
from bot.deployments import records
from bot.deployments.effects import RunEnd
from bot.deployments.ledger import Ledger
from bot.deployments.places import places
from bot.deployments.records import deployments
from bot.deployments.road import Road
from bot.deployments.superseding import Superseding
from bot.locks.locks import Wish
from bot.locks.rules import Scope
from bot.slack import codec
from bot.slack.records import outbox
from bot.store.starts import starts
from integrations.capabilities.git import Author
from tests.deployments.one_place import configuration
from tests.deployments.rig import MIA, Rig, person
from tests.histories.deciding import ACTS, NEEDED, OK, Act, One, State, aimed, ways
from tests.histories.faults import Fault
from tests.histories.linear import explain
from tests.histories.locks import PLANS
from tests.histories.replicas import Clock, Logged, Replicas

PLACE = Scope("checkout", "production")
FOLLOWED = (
    "deployment.vote.",
    "deployment.queued",
    "deployment.deploying",
    "deployment.awaiting_approval",
    "deployment.rejected",
    "deployment.cancel",
    "deployment.succeeded",
    "deployment.expired",
    "lock.",
)


MOST = 7


@dataclass(frozen=True)
class Moment:
    """What happens at once: who does what, what becomes of the commits, and what was before it."""

    acts: list[tuple[Act, int]]
    plan: list[Fault]
    file_held: bool
    days_later: bool
    one_more: bool


MOMENTS = st.builds(
    Moment,
    acts=st.lists(ACTS, min_size=2, max_size=5),
    plan=PLANS,
    file_held=st.sampled_from([*[False] * 5, True]),
    days_later=st.sampled_from([*[False] * 9, True]),
    one_more=st.sampled_from([False, False, True]),
)


class TickingClock(Clock):
    """Shows another moment whenever it is looked at, so that nothing happens at the same time."""

    def now(self) -> Any:
        self.at += timedelta(microseconds=1)
        return self.at


class PlaceHistory(RuleBasedStateMachine):
    """Four people, one place, and everything at once."""

    url = ""
    replicas = 1

    @initialize()
    def begin(self) -> None:
        self.town = Replicas(self.url, self.replicas, clock=TickingClock())
        self.rigs = [self._rig(number) for number in range(self.replicas)]
        self.roads = [Road(Ledger(rig.parts())) for rig in self.rigs]
        self.state = State()
        self.head: tuple[str, ...] = ()
        for _ in range(3):
            self._another()

    def teardown(self) -> None:
        if hasattr(self, "town"):
            for rig in self.rigs:
                self.town.run(rig.deployments.close())
            self.town.close()

    def _rig(self, number: int) -> Rig:
        folder = self.town.folder_path / str(number)
        folder.mkdir()
        config = configuration()
        production = config["services"]["checkout"]["environments"][1]
        production["approvals"] = [{"count": NEEDED, "from": ["release-managers"]}]
        rig = Rig(folder, self.town.stores[number], self.town.clock, config)
        rig.git.create("checkout")
        return rig

    @rule(moment=MOMENTS)
    def at_once(self, moment: Moment) -> None:
        """Several people act in the same moment, and the store fails some of them."""
        if moment.days_later:
            self._days_pass()
        if moment.one_more:
            self._another()
        chosen = [aimed(act, number, self.state) for act, number in moment.acts]
        chosen = [act for act in chosen if act.of]
        steps = [act for act in chosen if act.kind in {"send", "finish"}]
        chosen = [act for act in chosen if act not in steps[1:] or act is steps[0]]
        answers = self.town.at_once([self._work(act) for act in chosen], moment.plan, file_held=moment.file_held)
        self._explain([_told(act, str(answer)) for act, answer in zip(chosen, answers, strict=True)])

    def _another(self) -> None:
        """One more is asked for, of another commit."""
        rig, number = self.rigs[0], len(self.state.ones)
        if number == MOST or self.state.held_up:
            return
        author = Author(name="zoe", email="zoe@example.org")
        files = {"src/cart.py": str(number).encode()}
        sha = rig.git.commit("checkout", f"Change {number}", files=files, parents=self.head, author=author)
        rig.git.branch("checkout", "main", sha)
        rig.git.check("checkout", sha, _passed())
        self.head = (sha,)
        self.state = self.state._replace(ones=(*self.state.ones, One(self.town.run(self._asked(sha)))))
        self.town.new_entries(())

    async def _asked(self, sha: str) -> str:
        rig = self.rigs[0]
        begun = await rig.run(MIA, f"deploy checkout@{sha} to production --wait")
        survey = await rig.deployments.surveyor.survey(begun.subject)
        approvers = await rig.deployments.surveyor.approvers(begun.subject, survey)
        async with rig.store.write() as tx:
            await self.roads[0].planned(tx, begun.subject, 1, survey, approvers)
        asked = await rig.get(begun.subject)
        assert asked.state.value == "awaiting_approval", asked.words
        return asked.id

    def _days_pass(self) -> None:
        """The time to approve is over for all that wait."""
        self.town.clock.jump(days=8)
        self.state = self.state._replace(ones=tuple(one._replace(overdue=True) for one in self.state.ones))

    def _work(self, act: Act) -> Callable[[], Awaitable[str]]:
        number = act.replica % self.replicas
        rig, road, who = self.rigs[number], self.roads[number], person(act.who)

        async def work() -> str:
            match act.kind:
                case "approve" | "revoke" | "cancel":
                    await rig.run(who, command=act.kind, deployment=act.of)
                case "reject":
                    await rig.run(who, command="reject", deployment=act.of, reason="not today")
                case "lock":
                    await rig.locks.take(Wish(scope=PLACE, person=who))
                case "unlock":
                    await rig.locks.release(PLACE, who)
                case "lapse":
                    await rig.approvals.expire((await rig.get(act.of)).approval_id)
                case "supersede":
                    older = [one.id for one in self.state.ones if one.id < act.of]
                    async with rig.store.write() as tx:
                        await Superseding(Ledger(rig.parts())).supersede(tx, older, newer=act.of)
                case "send":
                    async with rig.store.write() as tx:
                        await road.checked(tx, act.of, (await rig.get(act.of)).fence, None)
                case "finish":
                    async with rig.store.write() as tx:
                        await road.deployed(tx, act.of, RunEnd(state="succeeded"), None)
            return OK

        return work

    def _explain(self, done: Sequence[Act]) -> None:
        entries = [
            entry._replace(subject="" if entry.action.startswith("lock.") else entry.subject, actor=_name(entry))
            for entry in self.town.new_entries(FOLLOWED)
        ]
        states = explain(frozenset([self.state]), done, entries, ways)
        kept = self._kept(states)
        assert kept is not None, f"the rows are {self._rows()}, but answers and log say {states}"
        self.state = kept
        self._look()

    def _rows(self) -> tuple[dict[str, tuple[str, bool, str]], tuple[str, ...], str]:
        rows = self.town.rows(sa.select(deployments).order_by(deployments.c.id))
        ones = {row.id: (row.state, row.sent_at is not None, row.cancel_by) for row in rows}
        queue = self.town.run(self._queue())
        [holder] = self.town.rows(sa.select(places.c.holder)) or [("",)]
        return ones, queue, holder[0]

    async def _queue(self) -> tuple[str, ...]:
        async with self.town.stores[0].read() as conn:
            found = await records.queue(conn, (await self.rigs[0].get(self.state.ones[0].id)).place)
        return tuple(found)

    def _kept(self, states: frozenset[State]) -> State | None:
        """Return the state, of those that explain what was said, that the rows are in."""
        ones, queue, holder = self._rows()
        for state in states:
            if (state.queue, state.holder) == (queue, holder) and all(
                (one.state, one.sent if one.state == "deploying" else True)
                == (ones[one.id][0], ones[one.id][1] if one.state == "deploying" else True)
                for one in state.ones
            ):
                return state
        return None

    def _look(self) -> None:
        """Check what must hold at any time."""
        under_way = [one.id for one in self.state.ones if one.state == "deploying"]
        assert under_way == ([self.state.holder] if self.state.holder else []), "one at a time, and it holds the place"
        kept = self.town.rows(sa.select(votes))
        for one in self.state.ones:
            cast = {(row.person.user, row.vote) for row in kept if row.approval_id.split("/")[0] == one.id}
            said = {(_slack(who), Vote.APPROVE.value) for who in one.approved}
            said |= {(_slack(who), Vote.REJECT.value) for who in one.rejected}
            said |= {(_slack(who), Vote.REVOKE.value) for who in one.revoked}
            assert cast == said, f"{one.id}: kept {cast}, counted {said}"
        wanted = {row.workflow_id for row in self.town.rows(sa.select(starts.c.workflow_id))}
        for row in self.town.rows(sa.select(deployments).where(deployments.c.state == "deploying")):
            assert f"{row.id}/execute/{row.fence}/{row.attempt}" in wanted, f"nobody does {row.id}"
        self.town.run(self._cards())

    async def _cards(self) -> None:
        """Check that what each card shall say is what the row says."""
        ledger = Ledger(self.rigs[0].parts())
        async with self.town.stores[0].read() as conn:
            said = {row.key: row.payload for row in (await conn.execute(sa.select(outbox))).all()}
            for one in self.state.ones:
                deployment = await records.get(conn, one.id)
                assert deployment is not None
                card = codec.dump(await ledger.card(conn, deployment))
                assert said[f"show/{one.id}"]["message"] == card, f"the card of {one.id} is not as its row"


def _told(act: Act, answer: str) -> Act:
    return Act(act.kind, act.who, act.of, answer, act.replica)


def _name(entry: Logged) -> str:
    return entry.actor.removeprefix("U0").lower()


def _slack(name: str) -> str:
    return f"U0{name.upper()}"


def _passed() -> Any:
    from integrations.capabilities.git import Check, CheckState  # noqa: PLC0415

    return Check(name="unit", state=CheckState.PASSED)
