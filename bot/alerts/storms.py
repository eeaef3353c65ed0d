"""`Storms`: keeps the message of each storm live, ends it, and gives groups messages of their own at a bounded pace.

Everything is decided from the rows, again and again, so a crash or a second replica changes nothing.
"""

import asyncio
import contextlib
from datetime import timedelta

import structlog
from msgspec.structs import replace

from bot.alerts import records, storm_messages, storm_records
from bot.alerts.gathering import SIGNAL, WINDOW, Gathering
from bot.alerts.intake import Intake
from bot.alerts.parts import Parts
from bot.alerts.showing import Showing
from bot.alerts.storm_messages import Scene
from bot.alerts.storm_records import Storm, Tally
from bot.identity import Channel
from bot.repeating import Repeating
from bot.store import Tx

EVERY = 5.0
"""Seconds between two looks at a storm: as often as its message is edited at most."""
IDLE = 60.0
PROMOTED = 2
"""Grave groups that get their message in one look, where too many began for all to have it at once."""
LISTED = 10
UNTOLD = timedelta(hours=1)
"""How long a storm that is over is kept to be told of while its channel cannot be found."""

log = structlog.get_logger()


class Storms:
    """Shows storms. Every replica looks; the rows say what is left to do."""

    def __init__(self, parts: Parts, gathering: Gathering, intake: Intake, showing: Showing) -> None:
        self._parts = parts
        self._gathering = gathering
        self._intake = intake
        self._showing = showing
        self._seen: dict[str, Tally] = {}
        self._repeating = Repeating("alerts-storms", self._look_and_wait, parts.clock, pause=lambda: EVERY)

    def start(self) -> None:
        """Begin to look."""
        self._repeating.start()

    async def stop(self) -> None:
        """Look no more."""
        await self._repeating.stop()

    async def _look_and_wait(self) -> None:
        """Look once; where no storm is, wait for one."""
        signal = self._parts.store.signal(SIGNAL)
        signal.clear()
        if await self.look():
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE):
                await signal.wait()
        await self.look()

    async def look(self) -> int:
        """Bring the message of every storm up to date; return how many storms there are."""
        async with self._parts.store.read() as conn:
            found = await storm_records.live(conn)
        for one in found:
            await self._look_at(one)
        self._seen = {name: seen for name, seen in self._seen.items() if name in {one.id for one in found}}
        return len(found)

    async def _look_at(self, storm: Storm) -> None:
        if storm.ended_at is not None:  # what it still tells of seldom changes
            async with self._parts.store.read() as conn:
                if self._seen.get(storm.id) == await storm_records.tally(conn, storm.id):
                    return
        channel = storm.channel or await self._channel(storm)
        async with self._parts.store.write() as tx:
            held = await storm_records.locked(tx, storm.id)
            if held is None or held.closed_at is not None:
                return
            moved = await self._moved(tx, replace(held, channel=held.channel or channel))
            tally = await storm_records.tally(tx.conn, moved.id)
            now = self._parts.clock.now()
            if moved.ended_at is not None and not tally.open and (moved.channel or now - moved.ended_at > UNTOLD):
                moved = replace(moved, closed_at=now)
            if moved != held:
                await storm_records.keep(tx, moved)
            await self._show(tx, moved, tally, turned=moved.ended_at != held.ended_at)
        if moved.channel is not None:
            self._seen[storm.id] = tally

    async def _moved(self, tx: Tx, storm: Storm) -> Storm:
        """Return where a storm stands now, with groups that are due for it taken out and shown on their own."""
        if storm.ended_at is not None:
            return storm
        now, settings = self._parts.clock.now(), self._parts.settings().alerts.storm
        begun = await records.news_since(tx.conn, storm.address, now - WINDOW, most=max(settings.rate, 1))
        if settings.rate and begun >= settings.rate:
            await self._promote(tx, storm, PROMOTED, grave=True)
            return replace(storm, raged_at=now)
        if now - storm.raged_at < settings.calm:
            await self._promote(tx, storm, PROMOTED, grave=True)
            return storm
        await self._promote(tx, storm, settings.after, grave=False)
        log.info("alert.storm_over", storm=storm.id)
        return replace(storm, ended_at=now)

    async def _promote(self, tx: Tx, storm: Storm, most: int, *, grave: bool) -> None:
        """Give the gravest groups that fire and that nobody is on a message of their own."""
        severities = self._parts.settings().alerts.storm.priority if grave else ()
        if most <= 0 or (grave and not severities):
            return
        for one in await storm_records.gravest(tx.conn, storm.id, limit=most, severities=severities, state="firing"):
            group = await records.locked(tx, one.id)
            if group is not None and group.inside == storm.id and not group.over:
                await self._intake.look_again(tx, replace(group, inside="", shown_state=""))

    async def _show(self, tx: Tx, storm: Storm, tally: Tally, *, turned: bool) -> None:
        if storm.channel is None:
            return
        now = self._parts.clock.now()
        scene = Scene(
            storm=storm,
            tally=tally,
            gravest=await storm_records.gravest(tx.conn, storm.id, limit=LISTED),
            rate=self._parts.settings().alerts.storm.rate,
            lately=await records.news_since(tx.conn, storm.address, now - WINDOW, most=10_000),
        )
        final = storm.closed_at is not None
        card = storm_messages.card(scene)
        over = storm_messages.over(scene) if turned else None
        urgent = storm.id not in self._seen or final
        await self._parts.outbox.show(tx, storm.id, storm.channel, card, urgent=urgent, final=final)
        if over is not None:
            await self._parts.outbox.post(
                tx, f"{storm.id}/over", storm.channel, over, in_thread_of=storm.id, also_to_channel=True
            )

    async def _channel(self, storm: Storm) -> Channel | None:
        """Return where a storm is shown: where its groups would be; None where that cannot be told now."""
        async with self._parts.store.read() as conn:
            found = await storm_records.any_of(conn, storm.id)
        return None if found is None else await self._showing.channel_for(found, ())
