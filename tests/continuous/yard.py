"""The rig of deployments with continuous deployment on top: pushes go in as events, what people type as commands."""

import copy
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.catalog import Place
from bot.command import Invocation
from bot.continuous import records, workflow
from bot.continuous.continuous import Continuous
from bot.continuous.intake import Intake
from bot.continuous.parts import CONTINUOUS, Parts
from bot.continuous.polling import Polling
from bot.continuous.records import Head
from bot.deliveries import Deliveries
from bot.deployments.records import Deployment, deployments, read
from bot.dispatch import Dispatcher
from bot.identity import Channel
from bot.reply import Reply
from bot.store import Tx
from integrations.capabilities.git import Author
from integrations.contract import WebhookEvent
from tests.deployments.rig import CHECKOUT, CONFIG, Rig, up

STAGING, PRODUCTION = Place("checkout", "staging"), Place("checkout", "production")
ALLOWED = {"allow": ["deployment.start"], "to": ["account:continuous"], "environments": ["staging", "production"]}


def config(*, staging: Any = None, production: Any = None, allowed: bool = True, **more: Any) -> dict[str, Any]:
    """Return the rig's configuration with continuous deployment to its environments; `more` goes to the service."""
    made = copy.deepcopy(CONFIG)
    first, second = made["services"]["checkout"]["environments"]
    if staging is not None:
        first["continuous"] = staging
    if production is not None:
        second["continuous"] = production
    made["services"]["checkout"] |= more
    if allowed:
        made["permissions"].append(ALLOWED)
    return made


class Yard:
    """A rig where commits go by themselves."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        deliveries = Deliveries(rig.store, rig.clock, "yard")
        self.dispatcher = Dispatcher(
            registry=rig.registry,
            permissions=rig.permissions,
            audit=rig.audit,
            deliveries=deliveries,
            store=rig.store,
            world=rig.world,
            clock=rig.clock,
            replier=_nobody,
        )
        self.parts = Parts(
            store=rig.store,
            clock=rig.clock,
            audit=rig.audit,
            catalog=lambda: rig.catalog,
            toolbox=rig.toolbox,
            permissions=rig.permissions,
            outbox=rig.outbox,
            deployments=rig.deployments,
            ask=self.ask,
            channel_of=_channel_of,
        )
        self.continuous = Continuous(self.parts)
        self.intake = Intake(self.parts, self.continuous)
        self.polling = Polling(self.parts, self.continuous)
        rig.world.add(self.continuous)
        workflow.bind(self.continuous)
        self._events = itertools.count(1)
        self._numbers = itertools.count(1)

    async def ask(self, invocation: Invocation) -> Reply:
        return await self.dispatcher.answer(invocation, self.dispatcher.parse(invocation))

    def commit(self, author: str = "tom", *, on: str = "") -> str:
        """Add a commit to main (or on top of another) and return its SHA; main is at it."""
        git, number = self.rig.git, next(self._numbers)
        parent = on or git._repositories["checkout"].branches["main"]
        by = Author(name=author, email=f"{author}@example.org")
        sha = git.commit(
            "checkout", f"Change {number}", files={"n": str(number).encode()}, parents=(parent,), author=by
        )
        git.branch("checkout", "main", sha)
        return sha

    async def tell(self, kind: str = "push", *, sha: str = "", branch: str = "main", **more: object) -> None:
        """Take in an event, and let the moment pass in which others would be taken together with it."""
        data = {"project": "team/checkout", "name": branch, "branch": branch, "sha": sha, "user": "tom", **more}
        event = WebhookEvent(instance="git", kind=kind, id=f"event-{next(self._events)}", ref=branch, data=data)
        async with self.rig.store.write() as tx:
            await self.intake.handlers[kind](tx, event)
        await self.rig.move_on(seconds=2)

    async def push(self, author: str = "tom") -> str:
        sha = self.commit(author)
        await self.tell(sha=sha)
        return sha

    async def head(self, place: Place = STAGING) -> Head:
        async with self.rig.store.read() as conn:
            return await records.get(conn, place)

    async def mine(self) -> list[Deployment]:
        """Return what was deployed by itself, in order."""
        statement = sa.select(deployments).where(deployments.c.requested_by == CONTINUOUS).order_by(deployments.c.id)
        async with self.rig.store.read() as conn:
            return [read(row) for row in (await conn.execute(statement)).all()]

    async def looked(self, place: Place = STAGING) -> Head:
        """Wait until the newest look that was wanted has decided."""

        async def so() -> Head | None:
            head = await self.head(place)
            return head if head.looked == head.number and head.number else None

        async def why() -> str:
            return f"{await self.head(place)}"

        found: Head = await self.rig.until(so, why)
        return found

    async def deployed(self, sha: str, environment: str = "staging") -> Deployment:
        """Wait until a deployment of this commit was begun by itself, and return it."""

        async def so() -> Deployment | None:
            found = [one for one in await self.mine() if (one.sha, one.environment) == (sha, environment)]
            return found[-1] if found else None

        async def why() -> str:
            return f"{sha} was not deployed: {await self.head()} {[(one.sha, one.state) for one in await self.mine()]}"

        found: Deployment = await self.rig.until(so, why)
        return found


@asynccontextmanager
async def open_yard(folder: Path, made: dict[str, Any], url: str = "") -> AsyncIterator[Yard]:
    async with up(folder, url=url, config=made) as rig:
        rig.history()
        yield Yard(rig)


async def _nobody(_tx: Tx, _invocation: Invocation, _reply: Reply) -> None:
    """Hand an answer to nobody: who asked is no person."""


async def _channel_of(_service: object, _asked_in: Channel | None) -> Channel | None:
    return CHECKOUT
