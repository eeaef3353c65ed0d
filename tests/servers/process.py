"""One server process of a test: started on a free port, waited for, ended for sure."""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

START_DEADLINE = 90.0  # seconds until a server must answer
STOP_DEADLINE = 60.0
PAUSE = 0.02
ATTEMPTS = 4

# The kernel takes a child along when the *thread* ends that started it: one thread starts them all, and lives as long
# as this process does, whichever thread asks.
_starter = ThreadPoolExecutor(1, thread_name_prefix="server-starter")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """A child that ends with us, its output in a file.

    Args of `start`:
        command: makes the command line for a port.
        ready: says whether the server answers on that port; it may raise OSError while it does not.
        log: where the output goes.
        owner: (uid, gid) to run as, for a server that refuses root.
    """

    def __init__(self, child: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.child = child
        self.port = port
        self.log = log

    @classmethod
    def start(
        cls,
        command: Callable[[int], Sequence[str]],
        ready: Callable[[int], bool],
        *,
        log: Path,
        owner: tuple[int, int] | None = None,
        port: int | None = None,
    ) -> Self:
        """Start on `port`, or on a free one, once more where another process was quicker to take it."""
        # A test run that is killed takes its servers along.
        leash = [setpriv, "--pdeathsig", "INT", "--"] if (setpriv := shutil.which("setpriv")) else []
        for attempt in range(ATTEMPTS):
            chosen = port or free_port()
            child = _starter.submit(_begin, [*leash, *command(chosen)], log, owner).result()
            server = cls(child, chosen, log)
            answers = functools.partial(ready, chosen)
            try:
                server.wait_until(answers, START_DEADLINE)
            except RuntimeError:
                server.stop()
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            except BaseException:
                server.stop()
                raise
            return server
        raise AssertionError

    def wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        """Return when `condition` holds; an OSError of it counts as "not yet".

        Raises RuntimeError with the end of the log when the process ends first, TimeoutError after `deadline` seconds.
        """
        end = time.monotonic() + deadline
        while True:
            with contextlib.suppress(OSError):
                if condition():
                    return
            if time.monotonic() > end:
                raise TimeoutError(f"{self.child.args!r} gave no answer in {deadline} s:\n{self.tail()}")
            with contextlib.suppress(subprocess.TimeoutExpired):  # the pause between two looks, cut short by its end
                code = self.child.wait(PAUSE)
                raise RuntimeError(f"{self.child.args!r} ended with {code}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last words of the log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def kill(self) -> None:
        """End it at once, as a power cut would, with all its children."""
        self._signal(signal.SIGKILL)
        self.child.wait(STOP_DEADLINE)

    def stop(self) -> None:
        """End it in order; after a deadline, by force. Does nothing where it has ended."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(STOP_DEADLINE)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, number)


def _begin(command: Sequence[str], log: Path, owner: tuple[int, int] | None) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, in the folder of its log."""
    user, group = owner or (None, None)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=[] if owner else None,
        )
