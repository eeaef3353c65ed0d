"""`Overview`: who is on call now and next, for people."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.identity import Person
from bot.oncall import messages
from bot.oncall.parts import Parts
from bot.oncall.rules import Plan
from bot.reply import Button, Buttons, Headline, Markup, Note, Paragraph, Part, Reply, joined, moment, say

if TYPE_CHECKING:
    from bot.oncall.oncall import OnCall

_WEEKS = timedelta(weeks=2)
_MINE = timedelta(weeks=4)
_MOST_LINES = 40


class Overview:
    """Answers who is on call. Reads our own store, the configuration, and what Slack says of people."""

    def __init__(self, parts: Parts, oncall: "OnCall") -> None:
        self._parts = parts
        self._oncall = oncall

    async def all(self, readable: Collection[str], *, everything: bool) -> Reply:
        """Return who is on call now and next for each schedule of services that are `readable`, or of everything."""
        parts: list[Part] = []
        for name in self._oncall.schedules():
            services = self._services(name, readable, everything=everything)
            plan = await self._oncall.plan(name)
            if plan is None or not (services or everything):
                continue
            parts += [Headline(say("{}", self._title(name))), Paragraph(await self._now_and_next(plan, name))]
            parts.append(Note(say("For {}. Times are in your own zone.", ", ".join(services) or "no service")))
        if not parts:
            return Reply(
                summary="No schedules",
                parts=(Paragraph(Markup("There are no schedules of who is on call that you may see.")),),
            )
        return Reply(summary="On call", parts=tuple(parts))

    async def one(self, word: str, readable: Collection[str], *, everything: bool) -> Reply:
        """Return the next two weeks of a schedule, with its gaps; it names its services that are `readable`, or all.

        Raises:
            BadInput: `unknown_schedule`.
        """
        name = self._oncall.named(word)
        plan = await self._oncall.plan(name)
        if plan is None:
            return Reply(summary=f"{name} is no schedule any more")
        now = self._parts.clock.now()
        gone = await self._oncall.gone(person for span in plan.spans(now, now + _WEEKS) for person in span.people)
        lines = [line for _, line in self._lines(plan, now, now + _WEEKS, gone)]
        more = [say("…{} more", len(lines) - _MOST_LINES)] if len(lines) > _MOST_LINES else []
        services = ", ".join(self._services(name, readable, everything=everything)) or "no service"
        parts: list[Part] = [
            Headline(say("{}", self._title(name))),
            Paragraph(await self._now_and_next(plan, name)),
            Paragraph(joined("\n", [*lines[:_MOST_LINES], *more])),
            Note(say("For {}. Hand-over by the clock of {}; times are in your own zone.", services, plan.zone)),
            Buttons((Button(label="Take over…", command="oncall take", args={"schedule": name}, ask=True),)),
        ]
        return Reply(summary=f"On call for {name}", parts=tuple(parts))

    async def mine(self, person: Person) -> Reply:
        """Return the shifts of somebody within four weeks."""
        now = self._parts.clock.now()
        lines: list[tuple[datetime, Markup]] = []
        for name in self._oncall.schedules():
            plan = await self._oncall.plan(name)
            for span in plan.spans(now, now + _MINE) if plan is not None else ():
                if person in span.people:
                    begins = Markup("*now*") if span.begins <= now else moment(span.begins, day=True)
                    others = [one for one in span.people if one != person]
                    beside = say(" with {}", messages.names(others, self._name_of)) if others else Markup("")
                    line = say("{} – {}: {}{}", begins, moment(span.ends, day=True), name, beside)
                    lines.append((span.begins, line))
        if not lines:
            return Reply(
                summary="You are not on call",
                parts=(Paragraph(Markup("You are not on call, nor will be within four weeks.")),),
            )
        shown = [line for _, line in sorted(lines, key=lambda one: one[0])][:_MOST_LINES]
        more = [say("…{} more", len(lines) - _MOST_LINES)] if len(lines) > _MOST_LINES else []
        note = Note(Markup("Within four weeks. Times are in your own zone."))
        return Reply(summary="Your shifts", parts=(Paragraph(joined("\n", [*shown, *more])), note))

    async def _now_and_next(self, plan: Plan, name: str) -> Markup:
        now = self._parts.clock.now()
        here, after = plan.at(now), plan.following(now)
        gone = await self._oncall.gone(person for span in (here, after) if span is not None for person in span.people)
        ends = say(" until {}", moment(here.ends, day=True)) if here is not None else Markup("")
        line = say("Now: {}{}", messages.who(here, self._name_of, gone), ends)
        if here is None or not here.people:
            line += Markup(" :warning: a page reaches nobody")
        if after is not None:
            who = messages.who(after, self._name_of, gone)
            line += say("\nNext: {} from {}", who, moment(after.begins, day=True))
        for warning in (*plan.warnings, *await self._oncall.following.warnings(name)):
            line += say("\n:warning: {}", warning)
        return line

    def _lines(
        self, plan: Plan, begin: datetime, end: datetime, gone: Collection[Person]
    ) -> list[tuple[datetime, Markup]]:
        spans = [(one.begins, messages.line(one, self._name_of, gone)) for one in plan.spans(begin, end) if one.people]
        gaps = [(one.begins, messages.gap(one)) for one in plan.gaps(begin, end)]
        return sorted([*spans, *gaps], key=lambda one: one[0])

    def _services(self, schedule: str, readable: Collection[str], *, everything: bool) -> list[str]:
        return [one for one in self._oncall.services_of(schedule) if everything or one in readable]

    def _title(self, name: str) -> str:
        found = self._parts.settings().oncall.schedules.get(name)
        return f"{found.title} ({name})" if found is not None and found.title else name

    def _name_of(self, person: Person) -> str:
        return self._parts.permissions.name_of(person)
