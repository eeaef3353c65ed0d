"""Shipmate, made to be killed: `python -m tests.road.crash_runner serve --config …` is `python -m bot …` with points.

A point is a moment of the road at which a process may die: "before" a step's body, when the body is "done" and nothing
of it is recorded, and when it is "recorded". The folder $CRASHES holds two files of lines. `armed` has patterns: the
first time a point that matches one is reached, the process ends by SIGKILL. `killed` has the points of which it died.
`reached` has every point, also those that nobody armed.

The processes are children of one that has imported everything and does nothing else, so that the next one is up soon;
it starts another one whenever a child was killed, and ends as the child does otherwise.
"""

import functools
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

from bot import engine
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.slack.courier import Courier
from bot.slack.sender import Sender
from bot.starter import Starter
from bot.store import lease

FOLDER = Path(os.environ["CRASHES"])
Async = Callable[..., Awaitable[Any]]
_ENDING = (signal.SIGTERM, signal.SIGINT)


def reach(point: str) -> None:
    """Note that the process got here, and end it where that is armed and has not happened yet."""
    _append("reached", point)
    if any(fnmatchcase(point, pattern) for pattern in _lines("armed")) and point not in _lines("killed"):
        _append("killed", point)
        os.kill(os.getpid(), signal.SIGKILL)


def _lines(name: str) -> list[str]:
    path = FOLDER / name
    return path.read_text().splitlines() if path.exists() else []


def _append(name: str, line: str) -> None:
    descriptor = os.open(FOLDER / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


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

        result = await real(name, body, *args, **kwargs)
        if ran:
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
        result = await real(self, *args, **kwargs)
        reach(f"{name}:{after}")
        return result

    setattr(owner, method, wrapped)


def arm() -> None:
    """Put the points in; before anything imports `step` and `transact` by name. Whoever dies is soon missed."""
    lease.SECONDS = 3.0
    for name in ("step", "transact"):
        setattr(engine, name, checkpointed(getattr(engine, name)))
    around(engine.Engine, "_start", lambda wanted: f"start.{wanted.name}", "recorded")

    around(Deliveries, "accept", lambda invocation: f"accept.{_command(invocation)}", "recorded")
    around(Dispatcher, "run", lambda invocation: f"run.{_command(invocation)}", "done")
    around(Starter, "_end", lambda delivery, _: f"end.{_command(delivery.invocation)}", "recorded")
    around(Courier, "say", _message, "done")
    around(Sender, "_said", lambda row, _: f"{_message(row)}.kept", "recorded")


def _command(invocation: Any) -> str:
    return invocation.command or re.split(r"\W+", invocation.text.strip("/ "))[0]


def _message(row: Any) -> str:
    """Name a row of the outbox by what it is: the card, an answer, or what its key says behind the deployment's id."""
    words = [word for word in row.key.split("/") if not re.fullmatch(r"D-\d+", word)]
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
