"""Small files that several processes share: written whole or not at all, and locks that end with their holder."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path


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


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of a file; it ends with the process, however that ends. Yields whether it was got.

    With `wait` it blocks until the lock is free: for short sections only.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether some process holds the lock of a file."""
    if not path.exists():
        return False
    with locked(path, wait=False) as got:
        return not got
