"""Shipmate, whole, in the test's own process beside a local workspace: where statements and objects can be counted."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa
import yaml

from bot import logs
from bot.app.composition import App
from bot.app.running import Running
from bot.approvals.records import approvals
from bot.clock import SystemClock
from bot.deliveries import deliveries
from bot.demo import repository
from bot.demo.configuration import keep_secrets
from bot.deployments.records import deployments
from bot.sandbox import AppConfig, Options, Sandbox, Seed
from bot.settings import load
from bot.slack import manifest
from bot.slack.records import open_rows, outbox
from bot.store import Store
from bot.store.starts import starts
from commands.registry import registry

Json = dict[str, Any]

SECONDS = 90.0
OURS = "asked_by_the_test"
"""Stands in statements that only the test executes."""
HOOK_TOKEN = "history-webhook-token-01"
_APP: Json = {"bot_token": "xoxb-history-0000001", "app_token": "xapp-1-history-000001", "signing_secret": "5" * 32}


def settings_of(folder: Path, sandbox: Sandbox, services: int) -> Json:
    """Return a configuration: so many services on two environments, production approved by a release manager."""
    people = {user.name: user for user in sandbox.workspace.users.values() if user.email}
    names = [f"svc{number}" for number in range(services)]
    places = {f"{name}/{where}": {"command": ["/bin/true"]} for name in names for where in ("staging", "production")}
    local = {"type": "local", "repositories": {"checkout": str(folder / "checkout")}, "deploys": places}
    return {
        "state_dir": str(folder / "state"),
        "server": {"host": "127.0.0.1", "port": 0, "public_url": "https://shipmate.example.org"},
        "slack": {
            "mode": "socket",
            "api_url": sandbox.api_url,
            "aliases": ["where", "deploys"],
            "gather": "0s",
            **keep_secrets(folder, **_APP),
        },
        "people": {name: {"slack": user.id, "emails": [user.email]} for name, user in people.items()},
        "groups": {"developers": ["mia", "tom"], "release-managers": ["ana", "raj"]},
        "permissions": [{"allow": ["*"], "to": ["developers", "release-managers"]}],
        "integrations": {
            "local": local,
            "alertmanager": {
                "type": "alertmanager",
                "url": "http://127.0.0.1:9",
                **keep_secrets(folder, webhook_token=HOOK_TOKEN),
            },
        },
        "alerts": {"channel": "checkout", "poll": "1h"},
        "environments": {"staging": {}, "production": {"production_like": True}},
        "services": {name: _service(name) for name in names},
    }


def _service(name: str) -> Json:
    def environment(where: str, *approvals: Json) -> Json:
        return {
            "name": where,
            "deploy": {"with": "local", "job": f"{name}/{where}"},
            "approvals": list(approvals),
        }

    return {
        "channel": "checkout",
        "owners": ["developers"],
        "repository": {"with": "local", "project": "checkout", "default_branch": "main"},
        "environments": [
            environment("staging"),
            environment("production", {"count": 1, "from": ["release-managers"]}),
        ],
    }


_NEWEST = (deployments.c.created_at.desc(), deployments.c.id.desc())


class Whole:
    """A running Shipmate, and what people and tools do to it."""

    def __init__(self, app: App, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.app = app
        self.sandbox = sandbox
        self.http = http
        self._fires_since: dict[int, str] = {}
        self._alerts = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def up(cls, folder: Path, *, services: int = 4) -> AsyncIterator["Whole"]:
        """Run one; its files are below `folder`."""
        async with contextlib.AsyncExitStack() as stack:
            http = await stack.enter_async_context(aiohttp.ClientSession())
            sandbox = Sandbox(Seed(), Options(trigger_lifetime=SECONDS))
            await sandbox.start()
            stack.push_async_callback(sandbox.stop)
            await asyncio.to_thread(repository.build, folder / "checkout", now=SystemClock().now())
            config = folder / "shipmate.yaml"
            config.write_text(yaml.safe_dump(settings_of(folder, sandbox, services), sort_keys=False))
            settings = load(config, dict(os.environ))
            await sandbox.install(AppConfig(manifest=manifest.build(settings, registry()), mode="socket", **_APP))
            logs.configure(clock=SystemClock(), level="error")
            app = App(settings, await Store.open(settings.database_url, clock=SystemClock()), SystemClock(), registry())
            running = Running(app)
            await running.start()
            stack.push_async_callback(running.stop, grace=1)
            whole = cls(app, sandbox, http)
            await whole.connected()
            yield whole

    async def connected(self) -> None:
        """Wait until the workspace reaches it."""
        [installed] = self.sandbox.platform.apps.installed.values()

        async def there() -> bool:
            return self.sandbox.platform.sockets.connected(installed.id) > 0

        await self.until(there, "it is connected")

    async def slash(self, user: str, text: str) -> Json:
        """Type a slash command."""
        command, _, words = text.partition(" ")
        return await self._control("commands", user=user, channel="checkout", command=command, text=words)

    async def home(self, user: str) -> Json:
        """Open the home tab, which is made anew."""
        return await self._control("home", user=user)

    async def deploy(self, service: str, version: str, to: str = "staging") -> str:
        """Deploy, approved by raj where that is asked for; return the deployment's id once it has ended."""
        before = await self._newest()
        await self.slash("mia", f"/deploy {service}@{version} to {to} --again")

        async def asked() -> str:
            newest = await self._newest()
            return newest if newest != before else ""

        ident: str = await self.until(asked, f"{service}@{version} is asked for")
        if to == "production":
            await self.until(lambda: self._has(approvals, approvals.c.subject == ident), f"{ident} asks for approval")
            await self.slash("raj", f"/shipmate approve {ident}")
        ended = deployments.c.ended_at.is_not(None)
        await self.until(lambda: self._has(deployments, deployments.c.id == ident, ended), f"{ident} has ended")
        return ident

    async def alert(self, service: str, number: int, *, firing: bool = True) -> None:
        """Have Alertmanager tell of an alert of a service."""
        now = self.app.clock.now().isoformat()
        since = self._fires_since.setdefault(number, now) if firing else self._fires_since.pop(number)
        labels = {"alertname": f"Slow{number}", "service": service, "environment": "production", "severity": "page"}
        one = {
            "status": "firing" if firing else "resolved",
            "labels": labels,
            "annotations": {"summary": "It is slow"},
            "startsAt": since,
            "endsAt": "0001-01-01T00:00:00Z" if firing else now,
            "generatorURL": "",
            "fingerprint": f"{number:016x}",
        }
        body = {
            "version": "4", "groupKey": f"Slow{number}", "truncatedAlerts": 0, "status": one["status"],
            "receiver": "shipmate", "groupLabels": {"alertname": f"Slow{number}"}, "commonLabels": labels,
            "commonAnnotations": {}, "externalURL": "http://alertmanager.example.org", "alerts": [one],
        }  # fmt: skip
        url = f"http://127.0.0.1:{self.app.web.port}/hooks/alertmanager"
        async with self.http.post(url, json=body, headers={"Authorization": f"Bearer {HOOK_TOKEN}"}) as answer:
            assert answer.status == 204, await answer.text()

    def next_alert(self) -> int:
        """Return the number of an alert that has not fired yet."""
        self._alerts += 1
        return self._alerts

    async def settled(self) -> None:
        """Wait until nothing is under way: every wish done, every workflow ended, everything said."""

        async def quiet() -> bool:
            waits = (
                (deliveries, deliveries.c.state == "received"),
                (starts, sa.and_(starts.c.started_at.is_(None), starts.c.not_before.is_(None))),
                (outbox, open_rows()),
            )
            for table, open_ in waits:
                if await self._has(table, open_):
                    return False
            engine, edge = self.app.engine, self.app.slack.edge
            return engine is not None and not engine.active and not (edge and len(edge.tasks))

        await self.until(quiet, "nothing is under way")

    async def until(self, what: Callable[[], Awaitable[Any]], why: str) -> Any:
        """Return the first true answer of `what`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SECONDS
        while loop.time() < end:
            if found := await what():
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"it never came to be that {why}")

    async def _newest(self) -> str:
        statement = sa.select(deployments.c.id).order_by(*_NEWEST).limit(1)
        async with self.app.store.read() as conn:
            return (await conn.execute(statement)).scalar_one_or_none() or ""

    async def _has(self, table: sa.Table, *when: sa.ColumnElement[bool]) -> bool:
        async with self.app.store.read() as conn:
            one: sa.ColumnElement[int] = sa.literal_column(f"1 AS {OURS}", sa.Integer)
            return (await conn.execute(sa.select(one).select_from(table).where(*when).limit(1))).first() is not None

    async def _control(self, name: str, **fields: Any) -> Json:
        async with self.http.post(f"{self.sandbox.url}/_sandbox/{name}", json=fields) as answer:
            body: Json = await answer.json()
        assert answer.ok, f"{name} {fields}: {body}"
        return body
