"""Shipmate, made to be killed: `python -m tests.crash.runner serve --config …` is `python -m bot …` with points.

Besides the writes and calls that tests/crash/points.py finds, these are points: "before" a step's body, when the body
is "done" and nothing of it is recorded, and when it is "recorded"; likewise around what is taken, run and said.

The processes are children of one that has imported everything and does nothing else, so that the next one is up soon;
it starts another one whenever a child was killed, and ends as the child does otherwise.
"""

import functools
import os
import re
import signal
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from dbos import DBOS

from bot import engine
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.slack.courier import Courier
from bot.slack.sender import Sender
from bot.starter import Starter
from bot.store import lease, starts
from tests.crash.points import MOST_DEATHS, at_work, frail, goes_on, put, reach, watch_everything

Async = Callable[..., Awaitable[Any]]
_SUBJECTS = defaultdict(str, {"A": "alert", "R": "release"})
_ENDING = (signal.SIGTERM, signal.SIGINT)


def checkpointed(real: Async) -> Async:
    """Return `step` or `transact` with its three points."""

    @functools.wraps(real)
    async def wrapped(name: str, fn: Async, *args: Any, **kwargs: Any) -> Any:
        label = f"step.{name}#{args[1]}" if name == "verify.look" else f"step.{name}"
        ran = []

        @functools.wraps(fn)
        async def body(*given: Any, **named: Any) -> Any:
            ran.append(name)
            reach(f"{label}:before")
            result = await fn(*given, **named)
            reach(f"{label}:done")
            return result

        with at_work(label):
            result = await real(name, body, *args, **kwargs)
        if ran:
            frail.discard(DBOS.workflow_id or "")
            reach(f"{label}:recorded")
        return result

    return wrapped


def around(owner: type, method: str, label: Callable[..., str], after: str) -> None:
    """Put a point before and one after a method; `label` makes their name of the method's arguments."""
    real: Async = getattr(owner, method)

    @functools.wraps(real)
    async def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = label(*args)
        reach(f"{name}:before")
        with at_work(name):
            result = await real(self, *args, **kwargs)
        reach(f"{name}:{after}")
        return result

    setattr(owner, method, wrapped)


def arm() -> None:
    """Put the points in; before anything imports `step` and `transact` by name. Whoever dies is soon missed."""
    lease.SECONDS = 3.0
    for name in ("step", "transact"):
        setattr(engine, name, checkpointed(getattr(engine, name)))
    watch_everything()
    spare_the_frail()
    told: Async = engine.Engine.run

    @functools.wraps(told)
    async def run(self: Any, name: str, *more: Any) -> None:
        goes_on(f"flow {name}")  # also what the engine writes once the story is told
        await told(self, name, *more)
        frail.discard(DBOS.workflow_id or "")

    put(engine.Engine, "run", run)
    around(engine.Engine, "_start", lambda wanted: f"start.{wanted.name}", "recorded")

    around(Deliveries, "accept", lambda invocation: f"accept.{_command(invocation)}", "recorded")
    around(Dispatcher, "run", lambda invocation: f"run.{_command(invocation)}", "done")
    around(Starter, "_end", lambda delivery, _: f"end.{_command(delivery.invocation)}", "recorded")
    around(Courier, "say", _message, "done")
    around(Sender, "_claim", lambda row: f"{_message(row)}.claimed", "recorded")
    around(Sender, "_said", lambda row, _: f"{_message(row)}.kept", "recorded")


def spare_the_frail() -> None:
    """Know what died as often as it may, from the moment it is taken up again until it gets further."""
    entered: Async = starts.enter
    claimed: Async = Deliveries.claim
    ended: Async = Starter._end

    async def enter(store: Any, workflow_id: str, *more: Any) -> int:
        attempts: int = await entered(store, workflow_id, *more)
        if attempts > MOST_DEATHS:
            frail.add(workflow_id)
        return attempts

    async def claim(self: Deliveries, *more: Any) -> Any:
        taken = await claimed(self, *more)
        frail.update(one.id for one in taken if one.attempts > MOST_DEATHS)
        return taken

    async def end(self: Any, delivery: Any, *more: Any) -> None:
        await ended(self, delivery, *more)
        frail.discard(delivery.id)

    put(engine, "enter", enter)
    put(Deliveries, "claim", claim)
    put(Starter, "_end", end)


def _command(invocation: Any) -> str:
    return invocation.command or re.split(r"\W+", invocation.text.strip("/ "))[0]


def _message(row: Any) -> str:
    """Name a row of the outbox by what it is: the card, an answer, or what its key says behind its subject's id."""
    words = [re.sub(r"^[A-Z]+-\d+$", lambda found: _SUBJECTS[found[0][0]], word) for word in row.key.split("/")]
    words = [word for word in words if word]
    what = "answer" if "answer" in words else (words[1] if len(words) > 1 else "card")
    return f"say.{what}.{row.kind}.{'edit' if row.ts else 'new'}"


def main() -> int:
    """Run the command line in a child, again after each kill of ours, and return its exit status."""
    arm()
    program = import_module("bot.__main__")
    import_module("bot.app")
    import_module("commands.registry").registry()
    child, ending = 0, False

    def forward(number: int, _: object) -> None:
        nonlocal ending
        ending = True
        if child:
            os.kill(child, number)

    for number in _ENDING:
        signal.signal(number, forward)
    while True:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        child = 0 if ending else os.fork()
        if child == 0:
            for number in _ENDING:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
            return 0 if ending else int(program.main(sys.argv[1:]))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
