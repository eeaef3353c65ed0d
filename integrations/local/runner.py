"""The program that carries one run: detached, so that it survives the bot; started as `runner <run folder>`.

It takes the run's lock for its life, writes `started.json` before the command starts and `exit.json` after it ended.
Whoever finds `started.json` there already leaves at once: a command is started at most once, whatever is killed when.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from integrations.local.artifacts import keep_artifact
from integrations.local.files import is_full, locked, now, owned, read_json, write_json
from integrations.local.git import git_arguments, git_environment
from integrations.local.job import Job, Source
from integrations.local.masking import Mask
from integrations.local.output import OutputWriter, tail_of
from integrations.local.pipes import OutputPipe, words_pipe
from integrations.local.places import StaleFenceError, check_fence
from integrations.local.processes import (
    await_report,
    detach,
    identify,
    report,
    signal_session,
    told_exit,
)
from integrations.local.stages import Stages

_DRAIN = 2.0  # seconds that a pipe may stay open after the command's end, held by a process it left behind
_RESULT_LIMIT = 64 * 1024
_ROOM_PAUSE = 0.5  # seconds between tries while a disk is full


class JobError(Exception):
    """The run failed for a reason that is worth its own words."""


def main() -> int:
    """Start the run of the folder that is named, with the job on standard input; return when it is started.

    Exit status: 0 started, 1 it cannot (standard error says why), 3 another runner has it or had it.
    """
    folder = Path(sys.argv[1])
    job = Job.load(sys.stdin.buffer.read())
    in_child, pipe = detach()
    if not in_child:
        return told_exit(await_report(pipe), taken=3)
    with owned(folder / "lock") as mine:
        if not mine or (folder / "started.json").exists():
            report(pipe, b"taken")
            return 3
        own = identify(os.getpid())
        try:
            write_json(folder / "started.json", {**(own.to_json() if own else {}), "at": now().isoformat()})
        except OSError as error:
            report(pipe, str(error).encode())
            return 1
        report(pipe, b"started")
        asyncio.run(Runner(folder, job).run())
    return 0


@dataclass(slots=True)
class Runner:
    """Runs the command of one folder to its end and writes down how it came out."""

    folder: Path
    job: Job
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run the job; whatever happens, `exit.json` says how it ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.cancelled.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        mask = Mask(self.job.secrets, self.job.patterns)
        stages = Stages(self.folder / "stages.json", mask)
        output = OutputWriter(self.folder / "output", self.job.log_limit)
        try:
            state, reason = await self._carry_out(mask, stages, output)
            result = await self._result() if state == "succeeded" else {}
        except (JobError, StaleFenceError, OSError, ValueError) as error:
            state, reason, result = "failed", str(error), {}
        self._tidy()  # first: it makes room
        stages.close(state)
        end = {"state": state, "reason": mask.text(reason), "at": now().isoformat()}
        masked = {name: mask.text(value) for name, value in result.items()}
        await self._write_end({**end, "result": masked})

    async def _carry_out(self, mask: Mask, stages: Stages, output: OutputWriter) -> tuple[str, str]:
        """Run the command and return (state, reason)."""
        if (self.folder / "cancel").exists():
            return "cancelled", "cancelled before it started"
        work = self.folder / "work"
        work.mkdir(mode=0o700)
        (self.folder / "reports").mkdir(mode=0o700)
        if self.job.source is not None:
            await _check_out(self.job.source, work, self.folder / "index")
        pipe = await OutputPipe.open()
        try:
            process = await self._spawn(work, pipe)
            noting = asyncio.create_task(self._note_leader(process))
            reading = asyncio.create_task(self._copy(pipe.reader, mask, stages, output))
            try:
                verdict = await self._await_end(process)
                if verdict is not None:
                    await self._end(process)
                await self._drain(process, reading)
            finally:
                noting.cancel()
        finally:
            pipe.close()
        return verdict or self._verdict(process.returncode or 0)

    async def _spawn(self, work: Path, pipe: OutputPipe) -> asyncio.subprocess.Process:
        """Start the command as the leader of a session of its own."""
        try:
            with words_pipe(self.job.words) as words:
                process = await asyncio.create_subprocess_exec(
                    *self.job.argv,
                    cwd=work,
                    env=self.job.env,
                    stdin=words,
                    stdout=pipe.writing,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            message = f"{self.job.argv[0]} cannot be started: {error.strerror}"
            raise JobError(message) from error
        pipe.handed_over()
        return process

    async def _note_leader(self, process: asyncio.subprocess.Process) -> None:
        """Write down which process it is, for who ends what a killed runner left behind."""
        leader = identify(process.pid)
        if leader is not None:
            await _when_room(lambda: write_json(self.folder / "job.json", leader.to_json()))

    def _verdict(self, status: int) -> tuple[str, str]:
        """Return (state, reason) of a command that ended by itself."""
        if status == 0:
            return "succeeded", ""
        said = (tail_of(self.folder / "output", 1) or [""])[0]
        if self.job.env is None and said:  # a program of ours: its last line is the reason
            return "failed", said
        how = f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return "failed", f"{how}: {said[:300]}" if said else how

    async def _await_end(self, process: asyncio.subprocess.Process) -> tuple[str, str] | None:
        """Wait for the command's end, the deadline or a cancel; return the verdict, None when it ended by itself."""
        ended = asyncio.create_task(process.wait())
        asked = asyncio.create_task(self.cancelled.wait())
        try:
            done, _ = await asyncio.wait({ended, asked}, timeout=self.job.timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
        if ended in done:
            return None
        ended.cancel()
        return ("cancelled", "cancelled") if asked in done else ("failed", f"timed out after {self.job.timeout:g} s")

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """TERM for the whole group, KILL for the whole session when the grace is over."""
        signal_session(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.job.grace):
                await process.wait()
        signal_session(process.pid, signal.SIGKILL)
        await process.wait()

    async def _drain(self, process: asyncio.subprocess.Process, reading: "asyncio.Task[None]") -> None:
        """Read what is still in the pipe; what the command left running behind it is ended."""
        done, _ = await asyncio.wait({reading}, timeout=_DRAIN)
        signal_session(process.pid, signal.SIGKILL)
        if not done:
            done, _ = await asyncio.wait({reading}, timeout=_DRAIN)
        if not done:  # held by a process that has left the session
            reading.cancel()
            await asyncio.wait({reading})
        elif (error := reading.exception()) is not None:
            raise error

    async def _copy(self, reader: asyncio.StreamReader, mask: Mask, stages: Stages, output: OutputWriter) -> None:
        """Copy the command's output to the log, masked, until it closes it."""
        try:
            while data := await reader.read(1 << 16):
                masked = mask.feed(data)
                stages.feed(masked)
                output.write(masked)
        finally:
            rest = mask.flush()
            stages.feed(rest + b"\n")
            output.write(rest)

    async def _result(self) -> dict[str, str]:
        """Return what the command wrote to its result file; for a build, with the artifact stored and its digest."""
        path = self.folder / "result.json"
        if path.exists() and path.stat().st_size > _RESULT_LIMIT:
            message = f"the result file is over {_RESULT_LIMIT} bytes"
            raise JobError(message)
        try:
            written = read_json(path) or {}
        except ValueError as error:
            message = f"the result file is no JSON object: {error}"
            raise JobError(message) from error
        result = {name: str(value) for name, value in written.items() if isinstance(value, str | int | float)}
        if self.job.kind == "build":
            self._store_artifact(result)
        if self.job.deployed:
            await _when_room(lambda: self._record_deploy(Path(self.job.deployed)))
        return result

    def _record_deploy(self, file: Path) -> None:
        """Write down that the place has this now, unless a newer claim has taken the place."""
        request = read_json(self.folder / "request.json") or {}
        with locked(file.parent / "lock"):
            check_fence(file.parent, self.job.fence)
            write_json(file, {**request, "at": now().isoformat()})

    def _store_artifact(self, result: dict[str, str]) -> None:
        named = result.get("artifact", "")
        if not named:
            raise JobError('the build wrote no {"artifact": "<file>"} to the file that $SHIPMATE_RESULT names')
        file = self.folder / "work" / named
        if not file.is_file():
            message = f"the build says it made {named}, but there is no such file"
            raise JobError(message)
        digest = keep_artifact(Path(self.job.artifacts), file)
        if result.get("digest", digest) != digest:
            message = f"the build says that {named} is {result['digest']}, but it is {digest}"
            raise JobError(message)
        result |= {"artifact": file.name, "digest": digest}

    def _tidy(self) -> None:
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        (self.folder / "index").unlink(missing_ok=True)

    async def _write_end(self, end: dict[str, object]) -> None:
        """Write how it ended. On a full disk that is worth more than what it said, and waits for room."""
        try:
            write_json(self.folder / "exit.json", end)
        except OSError:
            shutil.rmtree(self.folder / "output", ignore_errors=True)
            await _when_room(lambda: write_json(self.folder / "exit.json", end))


async def _when_room(write: Callable[[], None]) -> None:
    """Write what must not be lost, again and again while the disk is full: the run is not over before."""
    while True:
        try:
            write()
        except OSError as error:
            if not is_full(error):
                raise
            await asyncio.sleep(_ROOM_PAUSE)
        else:
            return


async def _check_out(source: Source, work: Path, index: Path) -> None:
    """Write a commit's files to a folder, without touching the repository's own index or work tree."""
    environment = git_environment() | {"GIT_INDEX_FILE": str(index)}
    for arguments in (["read-tree", source.sha], ["checkout-index", "--all", f"--prefix={work}/"]):
        process = await asyncio.create_subprocess_exec(
            source.git,
            *git_arguments(source.git_dir, f"--work-tree={work}", *arguments),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await process.communicate()
        if process.returncode:
            message = f"git {arguments[0]} failed: {err.decode(errors='replace').strip()[:300]}"
            raise JobError(message)
