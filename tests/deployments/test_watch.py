"""Following a run: to its end, through silence, past its deadline, woken at once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.watch import PATIENCE, Hooks, Watch
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.runs import Run, RunRef, RunState
from integrations.errors import RateLimited, Unavailable
from tests.fakes.runs import FakeDeploys, Outcome

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = START + timedelta(hours=2)
REQUEST = DeployRequest(
    request_id="D-1/deploy",
    job="j",
    service="s",
    environment="e",
    target="",
    project="p",
    sha="a" * 40,
    version="1",
    fence=1,
)


class Clock:
    """Sleeping moves it on; `asleep` counts."""

    def __init__(self) -> None:
        self.at = START
        self.asleep = 0
        self.stuck = False

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.asleep += 1
        if self.stuck:
            await asyncio.Event().wait()
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Follower:
    """Hooks that write down what they were told."""

    def __init__(self) -> None:
        self.states: list[RunState] = []
        self.log = ""
        self.silences: list[str] = []
        self.cancel = False

    def hooks(self, offset: int = 0) -> Hooks:
        return Hooks(
            cancelled=self.cancelled, changed=self.changed, logged=self.logged, silent=self.silent, log_offset=offset
        )

    async def cancelled(self) -> bool:
        return self.cancel

    async def changed(self, run: Run) -> None:
        self.states.append(run.state)

    async def logged(self, text: str, _next_offset: int) -> None:
        self.log += text

    async def silent(self, _since: datetime, instance: str) -> None:
        self.silences.append(instance)


async def until(condition: Callable[[], bool]) -> None:
    """Let the others run until a condition holds; the test's own timeout is the deadline."""
    while not condition():  # noqa: ASYNC110 - nothing here is worth an event of its own
        await asyncio.sleep(0)


async def started(tool: FakeDeploys, state: RunState | None = None) -> RunRef:
    tool.outcomes["j"] = Outcome(state=state, log="one\ntwo\n")
    return await tool.start_deploy(REQUEST)


async def test_to_the_end_with_its_log():
    tool, follower = FakeDeploys(), Follower()
    ref = await started(tool, RunState.SUCCEEDED)
    run = await Watch(Clock()).follow(tool, ref, follower.hooks(), deadline=LATER)
    assert run.state is RunState.SUCCEEDED
    assert (follower.states, follower.log) == ([RunState.SUCCEEDED], "one\ntwo\n")


async def test_the_log_goes_on_where_it_was():
    tool, follower = FakeDeploys(), Follower()
    ref = await started(tool, RunState.SUCCEEDED)
    await Watch(Clock()).follow(tool, ref, follower.hooks(offset=4), deadline=LATER)
    assert follower.log == "two\n"


async def test_a_deadline_cancels_and_fails():
    tool, follower = FakeDeploys(), Follower()
    ref = await started(tool)
    run = await Watch(Clock()).follow(tool, ref, follower.hooks(), deadline=START + timedelta(seconds=30))
    assert (run.state, run.reason) == (RunState.FAILED, "it was not over in time and was cancelled")
    assert (await tool.get_run(ref)).state is RunState.CANCELLED


async def test_a_wish_to_cancel_is_passed_on():
    tool, follower = FakeDeploys(), Follower()
    follower.cancel = True
    ref = await started(tool)
    run = await Watch(Clock()).follow(tool, ref, follower.hooks(), deadline=LATER)
    assert run.state is RunState.CANCELLED


async def test_silence_is_told_and_borne():
    clock, tool, follower = Clock(), FakeDeploys(), Follower()
    ref = await started(tool)
    tool.failure = Unavailable("deploys", "502")
    following = asyncio.create_task(Watch(clock).follow(tool, ref, follower.hooks(), deadline=LATER))
    await until(lambda: bool(follower.silences))
    tool.failure = None
    tool.finish(ref)
    assert (await following).state is RunState.SUCCEEDED
    assert follower.silences == ["deploys"]


async def test_long_silence_is_raised():
    clock, tool, follower = Clock(), FakeDeploys(), Follower()
    ref = await started(tool)
    tool.failure = Unavailable("deploys", "502")
    with pytest.raises(Unavailable):
        await Watch(clock).follow(tool, ref, follower.hooks(), deadline=LATER)
    assert clock.at - START >= PATIENCE


async def test_asked_to_slow_down():
    clock, tool, follower = Clock(), FakeDeploys(), Follower()
    ref = await started(tool)
    tool.failure = RateLimited("deploys", "429", retry_after=60)
    following = asyncio.create_task(Watch(clock).follow(tool, ref, follower.hooks(), deadline=LATER))
    await until(lambda: clock.at >= START + timedelta(seconds=60))
    tool.failure = None
    tool.finish(ref)
    assert (await following).state is RunState.SUCCEEDED
    assert follower.silences == []


async def test_woken_at_once():
    clock, tool, follower = Clock(), FakeDeploys(), Follower()
    clock.stuck = True
    watch = Watch(clock)
    ref = await started(tool)
    following = asyncio.create_task(watch.follow(tool, ref, follower.hooks(), deadline=LATER))
    await until(lambda: clock.asleep > 0)
    tool.finish(ref)
    watch.wake(ref)
    assert (await asyncio.wait_for(following, 60)).state is RunState.SUCCEEDED
