"""`Freezes`: what is frozen now, who may go on all the same, and who waits."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.errors import UserError
from bot.freezes import budget_records, messages, records
from bot.freezes.budgets import Budget, Spent
from bot.freezes.declarations import Declarations
from bot.freezes.following import Following
from bot.freezes.overview import Overview
from bot.freezes.parts import Parts, resource_of
from bot.freezes.records import Passage
from bot.freezes.rules import Freeze, Halt, blocking, in_force, on, opens
from bot.freezes.trouble_records import Followed
from bot.freezes.troubles import Trouble, caught, frozen_by
from bot.freezes.watching import Watching
from bot.freezes.windows import Calendar, Dates, Recurring
from bot.identity import Person
from bot.locks.rules import Scope
from bot.permissions import MembershipUnreadable, decide
from bot.settings.freezes import FreezeSettings
from bot.store import Tx
from bot.store.starts import want

OPENS = "freeze.opens.v1"
CHANGE = "freeze.change"
"""The permission to declare and lift freezes, and to go on through those that people declared."""

OnChange = Callable[[Tx, Scope], Awaitable[None]]


class Standing(Struct, frozen=True, kw_only=True):
    """How a place stands: what is in the way, what is in force and let pass, and when the way is free.

    `opens` None means that nobody knows. `passed` is by exception where `reason` says why, else because it restores.
    """

    halts: tuple[Halt, ...] = ()
    passed: tuple[Halt, ...] = ()
    opens: datetime | None = None
    by: Person | None = None
    reason: str = ""
    denied: bool = False
    could: tuple[str, ...] = ()

    @property
    def halt(self) -> Halt | None:
        """What is in the way and ends last."""
        return self.halts[0] if self.halts else None


class Freezes:
    """All freezes; `declarations` changes them, `overview` shows them.

    `watching` reads error budgets, `following` tells of those that follow trouble.

    Each of `on_change` is called in the transaction that freezes or frees something.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.declarations = Declarations(parts, self)
        self.overview = Overview(parts, self)
        self.watching = Watching(parts, self)
        self.following = Following(parts, self)
        self.on_change: list[OnChange] = []

    async def configured(self, conn: AsyncConnection) -> tuple[Freeze, ...]:
        """Return the freezes of the configuration; budgets and troubles are read only where some follow them."""
        settings = self._parts.settings().freezes
        known = await budget_records.all_of(conn) if any(one.burn is not None for one in settings) else {}
        troubles = await self._parts.troubles(conn) if any(one.during is not None for one in settings) else ()
        return tuple(
            freeze
            for one in settings
            for freeze in (self.of(one, known.get(one.name)), *(found for _, found in self._by_troubles(one, troubles)))
        )

    def of(self, one: FreezeSettings, budget: Budget | None) -> Freeze:
        """Return a freeze of the configuration as a rule; `budget` is how its budget stands, if it was ever read."""
        if one.during is not None:
            return replace(freeze_of(one, Spent(None)), note=messages.follows(one.during))
        if one.burn is None:
            return freeze_of(one, calendar_of(one))
        found = budget or Budget(name=one.name)
        rule = freeze_of(one, Spent(found.since if found.frozen else None))
        return replace(
            rule,
            reason=f"{one.reason} ({messages.burnt(one.burn, found)})",
            opens_when=messages.recovers(one.burn),
            note=messages.burnt(one.burn, found),
        )

    async def followed(self, conn: AsyncConnection) -> Sequence[Followed]:
        """Return what is frozen now because of trouble."""
        settings = [one for one in self._parts.settings().freezes if one.during is not None]
        troubles = await self._parts.troubles(conn) if settings else ()
        return [
            Followed(
                freeze=one.name,
                trouble=trouble.name,
                title=trouble.title,
                service=trouble.service,
                environment=trouble.environment,
                since=trouble.since,
            )
            for one in settings
            for trouble, _ in self._by_troubles(one, troubles)
        ]

    def _by_troubles(self, one: FreezeSettings, troubles: Sequence[Trouble]) -> Iterator[tuple[Trouble, Freeze]]:
        """Yield what a freeze that follows trouble freezes now, trouble by trouble."""
        if one.during is None:
            return
        rule = freeze_of(one, Spent(None))
        for trouble in caught(one.during, troubles):
            like = self.production_like(Scope(trouble.service, trouble.environment))
            freeze = frozen_by(rule, trouble, production_like=like)
            if freeze is not None:
                yield trouble, freeze

    async def all(self, conn: AsyncConnection) -> tuple[Freeze, ...]:
        """Return every freeze that is or may come in force.

        Raises:
            Refused: one cannot be read (code `freeze_unreadable`).
        """
        declared = await records.in_force(conn, self._parts.clock.now())
        return (*await self.configured(conn), *(one.freeze for one in declared))

    async def in_force(self, conn: AsyncConnection, *, declared: bool = True) -> tuple[Halt, ...]:
        """Return the freezes in force now, of all places; without `declared` only those of the configuration.

        Raises:
            Refused: one cannot be read (code `freeze_unreadable`).
        """
        known = await self.all(conn) if declared else await self.configured(conn)
        return in_force(known, self._parts.clock.now())

    def on(self, halts: Sequence[Halt], place: Scope) -> tuple[Halt, ...]:
        """Return those of `halts` that are about a place."""
        return on(halts, place, production_like=self.production_like(place))

    def about(self, halts: Sequence[Halt], places: Sequence[Scope]) -> tuple[Halt, ...]:
        """Return those of `halts` that are about any of these places."""
        return tuple(halt for halt in halts if any(self.on([halt], place) for place in places))

    async def standing(
        self, conn: AsyncConnection, place: Scope, *, rollback: bool = False, subject: str = ""
    ) -> Standing:
        """Return how a place stands for a deployment or rollback; exceptions made for `subject` count.

        Raises:
            Refused: a freeze cannot be read (code `freeze_unreadable`).
        """
        now = self._parts.clock.now()
        freezes = [
            one for one in await self.all(conn) if one.covers(place, production_like=self.production_like(place))
        ]
        halts = in_force(freezes, now)
        stopping = blocking(halts, rollback=rollback)
        if not stopping:
            return Standing(passed=halts)
        made = await records.exceptions_of(conn, subject) if subject else ()
        names = {one.freeze for one in made}
        left = blocking(halts, rollback=rollback, excepted=names)
        passed = tuple(halt for halt in halts if halt not in left)
        in_the_way = [one for one in freezes if one.name not in names and not (rollback and one.rollbacks)]
        return Standing(
            halts=left,
            passed=passed,
            opens=opens(in_the_way, now) if left else None,
            by=made[0].person if made else None,
            reason=made[0].reason if made else "",
            could=self.who_may(left[0], place) if left else (),
        )

    async def excepted(self, standing: Standing, place: Scope, person: Person, reason: str) -> Standing:
        """Return the standing for a person who wants to go on all the same: let pass, or denied.

        Who belongs to a group is read anew; unreadable means no.
        """
        for halt in standing.halts:
            if not await self._may_pass(halt, place, person):
                return replace(standing, denied=True, could=self.who_may(halt, place))
        return replace(
            standing, halts=(), passed=(*standing.passed, *standing.halts), opens=None, by=person, reason=reason
        )

    def who_may(self, halt: Halt, place: Scope) -> tuple[str, ...]:
        """Return the groups that may go on through a freeze with a reason."""
        if halt.freeze.person is None:
            return halt.freeze.exceptions
        return decide(self._parts.permissions.grants, (), CHANGE, resource_of(place)).who_could

    async def let_through(self, tx: Tx, subject: str, standing: Standing) -> None:
        """Write that `subject` goes through what the standing let pass by exception."""
        if standing.by is None:
            return
        for halt in standing.passed:
            made = Passage(halt.freeze.name, standing.by, standing.reason)
            await records.let_through(tx, subject, made, self._parts.clock.now())

    async def wait(self, tx: Tx, place: Scope, at: datetime | None) -> None:
        """Have what waits for a place looked at when its freezes end; where no end is known, lifting them does it."""
        if at is not None:
            key = f"{place.service}/{place.environment}/{place.target}"
            words = (place.service, place.environment, place.target)
            await want(tx, f"freeze/{key}/{at:%Y%m%dT%H%M%S.%f}", OPENS, *words, at=at)

    async def opened(self, place: Scope) -> None:
        """Let those go on that waited for the freezes of a place; what is still frozen waits on.

        With an empty scope all that waits is looked at, as after the configuration was read again.
        """
        async with self._parts.store.write() as tx:
            await self.changed(tx, place)

    async def changed(self, tx: Tx, scope: Scope) -> None:
        """Tell all who want to know that a scope is frozen otherwise now."""
        for hook in self.on_change:
            await hook(tx, scope)

    def name_of(self, person: Person) -> str:
        """Return the name people read."""
        return self._parts.permissions.name_of(person)

    async def _may_pass(self, halt: Halt, place: Scope, person: Person) -> bool:
        permissions = self._parts.permissions
        if halt.freeze.person is not None:
            return (await permissions.check(person, CHANGE, resource_of(place), fresh=True)).allowed
        groups = set(halt.freeze.exceptions)
        try:
            return bool(groups & await permissions.groups_of(person, fresh=True, among=groups))
        except MembershipUnreadable:
            return False

    def production_like(self, place: Scope) -> bool:
        """Tell whether real users depend on a place."""
        try:
            return self._parts.catalog().environment(Place(place.service, place.environment)).production_like
        except UserError:
            return True  # not in the catalog any more: what is not known is taken for the worse


def calendar_of(one: FreezeSettings) -> Calendar:
    """Return when a freeze of the configuration is in force; one that follows something has no dates."""
    if one.begins is not None:
        return Dates(one.begins, one.ends, one.timezone)
    return Recurring(one.every, one.length or timedelta(), one.timezone)


def freeze_of(one: FreezeSettings, calendar: Calendar) -> Freeze:
    """Return a freeze of the configuration as a rule."""
    return Freeze(
        name=one.name,
        reason=one.reason,
        calendar=calendar,
        environments=one.environments,
        production_like=one.production_like,
        services=one.services,
        exceptions=one.exceptions,
        rollbacks=one.rollbacks,
    )
