"""`shipmate audit report`: who changed production, by which right, and what runs there that nobody here put there."""

from collections.abc import AsyncIterator, Callable
from dataclasses import astuple, dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import records as approval_records
from bot.audit import Audit, Search
from bot.audit.entries import canonical, moment_text
from bot.audit.export import csv_line
from bot.audit.people import shown
from bot.catalog import Catalog, Place
from bot.clock import Clock
from bot.deployments import places, records
from bot.deployments.records import Deployment, deployments
from bot.errors import UserError
from bot.identity import Person
from bot.permissions import Permissions
from bot.settings import Settings
from bot.store import Store
from bot.store.kept import recall
from bot.toolbox import Toolbox
from integrations.capabilities.deploys import Deployer
from integrations.errors import IntegrationError

COLUMNS = (
    "at", "kind", "id", "service", "environment", "target", "version", "sha",
    "asked_by", "approved_by", "rule", "outcome", "ended_at", "detail",
)  # fmt: skip
RIGHTS = ("configuration.reloaded", "policy.*", "access.*", "grant.*", "freeze.exception")
"""The actions that are told of as changes of rights: the policy's, lent ones, and ways through a freeze."""

_NEAR = 500

NameOf = Callable[[Person], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the report, in the order of `COLUMNS`."""

    at: str
    kind: str
    id: str = ""
    service: str = ""
    environment: str = ""
    target: str = ""
    version: str = ""
    sha: str = ""
    asked_by: str = ""
    approved_by: str = ""
    rule: str = ""
    outcome: str = ""
    ended_at: str = ""
    detail: str = ""

    def csv(self) -> str:
        """Return it as CSV."""
        return csv_line(*astuple(self))


class Report:
    """Reads the store, and asks the tools what runs."""

    def __init__(self, settings: Settings, store: Store, audit: Audit, name_of: NameOf) -> None:
        self._catalog = Catalog(settings)
        self._production = {name for name, kind in settings.environments.items() if kind.production_like}
        self._store = store
        self._audit = audit
        self._name_of = name_of

    async def deployments(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Line]:
        """Yield the deployments to production-like environments that were asked for in a span, oldest first."""
        async with self._store.read() as conn:
            wanted: list[sa.ColumnElement[bool]] = [deployments.c.environment.in_(sorted(self._production))]
            wanted += [deployments.c.created_at >= since] if since else []
            wanted += [deployments.c.created_at < until] if until else []
            ids = sa.select(deployments.c.id).where(*wanted).order_by(deployments.c.created_at, deployments.c.id)
            for ident in (await conn.execute(ids)).scalars().all():
                found = await records.get(conn, ident)
                if found is not None:
                    yield await self._deployment(conn, found)

    async def rights(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Line]:
        """Yield the changes of rights in a span, oldest first of each kind."""
        for action in RIGHTS:
            async for entry in self._audit.stream(Search(action=action, since=since, until=until)):
                resource = entry.resource
                yield Line(
                    at=moment_text(entry.at),
                    kind="rights",
                    id=f"#{entry.number}",
                    service=resource.service,
                    environment=resource.environment,
                    target=resource.target,
                    asked_by=self._name_of(entry.actor),
                    rule=entry.rule,
                    outcome=f"{entry.action}: {entry.outcome}",
                    detail=canonical(dict(entry.data)),
                )

    async def outside(self, toolbox: Toolbox, now: datetime) -> AsyncIterator[Line]:
        """Yield the production-like places where something runs that Shipmate did not deploy, as of now.

        A place whose tool does not say what runs is told of, too.
        """
        for place in self._catalog.places():
            if place.environment in self._production:
                line = await self._outside(toolbox, place, now)
                if line is not None:
                    yield line

    async def _outside(self, toolbox: Toolbox, place: Place, now: datetime) -> Line | None:
        job = self._catalog.environment(place).deploy
        where = {"service": place.service, "environment": place.environment, "target": place.target}
        try:
            running = await toolbox.get(Deployer, job.instance).get_running(job.job, *where.values())
        except (IntegrationError, UserError) as error:
            return Line(at=moment_text(now), kind="unknown", outcome="unknown", detail=str(error), **where)
        async with self._store.read() as conn:
            standing = await places.get(conn, place)
        there, ours = (running.sha, running.version) if running else ("", ""), standing.running
        if standing.holder or (there[0] == ours.sha and (ours.deployment or not ours.sha)):
            return None
        recorded = "Shipmate never deployed there"
        if ours.deployment:
            recorded = f"{ours.deployment} put {ours.version} ({ours.sha}) there"
        since = running.since if running and running.since else now
        said = f"{job.instance} says that {'this' if running else 'nothing'} runs; {recorded}"
        return Line(
            at=moment_text(since), kind="outside", version=there[1], sha=there[0], outcome="found", detail=said, **where
        )

    async def _deployment(self, conn: AsyncConnection, found: Deployment) -> Line:
        approval = await approval_records.get(conn, found.approval_id)
        votes = approval.approvers if approval else ()
        return Line(
            at=moment_text(found.created_at),
            kind=found.kind.value,
            id=found.id,
            service=found.service,
            environment=found.environment,
            target=found.target,
            version=found.version,
            sha=found.sha,
            asked_by=self._name_of(found.requested_by),
            approved_by="; ".join(f"{self._name_of(one.person)} ({', '.join(one.groups)})" for one in votes),
            rule=await self._rule(found),
            outcome=found.state.value,
            ended_at=moment_text(found.ended_at) if found.ended_at else "",
            detail=found.reason or found.words,
        )

    async def _rule(self, found: Deployment) -> str:
        """Return the rule by which it was allowed: it stands in an entry shortly before the first about it."""
        first = await self._audit.after(0, Search(subject=found.id), limit=1)
        if not first:
            return ""
        number = first[0].number
        near = Search(request_id=found.request_id, after=max(0, number - _NEAR), before=number + 1)
        return next((entry.rule for entry in await self._audit.find(near) if entry.rule), "")


async def permissions_of(settings: Settings, store: Store, clock: Clock) -> Permissions:
    """Return the permissions of the configuration, at home in the workspace that the bot last met."""
    permissions = Permissions(settings, clock)
    home = await recall(store, "home")
    if isinstance(home, dict):
        permissions.set_home(str(home["team"]), str(home["enterprise"]))
    return permissions


async def names_of(settings: Settings, store: Store, clock: Clock) -> NameOf:
    """Return how people are called: by the configuration's name and the id it stands for."""
    permissions = await permissions_of(settings, store, clock)

    def name_of(person: Person) -> str:
        return shown(person) or f"{permissions.name_of(person)} <{person.key}>"

    return name_of
