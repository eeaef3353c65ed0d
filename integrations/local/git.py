"""The `git` program: started without a shell, with a deadline, an environment of its own and bounded output."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from integrations.errors import BadReply, NotFound, Unavailable

MAX_OUTPUT = 32 * 1024 * 1024
_PARALLEL = 8

# What a repository's own configuration could start is switched off, and so is everything that asks or writes.
_OPTIONS = (
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "log.showSignature=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "versionsort.suffix=-",
    "-c", "safe.directory=*",
)  # fmt: skip


def git_environment(path: str = os.defpath) -> dict[str, str]:
    """Return the environment that git runs in: no prompt, no configuration of the machine or of a person."""
    return {
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
    }


def git_arguments(git_dir: Path | str, *arguments: str) -> list[str]:
    """Return the arguments after the program's name: our options, the repository, then `arguments`."""
    return [*_OPTIONS, f"--git-dir={git_dir}", *arguments]


def find_git_dir(folder: Path) -> Path | None:
    """Return the Git directory of a work tree or bare repository as an absolute path, None if `folder` is neither."""
    folder = folder.absolute()  # programs with another current folder use it too
    inner = folder / ".git"
    if inner.exists():
        return inner
    if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
        return folder
    return None


class Git:
    """Runs git for one instance; at most eight at a time, each for `deadline` seconds at most.

    `program` is the path of git.
    """

    def __init__(self, instance: str, *, deadline: float) -> None:
        self._instance = instance
        self._deadline = deadline
        self.program = shutil.which("git") or "/usr/bin/git"
        self._slots = asyncio.Semaphore(_PARALLEL)

    async def version(self) -> str:
        """Return git's version, such as 2.39.5."""
        status, out, _ = await self._run(["--version"], b"")
        if status or not out.startswith(b"git version "):
            raise BadReply(self._instance, "`git --version` did not answer as git does", excerpt=out[:200].decode())
        return out.decode().split()[2]

    async def __call__(self, git_dir: Path, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run git on a repository and return its output.

        Raises:
            NotFound: git says so with status 128, as it does for a missing object.
            Unavailable: git is not installed, does not end in time, or fails otherwise.
        """
        status, out, err = await self._run(git_arguments(git_dir, *arguments), stdin)
        if status == 0:
            return out
        words = err.decode(errors="replace").strip() or f"status {status}"
        if "bad object" in words or "unknown revision" in words or "bad revision" in words:
            raise NotFound(self._instance, words[:500])
        raise Unavailable(self._instance, f"git {arguments[0]} failed: {words[:500]}")

    async def lookup(self, git_dir: Path, names: Sequence[str]) -> list[tuple[str, str, int]]:
        """Return (object id, type, size) of each name, ("", "missing" | "ambiguous", 0) where there is none.

        The names go through git's standard input, so that none can be taken for an option. They hold no newline.
        """
        wanted = "".join(f"{name}\n" for name in names).encode()
        out = await self(git_dir, "cat-file", "--batch-check", stdin=wanted)
        found: list[tuple[str, str, int]] = []
        for line in out.decode(errors="replace").splitlines():
            words = line.rsplit(" ", 2)
            if len(words) == 3 and words[2].isdigit():  # noqa: PLR2004 -- id, type, size
                found.append((words[0], words[1], int(words[2])))
            else:
                found.append(("", "ambiguous" if line.endswith("ambiguous") else "missing", 0))
        if len(found) != len(names):
            raise BadReply(self._instance, "git cat-file answered another number of lines", excerpt=out[:200].decode())
        return found

    async def _run(self, arguments: Sequence[str], stdin: bytes) -> tuple[int, bytes, bytes]:
        async with self._slots:
            try:
                process = await asyncio.create_subprocess_exec(
                    self.program,
                    *arguments,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env=git_environment(),
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(self._instance, f"git cannot be started: {error}; is it installed?") from error
            try:
                async with asyncio.timeout(self._deadline):
                    out, err = await _converse(process, stdin)
            except TimeoutError as error:
                raise Unavailable(self._instance, f"git did not end within {self._deadline:g} s") from error
            finally:
                await _end(process)
        if len(out) > MAX_OUTPUT:
            raise BadReply(self._instance, f"git answered more than {MAX_OUTPUT} bytes")
        return process.returncode or 0, out, err


async def _converse(process: asyncio.subprocess.Process, stdin: bytes) -> tuple[bytes, bytes]:
    """Feed and read a process at once; what goes over the bound is not read."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("git was started without its pipes")

    async def feed(pipe: asyncio.StreamWriter) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(stdin)
            await pipe.drain()
        pipe.close()

    async def read(pipe: asyncio.StreamReader) -> bytes:
        parts: list[bytes] = []
        size = 0
        while size <= MAX_OUTPUT and (part := await pipe.read(1 << 16)):
            parts.append(part)
            size += len(part)
        if size > MAX_OUTPUT:
            process.kill()
        return b"".join(parts)

    _, out, err = await asyncio.gather(feed(process.stdin), read(process.stdout), read(process.stderr))
    await process.wait()
    return out, err


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a process that still runs, and collect it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
