#!/usr/bin/env python3
"""Run a command that must end: after its time it is told to, and whatever it leaves behind is ended with it.

    python3 tools/bounded.py --seconds 3300 .venv/bin/python -m pytest -n 3

When the time is over, the processes below the command that would dump their stacks on SIGABRT do so (pytest enables
Python's faulthandler in each of its workers), the command gets SIGINT, so that it tells what it knows, and what is
still there after a while is killed. Ends with the command's own status, or with 124 when its time was over.

Where there is no /proc the command only runs. Standard library only. https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
"""

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

OVER = 124  # as coreutils' `timeout`
PR_SET_CHILD_SUBREAPER = 36
HEARD = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP}
PROC = Path("/proc")


class Bounded:
    """One command, started at once, and all processes that come from it: orphans are given to us.

    Args:
        command: the program and its arguments.
        patience: seconds between two steps of ending it.
    """

    def __init__(self, command: list[str], *, patience: float) -> None:
        self._patience = patience
        self._status: int | None = None
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the command itself; we stay to clean up
        program = shutil.which(command[0]) or command[0]
        self._pid = os.posix_spawn(program, command, os.environ, setsigmask=[], setsigdef=[signal.SIGINT])

    def end(self, seconds: float) -> int:
        """Wait for the command, at most so many seconds, and return its status when nothing of it is left."""
        if not self._ended_within(seconds):
            print(f"bounded: not ended after {seconds:g} s: {' '.join(sorted(self._names()))}", file=sys.stderr)
            self._force()
        self._clear()
        return OVER if self._status is None else self._status

    def _clear(self) -> None:
        """Kill what is left behind, until nothing is."""
        deadline = time.monotonic() + self._patience
        told: set[int] = set()
        while (left := below(os.getpid())) and time.monotonic() < deadline:
            for pid in left:
                if pid not in told:
                    print(f"bounded: left behind and killed: {name_of(pid)}", file=sys.stderr)
                    told.add(pid)
                self._send(pid, signal.SIGKILL)
            self._wait(min(deadline, time.monotonic() + 1))
        self._reap()

    def _force(self) -> None:
        """Let those below dump their stacks, then the command tell what it knows, then kill it."""
        for pid in below(self._pid):
            if dumps_stacks(pid):
                self._send(pid, signal.SIGABRT)
        deadline = time.monotonic() + self._patience / 4  # the command takes notice of who has gone
        while self._wait(deadline):
            pass
        for number in (signal.SIGINT, signal.SIGABRT, signal.SIGKILL):
            self._send(self._pid, number)
            if self._ended_within(self._patience):
                break
        self._status = OVER

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._status is None:
            if not self._wait(deadline):
                return False
        return True

    def _wait(self, deadline: float) -> bool:
        """Wait for news of a child; False when the time is over or we are told to end."""
        left = deadline - time.monotonic()
        heard = signal.sigtimedwait(HEARD, left) if left > 0 else None
        self._reap()
        return heard is not None and heard.si_signo == signal.SIGCHLD

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    code = os.waitstatus_to_exitcode(status)
                    self._status = code if code >= 0 else 128 - code

    def _names(self) -> set[str]:
        return {name_of(pid) for pid in (self._pid, *below(self._pid))}

    def _send(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def below(root: int) -> list[int]:
    """Return the processes that descend from `root`, and are not only remembered, parents first."""
    children: dict[int, list[int]] = {}
    for pid, fields in _all():
        if fields["State"][0] not in "ZX":
            children.setdefault(int(fields["PPid"]), []).append(pid)
    found = [*children.get(root, ())]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def dumps_stacks(pid: int) -> bool:
    """Whether a process has a handler of its own for SIGABRT and SIGSEGV, as Python's faulthandler sets them."""
    caught = int(_fields(pid).get("SigCgt", "0"), 16)
    return all(caught >> (number - 1) & 1 for number in (signal.SIGABRT, signal.SIGSEGV))


def name_of(pid: int) -> str:
    """Return a process's number and the beginning of its command line."""
    with contextlib.suppress(OSError):
        words = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"[{pid}] {' '.join(words.split())[:120]}"
    return f"[{pid}]"


def _all() -> Iterator[tuple[int, dict[str, str]]]:
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            yield int(entry.name), fields


def _fields(pid: int) -> dict[str, str]:
    """Return what the kernel says of a process; nothing where it has ended."""
    try:
        lines = (PROC / str(pid) / "status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def main() -> int:
    """Read the arguments, run the command and return its status."""
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--seconds", type=float, required=True, help="how long it may take")
    words.add_argument("--patience", type=float, default=40.0, help="seconds between two steps of ending it")
    words.add_argument("command", nargs=argparse.REMAINDER)
    asked = words.parse_args()
    if not asked.command:
        words.error("a command was expected after the options")
    if not (PROC / "self").exists():
        os.execvp(asked.command[0], asked.command)  # noqa: S606 - the command replaces us
    return Bounded(asked.command, patience=asked.patience).end(asked.seconds)


if __name__ == "__main__":
    sys.exit(main())
