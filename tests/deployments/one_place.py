"""One place and its road without an engine: stories are run step by step, and killed and run again as a crash would.

What runs is the real road, ledger, approvals, locks, freezes and evaluator on SQLite; in place of the engine stands a
tape of each story's recorded steps. A step that was killed is one that had finished and was not recorded; a transaction
and its record are kept together, or neither is. Whenever something is about to be sent, `on_go` and `on_send` are told.
"""

import asyncio
import copy
import shutil
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.catalog import Catalog
from bot.deployments import records, workflow
from bot.deployments.effects import RunEnd
from bot.deployments.ledger import EXECUTE, PLAN
from bot.deployments.records import Deployment
from bot.deployments.road import Next
from bot.deployments.rules import State
from bot.engine import Parked
from bot.errors import UserError
from bot.freezes.freezes import OPENS
from bot.identity import Person
from bot.locks.rules import Scope
from bot.reply import Reply
from bot.settings import load
from bot.store import Store
from bot.store.starts import Start, due
from integrations.capabilities.deploys import Running
from integrations.capabilities.git import Author, Check, CheckState
from tests.deployments.rig import CONFIG, Clock, Rig

PLACE = ("checkout/production", "checkout", "production", "")


class Killed(Exception):
    """The process died here."""


def configuration(*, count: int = 1, force: bool = True, members: tuple[str, ...] = ("ana", "raj", "tom")) -> Any:
    """Return the rig's configuration with production alone deciding: these rules, and break-glass or none."""
    made: dict[str, Any] = copy.deepcopy(CONFIG)
    made["groups"] = {"release-managers": list(members), "owners": ["zoe", "raj"]}
    made["permissions"] = [
        {"allow": ["deployment.start", "deployment.cancel", "lock.take", "freeze.change"], "to": ["everyone"]},
        {"allow": ["deployment.force"], "to": ["owners"]},
    ]
    if force:
        made["policy"] = {"force": {"skips": ["approvals", "freezes"]}}
    service = made["services"]["checkout"]
    del service["build"], service["migrations"], service["tickets"]
    production = service["environments"][1]
    del production["promote_from"], production["verify"]
    production["checks"] = ["unit"]
    production["approvals"] = [
        {"count": count, "from": ["release-managers"]},
        {"from": ["owners"], "when": {"paths": ["payments/**"]}},
    ]
    return made


class _Telling:
    """One run of a story: what is on its tape is not done again, and it dies after so many steps (0: never)."""

    def __init__(
        self,
        rig: Rig,
        tape: list[Any],
        die_after: int,
        *,
        on_go: Callable[[Deployment], None],
        on_send: Callable[[Deployment], None],
    ) -> None:
        self._rig = rig
        self._tape = tape
        self._die_after = die_after
        self._on_go = on_go
        self._on_send = on_send
        self._position = 0

    async def step(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Do an outside effect, at least once."""
        if name == "deploy.follow":
            return RunEnd(state="succeeded")
        self._position += 1
        if self._position <= len(self._tape):
            return self._tape[self._position - 1]
        if name == "deploy.start":
            self._on_send(await self._rig.get(str(args[0])))
        result = await fn(*args)
        if self._die_after == self._position:
            raise Killed
        self._tape.append(result)
        return result

    async def transact(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        """Do a transaction that is recorded with itself."""
        self._position += 1
        if self._position <= len(self._tape):
            return self._tape[self._position - 1]
        async with self._rig.store.write() as tx:
            result = await fn(tx, *args)
        self._tape.append(result)
        if (name == "execute.checked" and result is Next.GO) or (name == "execute.replanned" and result):
            self._on_go(await self._rig.get(str(args[0])))
        if self._die_after == self._position:
            raise Killed
        return result


class OnePlace:
    """Drives one place; every method returns when what it started has been done."""

    def __init__(self, on_go: Callable[[Deployment], None], on_send: Callable[[Deployment], None]) -> None:
        self._on_go = on_go
        self._on_send = on_send
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory()
        self._tapes: dict[str, list[Any]] = {}
        self._numbers = 0
        self._done: set[str] = set()
        self._files: dict[str, bytes] = {}
        self.head = ""
        shutil.copyfile(template(), Path(self._folder.name) / "store.db")
        self.rig: Rig = self._runner.run(self._open())
        self.push("Start", payments=False, passed=True)
        self.rig.deploys.running[PLACE] = Running(sha=self.head, version=self.head[:7])

    async def _open(self) -> Rig:
        folder, clock = Path(self._folder.name), Clock()
        store = await Store.open(f"sqlite:///{folder}/store.db", clock=clock)
        rig = Rig(folder, store, clock, configuration())
        rig.git.create("checkout")
        return rig

    def close(self) -> None:
        """End everything."""
        self._runner.run(self._close())
        self._runner.close()
        self._folder.cleanup()

    async def _close(self) -> None:
        await self.rig.deployments.close()
        await self.rig.store.close()

    def push(self, title: str, *, payments: bool, passed: bool | None, by: str = "zoe") -> str:
        """Add a commit to main and return it."""
        self._numbers += 1
        name = "payments/card.py" if payments else "src/cart.py"
        self._files = {**self._files, name: str(self._numbers).encode()}
        author = Author(name=by, email=f"{by}@example.org")
        parents = (self.head,) if self.head else ()
        sha = self.rig.git.commit("checkout", title, files=self._files, parents=parents, author=author)
        self.rig.git.branch("checkout", "main", sha)
        self.head = sha
        if passed is not None:
            self.report(sha, passed=passed)
        return sha

    def report(self, sha: str, *, passed: bool) -> None:
        """Report the check of a commit."""
        state = CheckState.PASSED if passed else CheckState.FAILED
        self.rig.git.check("checkout", sha, Check(name="unit", state=state))

    def reload(self, **settings: Any) -> None:
        """Put another configuration in force."""
        path = self.rig.folder / "shipmate.yaml"
        path.write_text(yaml.safe_dump(configuration(**settings)))
        self.rig.settings = load(path, {})
        self.rig.permissions.replace(self.rig.settings)
        self.rig.catalog = Catalog(self.rig.settings)

    def run(self, who: Person, text: str = "", **args: str) -> Reply | UserError:
        """Have somebody type something; a refusal is an answer."""

        async def asked() -> Reply | UserError:
            try:
                return await self.rig.run(who, text, **args)
            except UserError as error:
                return error

        return self._runner.run(asked())

    def get(self, deployment_id: str) -> Deployment:
        """Return a deployment as it stands."""
        return self._runner.run(self.rig.get(deployment_id))

    def expire(self, approval_id: str) -> None:
        """Have a request for approval looked at when its time is over."""
        self.rig.clock.ahead += timedelta(hours=5)
        self._runner.run(self.rig.approvals.expire(approval_id))

    def work(self, *, die_after: int = 0) -> bool:
        """Run the story that is due longest, dying after so many steps (0: never); false when none is due."""
        return self._runner.run(self._work(die_after))

    async def _work(self, die_after: int) -> bool:
        rig = self.rig
        stories = {PLAN: workflow.plan, EXECUTE: workflow.execute}
        for start in await due(rig.store, rig.clock.now(), skip=self._done):
            if start.name == OPENS:
                await rig.freezes.opened(Scope(*(str(arg) for arg in start.args)))
            story = stories.get(start.name)
            try:
                if story is not None:
                    await self._tell(start, story, die_after)
            except Killed:
                return True
            self._done.add(start.workflow_id)
            if story is not None:
                return True
        return False

    async def _tell(self, start: Start, story: Callable[..., Any], die_after: int) -> None:
        tape = self._tapes.setdefault(start.workflow_id, [])
        telling = _Telling(self.rig, tape, die_after, on_go=self._on_go, on_send=self._on_send)
        kept = {name: vars(workflow)[name] for name in ("step", "transact")}
        self.rig.deployments.bind()
        vars(workflow).update(step=telling.step, transact=telling.transact)
        try:
            await story(*start.args)
        except Parked:
            return
        finally:
            vars(workflow).update(kept)

    def waiting(self) -> list[str]:
        """Return the deployments that wait for approval."""
        return self._in(State.AWAITING_APPROVAL)

    def open(self) -> list[str]:
        """Return the deployments that have not ended."""
        return self._in()

    def _in(self, *states: State) -> list[str]:
        async def found() -> list[str]:
            async with self.rig.store.read() as conn:
                return [one.id for one in await records.unfinished(conn, states=states)]

        return self._runner.run(found())


_TEMPLATE: list[Path] = []


def template() -> Path:
    """Return an empty database, made once."""
    if not _TEMPLATE:
        folder = Path(tempfile.mkdtemp(prefix="shipmate-model-"))

        async def make() -> None:
            store = await Store.open(f"sqlite:///{folder}/empty.db", clock=Clock())
            await store.close()

        asyncio.run(make())
        _TEMPLATE.append(folder / "empty.db")
    return _TEMPLATE[0]
