"""Fixtures that hand real servers to tests. One of each per test process at most, ended when the process ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from tests.servers.postgres import PostgresServer
from tests.servers.programs import program
from tests.servers.prometheus import AlertmanagerServer, PrometheusServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Yield a running cluster; `create_database()` gives the URL of an empty database."""
    with closing(PostgresServer()) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """Return the URL of an empty database for this test alone."""
    return postgres_server.create_database()


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

        def start(webhook: str | None = None) -> AlertmanagerServer:
            return servers.enter_context(closing(AlertmanagerServer(webhook)))

        yield start


@pytest.fixture(scope="session")
def chromium_executable() -> str:
    """Return the path of a Chromium for Playwright's `executable_path`."""
    return str(program("chromium"))
