"""`shipmate backup` and `shipmate restore`: one file with all that is kept, and all of it put back, held.

The file is a tar archive: `manifest.json` with the digest of each other member, then the databases: two SQLite files,
or one dump of both schemas that `pg_dump` wrote. Secrets of the configuration are not in it; what is sealed stays so.
"""

import asyncio
import contextlib
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from bot.app import dumps
from bot.app.evidence import keys_of
from bot.app.serving import alone
from bot.audit import Audit
from bot.clock import SystemClock
from bot.settings import Settings
from bot.store import Store, StoreMismatch, StoreUnavailable
from bot.store.generation import mark_restored
from commands.registry import registry

Say = Callable[[str], None]
FORMAT = 1
MANIFEST = "manifest.json"
DATABASES = ("shipmate.db", "engine.db")
_CHUNK = 1 << 20


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup holds: of which version of Shipmate, when it was made, and the SHA-256 of each member."""

    format: int
    shipmate: str
    made_at: datetime
    kind: str
    sha256: dict[str, str]


async def backup(settings: Settings, file: Path, say: Say) -> int:
    """Write everything that is kept to a new file, also while Shipmate runs, and say its SHA-256.

    Raises:
        ValueError: there is nothing to save, the file is there already, or a program is missing; says which.
    """
    registry()
    return await asyncio.to_thread(_backup, settings, file, say)


def _backup(settings: Settings, file: Path, say: Say) -> int:
    if file.exists():
        raise ValueError(f"{file} is there already: name another file, or move it away")
    made_at = SystemClock().now().astimezone(UTC)
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as name:
            folder = Path(name)
            if settings.on_sqlite:
                ours, engines = DATABASES
                there = _places(settings)
                copies = (folder / ours, folder / engines)
                kind, members = "sqlite", dumps.copy_sqlite(there[ours], there[engines], copies)
            else:
                kind, members = "postgresql", dumps.dump_postgres(settings.database_url, folder)
            digests = {one.name: _sha256(one) for one in members}
            manifest = Manifest(format=FORMAT, shipmate=version("shipmate"), made_at=made_at, kind=kind, sha256=digests)
            whole = folder / "whole.tar"
            _pack(whole, manifest, members)
            digest, size = _sha256(whole), whole.stat().st_size
            whole.chmod(0o600)
            os.link(whole, file)  # never over a file that came meanwhile
    except FileExistsError:
        raise ValueError(f"{file} is there already: name another file, or move it away") from None
    except OSError as error:
        raise ValueError(f"{error.filename or file}: {error.strerror}") from error
    say(f"saved: {file}, {size} bytes, sha256 {digest}")
    return 0


async def restore(settings: Settings, file: Path, say: Say, *, replace: bool = False) -> int:
    """Put what a backup holds in the place of what is there; the next start holds it until people have decided.

    What was there is kept aside, and without `replace` there may be nothing. Digests and the audit log's chain are
    proven before anything is moved (on PostgreSQL: before it is kept).

    Raises:
        ValueError: the file is no whole backup, does not fit the configured database, or Shipmate runs; says which.
    """
    registry()
    try:
        with alone(settings), tempfile.TemporaryDirectory(dir=_made(settings.state_dir), prefix=".restore-") as name:
            folder = Path(name)
            manifest = await asyncio.to_thread(_unpack, file, folder)
            wanted = "sqlite" if settings.on_sqlite else "postgresql"
            if manifest.kind != wanted:
                raise ValueError(f"{file} was made of {manifest.kind}, and the configuration names {wanted}")
            if settings.on_sqlite:
                aside = await _put_files(settings, folder, manifest, replace=replace)
            else:
                aside = await _put_dump(settings, folder, manifest, replace=replace)
    except OSError as error:
        raise ValueError(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
    if aside:
        say(f"what was there is kept: {aside}")
    say(f"restored: {file}, made {manifest.made_at:%Y-%m-%d %H:%M} UTC by Shipmate {manifest.shipmate}")
    say("the next `shipmate serve` is held: `shipmate do 'restore show'` asks what shall become of what was in flight")
    return 0


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _put_files(settings: Settings, folder: Path, manifest: Manifest, *, replace: bool) -> str:
    places = _places(settings)
    there = _files(places)
    if there and not replace:
        raise ValueError(f"{there[0]} is there already: --replace keeps it aside and puts the backup in its place")
    await _prove(settings, f"sqlite:///{folder / DATABASES[0]}", manifest)
    return await asyncio.to_thread(_move, folder, places, settings.state_dir)


def _places(settings: Settings) -> dict[str, Path]:
    """Return where the files are that a backup knows by these names."""
    ours, engines = DATABASES
    path = sa.make_url(settings.database_url).database or ""
    return {ours: Path(path), engines: settings.state_dir / engines}


def _files(places: dict[str, Path]) -> list[Path]:
    """Return the files that are there, with their journals."""
    return sorted(found for path in places.values() for found in path.parent.glob(f"{path.name}*"))


def _move(folder: Path, places: dict[str, Path], state: Path) -> str:
    """Put the files of a folder in the place of those that are there; return where those are kept."""
    there = _files(places)
    aside = state / f"replaced-{SystemClock().now():%Y%m%dT%H%M%S}"
    if there:
        aside.mkdir()
        for path in there:
            path.replace(aside / path.name)
    for name, path in places.items():
        for found in sorted(folder.glob(f"{name}*")):
            found.replace(path.with_name(path.name + found.name.removeprefix(name)))
    return str(aside) if there else ""


async def _put_dump(settings: Settings, folder: Path, manifest: Manifest, *, replace: bool) -> str:
    stamp = f"{SystemClock().now():%Y%m%dt%H%M%S}"
    url = settings.database_url
    aside = await asyncio.to_thread(dumps.make_room, url, stamp, replace=replace)
    try:
        await asyncio.to_thread(dumps.load_postgres, url, folder)
        await _prove(settings, url, manifest)
    except BaseException:
        await asyncio.to_thread(dumps.back_to, url, stamp if aside else "")
        raise
    return f"the schemas {' and '.join(aside)}" if aside else ""


async def _prove(settings: Settings, url: str, manifest: Manifest) -> None:
    """Prove the audit log whole and mark the database as restored. Raises: ValueError."""
    clock = SystemClock()
    try:
        store = await Store.open(url, clock=clock, create=False)
    except (StoreMismatch, StoreUnavailable) as error:
        raise ValueError(str(error)) from error
    try:
        verdict = await Audit(store, clock, quiet=True).verify(keys=keys_of(settings))
        if not verdict.ok:
            words = f"the backup's audit log is BROKEN at entry {verdict.first_bad}: {verdict.reason}"
            raise ValueError(f"{words}; nothing was restored")
        await mark_restored(store, f"backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC")
    finally:
        await store.close()


def _pack(whole: Path, manifest: Manifest, members: list[Path]) -> None:
    with tarfile.open(whole, "w") as tar:
        told = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mtime, info.mode = len(told), int(manifest.made_at.timestamp()), 0o600
        tar.addfile(info, io.BytesIO(told))
        for path in members:
            tar.add(path, path.name)


def _unpack(file: Path, folder: Path) -> Manifest:
    """Write the members into a folder, each proven by its digest. Raises: ValueError, OSError."""
    try:
        with tarfile.open(file) as tar:
            first = tar.next()
            told = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
            if told is None:
                raise ValueError(f"{file} is no backup of Shipmate: it does not begin with {MANIFEST}")
            manifest = msgspec.json.decode(told.read(_CHUNK), type=Manifest)
            if manifest.format != FORMAT:
                raise ValueError(f"{file} has the format {manifest.format}, and this Shipmate knows {FORMAT}")
            for name, digest in manifest.sha256.items():
                if name not in {*DATABASES, dumps.DUMP}:
                    raise ValueError(f"{file} holds {name!r}, which no backup does")
                _write(tar, name, folder / name)
                if _sha256(folder / name) != digest:
                    raise ValueError(f"{file} is damaged: {name} is not what was saved")
            return manifest
    except (tarfile.TarError, msgspec.DecodeError, KeyError) as error:
        raise ValueError(f"{file} is no whole backup of Shipmate: {error}") from error


def _write(tar: tarfile.TarFile, name: str, to: Path) -> None:
    content = tar.extractfile(name)
    if content is None:
        raise ValueError(f"{name} is no file in the backup")
    with content, to.open("wb") as out:
        for chunk in _chunks(content):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with contextlib.suppress(EOFError):
        while chunk := file.read(_CHUNK):
            yield chunk
