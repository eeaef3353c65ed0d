"""The rig of deployments, with builds in it: real store, engine, audit and outbox; tools in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bot.approvals import workflow as approval_workflow
from bot.builds import records
from bot.builds.builds import Builds
from bot.builds.parts import Parts as BuildParts
from bot.builds.records import Build
from bot.builds.rules import State
from bot.engine import Engine
from bot.identity import Person
from bot.locks import workflow as lock_workflow
from bot.reply import Message
from bot.store import Store
from bot.vault import for_moments
from integrations.capabilities.builds import BuildJob, BuildRequest
from integrations.capabilities.runs import Parameter, ParameterKind, Run, RunRef
from tests.deployments import rig as deployments
from tests.deployments.rig import CONFIG, MIA, Clock, _channel_of
from tests.fakes.runs import FakeBuilds, Outcome

PARAMETERS = (
    Parameter(name="STAGE", kind=ParameterKind.CHOICE, choices=("qa", "preview"), default="qa"),
    Parameter(name="DRY_RUN", kind=ParameterKind.BOOLEAN, default="false"),
    Parameter(name="TOKEN", kind=ParameterKind.SECRET),
    Parameter(name="NOTE"),
)


class Rig(deployments.Rig):
    """Everything one test needs; `up()` makes it."""

    def __init__(self, folder: Path, store: Store, clock: Clock, config: dict[str, Any]) -> None:
        super().__init__(folder, store, clock, config)
        self.vault = for_moments(self.settings.encryption_keys)
        self.followed = Builds(self.build_parts())
        self.followed.answers.finders["D-"] = self.deployments.waiting
        self.world.add(self.followed)
        self.builds.jobs["checkout"] = BuildJob(name="checkout", parameters=PARAMETERS)
        self.builds.outcomes["checkout"] = Outcome(state=None)

    def build_parts(self) -> BuildParts:
        return BuildParts(
            store=self.store,
            clock=self.clock,
            catalog=lambda: self.catalog,
            toolbox=self.toolbox,
            permissions=self.permissions,
            audit=self.audit,
            outbox=self.outbox,
            watch=self.watch,
            vault=self.vault,
            channel_of=_channel_of,
        )

    @property
    def built(self) -> list[BuildRequest]:
        """What the tool was asked to build, in order."""
        return [request for request in self.builds.requests if isinstance(request, BuildRequest)]

    def put(self, ref: RunRef, **values: Any) -> Run:
        """Let a run of the fake look like this."""
        fake = self.builds._fake(ref)
        fake.run = replace(fake.run, **values)
        self.watch.wake(ref)
        return fake.run

    async def build(self, build_id: str) -> Build:
        async with self.store.read() as conn:
            found = await records.get(conn, build_id)
        assert found is not None, f"there is no {build_id}"
        return found

    async def comes_to(self, build_id: str, *states: State) -> Build:
        """Wait until a build stands at one of these states."""

        async def there() -> Build | None:
            now = await self.build(build_id)
            return now if now.state in states else None

        async def why() -> str:
            now = await self.build(build_id)
            return f"{build_id} is {now.state}, not {states}: {now.words} {now.parked_why} {now.progress}"

        found: Build = await self.until(there, why)
        return found

    async def begins(self, text: str = "build run checkout main", *, who: Person = MIA) -> tuple[Build, RunRef]:
        """Start a build and wait until its run is known."""
        build_id = (await self.run(who, text)).subject

        async def there() -> Build | None:
            now = await self.build(build_id)
            return now if now.run and now.progress.get("state") else None

        async def why() -> str:
            return str(await self.build(build_id))

        found: Build = await self.until(there, why)
        return found, RunRef.parse(found.run)

    async def card_with(self, build_id: str, *parts: str) -> Message:
        """Wait for a card that says all of this."""

        async def there() -> Message | None:
            message = await self.card(build_id)
            return message if all(part in read(message) for part in parts) else None

        async def why() -> str:
            return f"{parts} are not on {read(await self.card(build_id))}"

        found: Message = await self.until(there, why)
        return found

    async def keys(self, kind: str) -> list[str]:
        return [key for key, _ in await self.said(kind)]


def read(message: Message) -> str:
    """Return all that can be read on a message."""
    said = [message.summary]
    for part in message.parts:
        said.append(str(getattr(part, "text", "")))
        said += [f"{one.title} {one.state.value} {one.detail}" for one in getattr(part, "steps", ())]
        said += [f"[{button.label}]" for button in getattr(part, "buttons", ())]
    return "\n".join(said)


@asynccontextmanager
async def up(
    folder: Path, *, url: str = "", config: dict[str, Any] | None = None, builds: FakeBuilds | None = None
) -> AsyncIterator[Rig]:
    """Make a rig, with its engine running."""
    clock = Clock()
    store = await Store.open(url or f"sqlite:///{folder}/store.db", clock=clock)
    rig = Rig(folder, store, clock, config or CONFIG)
    if builds is not None:
        builds._now = clock.now
        rig.builds = builds
        rig.toolbox.add(builds)
    rig.history()

    async def parked(workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        await rig.deployments.parked(workflow_id, name, args, why)
        await rig.followed.parked(workflow_id, name, args, why)

    try:
        rig.deployments.bind()
        rig.followed.bind()
        approval_workflow.bind(rig.approvals)
        lock_workflow.bind(rig.locks)
        rig.engine = await Engine.launch(
            store, clock=clock, engine_url=url or f"sqlite:///{folder}/engine.db", on_parked=parked
        )
        yield rig
    finally:
        if rig.engine is not None:
            await rig.engine.stop(grace=5)
        await rig.deployments.close()
        await store.close()
