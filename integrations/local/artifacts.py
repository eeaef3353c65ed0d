"""Artifacts, kept by what they contain: `<store>/<first 64 hex digits of SHA-256>/<name>`."""

import hashlib
import os
import shutil
import tarfile
from pathlib import Path

_ALGORITHM = "sha256"


def digest_of(path: Path) -> str:
    """Return `sha256:…` of a file."""
    with path.open("rb") as file:
        return f"{_ALGORITHM}:{hashlib.file_digest(file, _ALGORITHM).hexdigest()}"


def keep_artifact(store: Path, file: Path) -> str:
    """Put a file into the store in one step and return its digest; one that is there already is left as it is."""
    digest = digest_of(file)
    folder = store / digest.removeprefix(f"{_ALGORITHM}:")
    if not (folder / file.name).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = folder / f".{file.name}.{os.getpid()}"
        try:
            shutil.copyfile(file, temporary)
            temporary.replace(folder / file.name)
        finally:
            temporary.unlink(missing_ok=True)  # a full disk: half of it would only take room
    return digest


def find_artifact(store: Path, digest: str) -> Path | None:
    """Return the file of a digest, None if the store has none."""
    algorithm, _, value = digest.partition(":")
    if algorithm != _ALGORITHM or not value.isalnum():
        return None
    folder = store / value
    files = sorted(f for f in folder.iterdir() if not f.name.startswith(".")) if folder.is_dir() else []
    return files[0] if files else None


def unpack(artifact: Path, folder: Path) -> None:
    """Unpack a tar file into a new folder, or copy any other file there.

    Raises:
        ValueError: the archive would write outside of the folder.
    """
    if not tarfile.is_tarfile(artifact):
        shutil.copy(artifact, folder / artifact.name)
        return
    try:
        with tarfile.open(artifact) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(folder, filter="data")
            else:  # a Python without PEP 706
                _check_plain(archive)
                archive.extractall(folder)  # noqa: S202 -- every member was looked at
    except (tarfile.TarError, EOFError) as error:
        message = f"{artifact.name} is no good or no safe archive: {error}"
        raise ValueError(message) from error


def _check_plain(archive: tarfile.TarFile) -> None:
    """Make sure that an archive holds only files and folders, inside of where it is unpacked."""
    for member in archive.getmembers():
        if not (member.isfile() or member.isdir()) or ".." in Path(member.name).parts or member.name.startswith("/"):
            message = f"{member.name!r} may not be unpacked"
            raise tarfile.ExtractError(message)
