"""Three Shipmates of one town on one PostgreSQL, each with links of its own to the database and to Slack."""

import asyncio
import contextlib
import itertools
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import psycopg
import psycopg.rows
import yaml
from aiohttp import web

from bot.demo.surroundings import end, free_port
from tests.replicas.links import Link
from tests.road.crash_town import CrashTown, gated, quick
from tests.road.shop import STAFF, Wishes, shops
from tests.road.town import Json, Town

SERVICES = ("books", "music", "tools")


class Member(Town):
    """One replica: a process, and its two links."""

    def __init__(self, folder: Path, database: Link, slack: Link) -> None:
        super().__init__(folder)
        self.database = database
        self.slack = slack

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def pause(self) -> None:
        """Stop it in the middle of whatever it does, as a machine that is out of memory or being moved does."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on, with no idea of how long it was away."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    async def ready(self) -> int:
        """Ask /readyz; 0 where there is no answer within ten seconds."""
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with (
                asyncio.timeout(10),
                self.http.get(f"http://127.0.0.1:{self.ports['shipmate']}/readyz") as answer,
            ):
                return answer.status
        return 0

    def name(self) -> str:
        """Return the name under which it holds its lease now."""
        return str(re.findall(r"engine\.launched.*replica=(\S+)", self.log)[-1])


class Fleet(CrashTown):
    """The town of the replicas. `async with Fleet.of(folder, url) as fleet:` starts three of them."""

    members: tuple[Member, ...]

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, folder: Path, url: str, *, mode: str = "socket", number: int = 3) -> AsyncIterator[Self]:
        """Build the town and start the replicas."""
        async with contextlib.AsyncExitStack() as stack:
            turn = Turn()
            address = await stack.enter_async_context(turn.serving())

            def change(settings: Json) -> None:
                quick(folder, settings)
                settings["database"] = url
                settings["slack"]["mode"] = mode
                settings["integrations"]["local"]["keep_runs"] = 10_000
                settings["server"]["public_url"] = address
                for job, place in settings["integrations"]["local"]["places"].items():
                    place["command"] = gated(folder / "gates" / job.replace("/", "-"), place["command"])
                    place["ready_timeout"] = 120

            wanted = dict.fromkeys(SERVICES, Wishes())
            (folder / "gates").mkdir()
            # At the end, so that the replicas are gone when the places are stopped.
            town = await stack.enter_async_context(cls.build(folder, change=shops(wanted, change), start=False))
            for name in SERVICES:
                await town.control("channels", name=name, members=[*STAFF, "shipmate"])
            for place in town.settings["integrations"]["local"]["places"]:
                town.open_gate(*place.split("/"))
            links = []
            for upstream in itertools.chain.from_iterable([_port(url), _port(town.sandbox.url)] for _ in range(number)):
                link = await Link.to(upstream)
                stack.push_async_callback(link.close)
                links.append(link)
            town.members = tuple(town.member(index, links[2 * index], links[2 * index + 1]) for index in range(number))
            turn.ports = [one.ports["shipmate"] for one in town.members]
            stack.push_async_callback(town.end_members)
            await town.members[0].start()
            await asyncio.gather(*(one.start() for one in town.members[1:]))
            await town.until(town.all_connected, "all are connected")
            yield town

    def member(self, index: int, database: Link, slack: Link) -> Member:
        """Make a replica: the town's settings but for its port and its links."""
        folder = self.folder / f"replica-{index}"
        folder.mkdir()
        made = Member(folder, database, slack)
        made.sandbox, made.app, made.token, made._http = self.sandbox, self.app, self.token, self._http
        made.ports = {**self.ports, "shipmate": free_port()}
        url, api = self.settings["database"], self.settings["slack"]["api_url"]
        made.settings = {
            **self.settings,
            "server": {**self.settings["server"], "port": made.ports["shipmate"]},
            "database": url.replace(str(_port(url)), str(database.port)),
            "slack": {**self.settings["slack"], "api_url": api.replace(str(_port(api)), str(slack.port))},
        }
        (folder / "shipmate.yaml").write_text(yaml.safe_dump(made.settings, sort_keys=False))
        return made

    async def end_members(self) -> None:
        """End the replicas that live."""
        for one in self.members:
            one.database.mend()
            one.slack.mend()
            if one.process is not None:
                one.go_on()
                await end(one.process, grace=30)

    async def all_connected(self) -> bool:
        """Tell whether each has a socket, where Slack is asked by sockets."""
        wanted = sum(1 for one in self.members if one.process is not None and one.process.returncode is None)
        return (
            self.settings["slack"]["mode"] != "socket" or self.sandbox.platform.sockets.connected(self.app.id) >= wanted
        )

    @property
    def log(self) -> str:
        """What all of them have logged, for who reads why a test failed."""
        return "\n".join(f"--- replica {n}\n{one.log[-2500:]}" for n, one in enumerate(self.members))

    # ---------------------------------------------------------------------------------------------- what is asked of it

    def gate(self, service: str, environment: str) -> Path:
        """Return the file without which nothing starts on a place."""
        return self.folder / "gates" / f"{service}-{environment}"

    def open_gate(self, service: str, environment: str) -> None:
        """Let services start on a place."""
        self.gate(service, environment).touch()

    def shut_gate(self, service: str, environment: str) -> None:
        """Have what is deployed to a place wait before it starts."""
        self.gate(service, environment).unlink()

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database directly, past all links."""
        with psycopg.connect(self.settings["database"], row_factory=psycopg.rows.dict_row) as connection:
            return list(connection.execute(statement, values).fetchall())

    async def executor(self, deployment: str, seconds: float = 90.0) -> Member:
        """Wait until a replica carries out a deployment, and return it."""
        asked = (
            "SELECT executor_id FROM shipmate_engine.workflow_status"
            " WHERE workflow_uuid LIKE %s AND status = 'PENDING' AND executor_id IS NOT NULL"
        )

        async def there() -> Member | None:
            working = {row["executor_id"] for row in self.rows(asked, f"{deployment}/execute%")}
            return next((one for one in self.members if one.name() in working), None)

        found = await self.until(there, f"somebody carries out {deployment}", seconds)
        assert isinstance(found, Member)
        return found


class Turn:
    """What stands before replicas over HTTP: each request goes to the next one that takes connections."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self._next = itertools.count()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve, and yield the address."""
        app = web.Application(client_max_size=2**21)
        app.add_routes([web.route("*", "/{path:.*}", self._handle)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in {"host", "content-length"}
        }
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            for _ in self.ports:
                port = self.ports[next(self._next) % len(self.ports)]
                url = f"http://127.0.0.1:{port}{request.path_qs}"
                try:
                    async with session.request(request.method, url, data=body, headers=headers) as answer:
                        kept = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
                        return web.Response(status=answer.status, body=await answer.read(), headers=kept)
                except aiohttp.ClientConnectorError:
                    continue
                except (aiohttp.ClientError, TimeoutError):
                    break
        return web.Response(status=502)


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
