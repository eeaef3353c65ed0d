"""Freezes of the configuration: windows in which environments take no deployments."""

import contextlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from bot.closest import did_you_mean
from bot.settings.labels import conditions
from bot.settings.mistakes import Where
from bot.settings.moments import Begin, End, read_moment
from bot.settings.services import Word
from bot.settings.source import Source
from bot.settings.values import Duration, Model, Name, Schedule, Timezone, parse_duration

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=366)


class Burn(Model):
    """An error budget: while a query says that it is spent, it is frozen."""

    instance: Word = Field(alias="with", description="Name of the integration that answers the query.")
    query: Word = Field(description="The query, over the window of the budget; of several series the highest counts.")
    above: float = Field(description="Above this value the budget is spent.")
    below: float | None = Field(None, description="Below this value it has recovered; nine tenths of above without it.")
    length: Duration | None = Field(
        None, alias="for", description="How long the value must be above, or below, before anything follows."
    )
    every: Duration = Field(timedelta(minutes=1), description="How often it is read; 10s at least.")
    unit: str = Field("", description="Unit for people: ratio, s, bytes, 1/s.")
    unreadable: Literal["stay", "hold", "open"] = Field(
        "stay", description="What follows when it cannot be read for that long: nothing, a freeze, or none."
    )

    @model_validator(mode="after")
    def _fits(self) -> "Burn":
        if self.below is not None and self.below > self.above:
            raise PydanticCustomError("limit", "below is higher than above: it would freeze and open at once")
        if self.every < timedelta(seconds=10):
            raise PydanticCustomError("interval", "every must be 10s or longer")
        return self


class During(Model):
    """Trouble: while alerts of a service fire, it is frozen."""

    alerts: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        min_length=1, description='Conditions on the labels of the alerts, all of which must hold: severity="critical".'
    )


class FreezeSettings(Model):
    """One freeze: from a date (to another), at each time of a cron expression, or while something else says so."""

    name: Name = Field(description="What it is called where it refuses something.")
    reason: Word = Field(description="Why, for those who wait.")
    environments: tuple[Word, ...] = Field((), description='Environments that are frozen; "*" is all of them.')
    production_like: bool = Field(default=False, description="Freeze every production-like environment.")
    services: tuple[Word, ...] = Field(("*",), min_length=1, description="Services that are frozen.")
    begins: Begin | None = Field(None, alias="from", description="When it begins: a date, or a date with a time.")
    ends: End | None = Field(
        None, alias="to", description="When it ends; a bare date includes that day. Without it: until it is taken out."
    )
    every: Annotated[Schedule, Field(description="When it begins, again and again, as a cron expression.")] = ""
    length: Duration | None = Field(
        None, alias="for", description="How long each of these lasts, by the clock on the wall: 14h, 2d14h."
    )
    timezone: Timezone = Field("UTC", description="The time zone that all of this is read in.")
    burn: Burn | None = Field(None, description="An error budget: it is frozen while that is spent.")
    during: During | None = Field(None, description="Trouble: a service is frozen while such alerts of it fire.")
    exceptions: tuple[Word, ...] = Field((), description="Groups that may deploy all the same, with a reason.")
    rollbacks: bool = Field(default=True, description="Whether what ran before may be put back meanwhile.")

    @property
    def dated(self) -> bool:
        """Whether dates say when it is in force, not a budget or an alert."""
        return self.burn is None and self.during is None


def check(source: Source, *, groups: Collection[str], environments: Collection[str], services: Collection[str]) -> None:
    """Note every mistake that no single value of a freeze shows. Values of a wrong form are told by the model."""
    found = source.data.get("freezes")
    seen: set[str] = set()
    for number, freeze in enumerate(found if isinstance(found, list) else ()):
        if not isinstance(freeze, dict):
            continue
        where: Where = ("freezes", number)
        name = freeze.get("name")
        if isinstance(name, str) and name in seen:
            source.note((*where, "name"), f"there are two freezes named {name}", "Rename one.")
        seen.add(str(name))
        for key, known in (("exceptions", groups), ("environments", environments), ("services", services)):
            named = freeze.get(key)
            for index, one in enumerate(named if isinstance(named, list) else ()):
                allowed = known if key == "exceptions" else {"*", *known}
                if isinstance(one, str) and one not in allowed:
                    kind = "group" if key == "exceptions" else key.removesuffix("s")
                    source.note((*where, key, index), f"{one} is no {kind}", did_you_mean(one, sorted(known)))
        if not freeze.get("environments") and freeze.get("production_like") is not True:
            message = "it says not what is frozen"
            source.note(where, message, "Add environments: [production], or production_like: true.")
        check_window(source, where, freeze)


def check_window(source: Source, where: Where, freeze: dict[str, Any]) -> None:
    """Note what is wrong with when a window is: of its dates, its cron expression and its length."""
    dated = [key for key in ("from", "to") if key in freeze]
    repeated = [key for key in ("every", "for") if key in freeze]
    followed = next((key for key in ("burn", "during") if key in freeze), "")
    if followed:
        others = [key for key in (*dated, *repeated, "during") if key in freeze and key != followed]
        if others:
            source.note((*where, others[0]), f"{others[0]} cannot stand beside {followed}", "Make two freezes of it.")
        return
    if dated and repeated:
        source.note((*where, repeated[0]), f"{repeated[0]} cannot stand beside {dated[0]}", "Make two freezes of it.")
    elif not dated and not repeated:
        source.note(where, "it says not when", "Add from (and to), or every and for, or burn, or during.")
    elif dated == ["to"]:
        source.note((*where, "to"), "to needs from", "Say when it begins.")
    elif repeated == ["every"]:
        source.note((*where, "every"), "every needs for", "Say how long each window lasts, such as for: 14h.")
    elif repeated == ["for"]:
        source.note((*where, "for"), "for needs every", "Say when each window begins, as a cron expression.")
    _check_dates(source, where, freeze)
    _check_length(source, where, freeze)


def _check_dates(source: Source, where: Where, freeze: dict[str, Any]) -> None:
    begins, ends = _moment(freeze.get("from"), last=False), _moment(freeze.get("to"), last=True)
    if begins is None or ends is None:
        return
    if (begins.tzinfo is None) != (ends.tzinfo is None):
        source.note((*where, "to"), "one of from and to has an offset, the other has none", "Use timezone for both.")
    elif ends <= begins:
        source.note((*where, "to"), "to is not after from", "It would never be in force.")


def _check_length(source: Source, where: Where, freeze: dict[str, Any]) -> None:
    length = freeze.get("for")
    if not isinstance(length, str):
        return
    with contextlib.suppress(ValueError):  # of a wrong form: the model tells
        if not SHORTEST <= parse_duration(length) <= LONGEST:
            source.note((*where, "for"), "a freeze lasts between 1 minute and 366 days")


def _moment(value: object, *, last: bool) -> datetime | None:
    try:
        return read_moment(value, last=last)
    except (ValueError, OverflowError):
        return None
