"""`Poller`: asks every source what fires, again and again, so that nothing is lost of what was not told.

A notification may have come while Shipmate was away, been too large, or never have been sent. What is asked for is as
good as told: both end in the same rows.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from bot.alerts import causes, records
from bot.alerts.intake import SHOW, Intake, held
from bot.alerts.maintenance import Maintenance
from bot.alerts.parts import Parts
from bot.alerts.polled import ALWAYS, Polled, claim, give_up
from bot.alerts.records import Group
from bot.alerts.silences import Silences
from bot.changes import records as changes
from bot.repeating import Repeating
from bot.store import StoreUnavailable
from bot.store.starts import want
from integrations.capabilities.alerts import AlertSource
from integrations.errors import IntegrationError

SETTLED = timedelta(minutes=5)
"""How long a source must run before what it does not name is over: started anew, it knows nothing until told again."""
_ROUNDS = 3
"""How many rounds a replica may leave out before another asks in its place."""
_AGAIN = timedelta(seconds=30)
_ENDED = 100

log = structlog.get_logger()


class Poller:
    """Asks the sources. Of several replicas one asks each source; the rows are the same whoever does."""

    def __init__(self, parts: Parts, intake: Intake, silences: Silences) -> None:
        self._parts = parts
        self._intake = intake
        self._silences = silences
        self._repeating = Repeating("alerts-poll", self.look, parts.clock, pause=self._pause)
        self._looked_at: datetime | None = None
        self._begun: dict[tuple[str, datetime], datetime] = {}
        self._polled = Polled(parts.store, intake)
        self._maintenance = Maintenance(parts, intake)
        self._owner = uuid.uuid4().hex
        self.afterwards: list[Callable[[], Awaitable[None]]] = []
        """What is put right at the end of each look."""

    def start(self) -> None:
        """Begin to ask, at once and then as often as the configuration says."""
        self._repeating.start()

    async def stop(self) -> None:
        """Ask no more."""
        await self._repeating.stop()
        if self._parts.store.dialect != "sqlite":
            with contextlib.suppress(StoreUnavailable):
                await give_up(self._parts.store, self._owner)

    def _pause(self) -> float:
        return self._parts.settings().alerts.poll.total_seconds()

    def sources(self) -> Mapping[str, AlertSource]:
        """Return the connected sources by instance."""
        adapters = self._parts.toolbox.adapters()
        return {name: one for name, one in adapters.items() if isinstance(one, AlertSource)}

    async def look(self) -> None:
        """Ask every source once, and show what is not shown yet."""
        broken = [name for name in self._parts.toolbox.broken() if await self._is_known(name)]
        asked = (self._ask_where_ours(name) for name in self.sources())
        await asyncio.gather(*asked, *(self._not_heard(name) for name in broken))
        await self._maintenance.look()
        for put_right in self.afterwards:
            await put_right()
        await self._note_changes()
        await self._show_what_waits()

    async def ask(self, instance: str) -> None:
        """Ask one source what fires now, and make the rows say that."""
        await self._ask(instance)

    async def _ask(self, instance: str) -> bool:
        """Ask one source, and answer whether it told. Raises: StoreUnavailable."""
        source = self.sources().get(instance)
        if source is None:
            return False
        asked_at, term = self._parts.clock.now(), self._parts.store.lease.term
        try:
            told = list(await source.alert_groups())
            since = self._knows_since(instance, await source.running_since(), asked_at)
        except IntegrationError as error:
            log.warning("alert.source_silent", instance=instance, error=str(error))
            await self._not_heard(instance)
            return False
        if asked_at - since >= SETTLED:
            since = ALWAYS
        self._parts.store.lease.check(term)  # after a pause the answer is old, and another asks by now
        await self._silences.compare(instance)
        async with self._parts.store.write() as tx:
            await records.heard(tx, instance, asked_at)
        number = await self._polled.take_in(instance, told, asked_at, since)
        if number:
            log.debug("alert.polled", instance=instance, looked_at=number)
        return True

    def _knows_since(self, instance: str, told: datetime, asked_at: datetime) -> datetime:
        """Return since when a source runs by our clock, whatever its own says.

        That it was started anew shows in a beginning that was not told before: it knows what it is told from now on.
        """
        first = all(name != instance for name, _ in self._begun)
        return self._begun.setdefault((instance, told), min(told, asked_at) if first else asked_at)

    async def _ask_where_ours(self, instance: str) -> None:
        """Ask a source unless another replica does. SQLite has no other."""
        store = self._parts.store
        if store.dialect == "sqlite":
            await self.ask(instance)
            return
        length = _ROUNDS * self._parts.settings().alerts.poll
        if await claim(store, instance, self._owner, self._parts.clock.now(), length) and not await self._ask(instance):
            await give_up(store, self._owner, instance)  # perhaps another reaches it

    async def _is_known(self, instance: str) -> bool:
        async with self._parts.store.read() as conn:
            return await records.last_heard(conn, instance) is not None

    async def _not_heard(self, instance: str) -> None:
        """Turn the groups of a source unknown that was not heard of for too long: silence is no recovery."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            heard_at = await records.last_heard(conn, instance)
            loud = [one for one in await records.open_groups(conn, instance=instance) if not one.hold.quiet]
        if heard_at is None or now - heard_at < self._parts.settings().alerts.quiet_after:
            return
        for one in loud:
            async with self._parts.store.write() as tx:
                group = await records.locked(tx, one.id)
                if group is None or group.over or group.hold.quiet:
                    continue
                known = await records.alerts_of(tx.conn, group.id)
                quiet = held(group, known, replace(group.hold, quiet=True), now)
                await self._intake.turn(tx, group, quiet)

    async def _note_changes(self) -> None:
        """Show the groups anew whose service was changed since the last look: it may be the cause."""
        since, self._looked_at = self._looked_at, self._parts.clock.now()
        if since is None:
            return
        found = await changes.since(self._parts.store, since)
        touched = {one.service for one in found}
        if not touched:
            return
        back = {one.service for one in found if causes.is_rollback(one)}
        upstream = self._parts.catalog().upstream
        async with self._parts.store.read() as conn:
            concerned = [
                one
                for one in await records.open_groups(conn)
                if "" in touched or not touched.isdisjoint({one.service, *upstream(one.service)})
            ]
            ended = await records.ended_since(conn, since - causes.REMEDIED_WITHIN, limit=_ENDED) if back else ()
        # A roll back is recorded when it has ended: what it ended may be over by then.
        concerned += [one for one in ended if not back.isdisjoint({one.service, *upstream(one.service)})]
        for one in concerned:
            async with self._parts.store.write() as tx:
                group = await records.locked(tx, one.id)
                if group is not None and (not group.over or one.over):
                    await self._intake.look_again(tx, group)

    async def _show_what_waits(self) -> None:
        """Ask once more for the messages of groups that could not be shown, such as while Slack was away."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            waiting: Sequence[Group] = [
                one for one in await records.unshown(conn) if now - max(one.state_since, one.opened_at) > _AGAIN
            ]
        for group in waiting:
            async with self._parts.store.write() as tx:
                await want(tx, f"{group.id}/show/{group.version}/{now:%Y%m%dT%H%M%S}", SHOW, group.id)
