"""What can be asked for, for how long, and who decides. Pure: no I/O, no clock."""

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from bot.identity import Person

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=30)
ANSWERED_WITHIN = timedelta(days=1)
"""A request that nobody answered for so long has ended."""

GRANT = "access.grant"
"""The permission to decide about requests beyond the owners of a service."""

NEVER = frozenset((GRANT, "policy.approve", "audit.erase"))
"""What nobody gets by asking: whoever held it could give themselves the rest, or hide it."""


class State(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    GRANTED = "granted"
    REJECTED = "rejected"
    REVOKED = "revoked"


class No(Struct, frozen=True):
    """Why not: a stable code and the words."""

    code: str
    words: str


def may_ask(permission: str, known: AbstractSet[str], length: timedelta, reason: str) -> No | None:
    """Return why this cannot be asked for, None when it can."""
    if permission not in known:
        return No("unknown_permission", f"{permission[:60]} is no permission; /shipmate access shows which there are.")
    if permission in NEVER:
        return No("not_lendable", f"{permission} cannot be asked for: whoever keeps the configuration grants it.")
    if not SHORTEST <= length <= LONGEST:
        return No("bad_duration", "A right is given for 5 minutes to 30 days: --for 8h.")
    if not reason.strip():
        return No("no_reason", 'Say why: --reason "the fix for PAY-311". Whoever decides reads it.')
    return None


def may_decide(
    person: Person, asker: Person, groups: AbstractSet[str], owners: AbstractSet[str], *, granted: bool
) -> No | None:
    """Return why this person may not decide, None when they may.

    `owners` are the groups that own the service; `granted` tells that the person holds `access.grant` there.
    """
    if person == asker:
        return No("not_by_you", "Nobody decides about a request of their own.")
    if granted or groups & owners:
        return None
    who = " or ".join(sorted(owners))
    return No("not_an_owner", f"That is decided by {f'{who}, or ' if who else ''}who holds {GRANT} there.")


def over(now: datetime, ends: datetime | None) -> bool:
    """Tell whether a time has passed; the last moment has."""
    return ends is None or now >= ends
