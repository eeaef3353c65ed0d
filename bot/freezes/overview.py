"""`Overview`: what is frozen and locked now and next, for `/calendar` and the home page."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.freezes import messages
from bot.freezes.parts import Parts
from bot.freezes.rules import Freeze, upcoming
from bot.freezes.windows import Window
from bot.identity import Person
from bot.locks import messages as lock_messages, records as lock_records
from bot.locks.records import Lock
from bot.locks.rules import Scope
from bot.reply import Headline, Markup, Note, Paragraph, Part, Reply, joined, moment, say

if TYPE_CHECKING:
    from bot.freezes.freezes import Freezes

MOST_DAYS = 366
_MOST_WINDOWS = 5
_MOST_LINES = 40
_ON_HOME = 8
_AHEAD = 14  # days
_REASON = 140


class Overview:
    """Answers questions about freezes. Reads our own store and the configuration only."""

    def __init__(self, parts: Parts, freezes: "Freezes") -> None:
        self._parts = parts
        self._freezes = freezes

    async def calendar(self, scope: Scope, *, days: int) -> Reply:
        """Return freezes and locks, now and within `days`, environment by environment.

        An empty service or environment in `scope` means all of them.

        Raises:
            Refused: a freeze cannot be read (code `freeze_unreadable`).
        """
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            freezes = await self._freezes.all(conn)
            locks = await lock_records.held(conn, now)
        until = now + timedelta(days=days)
        found = {freeze: self._lines(freeze, days) for freeze in freezes}
        parts: list[Part] = []
        for environment in self._environments(scope):
            places = self._places(scope, environment)
            lines = [
                line
                for freeze in freezes
                if any(freeze.covers(one, production_like=self._freezes.production_like(one)) for one in places)
                for line in found[freeze]
            ]
            lines += [self._lock_line(lock) for lock in locks if _concerns(lock, places)]
            if lines:
                more = [say("…{} more", len(lines) - _MOST_LINES)] if len(lines) > _MOST_LINES else []
                parts += [Headline(say("{}", environment)), Paragraph(joined("\n", [*lines[:_MOST_LINES], *more]))]
        of = messages.what(scope)
        if not parts:
            parts = [
                Paragraph(say("Nothing is frozen or locked on {}, nor will be until {}.", of, moment(until, day=True)))
            ]
        else:
            parts.append(Note(say("Now and until {}. Times are in your own zone.", moment(until, day=True))))
        return Reply(summary=f"Freezes and locks: {of}", parts=tuple(parts))

    async def home(self, person: Person) -> Sequence[Part]:
        """Return locks and freezes in force and the next windows, for a person's home page; their own locks first."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            halts = await self._freezes.in_force(conn)
            freezes = await self._freezes.all(conn)
            locks = await lock_records.held(conn, now)
        own = sorted(locks, key=lambda lock: lock.person != person)
        frozen = [
            say("*{}*: {}", messages.covered(halt.freeze), messages.standing(halt, self._freezes.name_of))
            for halt in halts
        ]
        coming = sorted(
            ((window.begins, freeze, window) for freeze in freezes for window in self._next(freeze)),
            key=lambda found: found[0],
        )
        windows = [
            say("*{}*: from {} {}, “{}”", messages.covered(one), moment(at, day=True), messages.until(window), why)
            for at, one, window in coming
            for why in (one.reason[:_REASON],)
        ]
        parts: list[Part] = []
        for title, lines in (
            ("Locked", [self._lock_line(lock) for lock in own]),
            ("Frozen now", frozen),
            ("Next freezes", windows),
        ):
            if lines:
                more = say("…{} more: {}", len(lines) - _ON_HOME, Markup("`/calendar`"))
                shown = [*lines[:_ON_HOME], more] if len(lines) > _ON_HOME else lines
                parts += [Headline(Markup(title)), Paragraph(joined("\n", shown))]
        return parts

    def _next(self, freeze: Freeze) -> Sequence[Window]:
        """Return the next window of a freeze within two weeks."""
        now = self._parts.clock.now()
        return upcoming(freeze, now, now + timedelta(days=_AHEAD), most=1)

    def _lines(self, freeze: Freeze, days: int) -> list[Markup]:
        """Return the lines of one freeze: the window that is in force, and those that come."""
        now = self._parts.clock.now()
        name_of = self._freezes.name_of
        by, scope = messages.by(freeze, name_of), messages.covered(freeze)
        lines = []
        here = freeze.calendar.at(now)
        if here is not None:
            ends = messages.until(here, freeze.opens_when)
            lines.append(say("*frozen now* {}: “{}” ({}; {})", ends, freeze.reason, by, scope))
        elif freeze.note:
            lines.append(say("not frozen by {}: {} ({})", by, freeze.note, scope))
        coming = upcoming(freeze, now, now + timedelta(days=days), most=_MOST_WINDOWS)
        for window in coming:
            begins = moment(window.begins, day=True)
            ends = messages.until(window)
            lines.append(say("{} {}: “{}” ({}; {})", begins, ends, freeze.reason, by, scope))
        return lines

    def _lock_line(self, lock: Lock) -> Markup:
        return say("*{}* is {}", lock.scope, lock_messages.standing(lock, self._freezes.name_of(lock.person)))

    def _environments(self, scope: Scope) -> Sequence[str]:
        places = self._parts.catalog().places(scope.service)
        names = dict.fromkeys(one.environment for one in places)
        return [scope.environment] if scope.environment else list(names)

    def _places(self, scope: Scope, environment: str) -> Sequence[Scope]:
        places = self._parts.catalog().places(scope.service)
        return [Scope(one.service, one.environment, one.target) for one in places if one.environment == environment]


def _concerns(lock: Lock, places: Sequence[Scope]) -> bool:
    """Tell whether a lock covers one of these places."""
    held = lock.scope
    if not held.service:
        return True
    return any(
        (held.service, held.environment) == (one.service, one.environment) and held.target in {"", one.target}
        for one in places
    )
