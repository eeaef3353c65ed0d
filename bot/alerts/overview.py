"""`Overview`: what fires now, and one group from near. Reads our own rows, so it answers while sources are away."""

from datetime import timedelta

from bot.alerts import buttons, messages, records, silence_records
from bot.alerts.messages import View
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import State
from bot.alerts.showing import Showing
from bot.alerts.silence_records import Quiet
from bot.amounts import count, duration
from bot.command import Option
from bot.reply import Buttons, Markup, Note, Paragraph, Part, Reply, Table, escape, say, text
from integrations.capabilities.matchers import written

_MOST = 30
_MOST_ALERTS = 20
_ENDED = timedelta(hours=24)
_FIRST = {State.FIRING: 0, State.UNKNOWN: 1, State.ACKNOWLEDGED: 2, State.SILENCED: 3}


class Overview:
    """Shows groups and silences."""

    def __init__(self, parts: Parts, showing: Showing) -> None:
        self._parts = parts
        self._showing = showing

    async def firing(self, service: str = "") -> Reply:
        """Return the groups that are not over, of one service or of all: what nobody is on first."""
        async with self._parts.store.read() as conn:
            found = [one for one in await records.open_groups(conn) if service in {"", one.service}]
            ended = await records.ended_since(conn, self._parts.clock.now() - _ENDED, limit=_MOST)
        ended = [one for one in ended if service in {"", one.service}]
        of = f" of {service}" if service else ""
        if not found:
            last = f" {count(len(ended), 'group')} ended in the last 24 h." if ended else ""
            return text(f"Nothing fires{of}.{last}")
        found = sorted(found, key=lambda one: (_FIRST.get(one.state, 9), one.opened_at, one.id))
        rows = tuple(self._row(one) for one in found[:_MOST])
        parts: list[Part] = [Table(("Alert", "State", "Since", "On it"), rows)]
        if len(found) > _MOST:
            parts.append(Note(say("… and {} more. Name a service: /alerts checkout.", len(found) - _MOST)))
        return Reply(summary=f"{count(len(found), 'alert group')}{of} not over", parts=tuple(parts))

    async def one(self, group: Group) -> Reply:
        """Return a group as its message shows it, with its single alerts."""
        outlook = await self._showing.look_at(group.id)
        async with self._parts.store.write() as tx:
            view: View = await self._showing.view(tx, group, outlook)
        card = messages.card(view)
        lines = messages.alert_lines(view, most=_MOST_ALERTS)
        last = card.parts[-1:] if isinstance(card.parts[-1], Buttons) else ()
        body = card.parts[: len(card.parts) - len(last)]
        return Reply(summary=card.summary, parts=(*body, Paragraph(lines), *last), subject=group.id)

    def silences(self, found: list[Quiet]) -> Reply:
        """Return the silences that are in force, those made elsewhere too."""
        if not found:
            return text("Nothing is silenced.")
        parts: list[Part] = []
        for quiet in found[:_MOST]:
            line = messages.silence_line(quiet, self._parts.permissions.name_of)
            of = say(" · {}", quiet.group_id) if quiet.group_id else say(" · {}", quiet.reason[:100])
            parts.append(Paragraph(say("{}{}\n{}", line, of, written(quiet.matchers)[:500])))
            if quiet.state is silence_records.State.ACTIVE:
                parts.append(Buttons(buttons.of_silence(quiet)))
        if len(found) > _MOST:
            parts.append(Note(say("… and {} more.", len(found) - _MOST)))
        return Reply(summary=f"{count(len(found), 'silence')} in force", parts=tuple(parts))

    async def options(self, typed: str) -> list[Option]:
        """Return the groups that are not over, to choose from."""
        async with self._parts.store.read() as conn:
            found = await records.open_groups(conn, limit=1000)
        told = ((one.id, f"{one.id} {messages.title(one)}"[:75]) for one in reversed(found))
        return [Option(name, label) for name, label in told if typed.lower() in label.lower()][:100]

    def _row(self, group: Group) -> tuple[Markup, ...]:
        now = self._parts.clock.now()
        who = group.hold.acknowledged_by
        return (
            escape(f"{group.id} {messages.title(group)}"),
            escape(group.state.value),
            escape(duration(now - group.opened_at)),
            Markup("nobody") if who is None else say("@{}", self._parts.permissions.name_of(who)),
        )
