"""Alerts in the configuration: which channel hears of which, and what is meant by their labels."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from bot.closest import did_you_mean
from bot.settings.freezes import check_window
from bot.settings.labels import conditions
from bot.settings.mistakes import Where
from bot.settings.moments import Begin, End
from bot.settings.services import Word
from bot.settings.source import Source
from bot.settings.values import Duration, Model, Name, Schedule, Timezone

LEAST_POLL = timedelta(seconds=5)
LEAST_ANSWER = timedelta(minutes=1)
LEAST_MISSING = timedelta(seconds=2)


def _poll(length: timedelta) -> timedelta:
    if length < LEAST_POLL:
        raise PydanticCustomError("poll", "a source is asked every 5s at most")
    return length


def _answered(length: timedelta) -> timedelta:
    if length < LEAST_ANSWER:
        raise PydanticCustomError("fall_back_after", "people need 1m at least to answer")
    return length


def _missing(length: timedelta) -> timedelta:
    if length < LEAST_MISSING:
        raise PydanticCustomError("missing_after", "a watchdog is given 2s at least")
    return length


def _once(watchdogs: tuple["WatchdogSettings", ...]) -> tuple["WatchdogSettings", ...]:
    names = [one.name for one in watchdogs]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise PydanticCustomError("watchdogs", "two watchdogs are called {name}", {"name": twice})
    return watchdogs


class AlertRoute(Model):
    """One route: the first whose matchers all hold decides."""

    matchers: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        (), description='Conditions on labels, all of which must hold: severity="critical", team=~"pay.*".'
    )
    channel: Word = Field(description="Channel, by name or id.")
    escalate: str = Field("", description='Chain of paging.chains that wakes somebody; "none" wakes nobody.')


class StormSettings(Model):
    """When a channel has more new groups than people can read: they are gathered in one message."""

    rate: int = Field(
        20, ge=0, le=1000, description="New groups a minute in one channel above which they are gathered; 0: never."
    )
    priority: tuple[Word, ...] = Field(
        ("critical",), description="Severities whose groups have a message of their own in a storm, too."
    )
    calm: Duration = Field(timedelta(minutes=3), description="How long it must be calm before a storm counts as over.")
    after: int = Field(
        20, ge=0, le=200, description="How many that still fire when it is over get a message of their own."
    )


class TogetherRule(Model):
    """One rule for what belongs together: a cause and its effects, or what has the same labels, whoever came first."""

    name: Name = Field(description="What it is called where it has put something together.")
    matchers: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        (), description="Conditions on the labels of all groups that it is about."
    )
    cause: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        (), description="Conditions on the labels of what causes the others."
    )
    effects: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        (), description="Conditions on the labels of what is told of in the message of the cause."
    )
    same: tuple[Word, ...] = Field((), description="Labels that both must have, with the same value.")
    within: Duration = Field(timedelta(minutes=10), description="How much later than the first the second may begin.")

    @model_validator(mode="after")
    def _whole(self) -> "TogetherRule":
        if bool(self.cause) != bool(self.effects):
            raise PydanticCustomError("together", "cause and effects belong together: give both or neither")
        if not self.cause and not self.same:
            raise PydanticCustomError("together", "it says not what belongs together: give same, or cause and effects")
        return self


class MaintenanceSettings(Model):
    """A maintenance window, from a date to another or each time a cron expression comes: what fires in it is silent."""

    reason: Word = Field(description="Why, for those who see it.")
    matchers: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        (), description="Conditions on an alert's labels, all of which must hold."
    )
    services: tuple[Word, ...] = Field((), description="Services of the catalog that it is about.")
    environments: tuple[Word, ...] = Field((), description="Environments that it is about.")
    begins: Begin | None = Field(None, alias="from", description="When it begins: a date, or a date with a time.")
    ends: End | None = Field(
        None, alias="to", description="When it ends; a bare date includes that day. Without it: until it is taken out."
    )
    every: Annotated[Schedule, Field(description="When it begins, again and again, as a cron expression.")] = ""
    length: Duration | None = Field(
        None, alias="for", description="How long each of these lasts, by the clock on the wall: 2h, 30m."
    )
    timezone: Timezone = Field("UTC", description="The time zone that all of this is read in.")


def check(source: Source, *, environments: Collection[str], services: Collection[str]) -> None:
    """Note every mistake that no single value of a maintenance window shows."""
    alerts = source.data.get("alerts")
    found = alerts.get("maintenance") if isinstance(alerts, dict) else None
    for number, one in enumerate(found if isinstance(found, list) else ()):
        if not isinstance(one, dict):
            continue
        where: Where = ("alerts", "maintenance", number)
        for key, known in (("environments", environments), ("services", services)):
            named = one.get(key)
            for index, name in enumerate(named if isinstance(named, list) else ()):
                if isinstance(name, str) and name not in known:
                    source.note((*where, key, index), f"{name} is no {key[:-1]}", did_you_mean(name, sorted(known)))
        if not any(one.get(key) for key in ("matchers", "services", "environments")):
            source.note(where, "it says not what it is about", "Add matchers, services or environments.")
        check_window(source, where, one)


class WatchdogSettings(Model):
    """An alert that always fires. When it stops coming, the monitoring itself is silent."""

    name: Name = Field(description="What it is called in the alert of its absence.")
    matchers: Annotated[tuple[Word, ...], AfterValidator(conditions)] = Field(
        ('alertname="Watchdog"',), min_length=1, description="Conditions on its labels, all of which must hold."
    )
    missing_after: Annotated[Duration, AfterValidator(_missing)] = Field(
        timedelta(minutes=3), description="How long after its last notification it counts as missing."
    )
    severity: Word = Field("critical", description="Severity of the alert of its absence.")


class AlertSettings(Model):
    """What becomes of alerts."""

    channel: str = Field("", description="Channel of what no route and no service's channel takes, by name or id.")
    routes: tuple[AlertRoute, ...] = Field((), description="Which channel hears of which alerts.")
    service_label: Word = Field("service", description="The label that names the service.")
    environment_label: Word = Field("environment", description="The label that names the environment.")
    poll: Annotated[Duration, AfterValidator(_poll)] = Field(
        timedelta(seconds=30), description="How often the sources are asked, so that nothing is lost."
    )
    quiet_after: Duration = Field(
        timedelta(minutes=5), description="How long a source may be silent before its groups are unknown."
    )
    reopen_within: Duration = Field(
        timedelta(minutes=10), description="What fires again so soon after its end goes on in the same message."
    )
    remind_after: Duration = Field(
        timedelta(hours=1),
        description="How long after somebody acknowledged what still fires they are asked if they still are on it.",
    )
    fall_back_after: Annotated[Duration, AfterValidator(_answered)] = Field(
        timedelta(minutes=30), description="How long they may leave that unanswered before nobody is on it any more."
    )
    watchdogs: Annotated[tuple[WatchdogSettings, ...], AfterValidator(_once)] = Field(
        (), description="Alerts that always fire, whose absence is told."
    )
    storm: StormSettings = Field(
        default_factory=StormSettings.model_construct,
        description="When groups are gathered, because too many begin at once.",
    )
    together: tuple[TogetherRule, ...] = Field((), description="What is told of in one message; the first rule counts.")
    maintenance: tuple[MaintenanceSettings, ...] = Field((), description="When what fires is shown as silent.")
    look_back: Duration = Field(timedelta(hours=1), description="How long before an alert a change may be its cause.")
    workday: Schedule = Field("0 9 * * 1-5", description="When working days begin, as a cron expression.")
    timezone: Timezone = Field("UTC", description="The time zone of workday for people whose own is not known.")
