"""What is frozen, for whom, and until when. Pure: no I/O, no clock."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from bot.freezes.windows import Calendar, Window
from bot.identity import Person
from bot.locks.rules import Scope

ALL = "*"
_MOST_STEPS = 50


class State(StrEnum):
    """Where a freeze that a person declared stands; all but the first are final."""

    IN_FORCE = "in_force"
    LIFTED = "lifted"
    EXPIRED = "expired"


class Freeze(Struct, frozen=True, kw_only=True):
    """One freeze: what it covers, when, and who may go on all the same.

    `name` is its name in the configuration, or the id of one that `person` declared ("F-3"). `exceptions` are groups;
    who may change a person's freeze may go on through it as well. `opens_when` says what ends one that has no date for
    it, `note` how that stands while it is not in force.
    """

    name: str
    reason: str
    calendar: Calendar
    environments: tuple[str, ...] = ()
    production_like: bool = False
    services: tuple[str, ...] = (ALL,)
    target: str = ""
    exceptions: tuple[str, ...] = ()
    rollbacks: bool = True
    person: Person | None = None
    opens_when: str = ""
    note: str = ""

    def covers(self, place: Scope, *, production_like: bool) -> bool:
        """Tell whether it is about this place."""
        environments = set(self.environments)
        return (
            bool(environments & {ALL, place.environment} or (self.production_like and production_like))
            and bool({ALL, place.service} & set(self.services))
            and self.target in {"", place.target}
        )

    @property
    def everywhere(self) -> bool:
        """Whether all services are frozen, not some."""
        return ALL in self.services and not self.target


class Halt(Struct, frozen=True):
    """A freeze in force, and the window it is in."""

    freeze: Freeze
    window: Window

    @property
    def until(self) -> datetime | None:
        """When it ends, None for no end that is known."""
        return self.window.ends


def in_force(freezes: Iterable[Freeze], now: datetime) -> tuple[Halt, ...]:
    """Return the freezes that are in force, in their order."""
    found = ((freeze, freeze.calendar.at(now)) for freeze in freezes)
    return tuple(Halt(freeze, window) for freeze, window in found if window is not None)


def on(halts: Iterable[Halt], place: Scope, *, production_like: bool) -> tuple[Halt, ...]:
    """Return those that are about a place."""
    return tuple(halt for halt in halts if halt.freeze.covers(place, production_like=production_like))


def blocking(halts: Iterable[Halt], *, rollback: bool, excepted: Collection[str] = ()) -> tuple[Halt, ...]:
    """Return those that stand in the way, the one that ends last first.

    A rollback passes where the freeze lets it, because it restores; `excepted` names those that somebody who may goes
    through.
    """
    left = (halt for halt in halts if not (rollback and halt.freeze.rollbacks) and halt.freeze.name not in excepted)
    return tuple(sorted(left, key=_last_first))


def opens(freezes: Sequence[Freeze], now: datetime) -> datetime | None:
    """Return the first moment from `now` on at which none of these is in force, None when no end is known."""
    at = now
    for _ in range(_MOST_STEPS):
        ends = [halt.until for halt in in_force(freezes, at)]
        if not ends:
            return at
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        at = max(known)
    return at


def upcoming(freeze: Freeze, now: datetime, until: datetime, *, most: int) -> tuple[Window, ...]:
    """Return the windows of a freeze that begin after `now` and before `until`, `most` at most."""
    found: list[Window] = []
    at = now
    while len(found) < most:
        window = freeze.calendar.following(at)
        if window is None or window.begins >= until:
            break
        found.append(window)
        if window.ends is None:
            break
        at = window.ends
    return tuple(found)


def _last_first(halt: Halt) -> tuple[bool, float, str]:
    return (halt.until is not None, -halt.until.timestamp() if halt.until else 0.0, halt.freeze.name)
