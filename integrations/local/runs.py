"""RunTracker over run folders: what is claimed, started, running or over is read from files alone.

runs/<id>/request.json   the claim: request id, kind and what was asked; made together with the folder, in one step
          started.json   the runner: process, moment; made before the command starts
          job.json       the command's process, leader of a session
          stages.json    stages so far
          output/        the log, masked
          cancel         somebody asked for the end
          exit.json      state, reason, result, moment: the run is over
"""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from integrations.capabilities.reports import TestReport
from integrations.capabilities.runs import LogChunk, Run, RunRef, RunStage, RunState
from integrations.errors import BadReply, IntegrationError, NotFound, OutcomeUnknown, Refused, Unavailable
from integrations.local.files import is_locked, now, read_json, sync_folder, write_json
from integrations.local.job import Job
from integrations.local.masking import Mask
from integrations.local.output import read_output
from integrations.local.processes import ProcessId, end_marked, end_session, program, send

_START_DEADLINE = 30.0
_POLL = 0.02
_STAGE = re.compile(r"^::stage [^\n]*\n?", re.MULTILINE)  # for the runner, not for people: they see the stages
_ID = re.compile(r"[0-9a-f]{24}")
_T = TypeVar("_T")


class Runs:
    """The run folders of one instance."""

    def __init__(self, instance: str, folder: Path, *, keep: int) -> None:
        self._instance = instance
        self._folder = folder
        self._keep = keep

    async def start(self, request_id: str, kind: str, request: Mapping[str, object], job: Job) -> RunRef:
        """Claim the request id, start its runner and return its reference.

        A request id that was claimed before gives the same run, which is started now if it never was.

        Raises:
            OutcomeUnknown: the runner did not tell in time whether it started.
            Refused: the request id belongs to a run of another kind.
            Unavailable: the run's folder cannot be made, such as when the disk is full.
        """
        ref = RunRef(self._instance, _id_of(request_id))
        folder = self._folder / ref.id
        claimed = await self._in_thread(lambda: claim(folder, {**request, "request_id": request_id, "kind": kind}))
        self._check_kind(claimed, kind)
        if not _was_started(folder):
            await self._launch(folder, request_id, job)
        return ref

    async def _launch(self, folder: Path, request_id: str, job: Job) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *program("integrations.local.runner", str(folder)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise Unavailable(self._instance, f"the runner cannot be started: {error}") from error
        try:
            async with asyncio.timeout(_START_DEADLINE):
                _, err = await process.communicate(job.dump())
                while not _was_started(folder):  # another runner has the lock and is about to say so
                    if not is_locked(folder / "lock"):
                        words = err.decode(errors="replace").strip()[-300:]
                        raise Unavailable(self._instance, f"the runner did not start: {words}")
                    await asyncio.sleep(_POLL)
        except TimeoutError as error:
            message = f"the runner did not start within {_START_DEADLINE:g} s"
            raise OutcomeUnknown(self._instance, message, request_id=request_id) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def find_run(self, request_id: str) -> RunRef | None:
        """Return the run of a request id; None if it was never started, also when it was claimed."""
        ref = RunRef(self._instance, _id_of(request_id))
        return ref if _was_started(self._folder / ref.id) else None

    async def find_started(self, request_id: str, kind: str) -> RunRef | None:
        """Return the run of a request id as `find_run`. Raises: Refused when it is a run of another kind."""
        ref = await self.find_run(request_id)
        if ref is not None:
            request = await self._in_thread(lambda: read_json(self._folder / ref.id / "request.json"))
            self._check_kind(request or {}, kind)
        return ref

    def _check_kind(self, claimed: Mapping[str, object], kind: str) -> None:
        if claimed.get("kind") != kind:
            message = f"the request id {claimed.get('request_id')!r} was used for a {claimed.get('kind')} already"
            raise Refused(self._instance, message)

    async def get_run(self, ref: RunRef) -> Run:
        """Return the run as its folder shows it; of a runner that died without a word, what it left is ended."""
        folder = self.folder_of(ref)
        return await self._in_thread(lambda: _read_run(ref, folder))

    async def request_of(self, ref: RunRef) -> Mapping[str, object]:
        """Return what was asked when the run was started."""
        folder = self.folder_of(ref)
        return await self._in_thread(lambda: read_json(folder / "request.json")) or {}

    async def report_of(self, ref: RunRef, mask: Mask) -> TestReport | None:
        """Return the tests that a run reported."""
        from integrations.local.reports import read_reports  # noqa: PLC0415 -- the XML parser costs each start 10 ms

        folder = self.folder_of(ref) / "reports"
        return await self._in_thread(lambda: read_reports(self._instance, folder, mask))

    async def list_runs(self, kind: str, job: str, branch: str, limit: int) -> Sequence[Run]:
        """Return runs of a job, newest first; with a branch, those that were started of it."""
        return await self._in_thread(lambda: self._listed(kind, job, branch, limit))

    def _listed(self, kind: str, job: str, branch: str, limit: int) -> Sequence[Run]:
        asked = []
        for path in self._folder.glob("*/request.json"):
            request = read_json(path) or {}
            if request.get("kind") == kind and request.get("job") == job and branch in {"", request.get("branch")}:
                asked.append((str(request.get("at")), path.parent))
        newest = sorted(asked, reverse=True)[:limit]
        return [replace(_read_run(RunRef(self._instance, one.name), one), stages=()) for _, one in newest]

    async def cancel_run(self, ref: RunRef) -> None:
        """Ask for the run's end; one that is over stays as it is."""
        folder = self.folder_of(ref)
        if (folder / "exit.json").exists():
            return
        await self._in_thread(lambda: cancel(folder))

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        """Return the masked log from `offset` on, at most 256 KiB; `more` while more is there or may come."""
        folder = self.folder_of(ref)
        # Asked before the log is read: what is written between the two is then told as more to come.
        over = (await self.get_run(ref)).state.final
        text, after, more = await self._in_thread(lambda: read_output(folder / "output", offset, over=over))
        return LogChunk(text=_STAGE.sub("", text), next_offset=after, more=more or not over)

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        """Refuse: runs on this machine wait for nobody."""
        self.folder_of(ref)
        given = f" with {', '.join(sorted(parameters))}" if parameters else ""
        raise Refused(self._instance, f"the run {ref.id} has no manual action {action!r} to answer{given}")

    def folder_for(self, request_id: str) -> Path:
        """Return the folder that a request id's run has or would have."""
        return self._folder / _id_of(request_id)

    def folder_of(self, ref: RunRef) -> Path:
        """Return the folder of a run. Raises: NotFound."""
        folder = self._folder / ref.id
        if ref.instance != self._instance or not _ID.fullmatch(ref.id) or not (folder / "request.json").exists():
            raise NotFound(self._instance, f"no run {ref}")
        return folder

    async def prune(self) -> None:
        """Delete the oldest runs that are over, beyond the number that is kept."""
        await self._in_thread(lambda: _prune(self._folder, self._keep))

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        try:
            return await asyncio.to_thread(call)
        except IntegrationError:
            raise
        except ValueError as error:
            raise BadReply(self._instance, f"a file of a run cannot be read: {error}") from error
        except OSError as error:
            raise Unavailable(self._instance, f"the folder of runs cannot be used: {error}") from error


def claim(folder: Path, request: Mapping[str, object]) -> dict[str, object]:
    """Make a run's folder with its request in it, in one step, and return the request that has the folder now."""
    if (known := read_json(folder / "request.json")) is not None:
        return known
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder.parent / f".{folder.name}.{os.getpid()}.{os.urandom(4).hex()}"
    temporary.mkdir(mode=0o700)
    try:
        write_json(temporary / "request.json", {**request, "at": now().isoformat()})
        # A folder replaces only an empty one: of two who claim, one succeeds and the other finds it there.
        with contextlib.suppress(OSError):
            temporary.rename(folder)
            sync_folder(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    known = read_json(folder / "request.json")
    if known is None:
        message = f"{folder.name} cannot be claimed"
        raise OSError(message)
    return known


def cancel(folder: Path) -> None:
    """Ask a run's runner to end it. One that starts later finds the wish and does not begin."""
    (folder / "cancel").touch(mode=0o600)
    send(ProcessId.from_json(read_json(folder / "started.json")), signal.SIGTERM)


def is_over(folder: Path) -> bool:
    """Return whether a run has ended or will never do anything again."""
    return (folder / "exit.json").exists() or not is_locked(folder / "lock")


def _id_of(request_id: str) -> str:
    return hashlib.sha256(request_id.encode()).hexdigest()[:24]


def _was_started(folder: Path) -> bool:
    return (folder / "started.json").exists()


def _read_run(ref: RunRef, folder: Path) -> Run:
    request = read_json(folder / "request.json") or {}
    started = read_json(folder / "started.json")
    end = read_json(folder / "exit.json")
    if end is None and started is not None and not is_locked(folder / "lock"):
        # It may have written its end and gone since we looked.
        end = read_json(folder / "exit.json") or _bury(folder)
    if end is not None:
        state, reason = RunState(str(end["state"])), str(end["reason"])
    elif started is not None:
        state, reason = RunState.RUNNING, ""
    elif (folder / "cancel").exists():
        state, reason = RunState.CANCELLED, "cancelled before it started"
    else:
        state, reason = RunState.QUEUED, "claimed and never started: start it again with the same request id"
    result = end.get("result") if end is not None else None
    return Run(
        ref=ref,
        state=state,
        title=f"{request.get('kind', '')} {request.get('job', '')} {request.get('version', '')}".strip(),
        reason=reason,
        queued_at=_moment(request.get("at")),
        started_at=_moment(started.get("at")) if started else None,
        ended_at=_moment(end.get("at")) if end else None,
        stages=_stages(folder, state),
        result={str(k): str(v) for k, v in result.items()} if isinstance(result, dict) else {},
        branch=str(request.get("branch", "")),
        sha=str(request.get("sha", "")),
    )


def _bury(folder: Path) -> dict[str, object]:
    """End what a killed runner left behind and write down that it is over."""
    end_session(ProcessId.from_json(read_json(folder / "job.json")), grace=0)
    end_marked(f"SHIPMATE_RUN={folder}")
    cancelled = (folder / "cancel").exists()
    end: dict[str, object] = {
        "state": "cancelled" if cancelled else "failed",
        "reason": "the process is gone without a result",
        "at": now().isoformat(),
        "result": {},
    }
    write_json(folder / "exit.json", end)
    return end


def _stages(folder: Path, state: RunState) -> Sequence[RunStage]:
    listed = (read_json(folder / "stages.json") or {}).get("stages")
    stages: list[RunStage] = []
    for stage in listed if isinstance(listed, list) else []:
        own = RunState(stage["state"])
        stages.append(
            RunStage(
                name=stage["name"],
                # A killed runner could not say how its last stage ended: as the run did.
                state=state if state.final and not own.final else own,
                started_at=_moment(stage["started_at"]),
                ended_at=_moment(stage["ended_at"]),
            )
        )
    return tuple(stages)


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None


def _prune(runs: Path, keep: int) -> None:
    ended = [(exit_file.stat().st_mtime, exit_file.parent) for exit_file in runs.glob("*/exit.json")]
    for _, folder in sorted(ended)[: max(len(ended) - keep, 0)]:
        shutil.rmtree(folder, ignore_errors=True)
