"""The story of a release, for evidence: everything that is kept of it, read at one moment, as plain values."""

import hashlib
import json
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import records as approval_records
from bot.approvals.records import Approval
from bot.deployments import records as deployment_records
from bot.deployments.records import Deployment, Event, deployments
from bot.errors import BadInput
from bot.identity import Person
from bot.releases import records
from bot.releases.changelog import Entry
from bot.releases.records import Release, SignOff
from bot.slack.records import outbox


class Request(Struct, frozen=True, kw_only=True):
    """Who asked for what: `subject` is the release or the deployment, `request_id` the delivery that asked."""

    subject: str
    request_id: str
    person: Person
    asked: str
    at: datetime
    reason: str = ""


class Excerpt(Struct, frozen=True, kw_only=True):
    """A piece of a log as it was posted into the thread of `subject`; `message` is the message, plain JSON."""

    subject: str
    key: str
    at: datetime
    message: object


class Story(Struct, frozen=True, kw_only=True):
    """Everything about a release. `diff_digest` is `diff_digest_of` the commits between it and the one before."""

    release: Release
    requests: tuple[Request, ...]
    commits: tuple[Entry, ...]
    diff_digest: str
    checks: dict[str, str]
    sign_offs: tuple[SignOff, ...]
    approvals: tuple[Approval, ...]
    deployments: tuple[Deployment, ...]
    events: dict[str, tuple[Event, ...]]
    excerpts: tuple[Excerpt, ...]


async def story(conn: AsyncConnection, release_id: str) -> Story:
    """Return everything that is kept of a release. Raises: BadInput (`unknown_release`)."""
    release = await records.get(conn, release_id)
    if release is None:
        raise BadInput("unknown_release", f"There is no release {release_id}. /release list shows the newest.")
    put = await deployments_of(conn, release)
    approvals = [one for deployment in put for one in await _approvals(conn, deployment.id)]
    events = {one.id: tuple(await deployment_records.timeline(conn, one.id)) for one in put}
    asked = [
        Request(
            subject=release.id,
            request_id=release.request_id,
            person=release.requested_by,
            asked=release.asked,
            at=release.created_at,
        )
    ]
    asked += [
        Request(
            subject=one.id,
            request_id=one.request_id,
            person=one.requested_by,
            asked=f"{one.kind.value} {one.asked} to {one.place}",
            at=one.created_at,
            reason=one.reason,
        )
        for one in put
    ]
    commits = release.changelog.entries
    return Story(
        release=release,
        requests=tuple(asked),
        commits=commits,
        diff_digest=diff_digest_of(release.previous_sha, release.sha, [entry.sha for entry in commits]),
        checks=dict(release.checks),
        sign_offs=tuple(await records.said_of(conn, release.id)),
        approvals=tuple(approvals),
        deployments=put,
        events=events,
        excerpts=tuple(await _excerpts(conn, [release.id, *(one.id for one in put)])),
    )


async def deployments_of(conn: AsyncConnection, release: Release) -> tuple[Deployment, ...]:
    """Return the deployments of a release's commit with its artifact, oldest first."""
    same = sa.or_(deployments.c.digest == release.digest, deployments.c.digest == "")
    statement = (
        sa.select(deployments)
        .where(deployments.c.service == release.service, deployments.c.sha == release.sha, same)
        .order_by(deployments.c.created_at, deployments.c.id)
    )
    return tuple(deployment_records.read(row) for row in (await conn.execute(statement)).all())


def diff_digest_of(base: str, head: str, commits: list[str]) -> str:
    """Return the SHA-256 of a range of commits, `sha256:…`: of the canonical JSON {"base", "commits", "head"}."""
    text = json.dumps({"base": base, "commits": commits, "head": head}, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


async def _approvals(conn: AsyncConnection, subject: str) -> list[Approval]:
    table = approval_records.approvals
    statement = sa.select(table.c.id).where(table.c.subject == subject).order_by(table.c.opened_at, table.c.id)
    found = [await approval_records.get(conn, ident) for ident in (await conn.execute(statement)).scalars().all()]
    return [one for one in found if one is not None]


async def _excerpts(conn: AsyncConnection, subjects: list[str]) -> list[Excerpt]:
    """Return what was posted of logs, as long as the outbox keeps it."""
    found = []
    for subject in subjects:
        keys = sa.or_(outbox.c.key.like(f"post/{subject}/log/%"), outbox.c.key.like(f"post/{subject}/excerpt/%"))
        rows = await conn.execute(
            sa.select(outbox.c.key, outbox.c.payload, outbox.c.wanted_at).where(keys).order_by(outbox.c.id)
        )
        found += [Excerpt(subject=subject, key=row.key, at=row.wanted_at, message=row.payload) for row in rows]
    return found
