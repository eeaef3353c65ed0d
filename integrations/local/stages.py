"""The stages of a run, as its output announces them: a line `::stage <name>` begins one and ends the one before."""

import contextlib
from pathlib import Path

from integrations.local.files import now, write_json
from integrations.local.masking import Mask

_MARK = b"::stage "
_MOST = 100
_LONGEST_NAME = 80


class Stages:
    """Finds the stages in a masked output and keeps them in a file."""

    def __init__(self, path: Path, mask: Mask) -> None:
        self._path = path
        self._mask = mask
        self._rest = b""
        self._stages: list[dict[str, str]] = []
        self._unwritten = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[: len(_MARK) + 4 * _LONGEST_NAME]  # more of a line than this is never looked at
        for line in lines:
            if line.startswith(_MARK) and line[len(_MARK) :].strip():
                self._begin(line[len(_MARK) :].decode(errors="replace").strip()[:_LONGEST_NAME])
        if self._unwritten:
            self._write()

    def close(self, state: str) -> None:
        """End the last stage as the run itself ended."""
        if self._stages:
            self._stages[-1] |= {"state": state, "ended_at": now().isoformat()}
            self._write()

    def _begin(self, name: str) -> None:
        if len(self._stages) >= _MOST:
            return
        moment = now().isoformat()
        if self._stages:
            self._stages[-1] |= {"state": "succeeded", "ended_at": moment}
        self._stages.append({"name": self._mask.text(name), "state": "running", "started_at": moment, "ended_at": ""})
        self._write()

    def _write(self) -> None:
        self._unwritten = True
        with contextlib.suppress(OSError):  # a full disk must not end the work; the next output tries again
            write_json(self._path, {"stages": self._stages}, durable=False)
            self._unwritten = False
