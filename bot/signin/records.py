"""The tables of sign-ins under way and of who signed in. No token stands in them; states and cookies as hashes.

Every change is a compare-and-set, so that one of two racing ones wins.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals.records import Proof
from bot.identity import Person
from bot.signin.rules import Identity, Purpose, Stage
from bot.store import JsonColumn, PersonColumn, Timestamp, Tx, insert, metadata

sign_ins = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("state_hash", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("approval_id", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("browser_hash", sa.String(64), nullable=False),
    sa.Column("form_hash", sa.String(64), nullable=False),
    sa.Column("proof", JsonColumn, nullable=True),
    sa.Column("began_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)
identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.String(255), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("groups", JsonColumn, nullable=True),
    sa.Column("linked_at", Timestamp, nullable=False),
    sa.Column("seen_at", Timestamp, nullable=False),
    sa.UniqueConstraint("issuer", "person"),
)


class SignIn(Struct, frozen=True, kw_only=True):
    """One sign-in under way: who asked for the link, for what, and how far it has come.

    `approval_id` and `digest` name what is to be approved, "" where nothing is; `request_id` the click that led here.
    """

    state_hash: str
    purpose: Purpose
    person: Person
    began_at: datetime
    expires_at: datetime
    approval_id: str = ""
    digest: str = ""
    request_id: str = ""
    stage: Stage = Stage.ASKED
    browser_hash: str = ""
    form_hash: str = ""
    proof: Proof | None = None

    @property
    def ident(self) -> str:
        """What addresses and cookies call it: enough to find it, too little to go on with it."""
        return self.state_hash[:20]


class Known(Struct, frozen=True, kw_only=True):
    """A subject of the provider that has signed in as a person, with the groups its newest token listed."""

    issuer: str
    subject: str
    person: Person
    groups: tuple[str, ...] | None
    seen_at: datetime


# ------------------------------------------------------------------------------------------------- sign-ins under way


async def begin(tx: Tx, sign_in: SignIn) -> None:
    """Keep a new sign-in. Older ones of the same person for the same end are void, and so are all that are over."""
    same = (sign_ins.c.person == sign_in.person) & (sign_ins.c.approval_id == sign_in.approval_id)
    over = sign_ins.c.expires_at <= sign_in.began_at
    await tx.conn.execute(sa.delete(sign_ins).where(sa.or_(same, over)))
    await tx.conn.execute(
        sa.insert(sign_ins).values(
            state_hash=sign_in.state_hash,
            purpose=sign_in.purpose.value,
            person=sign_in.person,
            approval_id=sign_in.approval_id,
            digest=sign_in.digest,
            request_id=sign_in.request_id,
            stage=sign_in.stage.value,
            browser_hash="",
            form_hash="",
            proof=None,
            began_at=sign_in.began_at,
            expires_at=sign_in.expires_at,
        )
    )


async def by_state(conn: AsyncConnection, state_hash: str) -> SignIn | None:
    """Return the sign-in of a state."""
    return _sign_in((await conn.execute(sa.select(sign_ins).where(sign_ins.c.state_hash == state_hash))).one_or_none())


async def by_ident(conn: AsyncConnection, ident: str) -> SignIn | None:
    """Return the sign-in that addresses and cookies call so."""
    found = sa.func.substr(sign_ins.c.state_hash, 1, 20) == ident
    return _sign_in((await conn.execute(sa.select(sign_ins).where(found))).one_or_none())


async def move(tx: Tx, sign_in: SignIn, stages: Sequence[Stage], **values: Any) -> bool:  # noqa: ANN401 - columns
    """Change a sign-in that is still at one of these stages; tell whether this call did."""
    statement = sa.update(sign_ins).where(
        sign_ins.c.state_hash == sign_in.state_hash, sign_ins.c.stage.in_([stage.value for stage in stages])
    )
    return (await tx.conn.execute(statement.values(**values))).rowcount > 0


async def finish(tx: Tx, sign_in: SignIn) -> bool:
    """End a sign-in; tell whether this call did."""
    ended = sa.delete(sign_ins).where(sign_ins.c.state_hash == sign_in.state_hash)
    return (await tx.conn.execute(ended)).rowcount > 0


# ----------------------------------------------------------------------------------------------------- who signed in


async def keep(tx: Tx, who: Identity, person: Person, *, now: datetime) -> bool:
    """Note that this subject is this person, and its groups; false when either is linked otherwise.

    Groups of an older token never replace those of a newer one.
    """
    other = sa.select(identities.c.subject).where(
        identities.c.issuer == who.issuer,
        sa.or_(
            (identities.c.subject == who.subject) & (identities.c.person != person),
            (identities.c.subject != who.subject) & (identities.c.person == person),
        ),
    )
    if (await tx.conn.execute(other.with_for_update())).first() is not None:
        return False
    groups = list(who.groups) if who.groups is not None else None
    values = {"groups": groups, "seen_at": who.issued_at}
    added = insert(tx.conn, identities).values(
        issuer=who.issuer, subject=who.subject, person=person, linked_at=now, **values
    )
    await tx.conn.execute(
        added.on_conflict_do_update(
            index_elements=[identities.c.issuer, identities.c.subject],
            set_=values,
            where=(identities.c.person == person) & (identities.c.seen_at <= who.issued_at),
        )
    )
    kept = await of_subject(tx.conn, who.issuer, who.subject)  # somebody else may have come in the same moment
    return kept is not None and kept.person == person


async def replace(tx: Tx, who: Identity, person: Person) -> None:
    """Forget what links this subject or this person otherwise, because the configuration names this pair."""
    either = sa.or_(identities.c.subject == who.subject, identities.c.person == person)
    both = (identities.c.subject == who.subject) & (identities.c.person == person)
    await tx.conn.execute(sa.delete(identities).where(identities.c.issuer == who.issuer, either, sa.not_(both)))


async def of_subject(conn: AsyncConnection, issuer: str, subject: str) -> Known | None:
    """Return whom a subject has signed in as."""
    found = (identities.c.issuer == issuer) & (identities.c.subject == subject)
    return _known((await conn.execute(sa.select(identities).where(found))).one_or_none())


async def of_person(conn: AsyncConnection, issuer: str, person: Person) -> Known | None:
    """Return with which subject a person has signed in."""
    found = (identities.c.issuer == issuer) & (identities.c.person == person)
    return _known((await conn.execute(sa.select(identities).where(found))).one_or_none())


async def seen_since(conn: AsyncConnection, issuer: str, since: datetime) -> Sequence[Known]:
    """Return everybody whose token is newer than `since`."""
    found = (identities.c.issuer == issuer) & (identities.c.seen_at > since)
    rows = (await conn.execute(sa.select(identities).where(found))).all()
    return [known for row in rows if (known := _known(row)) is not None]


def _sign_in(row: sa.Row[Any] | None) -> SignIn | None:
    if row is None:
        return None
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    read = {
        "purpose": Purpose(found["purpose"]),
        "stage": Stage(found["stage"]),
        "proof": Proof.of_plain(found["proof"]) if found["proof"] else None,
    }
    return SignIn(**{**found, **read})


def _known(row: sa.Row[Any] | None) -> Known | None:
    if row is None:
        return None
    groups = tuple(row.groups) if row.groups is not None else None
    return Known(issuer=row.issuer, subject=row.subject, person=row.person, groups=groups, seen_at=row.seen_at)
