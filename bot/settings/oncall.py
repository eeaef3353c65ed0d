"""On call in the configuration: schedules of layers and calendars, and what in Slack follows them."""

import re
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from bot.closest import did_you_mean
from bot.settings.mistakes import Where
from bot.settings.services import Word
from bot.settings.source import Source
from bot.settings.tokens import NO_SECRET
from bot.settings.values import Duration, MayBePlain, Model, Name, Timezone

HOUR = timedelta(hours=1)
LONGEST_TURN = timedelta(days=366)
LEAST_FETCH = timedelta(minutes=1)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SLACK_ID = re.compile(r"^(([EO][A-Z0-9]+/)?T[A-Z0-9]+/)?[UW][A-Z0-9]{2,}$")
_MINUTES_A_DAY = 24 * 60

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock(value: Any) -> time:  # noqa: ANN401 - whatever stands in the file
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MINUTES_A_DAY:
        return time(*divmod(value, 60))  # YAML 1.1 reads 22:00 without quotes as a number to the base of 60
    found = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("clock", "a time of day was expected, such as 09:00")
    return time(int(found[1]), int(found[2]))


def _day(value: Any) -> date:  # noqa: ANN401 - the same
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    raise PydanticCustomError("day", "a date was expected, such as 2026-01-05; the time of day is handover")


def _turn(value: Any) -> Any:  # noqa: ANN401 - the same
    return (value,) if isinstance(value, str) else value


def _whole_hours(length: timedelta) -> timedelta:
    if not HOUR <= length <= LONGEST_TURN or length % HOUR:
        raise PydanticCustomError("turn", "a turn is a number of whole hours, days or weeks, 366d at most")
    return length


def _fetched(length: timedelta) -> timedelta:
    if length < LEAST_FETCH:
        raise PydanticCustomError("fetch", "a calendar is fetched every 1m at most")
    return length


ClockTime = Annotated[time, BeforeValidator(_clock), WithJsonSchema({"type": "string", "examples": ["09:00"]})]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "examples": ["2026-01-05"]})]
Turn = Annotated[
    tuple[Word, ...],
    BeforeValidator(_turn),
    Field(min_length=1),
    WithJsonSchema({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Hours(Model):
    """Hours of days: of those from which to which, by the clock on the wall."""

    days: tuple[Weekday, ...] = Field((), description="Days on which they begin; every day without.")
    begins: ClockTime = Field(time(), alias="from", description="When they begin.")
    ends: ClockTime = Field(
        time(), alias="to", description="When they end; at or before the beginning it is on the next day."
    )


class LayerSettings(Model):
    """One layer: people who take turns, from a day on."""

    name: str = Field("", description="What it is called where it is shown.")
    people: tuple[Turn, ...] = Field(
        min_length=1, description="Who takes turns, by name or Slack id; a list within the list is on call together."
    )
    begins: Day = Field(alias="from", description="The day of the first turn.")
    until: Day | None = Field(None, description="The day on which it ends, at the time of handover.")
    every: Annotated[Duration, AfterValidator(_whole_hours)] = Field(
        timedelta(weeks=1), description="How long a turn is, by the clock on the wall: 12h, 1d, 1w, 2w."
    )
    handover: ClockTime = Field(time(9), description="When turns change.")
    only: tuple[Hours, ...] = Field((), description="Hours in which the layer counts; always without.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "LayerSettings":
        if self.until is not None and self.until <= self.begins:
            raise PydanticCustomError("until", "until is not after from: nobody would ever be on call")
        return self


class CalendarSettings(Model):
    """An iCalendar feed whose events say who is on call."""

    name: Name = Field(description="What it is called where it is shown.")
    url: Annotated[SecretStr, MayBePlain()] = Field(NO_SECRET, description="Its address; it may hold a secret.")
    file: Path | None = Field(None, description="A file instead, beside this one.")
    every: Annotated[Duration, AfterValidator(_fetched)] = Field(
        timedelta(minutes=5), description="How often it is read."
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> "CalendarSettings":
        url = self.url.get_secret_value()
        if bool(url) == (self.file is not None):
            raise PydanticCustomError("calendar", "a calendar has a url or a file")
        if url and not url.startswith(("https://", "http://")):
            raise PydanticCustomError("calendar", "the url of a calendar begins with https:// or http://")
        return self


class Follow(Model):
    """What in Slack says who is on call."""

    usergroup: str = Field("", pattern=r"^(S[A-Z0-9]+)?$", description="Id of a user group whose members they become.")
    topic: Literal["instead", "always", "never"] = Field(
        "instead",
        description="Whether the topic of the channel names them: where no user group follows, always, or never.",
    )


class ScheduleSettings(Model):
    """One schedule."""

    title: str = Field("", description="What people read; the name where it is empty.")
    timezone: Timezone = Field("UTC", description="The time zone of its clock on the wall.")
    channel: str = Field("", description="Channel that hears of changes and gaps, by name or id.")
    layers: tuple[LayerSettings, ...] = Field((), description="Rotations; a later one wins over those before it.")
    calendars: tuple[CalendarSettings, ...] = Field((), description="iCalendar feeds; they win over the layers.")
    follow: Follow | None = Field(None, description="What in Slack says who is on call; nothing without.")


class OnCallSettings(Model):
    """Who is on call."""

    schedules: dict[Name, ScheduleSettings] = Field({}, description="The schedules, by a name of your choice.")
    user_token: SecretStr = Field(
        NO_SECRET, description="Token of a person who may edit user groups, xoxp-…, for schedules that a group follows."
    )

    @property
    def followed(self) -> tuple[Follow, ...]:
        """What in Slack follows, of every schedule that something follows."""
        return tuple(one.follow for one in self.schedules.values() if one.follow is not None)


def check(source: Source, *, people: Collection[str]) -> None:
    """Note every mistake that no single value shows. Values of a wrong form are told by the model."""
    schedules = _mapping(_mapping(source.data.get("oncall")).get("schedules"))
    groups: dict[str, str] = {}
    for name, schedule in schedules.items():
        if not isinstance(schedule, dict):
            continue
        where: Where = ("oncall", "schedules", name)
        layers, calendars = (_listed(schedule.get(key)) for key in ("layers", "calendars"))
        if not layers and not calendars:
            source.note(where, f"nobody is ever on call for {name}", "Add layers, or calendars.")
        for number, layer in enumerate(layers):
            _check_people(source, (*where, "layers", number, "people"), layer.get("people"), people)
        seen: set[str] = set()
        for number, calendar in enumerate(calendars):
            named = str(calendar.get("name"))
            if named in seen:
                source.note((*where, "calendars", number, "name"), f"there are two calendars named {named}", "Rename.")
            seen.add(named)
        _check_follow(source, (*where, "follow"), schedule, groups)
    for name, service in _mapping(source.data.get("services")).items():
        wanted = _mapping(service).get("oncall")
        if isinstance(wanted, str) and wanted and wanted not in schedules:
            hint = did_you_mean(wanted, sorted(schedules))
            source.note(("services", name, "oncall"), f"{wanted} is no schedule of oncall.schedules", hint)


def _check_follow(source: Source, where: Where, schedule: dict[str, Any], groups: dict[str, str]) -> None:
    """Note what cannot follow; `groups` are the schedules whose user groups were seen."""
    follow = schedule.get("follow")
    if not isinstance(follow, dict):
        return
    name, group, topic = str(where[-2]), str(follow.get("usergroup") or ""), follow.get("topic", "instead")
    if topic == "never" and not group:
        source.note(where, "nothing follows", "Name a usergroup, or drop topic.")
    if topic != "never" and not schedule.get("channel"):
        source.note(where, "topic needs channel", "Say whose topic it is: set channel; or set topic to never.")
    if group in groups:
        source.note((*where, "usergroup"), f"{group} follows {groups[group]} already", "A group follows one schedule.")
    elif group:
        groups[group] = name


def _check_people(source: Source, where: Where, turns: object, people: Collection[str]) -> None:
    for index, turn in enumerate(turns if isinstance(turns, list) else ()):
        together = isinstance(turn, list)
        for inner, one in enumerate(turn if together else (turn,)):
            if isinstance(one, str) and one not in people and not _SLACK_ID.match(one):
                at = (*where, index, inner) if together else (*where, index)
                source.note(at, f"{one} is no person", did_you_mean(one, sorted(people)))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
