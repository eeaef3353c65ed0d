"""Fixtures that hand real servers to tests. One of each per test process at most, ended when the process ends."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from tests.servers.disk import SmallDisk, mounted
from tests.servers.postgres import PostgresServer
from tests.servers.programs import find, program
from tests.servers.prometheus import AlertmanagerServer, PrometheusServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Yield a running cluster; `create_database()` gives the URL of an empty database."""
    with closing(PostgresServer()) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shipmate.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """Return the URL of an empty database for this test alone."""
    return postgres_server.create_database()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Yield a disk of 32 MB in memory, which a test can fill; only root may mount one."""
    with mounted(tmp_path / "disk", size="64m") as disk:
        yield disk


@pytest.fixture(scope="session")
def prometheus_server() -> Iterator[Callable[..., PrometheusServer]]:
    """Yield what starts a Prometheus: `prometheus_server({"checkout": ["127.0.0.1:8001"]}).url`."""
    program("prometheus")
    with ExitStack() as servers:

        def start(*args: object, **options: object) -> PrometheusServer:
            return servers.enter_context(closing(PrometheusServer(*args, **options)))  # type: ignore[arg-type]

        yield start


@pytest.fixture(scope="session")
def alertmanager_server() -> Iterator[Callable[..., AlertmanagerServer]]:
    """Yield what starts an Alertmanager: `alertmanager_server(webhook).url`."""
    program("alertmanager")
    with ExitStack() as servers:

        def start(webhook: str | None = None, *, token: str = "", configuration: str = "") -> AlertmanagerServer:
            made = AlertmanagerServer(webhook, token=token, configuration=configuration)
            return servers.enter_context(closing(made))

        yield start


def driver_complaint() -> str:
    """Return why Playwright's driver does not start, "" where it does."""
    node, _script = compute_driver_executable()
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)
    return told.stderr.strip() if told.returncode else ""


@pytest.fixture(scope="session")
def chromium_executable() -> Iterator[str]:
    """Yield the path of a Chromium for Playwright's `executable_path`; see also `programs.CHROMIUM_FLAGS`."""
    path = program("chromium")
    with pytest.MonkeyPatch.context() as environment:
        if driver_complaint() and (libraries := find("chromium").get("libraries")):
            environment.setenv("LD_LIBRARY_PATH", libraries, prepend=os.pathsep)
        if complaint := driver_complaint():
            pytest.skip(f"Playwright's driver does not start here: {complaint}")
        yield str(path)
