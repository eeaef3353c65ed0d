"""Processes that outlive their starter: told apart from whoever gets their number later, detached, ended as a whole."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_STARTED_FIELD = 19  # starttime is field 22 of /proc/<pid>/stat (proc(5)); state, field 3, is the first after the name
_SESSION_FIELD = 3


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process number with the moment its process began, so that a number used again is never mistaken for it."""

    pid: int
    started: str

    def to_json(self) -> dict[str, object]:
        """Return plain values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, object] | None) -> "ProcessId | None":
        """Return what `to_json` wrote, None for anything else."""
        if data is None or not isinstance(data.get("pid"), int):
            return None
        return cls(pid=int(str(data["pid"])), started=str(data.get("started", "")))


def identify(pid: int) -> ProcessId | None:
    """Return the identity of a process that lives now; None if there is none or it is only waiting to be collected."""
    fields = _stat(pid)
    if fields is not None:
        return None if fields[0] in {"Z", "X"} else ProcessId(pid, f"{_boot()}:{fields[_STARTED_FIELD]}")
    if Path("/proc/self/stat").exists():
        return None
    # Not Linux: ps is everywhere else, and a start time to the second is what it has.
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],  # noqa: S607 -- wherever this system keeps it
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=1)
    return None if not shown or shown[0].startswith("Z") else ProcessId(pid, shown[1].strip())


def alive(process: ProcessId | None) -> bool:
    """Return whether exactly this process still runs."""
    return process is not None and identify(process.pid) == process


def send(process: ProcessId | None, number: signal.Signals) -> None:
    """Send a signal to exactly this process, if it still runs."""
    if process is not None and alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def session_members(leader: int) -> list[int]:
    """Return the processes of a session other than those that only wait to be collected."""
    members: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None and fields[_SESSION_FIELD] == str(leader) and fields[0] not in {"Z", "X"}:
            members.append(int(entry.name))
    return members


def signal_session(leader: int, number: signal.Signals) -> None:
    """Send a signal to a session's first group and to all who are in the session, whatever their group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
    if number is signal.SIGTERM:
        return  # the group is told; a shell's background jobs are its own to end
    for pid in session_members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_session(process: ProcessId | None, *, grace: float) -> None:
    """End what is left of a session whose leader was `process`: TERM, `grace` seconds, then KILL. Blocks.

    A session is left alone when the leader's number belongs to somebody else now.
    """
    if process is None:
        return
    owner = identify(process.pid)
    if (owner is not None and owner != process) or not (owner or session_members(process.pid)):
        return
    signal_session(process.pid, signal.SIGTERM)
    until = time.monotonic() + grace
    while time.monotonic() < until and (alive(process) or session_members(process.pid)):
        time.sleep(0.02)
    signal_session(process.pid, signal.SIGKILL)


def end_marked(mark: str) -> None:
    """KILL every process that was started with `mark` ("NAME=value") in its environment, where the system shows it.

    For what was started in the moment before its starter was killed, and so was written down nowhere.
    """
    wanted = mark.encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or somebody else's
            if wanted in (entry / "environ").read_bytes().split(b"\0") and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)


def program(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `main()` of one of our modules with this interpreter, from any folder."""
    root = str(Path(__file__).resolve().parents[2])
    start = f"import sys; sys.path.insert(0, {root!r}); from {module} import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", start, *arguments]


def detach() -> tuple[bool, int]:
    """Go on in a child that has a session of its own and whose parent has gone: nobody collects or hangs it up.

    Returns twice: (True, descriptor to `report` to) in the child, (False, descriptor to `await_report` from) in the
    process that called.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        return False, reading
    os.close(reading)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    return True, writing


def report(descriptor: int, word: bytes) -> None:
    """Tell the process that waits in `await_report` how the start went, and let go of the pipe."""
    with contextlib.suppress(BrokenPipeError):  # it was killed meanwhile; the start stands all the same
        os.write(descriptor, word)
    os.close(descriptor)


def await_report(descriptor: int) -> bytes:
    """Return what the detached child told; empty when it ended without a word. Blocks."""
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()


def told_exit(word: bytes, *, taken: int) -> int:
    """Return the exit status for what the detached child told: 0 started, `taken`, or 1 and the reason as an error."""
    if word in {b"started", b"taken"}:
        return 0 if word == b"started" else taken
    print(word.decode(errors="replace") or "it ended without a word", file=sys.stderr)  # noqa: T201 -- for who started it
    return 1


def _stat(pid: int) -> Sequence[str] | None:
    """Return the fields of /proc/<pid>/stat from the state on; the name before it may hold anything, also `)`."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
