"""The rig of deployments, with alerts in it: the real store, engine, webhook door and outbox; the source in memory."""

import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bot import arguments
from bot.alerts import records
from bot.alerts.alerts import Alerts
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import State
from bot.catalog import Service
from bot.charts import Charts
from bot.command import Call, Invocation, Resource, Trigger
from bot.engine import Engine
from bot.identity import Channel, Person
from bot.reply import Message
from bot.slack.records import outbox as outbox_rows
from bot.store import Store
from bot.webhooks import Hook, Webhooks, Wire
from integrations.alertmanager import wire
from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import Alert
from integrations.errors import Unavailable
from tests.builds.rig import read
from tests.deployments import rig as deployments
from tests.deployments.rig import CONFIG, MIA, TEAM, Clock
from tests.fakes.alerts import FakeAlerts

TOKEN = "s3cret-of-the-webhook"
CHANNELS = {name: Channel(team=TEAM, channel=f"C0{name.upper()}") for name in ("alerts", "checkout", "ops")}
SETTINGS: dict[str, Any] = {
    "channel": "alerts",
    "routes": [{"matchers": ['team=~"infra|platform"'], "channel": "ops"}],
}
__all__ = ["Rig", "read", "up"]
LABELS = {"alertname": "HighErrorRate", "service": "checkout", "environment": "production", "severity": "critical"}


class Rig(deployments.Rig):
    """Everything one test needs; `up()` makes it."""

    def __init__(
        self, folder: Path, store: Store, clock: Clock, config: dict[str, Any], charts: Charts | None = None
    ) -> None:
        super().__init__(folder, store, clock, config)
        self.charts = charts
        self.source = FakeAlerts("am", group_by=("alertname", "service"))
        self.toolbox.add(self.source)
        self.slack_is_away = False
        self.alerts = Alerts(self.alert_parts())
        self.world.add(self.alerts)
        self.url = ""
        self.http: aiohttp.ClientSession

    def alert_parts(self) -> Parts:
        return Parts(
            store=self.store,
            clock=self.clock,
            audit=self.audit,
            outbox=self.outbox,
            permissions=self.permissions,
            toolbox=self.toolbox,
            settings=lambda: self.settings,
            catalog=lambda: self.catalog,
            channel_of=self._of,
            channel_named=self._named,
            zone_of=self._zone,
            charts=self.charts,
        )

    async def _named(self, name: str) -> Channel | None:
        if self.slack_is_away:
            raise Unavailable("slack", "does not answer")
        return CHANNELS.get(name.removeprefix("#"))

    async def _of(self, service: Service, asked_in: Channel | None) -> Channel | None:
        return await self._named(service.channel) or asked_in

    async def _zone(self, person: Person) -> str:
        return "Europe/Berlin"

    # ------------------------------------------------------------------------------------------------ what comes in

    def alert(self, pod: str = "a", *, began: timedelta = timedelta(), firing: bool = True, **labels: str) -> Alert:
        """Return an alert that began so long ago."""
        told = {**LABELS, "pod": pod, **labels}
        at = self.clock.now() - began
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        return Alert(
            fingerprint=f"{told['alertname']}-{pod}",
            labels=told,
            annotations={"summary": "31 % of requests fail", "runbook_url": "https://runbooks.example.org/errors"},
            starts_at=at,
            firing=firing,
            ends_at=None if firing else self.clock.now(),
            generator_url="http://prometheus.example.org/graph?g0.expr=errors",
        )

    def body(self, *alerts: Alert, **values: Any) -> dict[str, Any]:
        """Return the notification of these alerts, as Alertmanager 0.25 sends it."""
        group = {name: alerts[0].labels[name] for name in ("alertname", "service") if name in alerts[0].labels}
        return {
            "version": "4",
            "groupKey": "{}:" + json.dumps(group),
            "truncatedAlerts": 0,
            "status": "firing" if any(one.firing for one in alerts) else "resolved",
            "receiver": "shipmate",
            "groupLabels": group,
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.org:9093",
            "alerts": [_told(one) for one in alerts],
            **values,
        }

    async def post(self, body: Mapping[str, Any] | bytes, *, token: str = TOKEN) -> int:
        """Send a notification to the door of webhooks."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self.http.post(self.url, data=io.BytesIO(data), headers=headers) as answer:
            return answer.status

    async def notify(self, *alerts: Alert) -> None:
        """Have the source fire these, and tell of it."""
        self.source.alerts = [one for one in alerts if one.firing]
        assert await self.post(self.body(*alerts)) == 204

    async def asked_on(self, name: str, **args: str) -> Resource:
        """Return what the permission of a command is asked on, with these arguments."""
        found = self.registry.find(name)
        given = arguments.build(found, args)
        invocation = Invocation(delivery_id="x", trigger=Trigger.SLASH, person=MIA, at=self.clock.now())
        assert found.resource is not None
        return await found.resource(Call(invocation, self.world, self.clock.now()), given)

    # -------------------------------------------------------------------------------------------------- what comes out

    async def groups(self) -> list[Group]:
        async with self.store.read() as conn:
            rows = (await conn.execute(records.groups.select())).all()
        found = [records.read(row) for row in rows]
        return sorted(found, key=lambda one: int(one.id.removeprefix("A-")))

    async def group(self, ident: str = "A-1") -> Group:
        return next(one for one in await self.groups() if one.id == ident)

    async def stands(self, state: State, ident: str = "A-1") -> Group:
        """Wait until a group is shown to stand somewhere."""

        async def there() -> Group | None:
            found = [one for one in await self.groups() if one.id == ident and one.shown == one.version]
            return found[0] if found and found[0].shown_state == state.value else None

        async def why() -> str:
            return f"{ident} is not shown as {state}: {await self.groups()}"

        group: Group = await self.until(there, why)
        return group

    async def reads(self, *parts: str, ident: str = "A-1") -> Message:
        """Wait until the message of a group says all of this."""

        async def there() -> Message | None:
            found = [message for key, message in await self.said("show") if key.endswith(f"/{ident}")]
            return found[0] if found and all(part in read(found[0]) for part in parts) else None

        async def why() -> str:
            return f"{parts} are not on {[read(message) for _, message in await self.said('show')]}"

        message: Message = await self.until(there, why)
        return message

    async def cards(self) -> list[tuple[str, str]]:
        """Return (subject, channel) of every message of a group."""
        async with self.store.read() as conn:
            rows = (await conn.execute(outbox_rows.select().where(outbox_rows.c.kind == "show"))).all()
        return [(row.subject, row.channel.channel) for row in rows]

    async def thread(self) -> list[str]:
        """Return what was said in threads and beside messages."""
        return [read(message) for _, message in await self.said("post")]

    async def settled(self) -> None:
        """Wait until every group is shown as it is."""

        async def all_shown() -> bool:
            return all(one.shown == one.version for one in await self.groups())

        async def why() -> str:
            return f"not all are shown: {await self.groups()}"

        await self.until(all_shown, why)


def _told(alert: Alert) -> dict[str, Any]:
    def text(at: datetime | None) -> str:
        return "0001-01-01T00:00:00Z" if at is None else at.isoformat().replace("+00:00", "Z")

    return {
        "status": "firing" if alert.firing else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": text(alert.starts_at),
        "endsAt": text(alert.ends_at),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


@asynccontextmanager
async def up(
    folder: Path,
    *,
    url: str = "",
    engine: bool = True,
    charts: Charts | None = None,
    crowded: bool = False,
    freezes: Sequence[dict[str, Any]] = (),
    **settings: Any,
) -> AsyncIterator[Rig]:
    """Make a rig, with its engine running and its door open."""
    clock = Clock()
    store = await Store.open(url or f"sqlite:///{folder}/store.db", clock=clock)
    config = {**CONFIG, "alerts": {**SETTINGS, **settings}, "freezes": list(freezes)}
    rig = Rig(folder, store, clock, config, charts)
    am = AlertmanagerSettings(url="http://127.0.0.1:1", webhook_token=SecretStr(TOKEN))
    door: Wire = wire
    many = rig.alerts.crowded if crowded else {}
    hooks = Webhooks(store, clock, [Hook("am", am, door)], rig.alerts.handlers, many)
    app = web.Application()
    app.add_routes(hooks.routes())
    try:
        rig.deployments.bind()
        rig.alerts.bind()
        if engine:
            rig.engine = await Engine.launch(
                store, clock=clock, engine_url=url or f"sqlite:///{folder}/engine.db", on_parked=rig.alerts.parked
            )
        async with TestServer(app) as server, aiohttp.ClientSession() as rig.http:
            rig.url = str(server.make_url("/hooks/am"))
            yield rig
    finally:
        if rig.engine is not None:
            await rig.engine.stop(grace=5)
        await rig.deployments.close()
        await store.close()
