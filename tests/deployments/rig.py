"""A rig to drive the road in: the real store, engine, approvals, locks, audit and outbox; tools in memory.

People press and type through `Rig.run`, which parses and runs a command as dispatch would after it allowed it.
Nothing waits by the clock: `until` looks at rows until a condition holds.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from bot import arguments
from bot.alerts.troubles import troubles
from bot.approvals import workflow as approval_workflow
from bot.approvals.approvals import Approvals
from bot.approvals.delegations import Delegations
from bot.audit import Audit
from bot.catalog import Catalog, Service
from bot.clock import SystemClock
from bot.command import Call, Invocation, Trigger, World
from bot.deployments import records
from bot.deployments.deployments import Deployments
from bot.deployments.parts import Parts
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.engine import Engine
from bot.errors import UserError
from bot.freezes import workflow as freeze_workflow
from bot.freezes.freezes import Freezes
from bot.freezes.parts import Parts as FreezeParts
from bot.identity import Channel, Person
from bot.locks import workflow as lock_workflow
from bot.locks.locks import Locks
from bot.permissions import Permissions
from bot.reply import Button, Buttons, Message, Reply
from bot.settings import load
from bot.slack import codec
from bot.slack.outbox import Outbox
from bot.slack.records import outbox as outbox_rows
from bot.store import Store
from bot.store.starts import SIGNAL
from bot.toolbox import Toolbox
from bot.watch import Watch
from commands.registry import registry
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.git import Author
from tests.fakes.git import FakeGit
from tests.fakes.metrics import Answer, FakeMetrics
from tests.fakes.runs import FakeBuilds, FakeDeploys

TEAM = "T0HOME"
CHECKOUT = Channel(team=TEAM, channel="C0CHECKOUT")
DEADLINE = 90.0
ERRORS = 'errors{service="checkout",environment="production",target="",version="v1.4.2"}'


def person(name: str) -> Person:
    return Person(team=TEAM, user=f"U0{name.upper()}")


MIA, TOM, ANA, RAJ, ZOE = (person(name) for name in ("mia", "tom", "ana", "raj", "zoe"))

CONFIG: dict[str, Any] = {
    "people": {
        name: {"slack": f"{TEAM}/U0{name.upper()}", "emails": [f"{name}@example.org"]}
        for name in ("mia", "tom", "ana", "raj", "zoe")
    },
    "groups": {"developers": ["mia", "tom"], "release-managers": ["ana", "raj", "mia", "tom"], "owners": ["zoe"]},
    "permissions": [{"allow": ["*"], "to": ["everyone"]}],
    "integrations": {
        "git": {"type": "local", "root": "."},
        "builds": {"type": "local", "root": "."},
        "deploys": {"type": "local", "root": "."},
        "metrics": {"type": "prometheus", "url": "http://127.0.0.1:1"},
    },
    "environments": {"staging": {}, "production": {"production_like": True}},
    "services": {
        "checkout": {
            "repository": {"with": "git", "project": "checkout"},
            "build": {"with": "builds", "job": "checkout"},
            "tickets": {"pattern": r"PAY-\d+", "url": "https://tickets.example.org/{}"},
            "migrations": {"paths": ["migrations/**"]},
            "environments": [
                {"name": "staging", "aliases": ["stage"], "deploy": {"with": "deploys", "job": "checkout/staging"}},
                {
                    "name": "production",
                    "aliases": ["prod"],
                    "promote_from": "staging",
                    "deploy": {"with": "deploys", "job": "checkout/production"},
                    "approvals": [{"count": 1, "from": ["release-managers"]}],
                    "verify": {
                        "window": "30ms",
                        "interval": "10ms",
                        "failures_allowed": 0,
                        "metrics": [
                            {
                                "name": "errors",
                                "with": "metrics",
                                "query": 'errors{service="{service}",environment="{environment}",target="{target}",'
                                'version="{version}"}',
                                "max": 0.01,
                                "unit": "ratio",
                            }
                        ],
                    },
                    "rollback": "automatic",
                },
            ],
        }
    },
}


class Clock(SystemClock):
    """The machine's clock, which a test can move on, and on which nobody sleeps long."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


class Rig:
    """Everything one test needs; `up()` makes it."""

    def __init__(self, folder: Path, store: Store, clock: Clock, config: dict[str, Any]) -> None:
        self.folder = folder
        self.links_only: set[str] = set()
        self.store = store
        self.clock = clock
        self.git = FakeGit("git")
        self.builds = FakeBuilds("builds")
        self.deploys = FakeDeploys("deploys")
        self.metrics = FakeMetrics("metrics")
        self.toolbox = Toolbox()
        for adapter in (self.git, self.builds, self.deploys, self.metrics):
            self.toolbox.add(adapter)
        path = folder / "shipmate.yaml"
        path.write_text(yaml.safe_dump(config))
        self.settings = load(path, {})
        self.permissions = Permissions(self.settings, clock)
        self.permissions.set_home(TEAM)
        self.audit = Audit(store, clock)
        self.outbox = Outbox(store, clock)
        self.watch = Watch(clock)
        self.approvals = Approvals(store=store, clock=clock, permissions=self.permissions)
        self.delegations = Delegations(
            store=store,
            clock=clock,
            permissions=self.permissions,
            audit=self.audit,
            outbox=self.outbox,
            zone_of=_zone_of,
        )
        self.approvals.delegations = self.delegations
        self.permissions.set_lent(self.delegations.groups_lent_to)
        self.locks = Locks(
            store=store, clock=clock, audit=self.audit, outbox=self.outbox, name_of=self.permissions.name_of
        )
        self.catalog = Catalog(self.settings)
        self.freezes = Freezes(
            FreezeParts(
                store=store,
                clock=clock,
                audit=self.audit,
                outbox=self.outbox,
                permissions=self.permissions,
                settings=lambda: self.settings,
                catalog=lambda: self.catalog,
                toolbox=self.toolbox,
                channel_of=_channel_of,
                zone_of=_zone_of,
                troubles=troubles,
            )
        )
        self.deployments = Deployments(self.parts())
        self.world = World(
            self.catalog, self.toolbox, self.permissions, self.locks, self.freezes, self.deployments, self.delegations
        )
        self.registry = registry()
        self._numbers = itertools.count(1)
        self.trigger = Trigger.SLASH
        self.engine: Engine | None = None

    def parts(self) -> Parts:
        return Parts(
            store=self.store,
            clock=self.clock,
            catalog=lambda: self.catalog,
            toolbox=self.toolbox,
            permissions=self.permissions,
            audit=self.audit,
            outbox=self.outbox,
            approvals=self.approvals,
            locks=self.locks,
            freezes=self.freezes,
            watch=self.watch,
            channel_of=_channel_of,
            link_of=_link_of,
            links_only=lambda instance: instance in self.links_only,
        )

    def history(self) -> dict[str, str]:
        """Make a repository: 1.4.0 by mia, 1.4.1 by tom, 1.4.2 by zoe; return the SHA of each tag."""
        shas: dict[str, str] = {}
        parents: tuple[str, ...] = ()
        for version, author, title in (
            ("v1.4.0", "mia", "Start"),
            ("v1.4.1", "tom", "PAY-311 Retry card authorisation once"),
            ("v1.4.2", "zoe", "PAY-318 Say <!channel> *hello*"),
        ):
            by = Author(name=author, email=f"{author}@example.org")
            sha = self.git.commit("checkout", title, files={"version": version.encode()}, parents=parents, author=by)
            self.git.tag("checkout", version, sha)
            shas[version] = sha
            parents = (sha,)
        self.git.branch("checkout", "main", shas["v1.4.2"])
        self.healthy()
        return shas

    @property
    def deployed(self) -> list[DeployRequest]:
        """What was sent to places, in order."""
        return [request for request in self.deploys.requests if isinstance(request, DeployRequest)]

    def healthy(self, value: float = 0.001) -> None:
        """Let the error ratio of every version be this."""
        for version in ("v1.4.0", "v1.4.1", "v1.4.2", "v1.4.3"):
            self.metrics.answers[ERRORS.replace("v1.4.2", version)] = [Answer(value=value)]

    async def run(self, who: Person, text: str = "", *, command: str = "", request_id: str = "", **args: str) -> Reply:
        """Have somebody type a command, or press a button of this command and args; raises UserError as handlers do."""
        name, words = self.registry.split(text) if text else (command, "")
        found = self.registry.find(name)
        given = arguments.build(found, args) if command else arguments.parse(found, words)
        assert not isinstance(given, arguments.Incomplete), given
        invocation = Invocation(
            delivery_id=request_id or f"delivery-{next(self._numbers)}",
            trigger=self.trigger,
            person=who,
            at=self.clock.now(),
            channel=CHECKOUT,
        )
        call = Call(invocation, self.world, self.clock.now())
        if found.resource is not None:
            await found.resource(call, given)
        return await found.handler(call, given)

    async def refused(self, who: Person, text: str = "", **more: str) -> UserError:
        """Have somebody ask for what is refused, and return the refusal."""
        try:
            reply = await self.run(who, text, **more)
        except UserError as error:
            return error
        raise AssertionError(f"{text} {more} was not refused: {reply.summary}")

    async def get(self, deployment_id: str) -> Deployment:
        async with self.store.read() as conn:
            found = await records.get(conn, deployment_id)
        assert found is not None, f"there is no {deployment_id}"
        return found

    async def until(self, what: Callable[[], Awaitable[Any]], why: Callable[[], Awaitable[str]]) -> Any:
        """Return the first true answer of `what`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + DEADLINE
        while loop.time() < end:
            found = await what()
            if found:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(await why())

    async def reaches(self, deployment_id: str, *states: State) -> Deployment:
        """Wait until a deployment stands at one of these states."""

        async def there() -> Deployment | None:
            now = await self.get(deployment_id)
            return now if now.state in states else None

        async def why() -> str:
            now = await self.get(deployment_id)
            return f"{deployment_id} is {now.state}, not {states}: {now.words} {now.parked_why} {now.progress}"

        found: Deployment = await self.until(there, why)
        return found

    async def stands_still(self, deployment_id: str) -> Deployment:
        """Wait until a deployment is parked."""

        async def there() -> Deployment | None:
            now = await self.get(deployment_id)
            return now if now.parked_at is not None else None

        async def why() -> str:
            now = await self.get(deployment_id)
            return f"{deployment_id} is not parked but {now.state}: {now.words}"

        found: Deployment = await self.until(there, why)
        return found

    async def deploy(self, version: str, to: str = "staging", *, who: Person = MIA) -> Deployment:
        """Deploy and wait for the end, approved by ana where that is needed."""
        reply = await self.run(who, f"deploy checkout@{version} to {to}")
        at = await self.reaches(reply.subject, State.AWAITING_APPROVAL, *_ENDS)
        if at.state is State.AWAITING_APPROVAL:
            await self.run(ANA, command="approve", deployment=at.id, plan=at.plan_digest)
            at = await self.reaches(at.id, *_ENDS)
        return at

    async def said(self, kind: str) -> list[tuple[str, Message]]:
        """Return (key, message) of everything that was to be said, of a kind: show, post or direct."""
        statement = sa.select(outbox_rows).where(outbox_rows.c.kind == kind).order_by(outbox_rows.c.id)
        async with self.store.read() as conn:
            rows = (await conn.execute(statement)).all()
        return [(row.key, codec.load(row.payload["message"])) for row in rows]

    async def card(self, deployment_id: str) -> Message:
        return next(message for key, message in await self.said("show") if key.endswith(deployment_id))

    async def move_on(self, **by: float) -> None:
        """Move the clock on, and wake the engine to look at its deadlines."""
        self.clock.ahead += timedelta(**by)
        self.store.signal(SIGNAL).set()


_ENDS = (
    State.SUCCEEDED,
    State.FAILED,
    State.ROLLED_BACK,
    State.ROLLBACK_FAILED,
    State.REFUSED,
    State.REJECTED,
    State.EXPIRED,
    State.VOID,
    State.CANCELLED,
    State.INCONCLUSIVE,
)


def buttons(message: Message) -> dict[str, Button]:
    """Return a message's buttons by label."""
    return {button.label: button for part in message.parts if isinstance(part, Buttons) for button in part.buttons}


def words(message: Message) -> str:
    """Return all text of a message."""
    return "\n".join(str(getattr(part, "text", "")) for part in message.parts)


async def _link_of(subject: str) -> str:
    return f"https://slack.example/{subject}"


async def _zone_of(_person: Person) -> str:
    return "Europe/Berlin"


async def _channel_of(service: Service, asked_in: Channel | None) -> Channel | None:
    return asked_in or CHECKOUT


@asynccontextmanager
async def up(
    folder: Path, *, url: str = "", config: dict[str, Any] | None = None, engine: bool = True
) -> AsyncIterator[Rig]:
    """Make a rig, with its engine running."""
    clock = Clock()
    where = url or f"sqlite:///{folder}/store.db"
    store = await Store.open(where, clock=clock)
    rig = Rig(folder, store, clock, config or CONFIG)
    try:
        if engine:
            rig.deployments.bind()
            approval_workflow.bind(rig.approvals)
            lock_workflow.bind(rig.locks)
            freeze_workflow.bind(rig.freezes)
            rig.engine = await Engine.launch(
                store,
                clock=clock,
                engine_url=url or f"sqlite:///{folder}/engine.db",
                on_parked=rig.deployments.parked,
            )
        yield rig
    finally:
        if rig.engine is not None:
            await rig.engine.stop(grace=5)
        await rig.deployments.close()
        await store.close()
