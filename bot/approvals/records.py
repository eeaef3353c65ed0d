"""The tables of requests for approval and of votes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

import sqlalchemy as sa
from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals.rules import Rule, State, Vote
from bot.identity import Person
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata


class Proof(Struct, frozen=True, kw_only=True):
    """How the identity provider proved who votes: as its ID token said, without the token. `auth_time` is UTC."""

    issuer: str
    subject: str
    acr: str = ""
    auth_time: datetime | None = None

    def plain(self) -> dict[str, str]:
        """Return it as plain JSON values: what rows and audit entries hold."""
        at = self.auth_time.isoformat(timespec="seconds") if self.auth_time else ""
        return {"issuer": self.issuer, "subject": self.subject, "acr": self.acr, "auth_time": at}

    @classmethod
    def of_plain(cls, values: Mapping[str, str]) -> Self:
        """Return what `plain` made."""
        at = datetime.fromisoformat(values["auth_time"]) if values["auth_time"] else None
        return cls(issuer=values["issuer"], subject=values["subject"], acr=values["acr"], auth_time=at)


class Cast(Struct, frozen=True, kw_only=True):
    """One vote, with the groups its person was in at that moment.

    `principal` is whose right was used, where it was lent; `groups` are theirs then. `dropped` says why an approval is
    not counted any more. Who took theirs back has cast REVOKE.
    """

    person: Person
    vote: Vote
    groups: tuple[str, ...]
    at: datetime
    reason: str = ""
    principal: Person | None = None
    dropped: str = ""
    proof: Proof | None = None


class Approval(Struct, frozen=True, kw_only=True):
    """One request for approval of one exact content.

    `subject` is what it is about ("D-1042"), `digest` names the content. `excluded` maps people who cannot
    approve to why ("asked for it"); `excluded_emails` does the same for authors known by address only. `bound` says
    why approving needs a sign-in at the identity provider, "" where a click is enough.
    """

    id: str
    subject: str
    digest: str
    rules: tuple[Rule, ...]
    requester: Person
    expires_at: datetime
    opened_at: datetime
    remind_at: datetime | None = None
    excluded: Mapping[Person, str] = field(default_factory=dict)
    excluded_emails: Mapping[str, str] = field(default_factory=dict)
    bound: str = ""
    state: State = State.OPEN
    decided_at: datetime | None = None
    decided_by: Person | None = None
    reason: str = ""
    votes: tuple[Cast, ...] = ()

    @property
    def approvers(self) -> tuple[Cast, ...]:
        """The votes for it, in order; those that are not counted any more, too."""
        return tuple(cast for cast in self.votes if cast.vote is Vote.APPROVE)


approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("rules", JsonColumn, nullable=False),
    sa.Column("requester", PersonColumn, nullable=False),
    sa.Column("excluded", JsonColumn, nullable=False),
    sa.Column("excluded_emails", JsonColumn, nullable=False),
    sa.Column("bound", sa.Text, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
    sa.Column("opened_at", Timestamp, nullable=False),
    sa.Column("remind_at", Timestamp, nullable=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("decided_at", Timestamp, nullable=True),
    sa.Column("decided_by", PersonColumn, nullable=True),
    sa.Column("reason", sa.Text, nullable=False),
)

votes = sa.Table(
    "approval_votes",
    metadata,
    sa.Column("approval_id", sa.String(64), sa.ForeignKey("approvals.id"), primary_key=True),
    sa.Column("person", PersonColumn, primary_key=True),
    sa.Column("vote", sa.String(16), nullable=False),
    sa.Column("groups", JsonColumn, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("principal", PersonColumn, nullable=True),
    sa.Column("dropped", sa.Text, nullable=False),
    sa.Column("proof", JsonColumn, nullable=True),
)


async def add(tx: Tx, approval: Approval) -> bool:
    """Write a request; false when it is there already."""
    statement = insert(tx.conn, approvals).values(
        id=approval.id,
        subject=approval.subject,
        digest=approval.digest,
        rules=[[rule.count, list(rule.groups)] for rule in approval.rules],
        requester=approval.requester,
        excluded={person.key: why for person, why in approval.excluded.items()},
        excluded_emails=dict(approval.excluded_emails),
        bound=approval.bound,
        expires_at=approval.expires_at,
        opened_at=approval.opened_at,
        remind_at=approval.remind_at,
        state=State.OPEN.value,
        reason="",
    )
    return (await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[approvals.c.id]))).rowcount > 0


async def approvers_of(conn: AsyncConnection, subject: str) -> frozenset[Person]:
    """Return everybody who ever approved something of a subject."""
    statement = (
        sa.select(votes.c.person)
        .join(approvals, approvals.c.id == votes.c.approval_id)
        .where(approvals.c.subject == subject, votes.c.vote == Vote.APPROVE.value)
    )
    return frozenset((await conn.execute(statement)).scalars())


async def get(conn: AsyncConnection, approval_id: str, *, lock: bool = False) -> Approval | None:
    """Return a request with its votes; with `lock` its row is ours until the transaction ends."""
    statement = sa.select(approvals).where(approvals.c.id == approval_id)
    row = (await conn.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _read(row, await _votes(conn, approval_id))


async def cast(tx: Tx, approval_id: str, vote: Cast) -> None:
    """Write a vote; a person's newest vote stands."""
    values = {
        "vote": vote.vote.value,
        "groups": list(vote.groups),
        "at": vote.at,
        "reason": vote.reason,
        "principal": vote.principal,
        "dropped": vote.dropped,
        "proof": vote.proof.plain() if vote.proof else None,
    }
    statement = insert(tx.conn, votes).values(approval_id=approval_id, person=vote.person, **values)
    await tx.conn.execute(
        statement.on_conflict_do_update(index_elements=[votes.c.approval_id, votes.c.person], set_=values)
    )


async def note_dropped(tx: Tx, approval_id: str, person: Person, why: str) -> None:
    """Note why an approval is not counted, or with "" that it is."""
    of_person = sa.and_(votes.c.approval_id == approval_id, votes.c.person == person)
    await tx.conn.execute(sa.update(votes).where(of_person).values(dropped=why))


async def reopen(tx: Tx, approval_id: str, *, now: datetime, expires_at: datetime) -> bool:
    """Ask again what was approved; answer whether this call did it."""
    statement = sa.update(approvals).where(approvals.c.id == approval_id, approvals.c.state == State.APPROVED.value)
    values = {
        "state": State.OPEN.value,
        "decided_at": None,
        "decided_by": None,
        "reason": "",
        "opened_at": now,
        "expires_at": expires_at,
    }
    return (await tx.conn.execute(statement.values(**values))).rowcount > 0


async def decide(tx: Tx, approval_id: str, state: State, *, at: datetime, by: Person | None, reason: str = "") -> bool:
    """End an open request; answer whether this call did it."""
    statement = sa.update(approvals).where(approvals.c.id == approval_id, approvals.c.state == State.OPEN.value)
    values = {"state": state.value, "decided_at": at, "decided_by": by, "reason": reason}
    return (await tx.conn.execute(statement.values(**values))).rowcount > 0


async def void_all(tx: Tx, subject: str, *, at: datetime, reason: str) -> int:
    """Void what is open or approved of a subject; return how many that were."""
    standing = approvals.c.state.in_([State.OPEN.value, State.APPROVED.value])
    statement = sa.update(approvals).where(approvals.c.subject == subject, standing)
    return (await tx.conn.execute(statement.values(state=State.VOID.value, decided_at=at, reason=reason))).rowcount


async def _votes(conn: AsyncConnection, approval_id: str) -> Sequence[Cast]:
    statement = sa.select(votes).where(votes.c.approval_id == approval_id).order_by(votes.c.at, votes.c.person)
    return [
        Cast(
            person=row.person,
            vote=Vote(row.vote),
            groups=tuple(row.groups),
            at=row.at,
            reason=row.reason,
            principal=row.principal,
            dropped=row.dropped,
            proof=Proof.of_plain(row.proof) if row.proof else None,
        )
        for row in (await conn.execute(statement)).all()
    ]


def _read(row: sa.Row[tuple[object, ...]], casts: Sequence[Cast]) -> Approval:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Approval(
        id=found["id"],
        subject=found["subject"],
        digest=found["digest"],
        rules=tuple(Rule(count, tuple(groups)) for count, groups in found["rules"]),
        requester=found["requester"],
        excluded={Person.parse(key): why for key, why in found["excluded"].items()},
        excluded_emails=found["excluded_emails"],
        bound=found["bound"],
        expires_at=found["expires_at"],
        opened_at=found["opened_at"],
        remind_at=found["remind_at"],
        state=State(found["state"]),
        decided_at=found["decided_at"],
        decided_by=found["decided_by"],
        reason=found["reason"],
        votes=tuple(casts),
    )
