"""The tables of sign-ins under way and of grants. Tokens and names stand in them sealed, never plain.

`SignIn` and `Kept` are rows as objects; every change is a compare-and-set, so that one of two racing ones wins.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.grants.rules import Stage
from bot.identity import Person
from bot.store import PersonColumn, Timestamp, Tx, insert, metadata
from bot.vault import Vault
from integrations.capabilities.persons import Account, Grant

sign_ins = sa.Table(
    "grant_sign_ins",
    metadata,
    sa.Column("state_hash", sa.String(64), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("instance", sa.String(255), nullable=False),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("browser_hash", sa.String(64), nullable=False, index=True),
    sa.Column("form_hash", sa.String(64), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("person", PersonColumn, primary_key=True),
    sa.Column("instance", sa.String(255), primary_key=True),
    sa.Column("account_id", sa.String(255), nullable=False),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("ending", sa.String(64), nullable=False),
    sa.Column("lease", sa.String(64), nullable=False),
    sa.Column("lease_until", Timestamp, nullable=True),
    sa.Column("linked_at", Timestamp, nullable=False),
    sa.Column("used_at", Timestamp, nullable=True),
    sa.UniqueConstraint("instance", "account_id"),
)


class SignIn(Struct, frozen=True, kw_only=True):
    """One sign-in under way: who asked for the link, and how far it has come."""

    state_hash: str
    person: Person
    instance: str
    stage: Stage
    browser_hash: str
    form_hash: str
    sealed: str
    expires_at: datetime


class Kept(Struct, frozen=True, kw_only=True):
    """One grant as it is kept. `ending` says why it is being revoked, "" while it holds."""

    person: Person
    instance: str
    account_id: str
    sealed: str
    version: int
    ending: str
    linked_at: datetime
    used_at: datetime | None

    @property
    def owner(self) -> str:
        """What its sealed values name as their owner."""
        return owner(self.person, self.instance)


def owner(person: Person, instance: str) -> str:
    """Return what sealed values of this person and instance belong to."""
    return f"{person.key} {instance}"


def seal(vault: Vault, person: Person, instance: str, grant: Grant, account: Account) -> str:
    """Return a grant and whose it is as sealed text. Raises: Unreadable without a key."""
    values = {
        "access_token": grant.access_token.get_secret_value(),
        "refresh_token": grant.refresh_token.get_secret_value() if grant.refresh_token else None,
        "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
        "scopes": list(grant.scopes),
        "account": {
            "id": account.id,
            "username": account.username,
            "name": account.name,
            "email": account.email,
            "url": account.url,
        },
    }
    return vault.seal(owner(person, instance), values)


def unseal(vault: Vault, person: Person, instance: str, sealed: str) -> tuple[Grant, Account]:
    """Return what `seal` was given. Raises: Unreadable."""
    values = vault.open(owner(person, instance), sealed)
    refresh, expires = values["refresh_token"], values["expires_at"]
    grant = Grant(
        access_token=SecretStr(values["access_token"]),
        refresh_token=SecretStr(refresh) if refresh else None,
        expires_at=datetime.fromisoformat(expires) if expires else None,
        scopes=tuple(values["scopes"]),
    )
    return grant, Account(**values["account"])


# ------------------------------------------------------------------------------------------------- sign-ins under way


async def begin(tx: Tx, sign_in: SignIn) -> None:
    """Keep a new sign-in; those that the same person began before for the same tool and did not finish are void."""
    older = (sign_ins.c.person == sign_in.person) & (sign_ins.c.instance == sign_in.instance)
    await tx.conn.execute(sa.delete(sign_ins).where(older, sign_ins.c.sealed == ""))
    await tx.conn.execute(
        sa.insert(sign_ins).values(
            state_hash=sign_in.state_hash,
            person=sign_in.person,
            instance=sign_in.instance,
            stage=sign_in.stage.value,
            browser_hash=sign_in.browser_hash,
            form_hash=sign_in.form_hash,
            sealed=sign_in.sealed,
            expires_at=sign_in.expires_at,
        )
    )


async def sign_in_by(conn: AsyncConnection, *, state_hash: str = "", browser_hash: str = "") -> SignIn | None:
    """Return the sign-in of a state, or the one that was signed in from a browser."""
    if state_hash:
        found = sign_ins.c.state_hash == state_hash
    else:
        found = (sign_ins.c.browser_hash == browser_hash) & (sign_ins.c.stage == Stage.SIGNED_IN.value)
    row = (await conn.execute(sa.select(sign_ins).where(found))).one_or_none()
    return None if row is None else _sign_in(row)


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


async def expired(conn: AsyncConnection, now: datetime) -> Sequence[SignIn]:
    """Return the sign-ins whose time is over."""
    rows = (await conn.execute(sa.select(sign_ins).where(sign_ins.c.expires_at <= now))).all()
    return [_sign_in(row) for row in rows]


# ------------------------------------------------------------------------------------------------------------- grants


async def keep(tx: Tx, kept: Kept) -> bool:
    """Keep a grant in place of the person's older one; false when somebody else has linked this account."""
    statement = sa.select(grants.c.person).where(
        grants.c.instance == kept.instance, grants.c.account_id == kept.account_id, grants.c.person != kept.person
    )
    if (await tx.conn.execute(statement.with_for_update())).first() is not None:
        return False
    values = {
        "account_id": kept.account_id,
        "sealed": kept.sealed,
        "ending": "",
        "lease": "",
        "lease_until": None,
        "linked_at": kept.linked_at,
        "used_at": None,
    }
    added = insert(tx.conn, grants).values(person=kept.person, instance=kept.instance, version=kept.version, **values)
    merged = added.on_conflict_do_update(
        index_elements=[grants.c.person, grants.c.instance], set_={**values, "version": grants.c.version + 1}
    )
    await tx.conn.execute(merged)
    return True


async def get(conn: AsyncConnection, person: Person, instance: str) -> Kept | None:
    """Return the grant of a person for an instance, None when there is none."""
    row = (await conn.execute(sa.select(grants).where(*_of(person, instance)))).one_or_none()
    return None if row is None else _kept(row)


async def of_person(conn: AsyncConnection, person: Person) -> Sequence[Kept]:
    """Return the grants of a person, by instance."""
    statement = sa.select(grants).where(grants.c.person == person).order_by(grants.c.instance)
    return [_kept(row) for row in (await conn.execute(statement)).all()]


async def everything(conn: AsyncConnection) -> Sequence[Kept]:
    """Return all grants."""
    return [_kept(row) for row in (await conn.execute(sa.select(grants))).all()]


async def lease(tx: Tx, kept: Kept, token: str, now: datetime, until: datetime) -> bool:
    """Become the one writer of this version of a grant, until then; false when another one is, or was."""
    free = sa.or_(grants.c.lease == "", grants.c.lease_until <= now)
    statement = sa.update(grants).where(*_same(kept), free).values(lease=token, lease_until=until)
    return (await tx.conn.execute(statement)).rowcount > 0


async def give_back(tx: Tx, kept: Kept, token: str) -> None:
    """Let others write again, without a change."""
    statement = sa.update(grants).where(*_same(kept), grants.c.lease == token)
    await tx.conn.execute(statement.values(lease="", lease_until=None))


async def replace_sealed(tx: Tx, kept: Kept, sealed: str, *, token: str = "") -> bool:
    """Write renewed tokens over those of this version; false when it is not ours to write any more."""
    statement = sa.update(grants).where(*_same(kept), grants.c.lease == token)
    values = {"sealed": sealed, "version": kept.version + 1, "lease": "", "lease_until": None}
    return (await tx.conn.execute(statement.values(**values))).rowcount > 0


async def note_use(tx: Tx, kept: Kept, now: datetime) -> None:
    """Note when a grant was last used."""
    await tx.conn.execute(sa.update(grants).where(*_of(kept.person, kept.instance)).values(used_at=now))


async def mark_ending(tx: Tx, kept: Kept, why: str) -> bool:
    """Have a grant used by nobody any more, until it is revoked; tell whether this call did it."""
    statement = sa.update(grants).where(*_of(kept.person, kept.instance), grants.c.ending == "")
    return (await tx.conn.execute(statement.values(ending=why))).rowcount > 0


async def forget(tx: Tx, kept: Kept) -> bool:
    """Delete a grant that was not linked anew meanwhile; tell whether this call did it."""
    gone = sa.delete(grants).where(*_of(kept.person, kept.instance), grants.c.linked_at == kept.linked_at)
    return (await tx.conn.execute(gone)).rowcount > 0


def _of(person: Person, instance: str) -> tuple[sa.ColumnElement[bool], ...]:
    return grants.c.person == person, grants.c.instance == instance


def _same(kept: Kept) -> tuple[sa.ColumnElement[bool], ...]:
    return (*_of(kept.person, kept.instance), grants.c.version == kept.version, grants.c.ending == "")


def _sign_in(row: sa.Row[Any]) -> SignIn:
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return SignIn(**{**found, "stage": Stage(found["stage"])})


def _kept(row: sa.Row[Any]) -> Kept:
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented way to the names
    return Kept(**{name: value for name, value in found.items() if name not in {"lease", "lease_until"}})
