"""The rig of deployments, with schedules in it: the real store, engine, audit and outbox; a clock that a test sets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bot.app.following import signs_of
from bot.engine import Engine
from bot.identity import Channel, Person
from bot.oncall import records
from bot.oncall.calendars import Copy
from bot.oncall.oncall import OnCall
from bot.oncall.parts import Parts
from bot.oncall.records import Standing
from bot.settings import load
from bot.slack.connection import Connection
from bot.store import Store
from integrations.errors import Unavailable
from tests.builds.rig import read
from tests.deployments import rig as deployments
from tests.deployments.rig import CONFIG, TEAM, Clock

__all__ = ["BERLIN", "OPS", "Rig", "at", "read", "up"]
BERLIN = "Europe/Berlin"
OPS = Channel(team=TEAM, channel="C0OPS")
PRIMARY: dict[str, Any] = {
    "timezone": BERLIN,
    "channel": "ops",
    "layers": [{"people": ["mia", "tom", "ana"], "from": "2026-01-05", "every": "1d"}],
}


def at(text: str, zone: str = BERLIN) -> datetime:
    """Return the moment at which clocks in Berlin show this."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


class Rig(deployments.Rig):
    """Everything one test needs; `up()` makes it."""

    def __init__(self, folder: Path, store: Store, clock: Clock, config: dict[str, Any], api_url: str) -> None:
        super().__init__(folder, store, clock, config)
        self.config = config
        self.slack_is_away = False
        self.deactivated: set[Person] = set()
        self.feed: bytes | None = None
        self.fetched = 0
        self.slack = Connection(token="xoxb-1-2-office", api_url=api_url, clock=clock)
        self.oncall = OnCall(self.oncall_parts())
        self.world.add(self.oncall)

    def oncall_parts(self) -> Parts:
        return Parts(
            store=self.store,
            clock=self.clock,
            audit=self.audit,
            outbox=self.outbox,
            permissions=self.permissions,
            settings=lambda: self.settings,
            catalog=lambda: self.catalog,
            channel_named=self._named,
            zone_of=self._zone,
            is_active=self._is_active,
            fetch=self._fetch,
            signs=signs_of(lambda: self.settings, self.slack),
        )

    async def _named(self, name: str) -> Channel | None:
        if self.slack_is_away:
            raise Unavailable("slack", "does not answer")
        return OPS if name.removeprefix("#") == "ops" else None

    async def _zone(self, _person: Person) -> str:
        return BERLIN

    async def _is_active(self, person: Person) -> bool | None:
        return None if self.slack_is_away else person not in self.deactivated

    async def _fetch(self, _url: str, _etag: str) -> Copy:
        self.fetched += 1
        if self.feed is None:
            raise Unavailable("calendar", "does not answer")
        return Copy(self.feed)

    async def standing(self, schedule: str = "primary") -> Standing:
        async with self.store.read() as conn:
            return await records.told_last(conn, schedule)

    async def on_call(self, *people: Person, schedule: str = "primary") -> Standing:
        """Wait until these are the ones who were told to be on call."""

        async def there() -> Standing | None:
            now = await self.standing(schedule)
            return now if now.number and now.people == people else None

        async def why() -> str:
            return f"{people} are not on call but {await self.standing(schedule)}"

        found: Standing = await self.until(there, why)
        return found

    async def posts(self) -> list[str]:
        """Return what was posted to channels."""
        return [read(message) for _, message in await self.said("post")]

    async def directs(self, person: Person) -> list[str]:
        """Return what was said to a person directly."""
        return [read(message) for key, message in await self.said("direct") if key.endswith(person.key)]

    async def set_clock(self, moment: datetime) -> None:
        """Have the clock show this moment, and wake what is due."""
        await self.move_on(seconds=(moment - self.clock.now()).total_seconds())

    def configure(self, **schedules: Any) -> None:
        """Read the configuration again with these schedules."""
        self.config["oncall"] = {**self.config["oncall"], "schedules": schedules}
        path = self.folder / "shipmate.yaml"
        path.write_text(yaml.safe_dump(self.config))
        self.settings = load(path, {})


@asynccontextmanager
async def up(
    folder: Path,
    *,
    now: str = "2026-01-05 12:00",
    url: str = "",
    engine: bool = True,
    schedules: dict[str, Any] | None = None,
    clock: Clock | None = None,
    api_url: str = "http://127.0.0.1:9/api/",
    token: str = "",
) -> AsyncIterator[Rig]:
    """Make a rig with its engine running, at this time in Berlin; `primary` changes daily at nine: mia, tom, ana."""
    if clock is None:
        clock = Clock()
        clock.ahead = at(now) - datetime.now(UTC)
    store = await Store.open(url or f"sqlite:///{folder}/store.db", clock=clock)
    checkout = {**CONFIG["services"]["checkout"], "oncall": "primary"}
    config: dict[str, Any] = {
        **CONFIG,
        "services": {"checkout": checkout},
        "oncall": {"schedules": {"primary": PRIMARY} if schedules is None else schedules},
    }
    if token:
        (folder / "user-token").write_text(token)
        config["oncall"]["user_token"] = f"file:{folder}/user-token"
    rig = Rig(folder, store, clock, config, api_url)
    try:
        if engine:
            rig.deployments.bind()
            rig.oncall.bind()
            rig.engine = await Engine.launch(
                store, clock=clock, engine_url=url or f"sqlite:///{folder}/engine.db", on_parked=rig.deployments.parked
            )
            await rig.oncall.changes.begin()
        yield rig
    finally:
        await rig.oncall.following.stop()
        await rig.slack.close()
        if rig.engine is not None:
            await rig.engine.stop(grace=5)
        await rig.deployments.close()
        await store.close()


HOUR = timedelta(hours=1)
