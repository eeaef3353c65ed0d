"""`Delegations`: somebody who is away lets another approve in their place, until a moment, for a group or for all.

Whether one holds is decided on read, by our clock. Only groups of one's own are lent, so that nothing is lent on.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.approvals import delegation_messages as messages
from bot.approvals.rules import may_delegate
from bot.audit import Audit
from bot.clock import Clock
from bot.command import Resource
from bot.errors import Refused
from bot.identity import Person
from bot.permissions import EVERYONE, MembershipUnreadable, Permissions
from bot.slack.outbox import Outbox
from bot.store import PersonColumn, Store, Timestamp, Tx, insert, metadata

delegations = sa.Table(
    "approval_delegations",
    metadata,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("delegator", PersonColumn, nullable=False, index=True),
    sa.Column("delegate", PersonColumn, nullable=False, index=True),
    sa.Column("group", sa.String(255), nullable=False),
    sa.Column("made_at", Timestamp, nullable=False),
    sa.Column("until", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp, nullable=True),
)


class Delegation(Struct, frozen=True, kw_only=True):
    """A right to approve, lent: `group` is the one that is meant, "" for all of the delegator's."""

    id: str
    delegator: Person
    delegate: Person
    group: str
    made_at: datetime
    until: datetime
    ended_at: datetime | None = None


class Delegations:
    """Lends and takes back; tells what somebody was lent. `zone_of` names a person's time zone, "" if nobody knows."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        permissions: Permissions,
        audit: Audit,
        outbox: Outbox,
        zone_of: Callable[[Person], Awaitable[str]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._permissions = permissions
        self._audit = audit
        self._outbox = outbox
        self.zone_of = zone_of

    async def give(
        self, delegator: Person, delegate: Person, group: str, until: datetime, request_id: str
    ) -> Delegation:
        """Let `delegate` approve for `delegator` until then; an earlier one of the same two for the same group ends.

        Raises:
            Refused: it may not be lent, or not to them (`not_yourself`, `not_in_team`, `not_your_group`,
                `not_delegable`, `membership_unreadable`).
        """
        now = self._clock.now()
        try:
            mine = await self._permissions.groups_of(delegator, fresh=True)
            theirs = await self._permissions.groups_of(delegate, fresh=True, among=())
        except MembershipUnreadable as error:
            raise Refused("membership_unreadable", f"It cannot be read now who is in {error.group}.") from error
        lendable = frozenset(name for name in mine if self._permissions.delegable(name))
        refusal = may_delegate(
            delegator,
            delegate,
            group,
            mine=mine,
            lendable=lendable,
            both_ours={EVERYONE} <= mine and {EVERYONE} <= theirs,
        )
        if refusal is not None:
            raise Refused(refusal.code, f"Nothing was lent: {refusal.words}.")
        made = Delegation(id=request_id, delegator=delegator, delegate=delegate, group=group, made_at=now, until=until)
        async with self._store.write() as tx:
            if await self._add(tx, made):
                same = (delegations.c.delegate == delegate, delegations.c.group == group, delegations.c.id != made.id)
                await self._end(tx, delegator, now, *same)
                await self._record(tx, "approval.delegated", made, request_id)
                told = messages.lent_to_you(made, self._permissions.name_of)
                await self._outbox.direct(tx, f"delegation/{request_id}", delegate, told)
        return made

    async def take_back(self, delegator: Person, request_id: str) -> Sequence[Delegation]:
        """End what somebody has lent; return what that was."""
        now = self._clock.now()
        async with self._store.write() as tx:
            ended = [one for one in await self._end(tx, delegator, now) if now < one.until]
            for one in ended:
                await self._record(tx, "approval.delegation_ended", one, request_id)
                told = messages.taken_back(one, self._permissions.name_of)
                await self._outbox.direct(tx, f"delegation/{request_id}/{one.id}", one.delegate, told)
        return ended

    async def active(self, *, delegator: Person | None = None, delegate: Person | None = None) -> Sequence[Delegation]:
        """Return what is lent now, of one person or to one person or altogether, the oldest first."""
        async with self._store.read() as conn:
            return await self._active(conn, delegator=delegator, delegate=delegate)

    async def lent_to(self, person: Person) -> Mapping[Person, frozenset[str]]:
        """Return which groups somebody may use now, by whose they are; each is read again.

        What cannot be read, or may not be lent any more, is left out.
        """
        found: dict[Person, frozenset[str]] = {}
        for one in await self.active(delegate=person):
            try:
                groups = await self._permissions.groups_of(one.delegator, fresh=True)
            except MembershipUnreadable:
                continue
            lent = {name for name in groups if self._permissions.delegable(name) and one.group in {"", name}}
            if EVERYONE in groups and lent:
                found[one.delegator] = found.get(one.delegator, frozenset()) | lent
        return found

    async def groups_lent_to(self, person: Person) -> frozenset[str]:
        """Return all groups that somebody may use now besides their own."""
        return frozenset().union(*(await self.lent_to(person)).values())

    async def _active(
        self, conn: AsyncConnection, *, delegator: Person | None, delegate: Person | None
    ) -> Sequence[Delegation]:
        statement = sa.select(delegations).where(
            delegations.c.ended_at.is_(None), delegations.c.until > self._clock.now()
        )
        if delegator is not None:
            statement = statement.where(delegations.c.delegator == delegator)
        if delegate is not None:
            statement = statement.where(delegations.c.delegate == delegate)
        rows = (await conn.execute(statement.order_by(delegations.c.made_at, delegations.c.id))).all()
        return [Delegation(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented way to the names

    async def _add(self, tx: Tx, made: Delegation) -> bool:
        values = {name: getattr(made, name) for name in ("id", "delegator", "delegate", "group", "made_at", "until")}
        statement = insert(tx.conn, delegations).values(**values)
        return (await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[delegations.c.id]))).rowcount > 0

    async def _end(
        self, tx: Tx, delegator: Person, now: datetime, *which: sa.ColumnElement[bool]
    ) -> Sequence[Delegation]:
        statement = (
            sa.update(delegations)
            .where(delegations.c.delegator == delegator, delegations.c.ended_at.is_(None), *which)
            .values(ended_at=now)
            .returning(delegations)
        )
        rows = (await tx.conn.execute(statement)).all()
        return [Delegation(**row._mapping) for row in rows]  # noqa: SLF001 - the same

    async def _record(self, tx: Tx, action: str, one: Delegation, request_id: str) -> None:
        await self._audit.record(
            tx,
            actor=one.delegator,
            action=action,
            outcome="succeeded",
            resource=Resource(),
            request_id=request_id,
            data={"to_person": one.delegate.key, "group": one.group, "until": one.until.isoformat()},
        )
