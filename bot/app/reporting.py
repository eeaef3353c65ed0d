"""`shipmate audit report`: who changed production, by which right, and what runs there that nobody here put there."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.app.approvers import seen_in, who_could
from bot.approvals import records as approval_records
from bot.audit import Audit, Search
from bot.audit.entries import canonical, moment_text
from bot.audit.erased import ERASED
from bot.audit.export import csv_line
from bot.audit.people import shown
from bot.catalog import Catalog, Place
from bot.changes import records as changes
from bot.clock import Clock
from bot.deployments import change_reviews, places, records
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
    "asked_by", "approved_by", "rule", "outcome", "ended_at", "detail", "change_class", "forced", "review",
)  # fmt: skip
RIGHTS = (
    "configuration.reloaded", "policy.*", "access.*", "approval.delegat*", "person.*", "identity.*", "grant.*",
    "freeze.exception", ERASED,
)  # fmt: skip
"""The actions told of as changes of rights: of the policy, lent ones, of identities, ways through a freeze, erasing."""

_NEAR = 500

NameOf = Callable[[Person], str]


class Line(Struct, frozen=True, kw_only=True):
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
    change_class: str = ""
    forced: str = ""
    review: str = ""

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

    async def approvers(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Line]:
        """Yield who could approve production, of each policy in force in a span, and what of that is not proven."""
        async for could in who_could(self._store, since, until):
            told = []
            for group, where in could.elsewhere.items():
                seen = await seen_in(self._store, group, could.begins, could.ends)
                known = ", ".join(self._name_of(person) for person in seen) or "nobody"
                told.append(f"{group} is the {where}: proven only of who voted: {known}")
            yield Line(
                at=moment_text(could.begins),
                kind="could_approve",
                id=could.policy,
                service=could.service,
                environment=could.environment,
                approved_by="; ".join(could.named),
                rule=f"{could.count} of {' or '.join(could.groups)}",
                outcome="partly proven" if could.elsewhere else "proven",
                ended_at=moment_text(could.ends) if could.ends else "",
                detail="; ".join(told),
            )

    async def noticed(self, since: datetime | None, until: datetime | None) -> AsyncIterator[Line]:
        """Yield what changed in production by another's hand in a span, as it was noticed while Shipmate ran."""
        table = changes.changes
        wanted = [table.c.kind == changes.Kind.OUTSIDE.value, table.c.environment.in_(sorted(self._production))]
        wanted += [table.c.at >= since] if since else []
        wanted += [table.c.at < until] if until else []
        async with self._store.read() as conn:
            rows = (await conn.execute(sa.select(table).where(*wanted).order_by(table.c.at, table.c.id))).all()
        for row in rows:
            yield Line(
                at=moment_text(row.at),
                kind="outside",
                id=str(row.data["deployment"]),
                service=row.service,
                environment=row.environment,
                target=row.target,
                version=str(row.data["version"]),
                sha=str(row.data["sha"]),
                outcome="found",
                detail=f"{row.summary}; noticed at {row.data['noticed_at']}",
            )

    async def _known(self, conn: AsyncConnection, place: Place, sha: str) -> bool:
        """Tell whether the change of a place to this commit was noticed before."""
        table = changes.changes
        chosen = sa.select(table.c.data).where(
            table.c.kind == changes.Kind.OUTSIDE.value,
            table.c.service == place.service,
            table.c.environment == place.environment,
            table.c.target == place.target,
        )
        return any(data["sha"] == sha for data in (await conn.execute(chosen)).scalars())

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
            if await self._known(conn, place, running.sha if running else ""):
                return None
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
            change_class=found.change_class or "normal",
            forced=found.forced,
            review=await self._review(conn, found.id),
        )

    async def _review(self, conn: AsyncConnection, deployment_id: str) -> str:
        """Return how it stands with the review of a forced or emergency change, "" for what needs none."""
        review = await change_reviews.get(conn, deployment_id)
        if review is None:
            return ""
        passed = f"passed over: {', '.join(review.skipped)}; " if review.skipped else ""
        if review.signed_by is not None and review.signed_at is not None:
            note = f": {review.note}" if review.note else ""
            return f"{passed}signed off by {self._name_of(review.signed_by)} at {moment_text(review.signed_at)}{note}"
        if review.dropped_at is not None:
            return f"{passed}nothing was sent"
        return f"{passed}OPEN, due {moment_text(review.due_at)}"

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
