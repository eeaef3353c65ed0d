"""The real servers start, answer and end: what every other test of them rests on."""

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import psycopg
import pytest
from playwright.async_api import async_playwright

from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerProcess, free_port
from tests.servers.programs import CHROMIUM_FLAGS


class Metrics(http.server.BaseHTTPRequestHandler):
    """Serves one gauge, as an instrumented program does."""

    def do_GET(self) -> None:
        body = b"# TYPE speed gauge\nspeed 42\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Say nothing."""


@pytest.fixture
def target() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_databases_are_empty_and_apart(postgres_server):
    one, other = postgres_server.create_database(), postgres_server.create_database()
    with psycopg.connect(one, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (x int)")
    with psycopg.connect(other) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


@pytest.mark.slow
def test_cluster_survives_a_crash_on_its_port(postgres_server):
    with closing(PostgresServer()) as server:
        url = server.create_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE t AS SELECT 7 AS x")
            connection.execute("CHECKPOINT")
        server.crash()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2)
        server.restart()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT x FROM t").fetchone() == (7,)
        process = server._process.child
    assert not psutil.pid_exists(process.pid)


def test_a_server_outlives_the_thread_that_started_it(tmp_path):
    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]

    def ready(port: int) -> bool:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True

    with ThreadPoolExecutor(1) as threads:
        started = threads.submit(ServerProcess.start, command, ready, log=tmp_path / "log").result()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            started.child.wait(0.5)
        assert ready(started.port)
    finally:
        started.stop()


def test_prometheus_scrapes_and_comes_back(prometheus_server, target):
    server = prometheus_server({"demo": [target]})
    server.until("speed == 42")
    server.stop()
    with pytest.raises(OSError, match="refused"):
        server.query("up")
    server.restart()
    server.until('up{job="demo"} == 1')


def test_alert_reaches_alertmanager(prometheus_server, alertmanager_server, target):
    alertmanager = alertmanager_server()
    rule = {"alert": "TooFast", "expr": "speed > 40", "labels": {"severity": "critical"}}
    server = prometheus_server(
        {"demo": [target]},
        rules={"groups": [{"name": "demo", "rules": [rule]}]},
        alertmanager=alertmanager.url,
    )
    server.until('ALERTS{alertname="TooFast", alertstate="firing"}')


async def test_chromium_shows_a_page(chromium_executable):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_executable, args=list(CHROMIUM_FLAGS))
        page = await browser.new_page()
        await page.set_content("<p id=p></p><script>p.textContent = 6 * 7 + ' knots'</script>")
        assert await page.inner_text("#p") == "42 knots"
        await browser.close()


def test_a_server_that_ends_is_told_with_its_last_words(tmp_path):
    def command(_port):
        return ["sh", "-c", "echo no such luck; exit 3"]

    with pytest.raises(RuntimeError, match="ended with 3:\nno such luck"):
        ServerProcess.start(command, lambda _port: False, log=tmp_path / "log", port=free_port())
