"""The folder of a place: which claim it belongs to, what shall run there and what does.

places/<name>/fence.json    the largest fencing number seen, under `lock`
              desired.json  the one switch: what shall run; replaced in one step
              status.json   what the supervisor sees: what runs, since when, whether it is healthy
              child.json    the service's process, leader of a session
              supervisor.json, supervisor.lock
              releases/<id> unpacked artifacts; `current` is a link to the one that runs
              output/       what the service prints, masked
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from integrations.local.files import locked, read_json, write_json

_KEEP_RELEASES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What shall run on a place. `deployment` is the id of the run that decided it. Times are in seconds."""

    deployment: str
    fence: int
    sha: str
    version: str
    release: str
    command: list[str]
    env: dict[str, str]
    port: int
    health: str
    version_path: str
    probe_interval: float
    stop_timeout: float
    log_limit: int
    secrets: list[str]
    patterns: list[str]

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return what shall run on a place, None if nothing was ever deployed there or it was stopped."""
        data = read_json(folder / "desired.json")
        return None if data is None else cls(**data)  # type: ignore[arg-type]  # our own dump, read back

    def dump(self, folder: Path) -> None:
        """Make this what shall run on the place, in one step."""
        write_json(folder / "desired.json", asdict(self))


class StaleFenceError(Exception):
    """The place was claimed anew since the claim that this number stands for."""


def folder_name(*words: str) -> str:
    """Return a folder's name for a place; different places get different names."""
    return "@".join(re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", word) for word in words)


def raise_fence(folder: Path, fence: int, request_id: str) -> None:
    """Remember a claim's fencing number.

    Raises:
        StaleFenceError: a larger one was seen.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(folder / "lock"):
        seen, owner = _seen(folder)
        if fence < seen:
            message = f"the place belongs to a newer claim ({seen}); this one is {fence}"
            raise StaleFenceError(message)
        if fence > seen or owner != request_id:
            write_json(folder / "fence.json", {"fence": fence, "request_id": request_id})


def check_fence(folder: Path, fence: int) -> None:
    """Make sure that a claim still owns the place; the caller holds `lock`. Raises: StaleFenceError."""
    seen, _ = _seen(folder)
    if fence < seen:
        message = f"superseded: the place belongs to a newer claim ({seen}) than this one ({fence})"
        raise StaleFenceError(message)


def status_of(folder: Path) -> Mapping[str, object]:
    """Return what the supervisor wrote last; empty when there was none."""
    return read_json(folder / "status.json") or {}


def prune_releases(folder: Path, keep: str) -> None:
    """Delete all unpacked releases but the newest few and the one that is named."""
    releases = sorted((folder / "releases").glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for release in releases[_KEEP_RELEASES:]:
        if release.name != keep:
            shutil.rmtree(release, ignore_errors=True)


def _seen(folder: Path) -> tuple[int, str]:
    data = read_json(folder / "fence.json") or {}
    return int(str(data.get("fence", 0))), str(data.get("request_id", ""))
