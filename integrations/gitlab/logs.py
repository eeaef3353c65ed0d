"""The log of a pipeline: the traces of its jobs, one after the other, read piece by piece.

GitLab answers with a whole trace whatever part is asked for (https://docs.gitlab.com/api/jobs/#get-a-log-file). The
part is asked for all the same, since what stands before GitLab may grant it; otherwise what was read before is skipped
as it comes, and the connection is closed after the piece: of a trace of any size only the piece is kept in memory.
"""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import gitlab
import requests
from gitlab.exceptions import GitlabHttpError

from integrations.capabilities.runs import LogChunk
from integrations.errors import BadReply, Unavailable
from integrations.gitlab.api import Api
from integrations.gitlab.values import moment, state_of

MOST = 256 * 1024
_MARGIN = 1024  # for the line that names a job
_BITS = 40  # of an offset that count bytes of a trace; those above count jobs
_PARTIAL = 206
_EMPTY = 416
_SECTION = re.compile(r"(\x1b\[0K)?section_(?:start|end):[0-9]+:[^\r\n]*\r(\x1b\[0K)?")


def pack(job: int, byte: int) -> int:
    """Return the offset that names a byte of the trace of the `job`-th job that began."""
    return job << _BITS | byte


def unpack(offset: int) -> tuple[int, int]:
    """Return (job, byte) of an offset."""
    return offset >> _BITS, offset & ((1 << _BITS) - 1)


def in_order(jobs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the jobs that began, in the order in which they did: one that begins later never gets between them."""
    begun = [job for job in jobs if job.get("started_at")]
    return sorted(begun, key=lambda job: (moment(job["started_at"]), int(job["id"])))


def read_log(
    api: Api, library: gitlab.Gitlab, project_id: int, jobs: Sequence[Mapping[str, Any]], offset: int, *, over: bool
) -> LogChunk:
    """Return at most 256 KiB of a pipeline's log.

    `jobs` are all of the pipeline's, retried ones too; `over` says that no more come. A job that goes on holds the log
    up: what runs beside it is told after it.
    """
    begun = in_order(jobs)
    index, byte = unpack(max(offset, 0))
    text: list[str] = []
    room = MOST - _MARGIN
    while index < len(begun):
        job = begun[index]
        ended = state_of(job["status"]).final
        piece, whole = read_trace(api, library, f"/projects/{project_id}/jobs/{job['id']}/trace", byte, room)
        if not (whole and ended):
            piece = piece[: len(piece) - _unfinished(piece)]
        if piece and not byte:
            text.append(f"=== {job['stage']}: {job['name']} ===\n")
        text.append(piece.decode("utf-8", "replace"))
        byte += len(piece)
        room -= len(piece) + _MARGIN
        last = index == len(begun) - 1
        if not whole or not ended or room <= 0 or last:
            more = not whole or not ended or not last or not over
            return LogChunk(text=_SECTION.sub("", "".join(text)), next_offset=pack(index, byte), more=more)
        index, byte = index + 1, 0
    return LogChunk(text="", next_offset=offset, more=not over)


def read_trace(api: Api, library: gitlab.Gitlab, path: str, start: int, most: int) -> tuple[bytes, bool]:
    """Return at most `most` bytes of a trace from byte `start` on, and whether that was all there is now.

    Raises:
        Unavailable: what lies before `start` did not come in time.
    """
    until = time.monotonic() + api.settings.timeout
    try:
        answer = library.http_get(path, streamed=True, raw=True, extra_headers={"Range": f"bytes={start}-"})
    except GitlabHttpError as error:
        if error.response_code == _EMPTY:
            return b"", True
        raise
    if not isinstance(answer, requests.Response):
        raise BadReply(api.instance, "a trace came as something else", excerpt=str(answer))
    skip = 0 if answer.status_code == _PARTIAL else start
    kept = bytearray()
    with answer:
        for piece in answer.iter_content(64 * 1024):
            passed = min(skip, len(piece))
            skip -= passed
            kept += piece[passed:]
            if len(kept) > most:
                return bytes(kept[:most]), False
            if time.monotonic() > until:
                raise Unavailable(api.instance, f"the log did not come within {api.settings.timeout:g} s")
    return bytes(kept), True


def last_words(api: Api, library: gitlab.Gitlab, project_id: int, job_id: int) -> str:
    """Return the last line of a job that says something of the job's own, "" where there is none to be had soon."""
    piece, _ = read_trace(api, library, f"/projects/{project_id}/jobs/{job_id}/trace", 0, 4 * MOST)
    lines = [_plain(line) for line in piece[-4096:].decode("utf-8", "replace").splitlines()]
    own = [line for line in lines if line and not line.startswith(("ERROR: Job failed", "Cleaning up", "Uploading"))]
    return own[-1][:300] if own else ""


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", _SECTION.sub("", line)).strip()


def _unfinished(piece: bytes) -> int:
    """Return how many bytes at the end are the beginning of a character that is not all there."""
    for back in range(1, min(4, len(piece)) + 1):
        byte = piece[-back]
        if byte < 0x80:  # noqa: PLR2004 -- UTF-8: one byte
            return 0
        if byte >= 0xC0:  # noqa: PLR2004 -- UTF-8: the first of several
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004 -- by its leading bits
            return back if back < length else 0
    return 0
