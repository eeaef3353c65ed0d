"""A whole Shipmate in this process, with tools in memory and Slack away: started, stopped, its files put back."""

import asyncio
import copy
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.app.composition import App
from bot.app.running import Running
from bot.clock import SystemClock
from bot.command import Invocation, Trigger
from bot.deployments import records
from bot.deployments.records import Deployment
from bot.deployments.rules import ENDED, State
from bot.identity import Person
from bot.reply import Reply
from bot.settings import Settings, load
from bot.store import Store
from bot.store.kept import keep
from commands.registry import registry
from integrations.capabilities.deploys import DeployRequest
from tests.deployments.rig import ANA, CONFIG, DEADLINE, ERRORS, MIA, TEAM
from tests.fakes.git import FakeGit
from tests.fakes.metrics import Answer, FakeMetrics
from tests.fakes.runs import FakeBuilds, FakeDeploys

FILES = ("shipmate.db", "engine.db")


class Clock(SystemClock):
    """The machine's clock, which a test can move on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Office:
    """The tools, which outlive Shipmate, and the folder that its state is in."""

    def __init__(self, folder: Path, database: str = "") -> None:
        self.folder = folder
        self.clock = Clock()
        self.git, self.metrics = FakeGit("git"), FakeMetrics("metrics")
        self.builds, self.deploys = FakeBuilds("builds"), FakeDeploys("deploys")
        self.shas: dict[str, str] = {}
        parents: tuple[str, ...] = ()
        for version in ("v1.4.0", "v1.4.1", "v1.4.2"):
            sha = self.git.commit("checkout", version, files={"version": version.encode()}, parents=parents)
            self.git.tag("checkout", version, sha)
            self.shas[version], parents = sha, (sha,)
            self.metrics.answers[ERRORS.replace("v1.4.2", version)] = [Answer(value=0.001)]
        self.git.branch("checkout", "main", self.shas["v1.4.2"])
        self.config = copy.deepcopy(CONFIG) | {
            "state_dir": str(folder / "state"),
            "server": {"port": 0},
            "slack": {"bot_token": "${BOT}", "app_token": "${APP}", "api_url": "http://127.0.0.1:1/api/"},
            "audit": {"sinks": {}},
        }
        self._database = database
        if database:
            self.config["database"] = "${DB}"
        self.path = folder / "shipmate.yaml"
        self._numbers = itertools.count(1)
        self.app: App

    def settings(self) -> Settings:
        """Return the configuration as it was written."""
        self.path.write_text(yaml.safe_dump(self.config))
        return load(
            self.path, {"BOT": "xoxb-none", "APP": "xapp-none", "DB": self._database}, known_commands=registry()
        )

    @property
    def sent(self) -> list[str]:
        """The request ids of what was sent to places, in order."""
        return [one.request_id for one in self.deploys.requests if isinstance(one, DeployRequest)]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        """Run Shipmate."""
        settings = self.settings()
        commands = registry()
        store = await Store.open(settings.database_url, clock=self.clock)
        await keep(store, "home", {"team": TEAM, "enterprise": ""})
        self.app = app = App(settings, store, self.clock, commands)

        async def connect() -> None:
            for adapter in (self.git, self.builds, self.deploys, self.metrics):
                app.toolbox.add(adapter)

        app.tools.connect = connect  # type: ignore[method-assign]  # the tools of this office are in memory
        running = Running(app)
        try:
            await running.start()
            yield app
        finally:
            await running.stop(grace=5.0)

    def copy(self) -> Path:
        """Copy the files of the stopped databases, as somebody would."""
        to = self.folder / "copied"
        to.mkdir()
        for name in FILES:
            shutil.copy2(self.folder / "state" / name, to / name)
        return to

    def put_back(self, copied: Path) -> None:
        """Put the copied files in the place of those that are there; the marker stays."""
        for path in (self.folder / "state").glob("*.db*"):
            path.unlink()
        for name in FILES:
            shutil.copy2(copied / name, self.folder / "state" / name)

    async def say(self, text: str, who: Person = MIA) -> Reply:
        """Have somebody type a command in a terminal, and return the answer, whatever it is."""
        invocation = Invocation(
            delivery_id=f"typed-{next(self._numbers)}-{id(self.app)}",
            trigger=Trigger.TERMINAL,
            person=who,
            text=text,
            at=self.clock.now(),
        )
        return await self.app.dispatcher.answer(invocation, self.app.dispatcher.parse(invocation))

    async def get(self, ident: str) -> Deployment:
        """Return a deployment."""
        async with self.app.store.read() as conn:
            found = await records.get(conn, ident)
        assert found is not None, f"there is no {ident}"
        return found

    async def reaches(self, ident: str, *states: State) -> Deployment:
        """Wait until a deployment stands at one of these states."""
        at: Deployment | None = None

        async def there() -> bool:
            nonlocal at
            at = await self.get(ident)
            return at.state in states

        await self.until(there, lambda: f"{ident} does not reach {states}: {at}")
        return await self.get(ident)

    async def until(self, what: Callable[[], Awaitable[Any]], why: Callable[[], str]) -> None:
        """Wait until something is so."""
        loop = asyncio.get_running_loop()
        end = loop.time() + DEADLINE
        while not await what():
            assert loop.time() < end, why()
            await asyncio.sleep(0.02)

    async def deploy(self, version: str, to: str = "staging") -> Deployment:
        """Deploy and wait for the end, approved by ana where that is needed."""
        reply = await self.say(f"deploy checkout@{version} to {to}")
        assert reply.subject, reply
        at = await self.reaches(reply.subject, State.AWAITING_APPROVAL, *ENDED)
        if at.state is State.AWAITING_APPROVAL:
            answer = await self.say(f"approve {at.id}", ANA)
            assert not answer.code, answer
            at = await self.reaches(at.id, *ENDED)
        return at
