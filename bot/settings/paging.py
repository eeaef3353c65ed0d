"""Paging in the configuration: chains of steps that go on until somebody comes, and by which ways people are woken."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.closest import did_you_mean
from bot.settings.mistakes import Where
from bot.settings.services import Word
from bot.settings.source import Source
from bot.settings.values import Duration, MayBePlain, Model, Name, Schedule, Timezone
from integrations.contract import Integration

NOBODY = "none"
"""The name that stands for no chain."""
LEAST_ROUND = timedelta(minutes=1)
_MOST_STEPS = 50
_MOST_ROUNDS = 20


class Way(StrEnum):
    """How somebody is told. Slack needs no address; all others do."""

    SLACK = "slack"
    PUSH = "push"
    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    EVENT = "event"
    WEBHOOK = "webhook"


class Hours(Model):
    """Hours in which a step is done: so long from each time that a cron expression comes."""

    every: Schedule = Field(min_length=1, description="When they begin, as a cron expression.")
    length: Duration = Field(alias="for", description="How long they last, by the clock on the wall.")
    timezone: Timezone = Field("UTC", description="The time zone that this is read in.")


class Many(Model):
    """A number of alerts within a time."""

    alerts: int = Field(ge=1, description="More alerts of the group than this began …")
    within: Duration = Field(description="… within this time.")


class Notify(Model):
    """Who is told: exactly one of them."""

    person: Word = Field("", description="A name from `people`.")
    schedule: Word = Field("", description="Who is on call by this schedule when the step is done.")
    group: Word = Field("", description="Everybody of a group.")
    important: bool = Field(default=False, description="By their rules for what is important.")

    @model_validator(mode="after")
    def _one(self) -> "Notify":
        if sum(map(bool, (self.person, self.schedule, self.group))) != 1:
            raise PydanticCustomError("notify", "one of person, schedule and group was expected")
        return self


class Send(Model):
    """Something outside that is told of the trouble by a pager, whoever is on call."""

    instance: Word = Field(alias="with", description="Name of the integration that tells it.")
    to: Annotated[SecretStr, MayBePlain()] = Field(description="Its address: a URL, a routing key.")
    way: Literal["webhook", "event"] = Field("webhook", description="What it is told: a webhook, or an event.")


class Repeat(Model):
    """The chain from its beginning."""

    times: int = Field(1, ge=1, le=_MOST_ROUNDS, description="How many times more.")
    after: Duration = Field(timedelta(minutes=5), description="How long after the last step; 1m at least.")

    @model_validator(mode="after")
    def _slow(self) -> "Repeat":
        if self.after < LEAST_ROUND:
            raise PydanticCustomError("repeat", "after must be 1m or longer: people need time to answer")
        return self


class PagingStep(Model):
    """One step of a chain: exactly one of notify, webhook, wait and repeat."""

    notify: Notify | None = Field(None, description="Who is told.")
    webhook: Send | None = Field(None, description="What else is told.")
    wait: Duration | None = Field(None, description="How long to wait for somebody to come.")
    repeat: Repeat | None = Field(None, description="Begin the chain again; the last step.")
    only_in: Hours | None = Field(None, description="The step is passed over outside of these hours.")
    only_if: Many | None = Field(None, description="The step is passed over unless so much has happened.")

    @model_validator(mode="after")
    def _one(self) -> "PagingStep":
        given = [one for one in (self.notify, self.webhook, self.wait, self.repeat) if one is not None]
        if len(given) != 1:
            raise PydanticCustomError("step", "one of notify, webhook, wait and repeat was expected")
        if (self.wait is not None or self.repeat is not None) and (self.only_in or self.only_if):
            raise PydanticCustomError("step", "only_in and only_if stand beside notify or webhook")
        return self


class Address(Model):
    """Where a way ends: the pager that goes it, and the number, topic, mailbox or key there."""

    instance: Word = Field(alias="with", description="Name of the integration that pages.")
    to: Annotated[SecretStr, MayBePlain()] = Field(description="Number, topic, mailbox, routing key or URL.")


def _rule(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    return {"by": value} if isinstance(value, str) else value


class Rule(Model):
    """One way, and how long after somebody is told of something it is gone."""

    by: Way = Field(description="The way.")
    after: Duration = Field(timedelta(), description="How long after the beginning; at once without.")


_Rule = Annotated[Rule, BeforeValidator(_rule, json_schema_input_type=Way | Rule)]


def _rules(*told: tuple[Way, int]) -> tuple[Rule, ...]:
    return tuple(Rule.model_construct(by=way, after=timedelta(minutes=minutes)) for way, minutes in told)


DEFAULT = _rules((Way.SLACK, 0), (Way.EVENT, 0), (Way.WEBHOOK, 0), (Way.PUSH, 5), (Way.EMAIL, 5))
IMPORTANT = _rules(
    (Way.SLACK, 0), (Way.EVENT, 0), (Way.WEBHOOK, 0), (Way.PUSH, 3), (Way.CALL, 5), (Way.SMS, 5), (Way.EMAIL, 5)
)


class PagedPerson(Model):
    """How one person is reached. Ways without an address are passed over."""

    addresses: dict[Way, Address] = Field({}, description="Their address for each way but slack.")
    default: tuple[_Rule, ...] = Field(
        DEFAULT, min_length=1, description="What they want: slack at once, push and email after 5m without it."
    )
    important: tuple[_Rule, ...] = Field(
        IMPORTANT,
        min_length=1,
        description="For what is important: slack at once, push after 3m, call, sms and email after 5m without it.",
    )


class PagingSettings(Model):
    """Who is woken, by which ways, and what follows when they do not come."""

    chains: dict[Name, Annotated[tuple[PagingStep, ...], Field(min_length=1, max_length=_MOST_STEPS)]] = Field(
        {}, description="Steps that are done one after another until a person acknowledges, by a name of your choice."
    )
    people: dict[Name, PagedPerson] = Field({}, description="How people are reached, by their name in `people`.")
    severities: dict[Word, Word] = Field(
        {}, description='Chain by severity, where neither route nor service names one: critical: primary; or "none".'
    )
    urgent: tuple[Word, ...] = Field(
        ("critical", "page", "emergency"), description="Severities that go to the chain that a service names."
    )
    patience: Duration = Field(
        timedelta(minutes=5), description="How long after the last step it is said that nobody came."
    )
    again_after: Duration = Field(
        timedelta(minutes=30), description="How long after nobody came the chain begins anew, until somebody does."
    )

    @model_validator(mode="after")
    def _slow(self) -> "PagingSettings":
        if self.again_after < LEAST_ROUND:
            raise PydanticCustomError("again", "again_after must be 1m or longer")
        return self


def check(source: Source, declared: Mapping[str, Integration]) -> None:
    """Note every mistake that no single value of paging shows."""
    _Check(source, declared).run()


class _Check:
    def __init__(self, source: Source, declared: Mapping[str, Integration]) -> None:
        self._source = source
        self._declared = declared
        self._data = source.data
        self._paging = _mapping(self._data.get("paging"))
        self._chains = {*_mapping(self._paging.get("chains")), NOBODY}

    def run(self) -> None:
        people = set(_mapping(self._data.get("people")))
        for name, chain in _mapping(self._paging.get("chains")).items():
            if name == NOBODY:
                self._source.note(("paging", "chains", name), f"{NOBODY} stands for no chain", "Choose another name.")
            for number, step in enumerate(chain if isinstance(chain, list) else ()):
                self._step(_mapping(step), ("paging", "chains", name, number), people, last=number == len(chain) - 1)
        for name, person in _mapping(self._paging.get("people")).items():
            where: Where = ("paging", "people", name)
            if name not in people:
                self._source.note(where, f"{name} is no person", did_you_mean(str(name), sorted(people)))
            self._person(_mapping(person), where)
        for severity, chain in _mapping(self._paging.get("severities")).items():
            self._chain(chain, ("paging", "severities", severity))
        routes = _mapping(self._data.get("alerts")).get("routes")
        for number, route in enumerate(routes if isinstance(routes, list) else ()):
            self._chain(_mapping(route).get("escalate"), ("alerts", "routes", number, "escalate"))
        for name, service in _mapping(self._data.get("services")).items():
            self._chain(_mapping(service).get("escalate"), ("services", name, "escalate"))

    def _chain(self, name: object, where: Where) -> None:
        if isinstance(name, str) and name and name not in self._chains:
            self._source.note(where, f"{name} is no chain of paging.chains", did_you_mean(name, sorted(self._chains)))

    def _step(self, step: Mapping[str, Any], where: Where, people: Collection[str], *, last: bool) -> None:
        notify = _mapping(step.get("notify"))
        for key, known in (
            ("person", people),
            ("group", set(_mapping(self._data.get("groups")))),
            ("schedule", set(_mapping(_mapping(self._data.get("oncall")).get("schedules")))),
        ):
            name = notify.get(key)
            if isinstance(name, str) and name and name not in known:
                self._source.note((*where, "notify", key), f"{name} is no {key}", did_you_mean(name, sorted(known)))
        if "webhook" in step:
            self._pager(_mapping(step["webhook"]).get("with"), (*where, "webhook", "with"))
        if "repeat" in step and not last:
            self._source.note((*where, "repeat"), "what follows repeat is never done", "Make it the last step.")

    def _person(self, person: Mapping[str, Any], where: Where) -> None:
        addresses = _mapping(person.get("addresses"))
        for way, address in addresses.items():
            if way == Way.SLACK:
                self._source.note((*where, "addresses", way), "slack needs no address", "Take it out.")
                continue
            self._pager(_mapping(address).get("with"), (*where, "addresses", way, "with"))
        for kind in ("default", "important"):
            rules = person.get(kind)
            for number, rule in enumerate(rules if isinstance(rules, list) else ()):
                by = rule if isinstance(rule, str) else _mapping(rule).get("by")
                if isinstance(by, str) and by in set(Way) - {Way.SLACK} and by not in addresses:
                    message = f"there is no address for {by}"
                    self._source.note((*where, kind, number), message, f"Add addresses: {{{by}: …}}.")

    def _pager(self, name: object, where: Where) -> None:
        if not isinstance(name, str):
            return
        kinds = {one: _mapping(value).get("type") for one, value in _mapping(self._data.get("integrations")).items()}
        able = [one for one, kind in kinds.items() if self._pages(kind)]
        if name not in kinds:
            self._source.note(where, f"{name} is no integration", did_you_mean(name, able or sorted(kinds)))
        elif name not in able and isinstance(kinds[name], str) and kinds[name] in self._declared:
            message = f"{name} (type {kinds[name]}) is no Pager"
            self._source.note(where, message, f"One that is: {', '.join(able)}." if able else "")

    def _pages(self, kind: object) -> bool:
        found = self._declared.get(kind) if isinstance(kind, str) else None
        return found is not None and any(one.__name__ == "Pager" for one in found.provides)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
