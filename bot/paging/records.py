"""The tables of paging: what is under way for which trouble, each page, and what is to be passed on.

Addresses are in none of them: a page names a person, a way and a pager, and the address is read when it is sent.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.identity import Person
from bot.paging.rules import At
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata

SIGNAL = "paging"
_MOST_AT_ONCE = 200


class PageState(StrEnum):
    """Where a page stands."""

    WAITING = "waiting"
    SENDING = "sending"
    QUEUED = "queued"
    """The way has taken it; that is no delivery."""
    DELIVERED = "delivered"
    DOUBT = "doubt"
    """It was sent and nothing came back: it may have arrived."""
    FAILED = "failed"
    DROPPED = "dropped"
    """It was not needed any more."""


SENT = (PageState.QUEUED, PageState.DELIVERED, PageState.DOUBT)


class Run(Struct, frozen=True, kw_only=True):
    """The paging of one trouble from its beginning until a person comes. `words` are what its thread is to hear.

    `person` is who alone is asked, until they answer; None where a chain is followed.
    """

    id: str
    subject: str
    number: int
    chain: str
    service: str
    environment: str
    title: str
    answer: str
    running: bool = True
    step: int = 0
    round: int = 0
    version: int = 1
    due_at: datetime | None
    opened_at: datetime
    stopped_at: datetime | None = None
    stopped_by: Person | None = None
    why: str = ""
    words: tuple[str, ...] = ()
    said: int = 0
    elsewhere: bool = False
    person: Person | None = None

    @property
    def at(self) -> At:
        """Where its chain stands."""
        return At(self.step, self.round)


class PageRow(Struct, frozen=True, kw_only=True):
    """One page: to a person (None for something outside), by a way, through a pager ("" for Slack).

    `batch` is shared by what one turn told. `step` is the step of the chain that holds the address where there is no
    person. `due_at` is when it is to be sent, taken over, or looked after, by its state. `first_at` is when it was
    first to be sent, `tried_at` when that was first tried, `sent_at` when it last was. `carried_by` names the page that
    it went out with.
    """

    id: str
    run_id: str
    batch: int
    person: Person | None
    way: str
    pager: str
    step: int
    important: bool
    state: PageState
    due_at: datetime | None
    first_at: datetime
    tried_at: datetime | None = None
    sent_at: datetime | None = None
    owner: str = ""
    attempts: int = 0
    ref: str = ""
    reason: str = ""
    carried_by: str = ""


runs = sa.Table(
    "paging_runs",
    metadata,
    sa.Column("id", sa.String(80), primary_key=True),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("chain", sa.String(255), nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("title", sa.String(300), nullable=False),
    sa.Column("answer", sa.String(64), nullable=False),  # the command that an answer by a pager runs
    sa.Column("running", sa.Boolean, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("due_at", Timestamp, nullable=True),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("stopped_at", Timestamp, nullable=True),
    sa.Column("stopped_by", PersonColumn, nullable=True),
    sa.Column("why", sa.String(300), nullable=False),
    sa.Column("words", JsonColumn, nullable=False),
    sa.Column("said", sa.Integer, nullable=False),
    sa.Column("elsewhere", sa.Boolean, nullable=False),  # another paging service holds a trouble of its own for it
    sa.Column("person", PersonColumn, nullable=True),  # who alone is asked; their answer ends it
    sa.UniqueConstraint("subject", "number"),
)
_RUN_DUE = runs.c.due_at.is_not(None)
sa.Index("ix_paging_runs_due", runs.c.due_at, sqlite_where=_RUN_DUE, postgresql_where=_RUN_DUE)

pages = sa.Table(
    "pages",
    metadata,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("run_id", sa.ForeignKey(runs.c.id, ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("batch", sa.Integer, nullable=False),
    sa.Column("person", PersonColumn, nullable=True),
    sa.Column("way", sa.String(16), nullable=False),
    sa.Column("pager", sa.String(255), nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("important", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("due_at", Timestamp, nullable=True),
    sa.Column("first_at", Timestamp, nullable=False),
    sa.Column("tried_at", Timestamp, nullable=True),
    sa.Column("sent_at", Timestamp, nullable=True),
    sa.Column("owner", sa.String(128), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("ref", sa.String(255), nullable=False),
    sa.Column("reason", sa.String(300), nullable=False),
    sa.Column("carried_by", sa.String(100), nullable=False, index=True),
)
_PAGE_DUE = pages.c.due_at.is_not(None)
sa.Index("ix_pages_due", pages.c.due_at, sqlite_where=_PAGE_DUE, postgresql_where=_PAGE_DUE)
sa.Index("ix_pages_person", pages.c.person, pages.c.way, pages.c.sent_at)
sa.Index("ix_pages_ref", pages.c.pager, pages.c.ref)

errands = sa.Table(
    "paging_errands",
    metadata,
    sa.Column("id", sa.String(300), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # answer: a person acknowledges; settle: tell a paging service
    sa.Column("data", JsonColumn, nullable=False),
    sa.Column("due_at", Timestamp, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
)


class Errand(Struct, frozen=True):
    """Something that is to be passed on, again and again until it is done."""

    id: str
    kind: str
    data: dict[str, Any]
    due_at: datetime
    attempts: int


def last_by_chain(found: Sequence[Run]) -> Run | None:
    """Return the last paging by a chain among those of one trouble."""
    return max((one for one in found if one.person is None), key=lambda one: one.number, default=None)


async def lock_all_of(tx: Tx, subject: str) -> Sequence[Run]:
    """Return every paging of a trouble, locked in the order in which `lock_runs` does it."""
    statement = sa.select(runs).where(runs.c.subject == subject).order_by(runs.c.id).with_for_update()
    return [_run(row) for row in (await tx.conn.execute(statement)).all()]


async def locked(tx: Tx, run_id: str) -> Run | None:
    """Return a run, its row locked until the transaction ends."""
    row = (await tx.conn.execute(sa.select(runs).where(runs.c.id == run_id).with_for_update())).one_or_none()
    return None if row is None else _run(row)


async def all_of(conn: AsyncConnection, subject: str) -> Sequence[Run]:
    """Return every paging of a trouble, the first one first."""
    rows = (await conn.execute(sa.select(runs).where(runs.c.subject == subject).order_by(runs.c.number))).all()
    return [_run(row) for row in rows]


async def running(conn: AsyncConnection) -> frozenset[str]:
    """Return what somebody is being paged about."""
    return frozenset((await conn.execute(sa.select(runs.c.subject).where(runs.c.running))).scalars())


async def due_runs(conn: AsyncConnection, now: datetime) -> Sequence[Run]:
    """Return what has a step due, the longest due first."""
    statement = sa.select(runs).where(runs.c.due_at <= now).order_by(runs.c.due_at, runs.c.id).limit(_MOST_AT_ONCE)
    return [_run(row) for row in (await conn.execute(statement)).all()]


async def add_run(tx: Tx, run: Run) -> bool:
    """Write a new run; answer whether there was none of its number."""
    statement = insert(tx.conn, runs).values(**_run_values(run)).on_conflict_do_nothing()
    tx.wake(SIGNAL)
    return (await tx.conn.execute(statement)).rowcount > 0


async def change_run(tx: Tx, run: Run, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Change a run unless somebody else has meanwhile."""
    same = sa.and_(runs.c.id == run.id, runs.c.version == run.version)
    tx.wake(SIGNAL)
    changed = await tx.conn.execute(sa.update(runs).where(same).values(version=run.version + 1, **values))
    return changed.rowcount > 0


async def add_pages(tx: Tx, found: Sequence[PageRow]) -> None:
    """Write new pages."""
    if found:
        await tx.conn.execute(sa.insert(pages), [_page_values(one) for one in found])
        tx.wake(SIGNAL)


async def count_pages(conn: AsyncConnection, run_id: str) -> int:
    """Return how many pages a run has had."""
    counted = sa.select(sa.func.count()).select_from(pages).where(pages.c.run_id == run_id)
    return int((await conn.execute(counted)).scalar_one())


async def pages_where(conn: AsyncConnection, *which: sa.ColumnElement[bool], lock: bool = False) -> Sequence[PageRow]:
    """Return pages that fit, the first wanted first."""
    statement = sa.select(pages).where(*which).order_by(pages.c.first_at, pages.c.id)
    if lock:
        statement = statement.with_for_update()
    return [_page(row) for row in (await conn.execute(statement)).all()]


async def runs_due(conn: AsyncConnection, now: datetime) -> frozenset[str]:
    """Return the runs of which pages are due, without a turn to write."""
    statement = sa.select(pages.c.run_id).where(pages.c.due_at <= now).order_by(pages.c.due_at).limit(_MOST_AT_ONCE)
    return frozenset((await conn.execute(statement)).scalars())


async def due_pages(tx: Tx, now: datetime, found: Collection[str]) -> Sequence[PageRow]:
    """Return pages of these runs that are due, locked; those that another replica has in hand are not among them."""
    statement = sa.select(pages).where(pages.c.due_at <= now, pages.c.run_id.in_(found))
    statement = statement.order_by(pages.c.due_at, pages.c.id).limit(_MOST_AT_ONCE).with_for_update(skip_locked=True)
    return [_page(row) for row in (await tx.conn.execute(statement)).all()]


async def waiting_for(tx: Tx, person: Person, way: str, until: datetime) -> Sequence[PageRow]:
    """Return what is to be sent to a person by a way by then, locked."""
    statement = (
        sa.select(pages)
        .where(pages.c.person == person, pages.c.way == way, pages.c.state == PageState.WAITING)
        .where(pages.c.due_at <= until)
        .order_by(pages.c.due_at, pages.c.id)
        .with_for_update(skip_locked=True)
    )
    return [_page(row) for row in (await tx.conn.execute(statement)).all()]


async def last_sent(conn: AsyncConnection, person: Person, way: str) -> PageRow | None:
    """Return the page that went to a person by a way last, or is going."""
    out = pages.c.state.in_([PageState.SENDING, *SENT])
    statement = sa.select(pages).where(pages.c.person == person, pages.c.way == way, pages.c.sent_at.is_not(None), out)
    row = (await conn.execute(statement.order_by(pages.c.sent_at.desc()).limit(1))).one_or_none()
    return None if row is None else _page(row)


async def change_pages(tx: Tx, ids: Sequence[str], **values: Any) -> int:  # noqa: ANN401 - columns
    """Change pages; return how many there were."""
    if not ids:
        return 0
    return (await tx.conn.execute(sa.update(pages).where(pages.c.id.in_(ids)).values(**values))).rowcount


async def end_page(tx: Tx, page: PageRow, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Note what became of a page that this process has in hand; false when it is another's by now."""
    mine = sa.and_(pages.c.id == page.id, pages.c.owner == page.owner, pages.c.attempts == page.attempts)
    return (await tx.conn.execute(sa.update(pages).where(mine).values(**values))).rowcount > 0


async def take_over(tx: Tx, owner: str, now: datetime) -> None:
    """Have what another process had in hand looked at now: of use where there can be only one process."""
    left = sa.and_(pages.c.due_at.is_not(None), pages.c.owner != owner, pages.c.state == PageState.SENDING)
    await tx.conn.execute(sa.update(pages).where(left).values(due_at=now))
    await tx.conn.execute(sa.update(errands).values(due_at=now))


async def forget(tx: Tx, before: datetime) -> None:
    """Forget what was over before a moment, with its pages."""
    await tx.conn.execute(sa.delete(runs).where(runs.c.stopped_at < before))


async def states_of(conn: AsyncConnection, found: Sequence[str]) -> dict[str, Run]:
    """Return runs by id."""
    rows = (await conn.execute(sa.select(runs).where(runs.c.id.in_(found)))).all()
    return {row.id: _run(row) for row in rows}


async def lock_runs(tx: Tx, found: Collection[str], *, skip: bool = False) -> dict[str, Run]:
    """Return runs by id, locked before any of their pages is; with `skip` without those that another replica holds."""
    statement = sa.select(runs).where(runs.c.id.in_(sorted(found))).order_by(runs.c.id)
    rows = (await tx.conn.execute(statement.with_for_update(skip_locked=skip))).all()
    return {row.id: _run(row) for row in rows}


async def add_errand(tx: Tx, ident: str, kind: str, data: dict[str, Any], at: datetime) -> None:
    """Have something passed on, once for each id."""
    statement = insert(tx.conn, errands).values(id=ident, kind=kind, data=data, due_at=at, attempts=0)
    await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[errands.c.id]))
    tx.wake(SIGNAL)


async def claim_errands(tx: Tx, now: datetime, lease: timedelta) -> Sequence[Errand]:
    """Take what is to be passed on now, for the length of a lease."""
    statement = sa.select(errands).where(errands.c.due_at <= now).order_by(errands.c.due_at).limit(_MOST_AT_ONCE)
    rows = (await tx.conn.execute(statement.with_for_update(skip_locked=True))).all()
    ids = [row.id for row in rows]
    if ids:
        again = {"due_at": now + lease, "attempts": errands.c.attempts + 1}
        await tx.conn.execute(sa.update(errands).where(errands.c.id.in_(ids)).values(**again))
    return [Errand(row.id, row.kind, row.data, row.due_at, row.attempts + 1) for row in rows]


async def any_errand_due(conn: AsyncConnection, now: datetime) -> bool:
    """Tell whether anything is to be passed on, without a turn to write."""
    return (await conn.execute(sa.select(errands.c.id).where(errands.c.due_at <= now).limit(1))).first() is not None


async def drop_errand(tx: Tx, ident: str) -> None:
    """Forget what was passed on."""
    await tx.conn.execute(sa.delete(errands).where(errands.c.id == ident))


async def next_due(conn: AsyncConnection) -> datetime | None:
    """Return when anything is due next."""
    soonest = sa.union_all(
        *(sa.select(sa.func.min(column, type_=Timestamp).label("at")) for column in (runs.c.due_at, pages.c.due_at)),
        sa.select(sa.func.min(errands.c.due_at, type_=Timestamp).label("at")),
    )
    moments = [at for at in (await conn.execute(soonest)).scalars() if at is not None]
    return min(moments, default=None)


def _run(row: sa.Row[Any]) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    flags = {name: bool(values[name]) for name in ("running", "elsewhere")}
    return Run(**{**values, **flags, "words": tuple(values["words"])})


def _run_values(run: Run) -> dict[str, Any]:
    return {column.name: getattr(run, column.name) for column in runs.c} | {"words": list(run.words)}


def _page(row: sa.Row[Any]) -> PageRow:
    values = dict(row._mapping)  # noqa: SLF001 - as above
    return PageRow(**{**values, "important": bool(values["important"]), "state": PageState(values["state"])})


def _page_values(page: PageRow) -> dict[str, Any]:
    return {column.name: getattr(page, column.name) for column in pages.c}
