"""Small files that several processes share: written whole or not at all, and locks that end with their holder."""

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

_TRIES = 25
_PAUSE = 0.01  # seconds
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def now() -> datetime:
    """Return the present moment, in UTC. The detached programs outlive whoever could hand them a clock."""
    return datetime.now(UTC)  # noqa: TID251 -- what is stamped here is stamped by a process of its own


def write_json(path: Path, data: Mapping[str, object], *, durable: bool = True) -> None:
    """Replace a file by the JSON of `data`, in one step; readable by this user only.

    With `durable` it is on disk when this returns, also when the machine loses power.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def read_json(path: Path) -> dict[str, object] | None:
    """Return what `write_json` wrote, None if there is no such file.

    Raises:
        ValueError: the file is there and holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(data, dict):
        message = f"{path.name} holds no JSON object"
        raise ValueError(message)  # noqa: TRY004 -- the content is wrong, not the type of an argument
    return data


def is_full(error: OSError) -> bool:
    """Return whether a write failed for lack of room: a full disk, or a quota that is used up."""
    return error.errno in _FULL


def has_room(folder: Path) -> bool:
    """Return whether the disk of a folder takes a small file now."""
    disk = os.statvfs(folder)
    return disk.f_bavail > 0 and (disk.f_files == 0 or disk.f_favail > 0)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, waiting for it: for short sections only. It ends with the process, however that ends."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def owned(path: Path) -> Iterator[bool]:
    """Hold the lock of a file for as long as the work takes, unless another does; yields whether it is ours.

    Whoever only looks (`is_locked`) has the lock for a moment, and so it is tried several times.
    """
    with _opened(path) as descriptor:
        for _ in range(_TRIES):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_PAUSE)
        else:
            yield False
            return
        yield True


def is_locked(path: Path) -> bool:
    """Return whether some process holds the lock of a file."""
    if not path.exists():
        return False
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
