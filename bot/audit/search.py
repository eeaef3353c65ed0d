"""`Search`: which entries of the log are wanted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from bot.audit.people import ACCOUNT, ERASED, named_by
from bot.audit.tables import entries, people
from bot.identity import Person

_CLOCKS = timedelta(days=1)


class Search(Struct, frozen=True, kw_only=True):
    """What entries have in common; what is empty or None matches all.

    `action` is one, or the beginning of several (`deployment.*`). `since` is inclusive, `until` is not;
    `after` and `before` are numbers, both exclusive. A person is the same in every workspace of an enterprise grid
    that the audit log names them in, so only team and user are compared; one who was erased is
    `Person("erased", …)`, by the beginning of the pseudonym.
    """

    actor: Person | None = None
    service: str = ""
    subject: str = ""
    action: str = ""
    request_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    before: int = 0

    def conditions(self, pseudonyms: Sequence[str] | None = None) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of a query. `pseudonyms` are the actor's, where they were looked up before."""
        found: list[sa.ColumnElement[bool]] = []
        if self.actor is not None:
            found.append(_by(self.actor) if pseudonyms is None else _one_of(pseudonyms))
        for column, wanted in (
            (entries.c.service, self.service),
            (entries.c.subject, self.subject),
            (entries.c.request_id, self.request_id),
        ):
            if wanted:
                found.append(column == wanted)
        if self.action.endswith("*"):
            found.append(entries.c.action.startswith(self.action.removesuffix("*"), autoescape=True))
        elif self.action:
            found.append(entries.c.action == self.action)
        return [*found, *self._between()]

    def _between(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.since is not None:
            found.append(entries.c.at >= self.since)
        if self.until is not None:
            found.append(entries.c.at < self.until)
        if self.after:
            found.append(entries.c.number > self.after)
        if self.before:
            found.append(entries.c.number < self.before)
        return found

    @property
    def by_pseudonym(self) -> sa.Select[tuple[str]] | None:
        """What finds the actor's pseudonyms; None where the actor is nobody who has some."""
        if self.actor is None or self.actor.team in {ACCOUNT, ERASED}:
            return None
        return sa.select(people.c.pseudonym).where(named_by(self.actor))

    def not_older(self) -> list[sa.ColumnElement[bool]]:
        """Return the condition, if any, that leaves out what is older than `since` by its number, without reading it.

        Numbers follow the time as far as the clocks of those who write agree: a day apart is borne with.
        """
        if self.since is None:
            return []
        older = entries.alias("older")
        begins = sa.select(older.c.number).where(older.c.at >= self.since - _CLOCKS).order_by(older.c.at).limit(1)
        return [entries.c.number >= begins.scalar_subquery()]


def _one_of(pseudonyms: Sequence[str]) -> sa.ColumnElement[bool]:
    if len(pseudonyms) == 1:  # an index has theirs in order, so no more than are wanted are read
        return entries.c.actor == pseudonyms[0]
    return entries.c.actor.in_(pseudonyms)


def _by(actor: Person) -> sa.ColumnElement[bool]:
    if actor.team == ACCOUNT:
        return entries.c.actor == actor.key
    if actor.team == ERASED:
        return entries.c.actor.startswith(actor.user, autoescape=True)
    return entries.c.actor.in_(sa.select(people.c.pseudonym).where(named_by(actor)))


EVERYTHING = Search()
