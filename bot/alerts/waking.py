"""Alert groups as troubles that somebody is woken for: all that paging knows of alerts, it knows from here."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from bot.alerts import messages, records, storm_records
from bot.alerts.intake import Intake
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.paging.parts import Said
from bot.reply import Message, Paragraph, escape, joined, say
from bot.store import Tx

_AT_ONCE = 50
_MOST_WORDS = 10
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
        """Show groups anew, a few in each transaction; of those in a storm its message hears what paging has to say."""
        names = sorted(subjects)
        for begin in range(0, len(names), _AT_ONCE):
            gathered: dict[str, list[str]] = defaultdict(list)
            async with self._parts.store.write() as tx:
                for name in names[begin : begin + _AT_ONCE]:
                    group = await records.locked(tx, name)
                    if group is not None and group.inside:
                        gathered[group.inside].append(name)
                    elif group is not None:
                        await self._intake.look_again(tx, group)
                for storm, found in gathered.items():
                    await self._say(tx, storm, found)

    async def _say(self, tx: Tx, storm_id: str, names: Sequence[str]) -> None:
        """Tell a storm's thread, and its channel, what paging has to say of groups without a message of their own."""
        storm = await storm_records.find(tx.conn, storm_id)
        if storm is None or storm.channel is None or self._parts.paging is None:
            return
        told = [one for name in names for one in await self._parts.paging.news(tx, name)]
        if not told:
            return
        lines = [escape(words) for _, words in told[:_MOST_WORDS]]
        if len(told) > _MOST_WORDS:
            lines.append(say("… and {} more: /alerts --storm {}", len(told) - _MOST_WORDS, storm.id))
        message = Message(summary=f"{storm.id}: {told[0][1]}", parts=(Paragraph(joined("\n", lines)),))
        await self._parts.outbox.post(
            tx, f"paging/{told[0][0]}", storm.channel, message, in_thread_of=storm.id, also_to_channel=True
        )


def spoken(group: Group, words: str) -> str:
    """Return what a voice says of a group: words alone, without ids and signs."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", group.name)
    place = " ".join(part for part in (group.service, group.environment) if part)
    said = ". ".join(part for part in (f"{group.severity} alert: {name}".strip(), place, words) if part)
    return " ".join(re.sub(r"[^\w%,.:' -]|_", " ", said).split())[:_LONGEST_SPOKEN]
