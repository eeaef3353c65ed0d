"""Who is on call when. Pure: no I/O, no clock.

Turns change by the clock on the wall of their time zone, so one from 9:00 to 9:00 is 23 or 25 hours long where clocks
change in between. Every wall-clock time is one moment: the first where it is shown twice, the jump where it is never
shown. So what ends at a time and what begins at it meet, whatever the clocks do: no gap and no overlap comes of them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from bot.identity import Person
from bot.walls import instant, shown

DAY = timedelta(days=1)
HORIZON = timedelta(days=400)
"""How far ahead and back is looked; what goes on for longer is shown to begin and end there."""

_WIDTHS = (timedelta(days=2), timedelta(days=9), timedelta(days=40), HORIZON)


class Why(StrEnum):
    """What says that somebody is on call."""

    LAYER = "layer"
    CALENDAR = "calendar"
    OVERRIDE = "override"


class Span(Struct, frozen=True, kw_only=True):
    """People on call from a moment until before another, both in UTC. `key` is the same for the parts of one turn.

    `unknown` are names, in a calendar for example, that belong to nobody Shipmate knows.
    """

    begins: datetime
    ends: datetime
    people: tuple[Person, ...]
    why: Why
    key: str
    unknown: tuple[str, ...] = ()


class Gap(Struct, frozen=True):
    """Nobody is on call from a moment until before another."""

    begins: datetime
    ends: datetime


class Hours(Struct, frozen=True):
    """Hours of days by the clock on the wall, of weekdays (Monday is 0; none means every day).

    Where the end is not after the beginning it is on the next day.
    """

    begins: time = time()
    ends: time = time()
    days: frozenset[int] = frozenset()

    def walls(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the wall-clock windows that begin on the days from `first` to `last`."""
        day = first.date()
        while day <= last.date():
            if not self.days or day.weekday() in self.days:
                ends = datetime.combine(day, self.ends)
                yield datetime.combine(day, self.begins), ends if self.begins < self.ends else ends + DAY
            day += DAY


class Layer(Struct, frozen=True, kw_only=True):
    """People who take turns of `every` from the wall-clock time `begins` on, each turn one or several people."""

    name: str
    people: tuple[tuple[Person, ...], ...]
    unknown: tuple[tuple[str, ...], ...] = ()
    begins: datetime
    every: timedelta
    zone: str
    until: datetime | None = None
    only: tuple[Hours, ...] = ()

    def turns(self, begin: datetime, end: datetime) -> Iterator[Span]:
        """Yield the turns that touch a stretch of time, whole, in order; without the hours outside of `only`."""
        number = self._number_at(begin)
        until = None if self.until is None else instant(self.until, self.zone)
        while True:
            begins, ends = self._boundary(number), self._boundary(number + 1)
            if begins >= end or (until is not None and begins >= until):
                return
            if until is not None:
                ends = min(ends, until)
            if begins < ends and begin < ends:  # a turn within an hour that is skipped has no length
                yield from self._within_hours(number, begins, ends)
            number += 1

    def _number_at(self, moment: datetime) -> int:
        """Return the number of the turn that a moment is in, 0 before the first."""
        number = max((shown(moment, self.zone) - self.begins) // self.every, 0)
        while number > 0 and self._boundary(number) > moment:
            number -= 1
        while self._boundary(number + 1) <= moment:
            number += 1
        return number

    def _boundary(self, number: int) -> datetime:
        return instant(self.begins + number * self.every, self.zone)

    def _within_hours(self, number: int, begins: datetime, ends: datetime) -> Iterator[Span]:
        place = number % len(self.people)
        span = Span(
            begins=begins,
            ends=ends,
            people=self.people[place],
            why=Why.LAYER,
            key=f"{self.name}/{number}",
            unknown=self.unknown[place] if self.unknown else (),
        )
        if not self.only:
            yield span
            return
        for part, (opens, closes) in enumerate(self._open(begins, ends)):
            if max(opens, begins) < min(closes, ends):
                yield replace(span, begins=max(opens, begins), ends=min(closes, ends), key=f"{span.key}/{part}")

    def _open(self, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime]]:
        """Return the stretches of `only` around a turn; those that touch or overlap are one."""
        first, last = shown(begins, self.zone) - 2 * DAY, shown(ends, self.zone) + DAY
        walls = sorted(one for hours in self.only for one in hours.walls(first, last))
        found: list[tuple[datetime, datetime]] = []
        for opens, closes in ((instant(one, self.zone), instant(two, self.zone)) for one, two in walls):
            if found and opens <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], closes))
            else:
                found.append((opens, closes))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that says who is on call for one schedule: a later layer, a calendar, an override wins, in this order.

    Of overrides the one made later wins: they stand in the order in which they were made. Events of calendars at the
    same time are on call together. `warnings` say what could not be read or understood, `unread` which calendars.
    """

    zone: str
    layers: tuple[Layer, ...] = ()
    events: tuple[Span, ...] = ()
    overrides: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)
    unread: tuple[str, ...] = field(default=(), compare=False)

    def spans(self, begin: datetime, end: datetime) -> list[Span]:
        """Return who is on call within a stretch of time, in order, cut at its ends; where nobody is, nothing."""
        ranked: list[list[Span]] = [list(layer.turns(begin, end)) for layer in self.layers]
        ranked.append(_together(one for one in self.events if one.begins < end and begin < one.ends))
        ranked += [[one] for one in self.overrides if one.begins < end and begin < one.ends]
        return _composed(ranked, begin, end)

    def at(self, moment: datetime) -> Span | None:
        """Return the span that a moment is in, None where nobody is on call."""
        found: Span | None = None
        for width in _WIDTHS:
            begin, end = moment - width, moment + width
            found = next((one for one in self.spans(begin, end) if one.begins <= moment < one.ends), None)
            if found is None or (begin < found.begins and found.ends < end):
                break
        return found

    def following(self, moment: datetime) -> Span | None:
        """Return the first span that begins after a moment, None within the horizon."""
        for width in _WIDTHS:
            for one in self.spans(moment, moment + width):
                if one.begins > moment:
                    return self.at(one.begins)
        return None

    def changes_at(self, moment: datetime) -> datetime | None:
        """Return when it is next to be looked at who is on call: the nearest end or beginning after a moment."""
        for width in _WIDTHS:
            found = [edge for one in self.spans(moment, moment + width) for edge in (one.begins, one.ends)]
            later = [edge for edge in found if moment < edge < moment + width]
            if later:
                return min(later)
        return None

    def ended_before(self, moment: datetime) -> datetime | None:
        """Return since when nobody is on call at a moment at which nobody is, None where it never was otherwise."""
        for width in _WIDTHS:
            found = [one.ends for one in self.spans(moment - width, moment)]
            if found:
                return found[-1]
        return None

    def since(self, moment: datetime, *, told: datetime | None, expected: datetime | None) -> datetime | None:
        """Return since when it is as it is at a moment; None where nobody ever was on call.

        `told` is since when the one before was, `expected` when it was to change next as it was known then. What holds
        now though no time had come for it, or for longer than that, was changed by hand: it holds from now on.
        """
        span = self.at(moment)
        since = span.begins if span is not None else self.ended_before(moment)
        if since is None or (told is not None and since <= told):
            return moment if since is not None else None
        if span is not None and span.why is Why.OVERRIDE:
            return since  # made for this time, and written down
        return moment if expected is not None and (moment < expected or since < expected) else since

    def missed(
        self, people: tuple[Person, ...], moment: datetime, *, expected: datetime | None
    ) -> list[tuple[datetime, tuple[Person, ...]]]:
        """Return who else was on call between these people and those at a moment, with when that began.

        `expected` is when these people were to change, as it was known then: they were on call until it.
        """
        if expected is None or moment <= expected:
            return []
        found, last, covered = list[tuple[datetime, tuple[Person, ...]]](), people, expected
        for one in self.spans(expected, moment):
            if covered < one.begins and last:
                found.append((covered, last := ()))
            if one.people != last:
                found.append((one.begins, last := one.people))
            covered = one.ends
        if covered < moment and last:
            found.append((covered, ()))
        here = self.at(moment)
        return found[:-1] if found and found[-1][1] == (here.people if here is not None else ()) else found

    def gaps(self, begin: datetime, end: datetime) -> list[Gap]:
        """Return the stretches within which nobody is on call."""
        found: list[Gap] = []
        covered = begin
        for one in self.spans(begin, end):
            if not one.people:
                continue
            if covered < one.begins:
                found.append(Gap(covered, one.begins))
            covered = one.ends
        return [*found, Gap(covered, end)] if covered < end else found


def _together(spans: Iterable[Span]) -> list[Span]:
    """Return spans of calendars so that no two overlap: who is named at the same time is on call together."""
    known = sorted(spans, key=lambda one: (one.begins, one.key))
    return [
        replace(
            there[0],
            begins=begins,
            ends=ends,
            people=tuple(dict.fromkeys(person for one in there for person in one.people)),
            unknown=tuple(dict.fromkeys(name for one in there for name in one.unknown)),
            key="+".join(one.key for one in there),
        )
        for begins, ends, there in _pieces(known, lambda active: active)
    ]


def _composed(ranked: Sequence[Sequence[Span]], begin: datetime, end: datetime) -> list[Span]:
    """Return what is left when of each moment the span of the highest rank counts; parts of one turn are joined."""
    rank = {id(one): place for place, spans in enumerate(ranked) for one in spans}
    everything = [one for spans in ranked for one in spans]
    made: list[Span] = []
    for begins, ends, (winner,) in _pieces(everything, lambda there: [max(there, key=lambda one: rank[id(one)])]):
        begins, ends = max(begins, begin), min(ends, end)  # noqa: PLW2901 - cut at the edges
        if begins >= ends:
            continue
        last = made[-1] if made else None
        if last is not None and last.ends == begins and _one_turn(last, winner):
            made[-1] = replace(last, ends=ends)
        else:
            made.append(replace(winner, begins=begins, ends=ends))
    return made


def _one_turn(one: Span, other: Span) -> bool:
    return (one.key, one.why, one.people) == (other.key, other.why, other.people)


def _pieces(
    spans: Sequence[Span], chosen: Callable[[list[Span]], list[Span]]
) -> Iterator[tuple[datetime, datetime, list[Span]]]:
    """Yield (beginning, end, chosen of the spans there) for the stretches in which the same spans hold."""
    edges = sorted({edge for one in spans for edge in (one.begins, one.ends)})
    waiting = sorted(spans, key=lambda one: one.begins, reverse=True)
    active: list[Span] = []
    for begins, ends in pairwise(edges):
        active = [one for one in active if one.ends > begins]
        while waiting and waiting[-1].begins <= begins:
            active.append(waiting.pop())
        if active:
            yield begins, ends, chosen(active)
