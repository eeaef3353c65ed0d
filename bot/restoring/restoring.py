"""`Restoring`: notices that the database was restored, holds everything, and lets people say what goes on."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from prometheus_client import Gauge

from bot.audit.log import SHIPMATE
from bot.command import Call, Command, Effect, Resource
from bot.health import Health
from bot.reply import Reply, text
from bot.restoring import messages, records
from bot.restoring.parts import Parts
from bot.restoring.records import Item
from bot.restoring.rules import Answer, of_rest
from bot.slack.connection import SlackError
from bot.store import Tx
from bot.store.generation import Hold, Outrun

PERMISSION = "restore.decide"
RAISED_EVERY = 60.0
"""Seconds between two generations: a copy that is older than that is known for one."""
LOOKED_EVERY = 2.0
"""Seconds between two looks whether a hold is over, while there is one."""

HELD = Gauge("shipmate_held", "1 while Shipmate does nothing by itself because its database was restored.")

log = structlog.get_logger()


class Restoring:
    """One for each process. `hold` is what it knows of; `over` is set when what was held may go on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.hold: Hold | None = None
        self.over = asyncio.Event()
        self.outrun = ""
        self._told = False

    def pause(self) -> float:
        """Return the seconds until the next look."""
        return LOOKED_EVERY if self.hold is not None else RAISED_EVERY

    def why(self) -> str:
        """Return why nothing goes on, "" when it does."""
        return "" if self.hold is None else f"held after a restore: {self.hold.why}"

    async def begin(self) -> bool:
        """Raise the generation, or find that the database was restored: then look for what was in flight.

        Answers whether Shipmate may go on. Before the engine, the outbox, alerts and paging are begun.
        """
        self.hold = await self._parts.generation.begin()
        HELD.set(0 if self.hold is None else 1)
        if self.hold is None:
            return True
        from bot.restoring import outcomes  # noqa: PLC0415 - a start without a restore does not need it
        from bot.restoring.survey import Survey  # noqa: PLC0415 - the same
        from bot.store import engine_rows  # noqa: PLC0415 - the same

        known = await self._items()
        if not known:
            async with self._parts.store.write() as tx:
                await outcomes.put_behind(tx)
        async with self._parts.store.write() as tx:
            await outcomes.keep_back(tx, self.hold.at)
        found = await Survey(self._parts).look()
        await engine_rows.call_off(self._parts.engine_url, [item.id for item in found])
        async with self._parts.store.write() as tx:
            await records.add(tx, self.hold.at, found)
            if not known:
                await self._note(tx, "restore.held", {"why": self.hold.why, "items": len(found)})
        log.critical("shipmate.held", why=self.hold.why, items=len(found))
        return False

    async def raise_it(self) -> None:
        """Raise the generation. Raises: Outrun, StoreUnavailable."""
        await self._parts.generation.raise_it()

    async def look(self) -> None:
        """Raise the generation; while held, tell of it once, and find that another process let go."""
        try:
            if self.hold is None:
                await self._parts.generation.raise_it()
                if await self._parts.generation.held() is not None:
                    raise Outrun("another process found that the database was restored")  # noqa: TRY301 - one way out
            elif await self._parts.generation.held() is None:
                self._let_go()
            else:
                await self._tell()
        except Outrun as error:
            self.outrun = str(error)
            log.critical("shipmate.outrun", reason=self.outrun)
            self.over.set()

    def hold_back(self, command: Command) -> None:
        """Refuse what changes anything while held. Raises: Refused (`held`)."""
        if self.hold is not None and command.effect is Effect.CHANGE and command.permission != PERMISSION:
            raise messages.held(self.hold)

    async def health(self) -> Health:
        """Return how it stands."""
        if self.hold is None:
            return Health(ok=True, detail="not held")
        left = sum(item.answer is None for item in await self._items())
        return Health(ok=False, detail=f"{self.why()}; {left} to decide: restore show", since=self.hold.at)

    # -------------------------------------------------------------------------------------------- what people ask

    async def show(self) -> Reply:
        """Return what was in flight, what the tools say of it now, and what is open."""
        hold = self.hold
        if hold is None:
            return messages.not_held()
        from bot.restoring.survey import Survey  # noqa: PLC0415 - only after a restore

        open_now = {item.id for item in await self._items() if item.answer is None}
        found = [item for item in await Survey(self._parts).look() if item.id in open_now]
        async with self._parts.store.write() as tx:
            for item in found:
                await records.renew(tx, hold.at, item)
        said = messages.asked(hold, await self._items(), self._parts.name_of)
        return Reply(summary=said.summary, parts=said.parts)

    async def open_items(self) -> Sequence[Item]:
        """Return what nobody has answered yet."""
        return [item for item in await self._items() if item.answer is None]

    async def decide(self, call: Call, ident: str, answer: Answer) -> Reply:
        """Note what somebody says of one thing, and do it; with the last one the hold ends.

        Raises:
            BadInput: nothing of this name was in flight (`unknown_item`).
            Refused: nothing is held, it was answered, or this cannot be said of it.
        """
        if self.hold is None:
            raise messages.nothing_held()
        found = {item.id.casefold(): item for item in await self._items()}
        item = found.get(ident.strip().casefold())
        if item is None:
            raise messages.unknown(ident)
        if item.answer is not None:
            if (item.answer, item.answered_by) != (answer, call.person):
                raise messages.answered_already(item, self._parts.name_of)
        elif answer not in item.offered:
            raise messages.not_offered(item)
        else:
            await self._answer(call, item, answer)
        return await self._where_it_stands(call)

    async def decide_all(self, call: Call, answer: Answer) -> Reply:
        """Say the same of all that is open, where it can be said, and end the hold. Raises: Refused (`no_restore`)."""
        if self.hold is None:
            raise messages.nothing_held()
        for item in await self.open_items():
            await self._answer(call, item, of_rest(answer, item.offered))
        return await self._where_it_stands(call)

    async def _answer(self, call: Call, item: Item, answer: Answer) -> None:
        from bot.restoring.outcomes import Outcomes  # noqa: PLC0415 - only after a restore

        hold = self.hold
        if hold is None:
            raise messages.nothing_held()
        deed = await Outcomes(self._parts).prepare(call, item, answer)
        async with self._parts.store.write(urgent=True) as tx:
            if await records.answer(tx, hold.at, item.id, answer, by=call.person, at=call.now):
                await deed(tx)
                resource = Resource(item.service, item.environment, item.target)
                data = {"answer": answer.value, "was": item.was, "found": item.found}
                await self._note(tx, "restore.answered", data, call=call, subject=item.id[:64], resource=resource)

    async def _where_it_stands(self, call: Call) -> Reply:
        left = await self.open_items()
        hold = self.hold
        if left or hold is None:
            said = messages.asked(hold, await self._items(), self._parts.name_of) if hold is not None else None
            return messages.not_held() if said is None else Reply(summary=said.summary, parts=said.parts)
        async with self._parts.store.write(urgent=True) as tx:
            await self._parts.generation.let_go(tx)
            await self._note(tx, "restore.over", {}, call=call)
        self._let_go()
        return text("Everything is answered: the hold is over, and Shipmate goes on.")

    # ------------------------------------------------------------------------------------------------------ inside

    def _let_go(self) -> None:
        self.hold = None
        HELD.set(0)
        log.warning("shipmate.goes_on")
        self.over.set()

    async def _tell(self) -> None:
        """Tell the channel of announcements, once for each hold."""
        hold = self.hold
        if self._told or hold is None:
            return
        try:
            channel = await self._parts.announce_in()
        except SlackError as error:
            log.warning("restore.told_later", reason=str(error))
            return
        if channel is not None:
            message = messages.asked(hold, await self._items(), self._parts.name_of)
            async with self._parts.store.write() as tx:
                await self._parts.outbox.post(tx, f"restore/{hold.at.isoformat()}", channel, message, urgent=True)
        self._told = True

    async def _items(self) -> Sequence[Item]:
        if self.hold is None:
            return ()
        async with self._parts.store.read() as conn:
            return await records.all_of(conn, self.hold.at)

    async def _note(
        self,
        tx: Tx,
        action: str,
        data: Mapping[str, str | int],
        *,
        call: Call | None = None,
        subject: str = "",
        resource: Resource | None = None,
    ) -> None:
        await self._parts.audit.record(
            tx,
            actor=SHIPMATE if call is None else call.person,
            action=action,
            outcome="succeeded",
            resource=resource or Resource(),
            request_id="" if call is None else call.request_id,
            subject=subject,
            data=data,
        )
