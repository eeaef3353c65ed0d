"""A throw-away PostgreSQL cluster, and empty databases in it."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from tests.servers.process import ServerProcess
from tests.servers.programs import program

# Nothing of a test outlives the machine's crash, so nothing is forced to disk. JIT needs LLVM and gains nothing here.
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "jit=off", "max_connections=300")


def _owner() -> tuple[int, int] | None:
    """Return whom PostgreSQL runs as where we are root, which it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    return 65534, 65534


class PostgresServer:
    """A cluster in a folder of its own, trusting everybody who reaches its loopback port."""

    def __init__(self) -> None:
        self._postgres = program("postgresql")
        self._folder = Path(tempfile.mkdtemp(prefix="shipmate-postgres-"))
        self._owner = _owner()
        self._numbers = itertools.count(1)
        if self._owner:
            os.chown(self._folder, *self._owner)
        try:
            self._initdb()
            self._process = self._start(None)
        except PermissionError as problem:
            shutil.rmtree(self._folder, ignore_errors=True)
            pytest.skip(f"PostgreSQL refuses root, and user {self._owner} may not run it: {problem}")
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _initdb(self) -> None:
        command = [str(self._postgres.with_name("initdb")), "-D", str(self._folder / "data"), "-U", "postgres"]
        user, group = self._owner or (None, None)
        made = subprocess.run(
            [*command, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=user,
            group=group,
            extra_groups=[] if self._owner else None,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")

    def _start(self, port: int | None) -> ServerProcess:
        options = [word for setting in SETTINGS for word in ("-c", setting)]

        def command(port: int) -> list[str]:
            where = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", str(self._folder)]
            return [str(self._postgres), "-D", str(self._folder / "data"), *where, *options]

        def ready(port: int) -> bool:
            try:
                psycopg.connect(self._url(port, "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        return ServerProcess.start(command, ready, log=self._folder / "log", owner=self._owner, port=port)

    @staticmethod
    def _url(port: int, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database of this cluster."""
        return self._url(self._process.port, database)

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def crash(self) -> None:
        """Kill the server as a power cut would."""
        self._process.kill()

    def end(self) -> None:
        """End the server in order, whoever is connected."""
        self._process.stop()

    def restart(self) -> None:
        """Start it again, on the same port and data."""
        self._process.stop()
        self._process = self._start(self._process.port)

    def close(self) -> None:
        """Stop it and remove its folder."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
