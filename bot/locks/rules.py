"""Which locks stand in the way of what. Pure: no I/O, no clock."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

EVERYTHING = "*"
NAG_SHARE = 0.9
STALE = timedelta(days=1)
"""How long something without an end is left alone before its owner is asked about it, again and again."""
MINIMUM = timedelta(minutes=1)
MAXIMUM = timedelta(days=30)


class Owner(StrEnum):
    """What kind of thing holds a lock."""

    PERSON = "person"
    CHANGE = "change"
    INCIDENT = "incident"


class State(StrEnum):
    """Where a lock stands; all but the first are final."""

    HELD = "held"
    RELEASED = "released"
    EXPIRED = "expired"
    TAKEN_OVER = "taken_over"


class Scope(Struct, frozen=True, order=True):
    """What a lock covers: everything, an environment of a service, or one target of it."""

    service: str = ""
    environment: str = ""
    target: str = ""

    @property
    def key(self) -> str:
        """The text that names it in rows: `*`, `checkout/production`, `checkout/production/eu`."""
        if not self.service:
            return EVERYTHING
        return "/".join(part for part in (self.service, self.environment, self.target) if part)

    def __str__(self) -> str:
        """Return it as people read it."""
        return "everything" if not self.service else self.key


def covering(scope: Scope) -> tuple[Scope, ...]:
    """Return the scopes whose locks block this one, global first."""
    wider = [Scope()]
    if scope.service:
        wider.append(Scope(scope.service, scope.environment))
        if scope.target:
            wider.append(scope)
    return tuple(wider)


def in_force(state: str, expires_at: datetime | None, now: datetime) -> bool:
    """Tell whether a lock blocks now; its expiry is decided here, on read.

    One without an expiry blocks until it is released; a state nobody knows blocks as well.
    """
    if state in {State.RELEASED, State.EXPIRED, State.TAKEN_OVER}:
        return False
    return expires_at is None or now < expires_at


def nag_at(taken_at: datetime, expires_at: datetime) -> datetime:
    """Return when its holder is asked whether the lock is still needed: close to its end."""
    return taken_at + (expires_at - taken_at) * NAG_SHARE


def first_in_force(locks: Iterable[tuple[Scope, str, datetime | None]], scope: Scope, now: datetime) -> Scope | None:
    """Return the scope of the lock that blocks `scope`, global ones first, None when it is free."""
    held = {lock_scope for lock_scope, state, expires_at in locks if in_force(state, expires_at, now)}
    return next((one for one in covering(scope) if one in held), None)
