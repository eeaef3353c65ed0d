"""What a chain does next, for every chain; and no sequence of events that leaves a trouble without a next step."""

import asyncio
import contextlib
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from bot.alerts.rules import State
from bot.errors import UserError
from bot.paging.records import PageState, Run
from bot.paging.rules import At, Do, Move, Reach, Standing, Step, Told, followed, turn, ways
from integrations.capabilities.paging import PageAnswer, Way
from integrations.errors import Refused, Unavailable
from tests.paging.rig import MIA, TOM, Rig, up

PATIENCE, AGAIN = timedelta(minutes=5), timedelta(minutes=30)
minutes = st.integers(0, 30).map(lambda value: timedelta(minutes=value))
steps = st.lists(
    st.one_of(
        st.just(Step(Do.TELL)),
        minutes.map(lambda length: Step(Do.WAIT, length)),
        st.builds(Step, st.just(Do.REPEAT), st.just(timedelta(minutes=5)), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=8,
)


@given(steps, st.lists(st.sampled_from(Reach), min_size=8, max_size=8))
def test_a_chain_always_goes_on_later_and_says_in_the_end_that_nobody_came(chain: list[Step], reach: list[Reach]):
    at, said, waited = At(), 0, timedelta()
    for _ in range(200):
        due = turn(chain, at, lambda index: reach[index], patience=PATIENCE, again_after=AGAIN)
        assert due.wait > timedelta(), "it never runs in a circle"
        assert 0 <= due.at.step <= len(chain)
        assert list(due.told) == sorted(set(due.told))
        assert all(chain[index].do is Do.TELL and reach[index] is not Reach.PASSED for index in due.told)
        waited += due.wait
        said += due.nobody_came
        at = due.at
        if said == 2:
            break
    assert said == 2, "it says so, and begins anew"
    told = {index for index, step in enumerate(chain) if step.do is Do.TELL and reach[index] is Reach.SOMEBODY}
    assert told <= set(_told(chain, reach)), "everybody who can be reached is"


def _told(chain: list[Step], reach: list[Reach]) -> list[int]:
    at, told = At(), list[int]()
    for _ in range(200):
        due = turn(chain, at, lambda index: reach[index], patience=PATIENCE, again_after=AGAIN)
        told += due.told
        if due.nobody_came:
            break
        at = due.at
    return told + [index for index in range(len(chain)) if _behind_a_repeat(chain, index)]


def _behind_a_repeat(chain: list[Step], index: int) -> bool:
    """Tell whether a repeat stands before a step: the settings refuse such a chain."""
    return any(step.do is Do.REPEAT for step in chain[:index])


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("standing", list(Standing))
def test_what_becomes_of_paging_follows_from_where_its_trouble_stands(standing: Standing, running: bool):
    move = followed(standing, running=running)
    if standing is Standing.NEEDS:
        assert move is (Move.STAY if running else Move.START)
    elif standing is Standing.UNKNOWN:
        assert move is Move.STAY
    else:
        assert move is (Move.STOP if running else Move.STAY)


def test_ways_that_are_not_there_make_nobody_late():
    rules = [Told("slack"), Told("push", timedelta(minutes=3)), Told("call", timedelta(minutes=5))]
    assert [one.way for one in ways(rules, ["slack", "call"])] == ["slack", "call"]
    assert ways(rules, ["call"]) == (Told("call"),)
    assert ways([Told("sms", timedelta(minutes=9))], ["slack", "push"]) == (Told("slack"), Told("push"))
    assert ways(rules, []) == ()


# ------------------------------------------------------------------------------------------------- whatever happens

EVENTS = (
    "fires", "another", "over", "acknowledge", "unacknowledge", "resolve", "answer", "unknown", "mia leaves", "a gap",
    "all are there", "push refuses", "phones are down", "phones are well", "slack takes all", "1 s", "2 min", "6 min",
    "20 min", "2 h",
)  # fmt: skip
TIMES = {"1 s": 1, "2 min": 120, "6 min": 360, "20 min": 1200, "2 h": 7200}


def failing(kind: str):
    def fails(way: Way, _to: str) -> None:
        if kind == "push refuses" and way is Way.PUSH:
            raise Refused("phones", "no")
        if kind == "phones are down":
            raise Unavailable("phones", "down")

    return fails


async def happen(rig: Rig, event: str, name: str, ident: str) -> None:
    """Have one thing happen; what cannot happen now does not."""
    alerts = [rig.alert(pod, alertname=name, firing=event != "over") for pod in "ab"]
    if event in {"fires", "another", "over"}:
        await rig.fires(*alerts[: 1 if event == "fires" else 2])
    elif event in {"acknowledge", "resolve", "unacknowledge"}:
        with contextlib.suppress(UserError):
            await rig.run(TOM, f"{event} {ident}")
    elif event == "answer":
        for taken in [one for one in rig.phones.taken if one.page.subject == ident][-1:]:
            await rig.answer(PageAnswer(address=taken.to, page=taken.page.id, acknowledged=True))
    elif event == "slack takes all":
        await rig.slack_takes_all()
    elif event == "unknown":
        await rig.alerts.poller._not_heard("am")
    else:
        change(rig, event)
    await rig.look(seconds=TIMES.get(event, 0))


def change(rig: Rig, event: str) -> None:
    """Change who is there, or what the phones take."""
    if event in {"mia leaves", "a gap", "all are there"}:
        rig.away = {MIA} if event == "mia leaves" else set()
        rig.second = () if event == "a gap" else (TOM,)
    elif event not in TIMES:
        rig.phones.fails = failing(event)


async def nobody_is_forgotten(rig: Rig, ident: str, before: int) -> None:
    group = await rig.group_row(ident)
    run: Run = await rig.latest(ident)
    open_pages = [
        one for one in await rig.page_rows(PageState.WAITING, PageState.SENDING) if one.run_id.startswith(f"{ident}.")
    ]
    if group.state is State.FIRING:
        assert run.running
        assert run.due_at is not None
        assert run.due_at > rig.clock.now() - timedelta(seconds=2)
    elif group.state is not State.UNKNOWN:
        assert not run.running
        assert run.why
        assert open_pages == [], "nothing pages any more"
        sent = [one for one in rig.phones.taken if ident in f"{one.page.subject} {one.page.title}"]
        assert len(sent) == before, "nothing was paged after that"


def test_whatever_happens_what_fires_and_nobody_is_on_has_a_next_step_and_nothing_else_pages(tmp_path: Path):
    numbers = itertools.count(1)

    async def play(rig: Rig, events: list[str]) -> None:
        number = next(numbers)
        name, ident = f"Alert{number}", ""
        await happen(rig, "all are there", name, ident)
        await happen(rig, "phones are well", name, ident)
        await rig.fires(rig.alert("a", alertname=name))
        ident = max((one.id for one in await rig.groups()), key=lambda one: int(one.removeprefix("A-")))
        await rig.look()
        for event in events:
            state = (await rig.group_row(ident)).state
            sent = [one for one in rig.phones.taken if ident in f"{one.page.subject} {one.page.title}"]
            await happen(rig, event, name, ident)
            if (await rig.group_row(ident)).state is state:
                await nobody_is_forgotten(rig, ident, len(sent))
            newest = max((one.id for one in await rig.groups()), key=lambda one: int(one.removeprefix("A-")))
            ident = newest if (await rig.group_row(ident)).over else ident
        await happen(rig, "over", name, ident)
        rig.phones.taken.clear()

    with asyncio.Runner() as runner:
        making = up(tmp_path)
        rig = runner.run(making.__aenter__())
        try:

            @settings(max_examples=10)
            @given(st.lists(st.sampled_from(EVENTS), max_size=10))
            def played(events: list[str]) -> None:
                runner.run(play(rig, events))

            played()
        finally:
            runner.run(making.__aexit__(None, None, None))
