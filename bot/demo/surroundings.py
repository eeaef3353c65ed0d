"""What stands around Shipmate in the demo: a real Prometheus, and customers who buy from the sample service."""

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp

CUSTOMERS_PER_SECOND = 12.0
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
async def prometheus(program: str, folder: Path, ports: Mapping[str, int]) -> AsyncIterator[str]:
    """Run Prometheus, scraping each environment's port once a second, and give its address.

    Raises:
        RuntimeError: it ended, or did not answer within twenty seconds; its log is in the folder.
    """
    data = folder / "prometheus"
    data.mkdir(parents=True, exist_ok=True)
    jobs = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"service": "checkout", "environment": name}}
        for name, port in ports.items()
    ]
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "checkout", "static_configs": jobs}],
    }
    (data / "prometheus.yml").write_text(json.dumps(configuration, indent=2))  # JSON is YAML
    port = free_port()
    with (data / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={data / 'prometheus.yml'}",
            f"--storage.tsdb.path={data / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches us alone; we end it in our order
        )
    try:
        await _answers(process, f"http://127.0.0.1:{port}/-/ready", data / "prometheus.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        await end(process)


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
