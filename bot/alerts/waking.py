"""Alert groups as troubles that somebody is woken for: all that paging knows of alerts, it knows from here."""

import re
from datetime import datetime

from bot.alerts import messages, records
from bot.alerts.intake import Intake
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.paging.parts import Said
from bot.store import Tx

_AT_ONCE = 50
_LONGEST_SPOKEN = 300


class Waking:
    """Tells paging of groups, and shows groups anew when their paging has moved on."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake

    async def about(self, subject: str) -> Said | None:
        """Return what a page says of a group, as it is now."""
        async with self._parts.store.read() as conn:
            group = await records.find(conn, subject)
            known = await records.alerts_of(conn, subject)
        if group is None:
            return None
        words = messages.words_of(known)
        return Said(title=messages.title(group), text=words, spoken=spoken(group, words))

    async def began_since(self, subject: str, since: datetime) -> int:
        """Return how many alerts of a group fire that began since a moment."""
        async with self._parts.store.read() as conn:
            known = await records.alerts_of(conn, subject)
        return sum(one.episode.firing and one.episode.starts_at >= since for one in known.values())

    async def changed(self, subjects: frozenset[str]) -> None:
        """Show groups anew, a few in each transaction."""
        names = sorted(subjects)
        for begin in range(0, len(names), _AT_ONCE):
            async with self._parts.store.write() as tx:
                for name in names[begin : begin + _AT_ONCE]:
                    await self._show(tx, name)

    async def _show(self, tx: Tx, name: str) -> None:
        group = await records.locked(tx, name)
        if group is None:
            return
        await self._intake.look_again(tx, group)
        if group.inside and group.channel is not None and self._parts.paging is not None:  # it has no thread of its own
            for key, words in await self._parts.paging.news(tx, group.id):
                said = messages.paged(words, group)
                await self._parts.outbox.post(tx, f"paging/{key}", group.channel, said, subject=group.id, urgent=True)


def spoken(group: Group, words: str) -> str:
    """Return what a voice says of a group: words alone, without ids and signs."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", group.name)
    place = " ".join(part for part in (group.service, group.environment) if part)
    said = ". ".join(part for part in (f"{group.severity} alert: {name}".strip(), place, words) if part)
    return " ".join(re.sub(r"[^\w%,.:' -]|_", " ", said).split())[:_LONGEST_SPOKEN]
