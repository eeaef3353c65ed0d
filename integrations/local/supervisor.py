"""The program that keeps the service of one place alive; detached, so that it survives the bot.

Started as `supervisor <place folder>`. It runs what `desired.json` says, starts it again when it dies (waiting longer
each time), probes its health and writes `status.json`. SIGHUP: look at `desired.json` now. SIGTERM: stop the
service and go.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from integrations.local.files import now, owned, read_json, write_json
from integrations.local.masking import Mask
from integrations.local.output import OutputWriter
from integrations.local.pipes import OutputPipe
from integrations.local.places import Desired, status_of
from integrations.local.probe import probe
from integrations.local.processes import (
    ProcessId,
    await_report,
    detach,
    end_marked,
    end_session,
    identify,
    report,
    signal_session,
    told_exit,
)

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
_GOOD_LIFE = 60.0  # seconds after which a death is a new one and not the next of a row
_EAGER = 0.1  # seconds between probes until the first good one


def main() -> int:
    """Start to supervise the place that is named; return when that has begun, or another supervisor is there."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # may come before the loop listens; the file is read after that
    in_child, pipe = detach()
    if not in_child:
        return told_exit(await_report(pipe), taken=0)
    with owned(folder / "supervisor.lock") as mine:
        if not mine:
            report(pipe, b"taken")
            return 0
        try:
            if (own := identify(os.getpid())) is not None:
                write_json(folder / "supervisor.json", own.to_json())
        except OSError as error:
            report(pipe, str(error).encode())
            return 1
        asyncio.run(Supervisor(folder).run(pipe))
    return 0


@dataclass(slots=True)
class Supervisor:
    """Keeps the process of one place as `desired.json` wants it."""

    folder: Path
    stopping: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _status: dict[str, object] = field(default_factory=dict)
    _unwritten: bool = False
    _unnoted: ProcessId | None = None

    async def run(self, pipe: int) -> None:
        """Supervise until told to stop, or until nothing shall run here; tells `pipe` when it has begun."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self.wake.set)
        report(pipe, b"started")
        await asyncio.to_thread(self._bury)
        while (desired := self._desired()) is not None:
            await self._keep(desired)
        (self.folder / "status.json").unlink(missing_ok=True)

    def _stop(self) -> None:
        self.stopping = True
        self.wake.set()

    def _desired(self) -> Desired | None:
        return None if self.stopping else Desired.load(self.folder)

    def _wanted(self, desired: Desired) -> bool:
        wanted = self._desired()
        return wanted is not None and wanted.deployment == desired.deployment

    def _bury(self) -> None:
        """End the service of a supervisor that was killed: its output goes nowhere, and it holds the port."""
        old = Desired.load(self.folder)
        end_session(ProcessId.from_json(read_json(self.folder / "child.json")), grace=old.stop_timeout if old else 0)
        end_marked(f"SHIPMATE_PLACE={self.folder}")

    async def _keep(self, desired: Desired) -> None:
        """Keep one deployment's process alive until another, or none, is wanted."""
        loop = asyncio.get_running_loop()
        before = status_of(self.folder)
        since = str(before.get("since")) if before.get("deployment") == desired.deployment else now().isoformat()
        self._status = {
            "deployment": desired.deployment, "sha": desired.sha, "version": desired.version,
            "port": desired.port, "since": since, "healthy": False, "problem": "it is starting", "restarts": 0,
        }  # fmt: skip
        restarts, pause = 0, _FIRST_PAUSE
        while self._wanted(desired):
            began = loop.time()
            problem = await self._live(desired)
            if not self._wanted(desired):
                return
            if loop.time() - began > _GOOD_LIFE:
                restarts, pause = 0, _FIRST_PAUSE
            restarts += 1
            self._tell(healthy=False, problem=problem, restarts=restarts)
            await self._wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _live(self, desired: Desired) -> str:
        """Run the process once, until it ends or is no longer wanted; return why it is not there any more."""
        self._tell(healthy=False, problem="it is starting")
        if _taken(desired.port):
            return f"port {desired.port} is taken by another process"
        release = self.folder / "releases" / desired.release
        pipe = await OutputPipe.open()
        try:
            process = await asyncio.create_subprocess_exec(
                *desired.command,
                cwd=release,
                env={**desired.env, "SHIPMATE_PLACE": str(self.folder)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=pipe.writing,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            pipe.close()
            return f"{desired.command[0]} cannot be started: {error.strerror}"
        pipe.handed_over()
        self._unnoted = identify(process.pid)
        self._note_child()
        self._point(release)
        copying = asyncio.create_task(self._copy(pipe.reader, desired))
        try:
            await self._watch(process, desired)
        finally:
            await _end(process, desired.stop_timeout)
            await asyncio.wait({copying}, timeout=1)
            copying.cancel()
            pipe.close()
        status = process.returncode or 0
        return f"it ended by {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"

    async def _watch(self, process: asyncio.subprocess.Process, desired: Desired) -> None:
        """Probe the process until it ends or is no longer wanted."""
        ended = asyncio.create_task(process.wait())
        try:
            while not ended.done() and self._wanted(desired):
                problem = await probe(desired)
                if ended.done():
                    return
                self._tell(healthy=not problem, problem=problem)
                await self._wait(min(_EAGER, desired.probe_interval) if problem else desired.probe_interval, ended)
        finally:
            ended.cancel()

    async def _wait(self, seconds: float, *also: "asyncio.Task[int]") -> None:
        """Wait so long, or until woken, or until one of the tasks is done."""
        woken = asyncio.create_task(self.wake.wait())
        await asyncio.wait({woken, *also}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        woken.cancel()
        self.wake.clear()

    async def _copy(self, reader: asyncio.StreamReader, desired: Desired) -> None:
        mask = Mask(desired.secrets, desired.patterns)
        output = OutputWriter(self.folder / "output", desired.log_limit)
        while data := await reader.read(1 << 16):
            output.write(mask.feed(data))
        output.write(mask.flush())

    def _note_child(self) -> None:
        """Write down which process serves, for who comes after us; a full disk is tried again with the next probe."""
        if self._unnoted is not None:
            with contextlib.suppress(OSError):
                write_json(self.folder / "child.json", self._unnoted.to_json())
                self._unnoted = None

    def _tell(self, **changes: object) -> None:
        """Write the status if it changed, or could not be written the last time.

        What cannot be replaced is deleted: no status says that nobody knows, an old one would tell what is not so.
        """
        self._note_child()
        changed = (new := self._status | changes) != self._status
        if changed or self._unwritten or not (self.folder / "status.json").exists():
            self._status = new
            self._unwritten = True
            for _ in range(2):  # the deleted one may leave just the room
                try:
                    write_json(self.folder / "status.json", new, durable=False)
                except OSError:  # a full disk must not stop the service; the next probe tries again
                    with contextlib.suppress(OSError):
                        (self.folder / "status.json").unlink(missing_ok=True)
                else:
                    self._unwritten = False
                    break

    def _point(self, release: Path) -> None:
        """Let the link `current` name the release that runs."""
        temporary = self.folder / ".current"
        with contextlib.suppress(OSError):  # only people read it
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(release, target_is_directory=True)
            temporary.replace(self.folder / "current")


async def _end(process: asyncio.subprocess.Process, grace: float) -> None:
    """TERM for the group, KILL for the whole session when the grace is over."""
    if process.returncode is None:
        signal_session(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await process.wait()
    signal_session(process.pid, signal.SIGKILL)
    await process.wait()


def _taken(port: int) -> bool:
    with socket.socket() as probing:
        probing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probing.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
