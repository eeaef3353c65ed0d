#!/usr/bin/env python3
"""Find or fetch the real servers that the tests and the demo talk to; standard library only, never needs root.

    python3 tools/servers.py ensure prometheus alertmanager postgresql chromium
    python3 tools/servers.py find prometheus
    python3 tools/servers.py path prometheus

For each name, in this order: a program on PATH that is new enough; what an earlier run unpacked; and, with `ensure`
only, Debian's or Ubuntu's packages, downloaded by apt with lists and a cache of our own and unpacked with `dpkg -x`
into a folder below `$SHIPMATE_CACHE` (otherwise `$XDG_CACHE_HOME/shipmate`, `~/.cache/shipmate`, for root
`/var/cache/shipmate`). Where that fails and root runs it, `apt-get install` under a policy that starts no daemon.

`ensure` and `find` print one JSON object, {name: {"path", "version", "how"} or {"skip": reason}}, and end with 0:
what is missing is the caller's to skip. "libraries" is a folder for LD_LIBRARY_PATH of those who drive the program.
`path` prints the one path, or ends with 1 and the reason. For postgresql the path is that of `postgres`; `initdb`
lies beside it.
"""

import argparse
import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LISTS_LIVE = 12 * 3600  # seconds after which the package lists are asked for again
POLICY = Path("/usr/sbin/policy-rc.d")  # decides whether a package may start its daemon (invoke-rc.d(8))
DATA_DESCRIPTOR = 9  # where a wrapper opens the folder that its program has compiled in
# Never unpacked: the C library must fit the system's loader, and the rest is nothing a server needs to answer.
UNWANTED = re.compile(
    r"^(libc6|libc-bin|libc-l10n|libcrypt1|locales|adduser|debconf|dbus|systemd|init-system-helpers|ssl-cert|"
    r"postgresql-common.*|postgresql-client-common|perl.*|libperl.*|libjs-.*|fonts-glyphicons.*|libllvm.*|"
    r"libz3.*|sensible-utils|ucf|netbase|tzdata|lsb-.*|.*-doc|xdg-.*|chromium-sandbox|sysvinit-utils|"
    r"libpam-.*|logrotate|cron.*|anacron|ca-certificates)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is known of one server: what its programs are called and which packages hold them."""

    programs: tuple[str, ...]  # names on PATH, best first
    minimum: tuple[int, ...]
    packages: tuple[str, ...]  # a name that ends in "*" stands for what that package depends on: postgresql* -> -15
    unpacked: str  # glob of the program in the unpacked tree
    beside: tuple[str, ...] = ()  # programs of the same folder that are wrapped too
    folders: str = ""  # glob of folders to look in besides PATH
    lent: str = ""  # glob of libraries that the program's own clients may need
    data: str = ""  # absolute folder that the program has compiled in and must read


SERVERS = {
    "prometheus": Server(
        programs=("prometheus",),
        minimum=(2, 30),
        packages=("prometheus",),
        unpacked="usr/bin/prometheus",
    ),
    "alertmanager": Server(
        programs=("prometheus-alertmanager", "alertmanager"),
        minimum=(0, 22),
        packages=("prometheus-alertmanager",),
        unpacked="usr/bin/prometheus-alertmanager",
        data="/usr/share/prometheus/alertmanager",  # templates: it ends without them
    ),
    "postgresql": Server(
        programs=("postgres",),
        minimum=(13,),
        packages=("postgresql*",),
        unpacked="usr/lib/postgresql/*/bin/postgres",
        beside=("initdb", "pg_ctl"),
        folders="/usr/lib/postgresql/*/bin",
    ),
    "chromium": Server(
        programs=("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome"),
        minimum=(100,),
        packages=(
            "chromium-headless-shell",
            "chromium-common",
            "fonts-dejavu-core",
            "fonts-noto-color-emoji",
            "libatomic1",
        ),
        lent="usr/lib/*/libatomic.so*",  # what Playwright's driver needs and a bare system lacks
        unpacked="usr/lib/chromium/chromium-headless-shell",
    ),
}


class Missing(Exception):
    """A server cannot be had; the text says why and what to do."""


def cache_folder() -> Path:
    """Return the folder that everything fetched goes below."""
    if own := os.environ.get("SHIPMATE_CACHE"):
        return Path(own) / "servers"
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "shipmate" / "servers"
    # PostgreSQL refuses to run as root, and the user it runs as instead cannot look into root's home.
    base = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    return base / "shipmate" / "servers"


def run(command: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    """Run `command` with captured text output; raises Missing with its last words when it fails."""
    result: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]  # options pass through
        [str(word) for word in command], capture_output=True, text=True, check=False, **{"timeout": 900, **options}
    )
    if result.returncode:
        words = " ".join((result.stderr or result.stdout).split())
        raise Missing(f"`{Path(command[0]).name} {command[1]}` failed: {words[-400:]}")
    return result


def version_of(program: Path) -> str:
    """Return the version that `program --version` tells, "" where it tells none."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
        if found := re.search(r"\d+(\.\d+)+", told.stdout + told.stderr):
            return found[0]
    return ""


def on_path(server: Server, known: dict[str, str]) -> tuple[Path, str] | None:
    """Return the first program on PATH, or in the server's own folders, that is new enough, and its version.

    Args:
        server: what to look for.
        known: versions told before by (path, size, time of change), extended in place: a browser takes long to say.
    """
    folders = sorted(map(str, Path("/").glob(server.folders[1:])), key=_number, reverse=True) if server.folders else []
    where = os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])
    for name in server.programs:
        if not (found := shutil.which(name, path=where)):
            continue
        program = Path(found)
        state = program.resolve().stat()
        key = f"{found}:{state.st_size}:{state.st_mtime_ns}"
        known[key] = version = known.get(key) or version_of(program)
        if server.beside:  # a link on PATH, the programs that belong to it beside the real one
            program = program.resolve()
        complete = all(program.with_name(other).exists() for other in server.beside)
        if complete and version and tuple(map(int, version.split("."))) >= server.minimum:
            return program, version
    return None


def _number(path: str) -> list[int]:
    """Return the numbers in `path`, so that 15 sorts above 9."""
    return [int(number) for number in re.findall(r"\d+", path)]


class Apt:
    """Apt with lists and a cache of its own, so that an ordinary user can ask and download."""

    def __init__(self, folder: Path) -> None:
        """Use `folder` for lists and downloads."""
        self.lists = folder / "lists"
        cache = folder / "cache"
        (self.lists / "partial").mkdir(parents=True, exist_ok=True)
        (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        self.options = [
            *("-o", f"Dir::State::lists={self.lists}", "-o", f"Dir::Cache={cache}", "-o", "Debug::NoLocking=1"),
            *("-o", "APT::Sandbox::User=root", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=2"),
            # The images of containers delete what is fetched and keep lists packed: neither is wanted here.
            *("-o", "APT::Update::Post-Invoke::=", "-o", "Acquire::Languages=none", "-o", "APT::Install-Recommends=0"),
        ]

    def update(self) -> None:
        """Fetch the package lists unless they are fresh; a source that is away does not matter if others answer."""
        stamp = self.lists / "updated"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_LIVE:
            return
        try:
            run(["apt-get", "update", "-qq", *self.options])
        except Missing:
            if not any(self.lists.glob("*_Packages*")):
                raise
        stamp.touch()

    def wanted(self, packages: Sequence[str]) -> list[str]:
        """Return the names of `packages` and of all they need that this system has not installed."""
        names = [name for package in packages for name in self._named(package)]
        plan = run(["apt-get", "install", "--print-uris", "--reinstall", "-qq", "-y", *self.options, *names]).stdout
        found = re.findall(r"^'[^']+' ([^_\s]+)_\S+\.deb ", plan, re.MULTILINE)
        return [name for name in found if not UNWANTED.match(name)]

    def _named(self, package: str) -> list[str]:
        if not package.endswith("*"):
            return [package]
        told = run(["apt-cache", "depends", *self.options, package[:-1]]).stdout
        return re.findall(rf"Depends: ({re.escape(package[:-1])}-\d+)", told)

    def download(self, names: Sequence[str], into: Path) -> list[Path]:
        """Download the packages `names`, checked against the signed lists, and return their files."""
        run(["apt-get", "download", "-qq", *self.options, *names], cwd=into)
        return sorted(into.glob("*.deb"))


def unpack(name: str, server: Server, cache: Path) -> dict[str, str]:
    """Download and unpack a server's packages and write wrappers that find its libraries.

    Returns path, version and how. Raises Missing when a package, a library or the program is not to be had.
    """
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if not shutil.which(tool):
            programs = " or ".join(server.programs)
            raise Missing(f"no {programs} on PATH, and no {tool} here to fetch one: install {name} and try again")
    apt = Apt(cache / "apt")
    apt.update()
    with tempfile.TemporaryDirectory(dir=cache, prefix=f"{name}-") as scratch:
        tree, debs = Path(scratch) / "root", Path(scratch) / "debs"
        tree.mkdir()
        debs.mkdir()
        for deb in apt.download(apt.wanted(server.packages), debs):
            run(["dpkg-deb", "-x", deb, tree])
        for part in tree.glob("usr/lib/postgresql/*/lib/*llvmjit*"):  # needs 100 MB of LLVM to plan a query
            shutil.rmtree(part) if part.is_dir() else part.unlink()
        if not any(tree.glob(server.unpacked)):
            raise Missing(f"the packages {', '.join(server.packages)} of this system hold no {server.unpacked}")
        home = cache / name
        shutil.rmtree(home, ignore_errors=True)
        Path(scratch).chmod(0o755)
        home.mkdir()
        tree.rename(home / "root")
    program = wrap(server, home)
    if not (version := version_of(program)):
        shutil.rmtree(home)
        raise Missing(f"{program.name} was unpacked but does not start; a library is missing on this system")
    found = {"path": str(program), "version": version, "how": "unpacked"}
    if server.lent:
        found["libraries"] = str(home / "lent")
        (home / "lent").mkdir()
        for library in (home / "root").glob(server.lent):
            (home / "lent" / library.name).symlink_to(library)
    (home / "found.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def wrap(server: Server, home: Path) -> Path:
    """Write scripts that start the unpacked programs of `home` with their libraries and fonts; return the first."""
    tree = home / "root"
    real = next(iter(sorted(tree.glob(server.unpacked))))
    folders = {str(path.parent) for path in tree.glob("**/*.so*") if "/lib/" in str(path) and "gconv" not in str(path)}
    settings = []
    if folders:
        settings.append("LD_LIBRARY_PATH=" + shlex.quote(os.pathsep.join(sorted(folders))))
    if any(tree.glob("usr/share/fonts/*")):
        settings.append("FONTCONFIG_FILE=" + shlex.quote(str(_fonts(home))))
    (home / "bin").mkdir(exist_ok=True)
    for program in (real, *(real.with_name(name) for name in server.beside)):
        script = home / "bin" / program.name
        command = f'{" ".join([*settings, "exec"])} {shlex.quote(str(program))} "$@"'
        if server.data:
            command += f" {DATA_DESCRIPTOR}<{shlex.quote(str(relocate(server.data, program, tree)))}"
        script.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
        script.chmod(0o755)
    return home / "bin" / real.name


def relocate(data: str, program: Path, tree: Path) -> Path:
    """Make an unpacked `program` read its compiled-in folder `data` through an open descriptor; return the real folder.

    The path in the program is overwritten by one of the same length below /proc/self/fd, where the wrapper opens the
    folder. Raises Missing where the program does not hold the path, so that nobody starts it in vain.
    """
    old = data.encode()
    new = f"/proc/self/fd/{DATA_DESCRIPTOR}".encode()
    new += b"/." * ((len(old) - len(new)) // 2) + b"/" * ((len(old) - len(new)) % 2)
    content = program.read_bytes()
    if old not in content or len(new) != len(old):
        raise Missing(f"{program.name} does not read {data}: this version cannot be unpacked")
    program.write_bytes(content.replace(old, new))
    return tree / data.lstrip("/")


def _fonts(home: Path) -> Path:
    """Write a fontconfig file that knows the unpacked fonts and the system's."""
    file = home / "fonts.conf"
    folders = "".join(f"<dir>{path}</dir>" for path in (home / "root/usr/share/fonts", "/usr/share/fonts"))
    file.write_text(
        f'<?xml version="1.0"?><fontconfig>{folders}<cachedir>{home / "fontcache"}</cachedir></fontconfig>\n',
        encoding="utf-8",
    )
    return file


@contextlib.contextmanager
def no_daemons() -> Iterator[None]:
    """Forbid packages to start their daemons while they are installed; needs root."""
    if POLICY.exists():  # the administrator's own policy stands
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def install(server: Server) -> None:
    """Install the server's packages into the system; needs root, starts no daemon."""
    names = [package.rstrip("*") for package in server.packages]
    with no_daemons():
        run(["apt-get", "update", "-qq"])
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names], env=environment)


def look(name: str, cache: Path, *, ignore_path: bool) -> dict[str, str] | None:
    """Return what is here of a server, on PATH or unpacked by an earlier run, or None."""
    versions = cache / "versions.json"
    known: dict[str, str] = {}
    if not ignore_path:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(versions.read_text(encoding="utf-8"))
        before = dict(known)
        found = on_path(SERVERS[name], known)
        if known != before:
            with contextlib.suppress(OSError):  # a read-only home costs only time
                cache.mkdir(parents=True, exist_ok=True)
                fresh = versions.with_suffix(f".{os.getpid()}")
                fresh.write_text(json.dumps(known), encoding="utf-8")
                fresh.replace(versions)
        if found:
            return {"path": str(found[0]), "version": found[1], "how": "on PATH"}
    with contextlib.suppress(OSError, ValueError):
        unpacked: dict[str, str] = json.loads((cache / name / "found.json").read_text(encoding="utf-8"))
        if Path(unpacked["path"]).exists():
            return unpacked
    return None


def fetch(name: str, cache: Path) -> dict[str, str]:
    """Unpack a server, or install it where that fails and root runs this; raises Missing where neither works."""
    try:
        return unpack(name, SERVERS[name], cache)
    except Missing:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise
        install(SERVERS[name])
    if found := look(name, cache, ignore_path=False):
        return {**found, "how": "installed"}
    raise Missing("it was installed, but none of its programs is new enough")


def ensure(name: str, cache: Path, *, ignore_path: bool) -> dict[str, str]:
    """Return what `look` finds, or fetch it; {"skip": reason} where that cannot be done."""
    if found := look(name, cache, ignore_path=ignore_path):
        return found
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time; who waited finds it done
            if found := look(name, cache, ignore_path=ignore_path):
                return found
            sys.stderr.write(f"Fetching {name} ...\n")
            return fetch(name, cache)
    except (Missing, OSError, subprocess.TimeoutExpired) as problem:
        return {"skip": f"{name}: {problem}"}


def main() -> None:
    """Read the command line, do it for each server, print the result."""
    parser = argparse.ArgumentParser(description="Find or fetch the real servers that tests and the demo talk to.")
    parser.add_argument("action", choices=["ensure", "find", "path"], help="ensure fetches, find only looks")
    parser.add_argument("names", nargs="+", choices=list(SERVERS), metavar="name", help=", ".join(SERVERS))
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="folder for what is fetched (%(default)s)")
    parser.add_argument("--ignore-path", action="store_true", help="pretend that no program is installed")
    options = parser.parse_args()
    cache = options.cache.expanduser().absolute()
    absent = {"skip": "not here: `make servers` fetches it"}
    found = {
        name: ensure(name, cache, ignore_path=options.ignore_path)
        if options.action == "ensure"
        else look(name, cache, ignore_path=options.ignore_path) or absent
        for name in options.names
    }
    if options.action != "path":
        print(json.dumps(found, indent=2))
        return
    for name, server in found.items():
        if "skip" in server:
            sys.exit(f"{name}: {server['skip']}")
        print(server["path"])


if __name__ == "__main__":
    main()
