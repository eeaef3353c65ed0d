"""iCalendar feeds (RFC 5545) as spans of people on call. Pure but for the libraries, which are loaded when one is read.

An event names people by the e-mail addresses of its attendees, else by its summary: a name of the configuration, the
name that people read, or an address. What begins on a day without a time is by the clock on the wall of the schedule.
"""

import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import Any

from msgspec import Struct

from bot.identity import Person
from bot.oncall.rules import Span, Why
from bot.walls import instant

MOST_BYTES = 5_000_000
MOST_EVENTS = 5_000
MOST_SERIES = 2_000
_LONGEST_NAME = 80
_HOURS = 24

Named = Callable[[str], Person | None]


class Event(Struct, frozen=True):
    """One event, each of a series by itself: both moments in UTC, and whom it names in words."""

    begins: datetime
    ends: datetime
    summary: str
    emails: tuple[str, ...]
    uid: str


class Calendar(Struct, frozen=True, kw_only=True):
    """What is known of one calendar: whom its events put on call, the events that name nobody known, what is wrong."""

    name: str
    spans: tuple[Span, ...] = ()
    strangers: tuple[Event, ...] = ()
    read_at: datetime | None = None
    problem: str = ""


class Copy(Struct, frozen=True):
    """What is at an address: its bytes, and the mark by which the server knows it, "" where it gives none.

    `body` is None where the server says that it is what has the mark it was asked with.
    """

    body: bytes | None
    etag: str = ""


class Unreadable(Exception):
    """A feed cannot be read; the text says why, without its content."""


def events_of(body: bytes, zone: str, begin: datetime, end: datetime) -> tuple[Event, ...]:
    """Return the events of a feed that touch a stretch of time, in order. Takes a moment: not for the event loop.

    Raises:
        Unreadable: it is no calendar, or holds too many events.
    """
    import recurring_ical_events  # type: ignore[import-untyped]  # noqa: PLC0415 - costs only where there are calendars
    from icalendar import Calendar  # noqa: PLC0415 - the same

    try:
        parsed = Calendar.from_ical(body)
        _check_series(parsed)
        found = recurring_ical_events.of(parsed, skip_bad_series=True).between(begin, end)
        made = [one for component in found if (one := _event(component, zone)) is not None]
    except Unreadable:
        raise
    except Exception as error:  # whatever two libraries stumble over in what others wrote
        raise Unreadable(f"this is no iCalendar feed ({type(error).__name__})") from error
    if len(made) > MOST_EVENTS:
        raise Unreadable(f"it holds more than {MOST_EVENTS} events of these months")
    return tuple(sorted(made, key=lambda one: (one.begins, one.ends, one.uid)))


def spans_of(events: Iterable[Event], calendar: str, named: Named) -> tuple[list[Span], list[Event]]:
    """Return events as spans, and those that name nobody known: they do not count."""
    spans: list[Span] = []
    strangers: list[Event] = []
    for event in events:
        people = tuple(dict.fromkeys(person for one in event.emails if (person := named(one)) is not None))
        if not people and (person := named(event.summary)) is not None:
            people = (person,)
        if not people:
            strangers.append(event)
            continue
        key = f"{calendar}/{event.uid}/{event.begins:%Y%m%dT%H%M%S}"
        span = Span(begins=event.begins, ends=event.ends, people=people, why=Why.CALENDAR, key=key)
        spans.append(span)
    return spans, strangers


def _check_series(calendar: Any) -> None:  # noqa: ANN401 - the library ships no types
    """Refuse what would take hours to write out: events that repeat every minute. Raises: Unreadable."""
    a_day = 0
    for event in calendar.walk("VEVENT"):
        rules = event.get("RRULE") or []
        for rule in rules if isinstance(rules, list) else [rules]:
            often = str(rule.get("FREQ", [""])[0]).upper()
            times = math.prod(len(rule.get(part, ())) or 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
            times *= _HOURS if often == "HOURLY" else 1
            if often in {"MINUTELY", "SECONDLY"} or times > _HOURS:
                raise Unreadable("an event of it repeats more often than every hour")
            a_day += times
    if a_day > MOST_SERIES:
        raise Unreadable(f"it holds more than {MOST_SERIES} events that repeat")


def _event(component: Any, zone: str) -> Event | None:  # noqa: ANN401 - the library ships no types
    if str(component.get("STATUS", "")).upper() == "CANCELLED" or "DTSTART" not in component:
        return None
    begins, ends = _moment(component.start, zone), _moment(component.end, zone)
    if ends <= begins:
        return None
    attendees = component.get("ATTENDEE") or []
    listed = attendees if isinstance(attendees, list) else [attendees]
    emails = (str(one).partition(":")[2].strip().lower() for one in listed if str(one).lower().startswith("mailto:"))
    return Event(
        begins=begins,
        ends=ends,
        summary=" ".join(str(component.get("SUMMARY", "")).split())[:_LONGEST_NAME],
        emails=tuple(email for email in emails if email),
        uid=str(component.get("UID", ""))[:255],
    )


def _moment(value: date | datetime, zone: str) -> datetime:
    if not isinstance(value, datetime):
        return instant(datetime.combine(value, time()), zone)
    return instant(value, zone) if value.tzinfo is None else value.astimezone(UTC)
