"""`Search`: which entries of the log are wanted."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from bot.audit.people import ACCOUNT, ERASED, named_by
from bot.audit.tables import entries, people
from bot.identity import Person


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

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions of a query."""
        found: list[sa.ColumnElement[bool]] = []
        if self.actor is not None:
            found.append(_by(self.actor))
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
        if self.since is not None:
            found.append(entries.c.at >= self.since)
        if self.until is not None:
            found.append(entries.c.at < self.until)
        if self.after:
            found.append(entries.c.number > self.after)
        if self.before:
            found.append(entries.c.number < self.before)
        return found


def _by(actor: Person) -> sa.ColumnElement[bool]:
    if actor.team == ACCOUNT:
        return entries.c.actor == actor.key
    if actor.team == ERASED:
        return entries.c.actor.startswith(actor.user, autoescape=True)
    return entries.c.actor.in_(sa.select(people.c.pseudonym).where(named_by(actor)))


EVERYTHING = Search()
