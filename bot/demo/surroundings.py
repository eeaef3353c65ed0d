"""What stands around Shipmate in the demo: a real Prometheus and Alertmanager, and customers of the sample service."""

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

CUSTOMERS_PER_SECOND = 12.0
ERRORS_BY_PLACE = (
    'sum by (service, environment) (rate(http_requests_total{code=~"5..",environment="production"}[10s]))'
    ' / sum by (service, environment) (rate(http_requests_total{environment="production"}[10s]))'
)
RULE = {
    "alert": "CheckoutErrors",
    "expr": f"{ERRORS_BY_PLACE} > 0.05",
    "for": "5s",
    "labels": {"severity": "critical"},
    "annotations": {
        "summary": "Customers of checkout are turned away (limit 5 %)",
        "runbook_url": "https://runbooks.acme.example/checkout-errors",
    },
}
"""The demo's one alert: customers in production are turned away. Staging is watched by its deployments."""
PORTS = range(15_000, 30_000)
_given: set[int] = set()


def free_port() -> int:
    """Return a free port for something that starts later; never the same one twice.

    It lies below the range that systems take the ports of outgoing connections from, so that none takes it meanwhile.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


@contextlib.asynccontextmanager
async def prometheus(
    program: str, folder: Path, ports: Mapping[str, int], *, alertmanager_url: str = ""
) -> AsyncIterator[str]:
    """Run Prometheus, scraping each environment's port once a second, and give its address.

    With `alertmanager_url` it watches the rule above, and tells that Alertmanager what fires.

    Raises:
        RuntimeError: it ended, or did not answer within twenty seconds; its log is in the folder.
    """
    data = folder / "prometheus"
    data.mkdir(parents=True, exist_ok=True)
    jobs = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"service": "checkout", "environment": name}}
        for name, port in ports.items()
    ]
    configuration: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "checkout", "static_configs": jobs}],
    }
    if alertmanager_url:
        _write(data / "rules.yml", {"groups": [{"name": "checkout", "rules": [RULE]}]})
        configuration["rule_files"] = [str(data / "rules.yml")]
        where = alertmanager_url.removeprefix("http://")
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [where]}]}]}
    _write(data / "prometheus.yml", configuration)
    port = free_port()
    command = (
        program,
        f"--config.file={data / 'prometheus.yml'}",
        f"--storage.tsdb.path={data / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--web.external-url=http://127.0.0.1:{port}",  # where links in alerts lead
    )
    async with _running(command, data / "prometheus.log", port) as url:
        yield url


@contextlib.asynccontextmanager
async def alertmanager(program: str, folder: Path, *, webhook: str, token_file: Path) -> AsyncIterator[str]:
    """Run Alertmanager, which tells `webhook` at once of what fires, and give its address.

    It proves itself with the token in `token_file`.

    Raises:
        RuntimeError: it ended, or did not answer within twenty seconds; its log is in the folder.
    """
    data = folder / "alertmanager"
    data.mkdir(parents=True, exist_ok=True)
    proof = {"authorization": {"type": "Bearer", "credentials_file": str(token_file)}}
    hook = {"url": webhook, "send_resolved": True, "http_config": proof}
    route = {
        "receiver": "shipmate",
        "group_by": ["alertname", "service", "environment"],
        "group_wait": "1s",
        "group_interval": "5s",
        "repeat_interval": "4h",
    }
    _write(data / "alertmanager.yml", {"route": route, "receivers": [{"name": "shipmate", "webhook_configs": [hook]}]})
    port = free_port()
    command = (
        program,
        f"--config.file={data / 'alertmanager.yml'}",
        f"--storage.path={data / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--web.external-url=http://127.0.0.1:{port}",
        "--cluster.listen-address=",  # alone: it neither waits for peers nor opens a second port
    )
    async with _running(command, data / "alertmanager.log", port) as url:
        yield url


@contextlib.asynccontextmanager
async def _running(command: Sequence[str], log: Path, port: int) -> AsyncIterator[str]:
    """Run a server of the Prometheus family until the end of the block, and give its address."""
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C reaches us alone; we end it in our order
        )
    try:
        await _answers(process, f"http://127.0.0.1:{port}/-/ready", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        await end(process)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2))  # JSON is YAML


async def customers(ports: Mapping[str, int]) -> None:
    """Buy from each place, a dozen times a second, for ever; a place that is down loses its customers meanwhile."""

    async def one(session: aiohttp.ClientSession, port: int) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    await answer.read()
            await asyncio.sleep(2 / CUSTOMERS_PER_SECOND)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session, asyncio.TaskGroup() as group:
        for port in ports.values():
            for _ in range(2):
                group.create_task(one(session, port))


async def _answers(process: asyncio.subprocess.Process, url: str, log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            if process.returncode is not None:
                break
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with session.get(url) as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"{url} does not answer; see {log}")


async def end(process: asyncio.subprocess.Process, *, grace: float = 10.0) -> None:
    """Ask a child to end, and make it after `grace` seconds."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(grace):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
