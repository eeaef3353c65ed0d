"""What became of tests: which failed in which run of a service, for telling new, known and flaky failures apart.

A run is a row with its counts; a failed test is a row below it. What a run's report does not name among its failures
counts as passed in it. The newest hundred runs of a service are kept, and at most five hundred failures of each.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import Timestamp, Tx, insert, metadata
from integrations.capabilities.reports import CaseState, TestReport

KEPT_RUNS = 100
KEPT_FAILURES = 500
_LOOKED_AT = 60
_NAME = 500
_MESSAGE = 300

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

runs = sa.Table(
    "test_runs",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("run", sa.String(500), nullable=False, unique=True),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("branch", sa.String(255), nullable=False),
    sa.Column("sha", sa.String(64), nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Index("ix_test_runs_service_at", "service", "at"),
)
failures = sa.Table(
    "test_failures",
    metadata,
    sa.Column("run_id", _Serial, sa.ForeignKey("test_runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("suite", sa.String(_NAME), primary_key=True),
    sa.Column("name", sa.String(_NAME), primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
)


class Tested(Struct, frozen=True, kw_only=True):
    """The tests of one run, as they were kept."""

    run: str
    branch: str
    sha: str
    at: datetime
    total: int
    failed: int
    skipped: int
    url: str


class Failure(Struct, frozen=True, kw_only=True):
    """One failed test of a run, seen with its past: `standing` is "new", "known" or "flaky", and `reason` says why."""

    suite: str
    name: str
    message: str
    standing: str
    reason: str

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.suite} › {self.name}" if self.suite else self.name


async def keep(tx: Tx, service: str, run: str, report: TestReport, *, branch: str, sha: str, at: datetime) -> None:
    """Keep the outcome of a run's tests, once; forget what is old."""
    row = {
        "run": run,
        "service": service,
        "branch": branch[:255],
        "sha": sha[:64],
        "at": at,
        "total": report.total,
        "failed": report.failed,
        "skipped": report.skipped,
        "url": report.url,
    }
    statement = insert(tx.conn, runs).values(row).on_conflict_do_nothing(index_elements=[runs.c.run])
    run_id = (await tx.conn.execute(statement.returning(runs.c.id))).scalar_one_or_none()
    if run_id is None:
        return
    failed = {
        (case.suite[:_NAME], case.name[:_NAME]): " ".join(case.message.split())[:_MESSAGE]
        for case in report.cases
        if case.state is CaseState.FAILED
    }
    rows = [
        {"run_id": run_id, "suite": suite, "name": name, "message": message}
        for (suite, name), message in list(failed.items())[:KEPT_FAILURES]
    ]
    if rows:
        await tx.conn.execute(sa.insert(failures), rows)
    newest = sa.select(runs.c.id).where(runs.c.service == service).order_by(runs.c.at.desc()).limit(KEPT_RUNS)
    known = set((await tx.conn.execute(newest)).scalars())
    old = sa.select(runs.c.id).where(runs.c.service == service, runs.c.id.not_in(known))
    await tx.conn.execute(sa.delete(failures).where(failures.c.run_id.in_(old)))
    await tx.conn.execute(sa.delete(runs).where(runs.c.service == service, runs.c.id.not_in(known)))


async def of_run(conn: AsyncConnection, run: str) -> Tested | None:
    """Return the tests of one run, None when they were not kept."""
    row = (await conn.execute(sa.select(runs).where(runs.c.run == run))).one_or_none()
    return None if row is None else _tested(row)


async def failed(conn: AsyncConnection, run: str) -> Sequence[Failure]:
    """Return the failed tests of a run with what is known of their past, new ones first."""
    from bot.diagnosis.history import Outcome, standing  # noqa: PLC0415 - heavy, and needed only once a test failed

    now = (await conn.execute(sa.select(runs).where(runs.c.run == run))).one_or_none()
    if now is None:
        return ()
    here = sa.select(failures).where(failures.c.run_id == now.id).order_by(failures.c.suite, failures.c.name)
    broken = (await conn.execute(here)).all()
    if not broken:
        return ()
    before = (
        sa.select(runs)
        .where(runs.c.service == now.service, runs.c.at <= now.at, runs.c.id != now.id)
        .order_by(runs.c.at.desc())
        .limit(_LOOKED_AT)
    )
    past = (await conn.execute(before)).all()
    statement = sa.select(failures.c.run_id, failures.c.suite, failures.c.name)
    known = (await conn.execute(statement.where(failures.c.run_id.in_([one.id for one in past])))).all()
    red = {(one.run_id, one.suite, one.name) for one in known}
    present = Outcome(sha=now.sha, branch=now.branch, passed=False, at=now.at)
    found = []
    for one in broken:
        earlier = [
            Outcome(sha=run.sha, branch=run.branch, passed=(run.id, one.suite, one.name) not in red, at=run.at)
            for run in past
        ]
        verdict = standing(present, earlier)
        kind = verdict.standing.value
        found.append(Failure(suite=one.suite, name=one.name, message=one.message, standing=kind, reason=verdict.reason))
    order = ("new", "flaky", "known")
    return sorted(found, key=lambda one: (order.index(one.standing), one.suite, one.name))


def _tested(row: sa.Row[tuple[object, ...]]) -> Tested:
    names = ("run", "branch", "sha", "at", "total", "failed", "skipped", "url")
    return Tested(**{name: row._mapping[name] for name in names})  # noqa: SLF001 - SQLAlchemy's documented way
