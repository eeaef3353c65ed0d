"""The rig of builds, with releases in it: real store, engine, audit and outbox; tools in memory."""

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bot.approvals import workflow as approval_workflow
from bot.deployments.rules import State as DeploymentState
from bot.engine import Engine
from bot.identity import Person
from bot.locks import workflow as lock_workflow
from bot.releases import records
from bot.releases.parts import Parts
from bot.releases.records import Release
from bot.releases.releases import Releases
from bot.releases.rules import State
from bot.settings import load
from bot.store import Store
from integrations.capabilities.git import Author
from integrations.capabilities.runs import RunState
from tests.builds import rig as builds
from tests.builds.rig import read
from tests.deployments.rig import CONFIG, MIA, Clock, _channel_of
from tests.fakes.releases import FakeReleases
from tests.fakes.runs import Outcome

UAT: dict[str, Any] = copy.deepcopy(CONFIG)
"""A service with a way of three environments: production wants a sign-off of the owners, given on staging."""
_staging, _production = UAT["services"]["checkout"]["environments"]
_production |= {"sign_off": {"from": ["owners"], "of": "staging"}, "rollback": "offer"}
for _key in ("verify", "approvals"):
    _production.pop(_key)

__all__ = ["UAT", "Rig", "read", "up"]


class Rig(builds.Rig):
    """Everything one test needs; `up()` makes it."""

    def __init__(self, folder: Path, store: Store, clock: Clock, config: dict[str, Any]) -> None:
        super().__init__(folder, store, clock, config)
        self.host = FakeReleases("git")
        self.git = self.host
        self.toolbox.add(self.host)
        self.builds.outcomes["checkout"] = Outcome(state=RunState.SUCCEEDED)
        self.releases = Releases(
            Parts(
                store=store,
                clock=clock,
                catalog=lambda: self.catalog,
                toolbox=self.toolbox,
                permissions=self.permissions,
                audit=self.audit,
                outbox=self.outbox,
                watch=self.watch,
                deployments=self.deployments,
                failures=self.followed.failures,
                channel_of=_channel_of,
            )
        )
        self.world.add(self.releases)

    def change(self, message: str, *, who: str = "tom", files: dict[str, bytes] | None = None, on: str = "main") -> str:
        """Commit to a branch; return the SHA."""
        parent = self.host._repositories["checkout"].branches[on]
        before = self.host._repositories["checkout"].files[parent]
        by = Author(name=who, email=f"{who}@example.org")
        whole = {**before, **(files or {}), "number": str(len(self.host._repositories["checkout"].commits)).encode()}
        sha = self.host.commit("checkout", message, files=whole, parents=(parent,), author=by)
        self.host.branch("checkout", on, sha)
        return sha

    async def release(self, release_id: str) -> Release:
        async with self.store.read() as conn:
            found = await records.get(conn, release_id)
        assert found is not None, f"there is no {release_id}"
        return found

    async def gets(self, release_id: str, *states: State) -> Release:
        """Wait until a release stands at one of these states."""

        async def there() -> Release | None:
            now = await self.release(release_id)
            return now if now.state in states else None

        async def why() -> str:
            return f"{await self.release(release_id)} is not {states}"

        found: Release = await self.until(there, why)
        return found

    async def cut(self, text: str = "release cut checkout --bump minor --yes", *, who: Person = MIA) -> Release:
        """Cut a release and wait until it is cut."""
        return await self.gets((await self.run(who, text)).subject, State.CUT)

    async def ships(self, text: str, *, who: Person = MIA) -> str:
        """Deploy or promote, and wait until that succeeded."""
        subject = (await self.run(who, text)).subject
        await self.reaches(subject, DeploymentState.SUCCEEDED)
        return subject

    def leaves(self, group: str, name: str) -> None:
        """Let somebody leave a group, by another configuration."""
        config = yaml.safe_load((self.folder / "shipmate.yaml").read_text())
        config["groups"][group].remove(name)
        path = self.folder / "later.yaml"
        path.write_text(yaml.safe_dump(config))
        self.permissions.replace(load(path, {}))


@asynccontextmanager
async def up(
    folder: Path, *, url: str = "", config: dict[str, Any] | None = None, change: Callable[[Rig], None] | None = None
) -> AsyncIterator[Rig]:
    """Make a rig, with its engine running; `change` puts other tools in before."""
    clock = Clock()
    store = await Store.open(url or f"sqlite:///{folder}/store.db", clock=clock)
    rig = Rig(folder, store, clock, config or CONFIG)
    if change is None:
        rig.history()
    else:
        change(rig)

    async def parked(workflow_id: str, name: str, args: tuple[Any, ...], why: str) -> None:
        await rig.deployments.parked(workflow_id, name, args, why)
        await rig.releases.parked(workflow_id, name, args, why)

    try:
        rig.deployments.bind()
        rig.followed.bind()
        rig.releases.bind()
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
