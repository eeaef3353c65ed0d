"""The tables of deployments and what happened to them; rows as values, and the one compare-and-set."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.deployments.plan import Plan, Release
from bot.deployments.reasking import Before
from bot.deployments.rules import ENDED, Kind, State
from bot.identity import Channel, Person
from bot.policy.facts import Facts
from bot.store import ChannelColumn, JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class Deployment(Struct, frozen=True, kw_only=True):
    """One deployment as it stands.

    `asked` is the ref as it was typed, `ref_sha` what it stood for then. `generation` grows with every new plan,
    `attempt` with every retry of parked work. `progress` holds what is known of the run under way, plain values.
    `facts` are what the last plan was decided from, by the rules that `policy_digest` names; `change_class` is the
    class that was asked for, `forced` the reason of a break-glass.
    `cancel_by` is who asked to end it. `parked_why` is set while it stands still because of us or of a tool. `before`
    is what was asked before something moved; `sent_at` is when it was decided to send it: nobody takes anything back
    after that.
    """

    id: str
    request_id: str
    kind: Kind
    service: str
    environment: str
    target: str
    asked: str
    sha: str
    version: str
    artifact: str
    digest: str
    previous_sha: str
    previous_version: str
    previous_artifact: str
    previous_digest: str
    previous_deployment: str
    requested_by: Person
    reason: str
    state: State
    state_since: datetime
    generation: int
    attempt: int
    plan: JsonValue
    plan_digest: str
    before: JsonValue
    irreversible: bool
    again: bool
    patient: bool
    build_run: str
    deploy_run: str
    rollback_run: str
    fence: int
    sent_at: datetime | None
    queued_at: datetime | None
    cancel_by: Person | None
    cancel_at: datetime | None
    rollback_by: Person | None
    parked_why: str
    parked_at: datetime | None
    progress: dict[str, JsonValue]
    channel: Channel | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    code: str
    words: str
    facts: JsonValue = None
    policy_digest: str = ""
    change_class: str = ""
    forced: str = ""
    fix: bool = False

    @property
    def place(self) -> Place:
        """Where it goes."""
        return Place(self.service, self.environment, self.target)

    @property
    def release(self) -> Release:
        """What it puts there."""
        return Release(
            sha=self.sha, version=self.version, artifact=self.artifact, digest=self.digest, deployment=self.id
        )

    @property
    def previous(self) -> Release:
        """What ran there before."""
        return Release(
            sha=self.previous_sha,
            version=self.previous_version,
            artifact=self.previous_artifact,
            digest=self.previous_digest,
            deployment=self.previous_deployment,
        )

    @property
    def the_plan(self) -> Plan:
        """Its plan; an empty one before there is any."""
        return Plan(base=self.previous) if self.plan is None else Plan.from_json(self.plan)

    @property
    def the_facts(self) -> Facts:
        """The facts it was decided from; what the row alone tells before there are any."""
        if self.facts is not None:
            return Facts.from_json(self.facts)
        return Facts(
            at=self.created_at,
            kind=self.kind.value,
            service=self.service,
            environment=self.environment,
            target=self.target,
            requester=self.requested_by.key,
            sha=self.sha,
            version=self.version,
        )

    @property
    def asked_before(self) -> Before | None:
        """What was asked before something moved; None where it is asked for the first time."""
        return None if self.before is None else Before.from_json(self.before)

    @property
    def approval_id(self) -> str:
        """The id of the approval that its present plan needs."""
        return f"{self.id}/{self.generation}"

    def request_of(self, what: str) -> str:
        """Return the request id of its build or deploy: another one once something else is asked for."""
        return f"{self.id}/{what}" if self.generation == 1 else f"{self.id}/{what}/{self.generation}"

    @property
    def title(self) -> str:
        """What goes where: "checkout 1.4.2 → production", "checkout back to 1.4.1 → production"."""
        where = "/".join(part for part in (self.environment, self.target) if part)
        back = "back to " if self.kind is Kind.ROLLBACK else ""
        return f"{self.service} {back}{self.version} → {where}"

    @property
    def ended(self) -> bool:
        """Whether nothing is under way any more."""
        return self.state in ENDED


_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _words(name: str, length: int = 255) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, default="")


deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("request_id", sa.String(255), nullable=False, unique=True),
    _words("kind", 16),
    _words("service"),
    _words("environment"),
    _words("target"),
    _words("asked"),
    _words("sha", 64),
    _words("version"),
    _words("artifact", 1000),
    _words("digest"),
    _words("previous_sha", 64),
    _words("previous_version"),
    _words("previous_artifact", 1000),
    _words("previous_digest"),
    _words("previous_deployment", 32),
    sa.Column("requested_by", PersonColumn, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    _words("state", 32),
    sa.Column("state_since", Timestamp, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False, default=1),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("plan", JsonColumn, nullable=True),
    _words("plan_digest", 64),
    sa.Column("before", JsonColumn, nullable=True),
    sa.Column("irreversible", sa.Boolean, nullable=False, default=False),
    sa.Column("again", sa.Boolean, nullable=False, default=False),
    sa.Column("patient", sa.Boolean, nullable=False, default=False),
    _words("build_run", 1000),
    _words("deploy_run", 1000),
    _words("rollback_run", 1000),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("sent_at", Timestamp, nullable=True),
    sa.Column("queued_at", Timestamp, nullable=True),
    sa.Column("cancel_by", PersonColumn, nullable=True),
    sa.Column("cancel_at", Timestamp, nullable=True),
    sa.Column("rollback_by", PersonColumn, nullable=True),
    sa.Column("parked_why", sa.Text, nullable=False, default=""),
    sa.Column("parked_at", Timestamp, nullable=True),
    sa.Column("progress", JsonColumn, nullable=False, default=dict),
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("started_at", Timestamp, nullable=True),
    sa.Column("ended_at", Timestamp, nullable=True),
    _words("code", 64),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Column("facts", JsonColumn, nullable=True),
    _words("policy_digest", 32),
    _words("change_class", 32),
    sa.Column("forced", sa.Text, nullable=False, default=""),
    sa.Column("fix", sa.Boolean, nullable=False, default=False),
)
_OPEN = deployments.c.ended_at.is_(None)
sa.Index("ix_deployments_open", deployments.c.created_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
_C = deployments.c
sa.Index("ix_deployments_place", _C.service, _C.environment, _C.target, _C.ended_at)
sa.Index("ix_deployments_newest", _C.created_at, _C.id)
sa.Index("ix_deployments_newest_of_service", _C.service, _C.created_at, _C.id)
sa.Index("ix_deployments_newest_of_environment", _C.service, _C.environment, _C.created_at, _C.id)
sa.Index("ix_deployments_version", _C.version, _C.sha)
sa.Index("ix_deployments_sha", _C.sha, _C.service)

events = sa.Table(
    "deployment_events",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("deployment_id", sa.String(32), sa.ForeignKey("deployments.id"), nullable=False, index=True),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("person", PersonColumn, nullable=True),
    sa.Column("text", sa.Text, nullable=False),
)


class Event(Struct, frozen=True):
    """One thing that happened to a deployment."""

    at: datetime
    kind: str
    person: Person | None
    text: str


def read(row: sa.Row[tuple[object, ...]]) -> Deployment:
    """Return the deployment of a row."""
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Deployment(**{**values, "kind": Kind(values["kind"]), "state": State(values["state"])})


async def add(tx: Tx, **values: object) -> bool:
    """Write a new deployment; false when this request made one before."""
    statement = insert(tx.conn, deployments).values(**values)
    statement = statement.on_conflict_do_nothing(index_elements=[deployments.c.request_id])
    return (await tx.conn.execute(statement)).rowcount > 0


async def get(conn: AsyncConnection, deployment_id: str) -> Deployment | None:
    """Return one deployment by its id, in upper or lower case."""
    statement = sa.select(deployments).where(deployments.c.id == deployment_id.strip().upper())
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def of_request(conn: AsyncConnection, request_id: str) -> Deployment | None:
    """Return the deployment that this request made."""
    row = (await conn.execute(sa.select(deployments).where(deployments.c.request_id == request_id))).one_or_none()
    return None if row is None else read(row)


async def change(
    tx: Tx, deployment_id: str, sources: Collection[State], *when: sa.ColumnElement[bool], **values: object
) -> Deployment | None:
    """Compare and set: change the row if its state is one of `sources` (and `when` holds), and return it, else None."""
    statement = (
        sa.update(deployments)
        .where(deployments.c.id == deployment_id, deployments.c.state.in_([state.value for state in sources]), *when)
        .values(**values)
        .returning(deployments)
    )
    row = (await tx.conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def note(tx: Tx, deployment_id: str, kind: str, text: str, *, at: datetime, person: Person | None = None) -> None:
    """Write one line of what happened."""
    await tx.conn.execute(
        sa.insert(events).values(deployment_id=deployment_id, at=at, kind=kind, person=person, text=text)
    )


async def timeline(conn: AsyncConnection, deployment_id: str) -> Sequence[Event]:
    """Return what happened to a deployment, in order."""
    statement = sa.select(events).where(events.c.deployment_id == deployment_id).order_by(events.c.id)
    return [Event(row.at, row.kind, row.person, row.text) for row in (await conn.execute(statement)).all()]


async def history(
    conn: AsyncConnection, *, service: str = "", environment: str = "", limit: int = 10
) -> Sequence[Deployment]:
    """Return deployments, newest first."""
    statement = sa.select(deployments).order_by(deployments.c.created_at.desc(), deployments.c.id.desc())
    if service:
        statement = statement.where(deployments.c.service == service)
    if environment:
        statement = statement.where(deployments.c.environment == environment)
    return [read(row) for row in (await conn.execute(statement.limit(limit))).all()]


async def unfinished(
    conn: AsyncConnection, *, states: Collection[State] = (), limit: int | None = None, place: Place | None = None
) -> Sequence[Deployment]:
    """Return deployments that have not ended, oldest first; those in `states`, or all; of one place, or of all."""
    here = () if place is None else _at(place)
    statement = sa.select(deployments).where(_OPEN, *here).order_by(deployments.c.created_at).limit(limit)
    if states:
        statement = statement.where(deployments.c.state.in_([state.value for state in states]))
    return [read(row) for row in (await conn.execute(statement)).all()]


def _at(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        deployments.c.service == place.service,
        deployments.c.environment == place.environment,
        deployments.c.target == place.target,
    )


async def queue(conn: AsyncConnection, place: Place) -> Sequence[str]:
    """Return the ids of those that wait for a place, first come first."""
    statement = (
        sa.select(deployments.c.id)
        .where(*_at(place), deployments.c.state == State.QUEUED.value, _OPEN)
        .order_by(deployments.c.queued_at, deployments.c.created_at, deployments.c.id)
    )
    return (await conn.execute(statement)).scalars().all()


async def newest_ended(conn: AsyncConnection, service: str, environment: str, target: str = "") -> Deployment | None:
    """Return the newest deployment that ended after it had touched this place, whatever became of it."""
    statement = (
        sa.select(deployments)
        .where(*_at(Place(service, environment, target)))
        .where(deployments.c.ended_at.is_not(None), deployments.c.started_at.is_not(None))
        .order_by(deployments.c.ended_at.desc(), deployments.c.id.desc())
        .limit(1)
    )
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def newest_success(conn: AsyncConnection, place: Place, sha: str) -> Deployment | None:
    """Return the newest deployment that put this commit on this place with success, rollbacks left aside."""
    statement = (
        sa.select(deployments)
        .where(*_at(place), deployments.c.sha == sha, deployments.c.kind == Kind.DEPLOY.value)
        .where(deployments.c.state == State.SUCCEEDED.value)
        .order_by(deployments.c.ended_at.desc())
        .limit(1)
    )
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def good_versions(conn: AsyncConnection, place: Place, *, limit: int = 20) -> Sequence[Deployment]:
    """Return the deployments that succeeded on a place, newest first."""
    statement = (
        sa.select(deployments)
        .where(*_at(place), deployments.c.state == State.SUCCEEDED.value)
        .order_by(deployments.c.ended_at.desc())
        .limit(limit)
    )
    return [read(row) for row in (await conn.execute(statement)).all()]


async def under_way(conn: AsyncConnection, place: Place, sha: str) -> Deployment | None:
    """Return the deployment that is putting this commit on this place already."""
    statement = sa.select(deployments).where(*_at(place), deployments.c.sha == sha, _OPEN).limit(1)
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row)


async def built(conn: AsyncConnection, service: str, sha: str) -> Release | None:
    """Return the artifact that was built of a commit before, so that what was tested is what ships."""
    statement = (
        sa.select(deployments)
        .where(deployments.c.service == service, deployments.c.sha == sha, deployments.c.digest != "")
        .order_by(deployments.c.created_at)
        .limit(1)
    )
    row = (await conn.execute(statement)).one_or_none()
    return None if row is None else read(row).release
