"""`Overview`: what fires now, and one group from near. Reads our own rows, so it answers while sources are away."""

from collections.abc import Sequence
from datetime import timedelta

from bot.alerts import (
    buttons,
    calls,
    cause_messages,
    cause_records,
    company,
    listing,
    messages,
    records,
    silence_records,
)
from bot.alerts.listing import Wanted
from bot.alerts.messages import View
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.showing import Showing
from bot.alerts.silence_records import Quiet
from bot.amounts import count, duration
from bot.command import Option, Resource
from bot.errors import BadInput
from bot.identity import Person
from bot.reply import Button, Buttons, Headline, Markup, Note, Paragraph, Part, Reply, Table, escape, joined, say, text
from integrations.capabilities.matchers import written

_MOST = 30
_MOST_ALERTS = 20
_MOST_NOTES = 20
_MOST_AT_HOME = 5
_MOST_SILENCES = 20
"""Two blocks each, of the fifty that a message takes."""
_MOST_PAGED = 3
_ENDED = timedelta(hours=24)
_MEASURED = timedelta(days=30)


class Overview:
    """Shows groups and silences."""

    def __init__(self, parts: Parts, showing: Showing) -> None:
        self._parts = parts
        self._showing = showing

    async def firing(self, wanted: Wanted, *, number: int = 1) -> Reply:
        """Return a page of the groups that are not over and are asked for: what nobody is on first.

        Raises:
            BadInput: there is no such page.
        """
        async with self._parts.store.read() as conn:
            total = await listing.not_over(conn, wanted)
            found = await listing.page(conn, number, wanted) if number > 0 else ()
            ended = await records.ended_since(conn, self._parts.clock.now() - _ENDED, limit=_MOST)
        ended = [one for one in ended if wanted.service in {"", one.service} and wanted.inside in {"", one.inside}]
        of = wanted.words()
        if not total:
            narrow = wanted.state is not None or wanted.person is not None
            last = f" {count(len(ended), 'group')} ended in the last 24 h." if ended and not narrow else ""
            return text(f"There are no alert groups{of}." if narrow else f"Nothing fires{of}.{last}")
        pages = -(-total // listing.PAGE)
        if not found:
            raise BadInput("no_such_page", f"There is no page {number}: there are {count(pages, 'page')}{of}.")
        parts: list[Part] = [Table(("Alert", "State", "Since", "On it"), tuple(self._row(one) for one in found))]
        if pages > 1:
            parts.append(Note(say("Page {} of {}.", number, pages)))
            given = _given(wanted)
            near = (("Previous", number - 1), ("Next", number + 1))
            turned = [
                Button(label=f"{label} {listing.PAGE}", command="alerts", args={**given, "page": str(to)})
                for label, to in near
                if 1 <= to <= pages
            ]
            parts.append(Buttons(tuple(turned)))
        return Reply(summary=f"{count(total, 'alert group')}{of} not over", parts=tuple(parts))

    async def home(self, person: Person) -> Sequence[Part]:
        """Return what somebody is on, for their home page."""
        async with self._parts.store.read() as conn:
            found = await listing.page(conn, 1, Wanted(person=person), size=_MOST_AT_HOME)
        if not found:
            return ()
        now = self._parts.clock.now()
        parts: list[Part] = [Headline(say("Alerts that you are on"))]
        for one in found:
            since = duration(now - one.opened_at)
            parts.append(Paragraph(say("*{}* · {} · {}", f"{one.id} {messages.title(one)}", one.state.value, since)))
            parts.append(Buttons((Button(label=f"Show {one.id}", command="alert", args={"alert": one.id}),)))
        return parts

    async def one(self, group: Group, *, number: int = 1) -> Reply:
        """Return a group as its message shows it, with a page of its single alerts."""
        outlook = await self._showing.look_at(group.id)
        async with self._parts.store.read() as conn:
            view: View = await self._showing.view(conn, group, outlook)
        card = messages.card(view)
        lines = messages.alert_lines(view, most=_MOST_ALERTS, after=(max(number, 1) - 1) * _MOST_ALERTS)
        lines = joined("\n", [lines, *cause_messages.no_picture(view)])
        last = card.parts[-1:] if isinstance(card.parts[-1], Buttons) else ()
        body = list(card.parts[: len(card.parts) - len(last)])
        if view.company.notes and number <= 1:
            async with self._parts.store.read() as conn:
                kept = await company.notes_of(conn, group.id, most=_MOST_NOTES)
            body.append(Paragraph(calls.note_lines(kept, self._parts.permissions.name_of)))
        paged = await self._parts.paging.history(group.id) if self._parts.paging is not None else ()
        told = (Paragraph(one) for one in paged[-_MOST_PAGED:])
        if len(view.known) > max(number, 1) * _MOST_ALERTS:
            args = {"alert": group.id, "page": str(max(number, 1) + 1)}
            last = (*last, Buttons((Button(label=f"Next {_MOST_ALERTS} alerts", command="alert", args=args),)))
        return Reply(summary=card.summary, parts=(*body, Paragraph(lines), *told, *last), subject=group.id)

    async def precision(self, service: str = "") -> Reply:
        """Return how good the causes are that messages named first in the last 30 days."""
        since = self._parts.clock.now() - _MEASURED
        async with self._parts.store.read() as conn:
            found = await cause_records.precision(conn, since, service=service)
        return cause_messages.precision(found, service)

    def silences(self, found: list[Quiet]) -> Reply:
        """Return the silences that are in force, those made elsewhere too."""
        if not found:
            return text("Nothing is silenced.")
        parts: list[Part] = []
        for quiet in found[:_MOST_SILENCES]:
            line = messages.silence_line(quiet, self._parts.permissions.name_of)
            of = say(" · {}", quiet.group_id) if quiet.group_id else say(" · {}", quiet.reason[:100])
            parts.append(Paragraph(say("{}{}\n{}", line, of, written(quiet.matchers)[:500])))
            if quiet.state is silence_records.State.ACTIVE:
                parts.append(Buttons(buttons.of_silence(quiet)))
        if len(found) > _MOST_SILENCES:
            parts.append(Note(say("… and {} more.", len(found) - _MOST_SILENCES)))
        return Reply(summary=f"{count(len(found), 'silence')} in force", parts=tuple(parts))

    async def options(self, typed: str) -> list[Option]:
        """Return the groups that are not over, to choose from."""
        async with self._parts.store.read() as conn:
            found = await records.open_groups(conn, limit=1000)
        told = ((one, f"{one.id} {messages.title(one)}"[:75]) for one in reversed(found))
        return [
            Option(one.id, label, about=Resource(one.service, one.environment))
            for one, label in told
            if typed.lower() in label.lower()
        ]

    def _row(self, group: Group) -> tuple[Markup, ...]:
        now = self._parts.clock.now()
        who = group.hold.acknowledged_by
        return (
            escape(f"{group.id} {messages.title(group)}"),
            escape(group.state.value),
            escape(duration(now - group.opened_at)),
            Markup("nobody") if who is None else say("@{}", self._parts.permissions.name_of(who)),
        )


def _given(wanted: Wanted) -> dict[str, str]:
    """Return the arguments that list the same groups again."""
    state = "" if wanted.state is None else wanted.state.value
    mine = "yes" if wanted.person is not None else ""
    named = (("service", wanted.service), ("storm", wanted.inside), ("state", state), ("mine", mine))
    return {name: value for name, value in named if value}
