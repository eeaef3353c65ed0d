"""`Paging`: wakes people for troubles, one step after another, until a person comes.

One loop over two indexes of what is due does all of it: a thousand troubles that wait cost one look a second.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.endings import end
from bot.identity import Person
from bot.paging import choosing, messages, records
from bot.paging.answers import Answers
from bot.paging.claiming import DEADLINE
from bot.paging.parts import Domain, NoDomain, Parts, Trouble
from bot.paging.records import PageState, Run, pages
from bot.paging.rules import Move, Standing, followed
from bot.paging.running import Running, page_of
from bot.paging.sending import Sending
from bot.paging.trying import Trying
from bot.reply import Markup
from bot.settings.paging import Way
from bot.store import StoreUnavailable, Tx

LOOK_SECONDS = 1.0
"""How often is looked at least: another process may have written what is due."""
LEAST_SECONDS = 0.02
KEEP = timedelta(days=180)
"""How long is kept what became of pages."""
_AFTER_FAILURE = 2.0
_TITLE = 300

log = structlog.get_logger()


class Paging:
    """Follows troubles, and does what is due about them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.running = Running(parts)
        self.sending = Sending(parts, self.running)
        self.answers = Answers(parts, self.sending)
        self.trying = Trying(parts)
        self.domain: Domain = NoDomain()
        self._task: asyncio.Task[None] | None = None

    def serve(self, domain: Domain) -> None:
        """Tell whose troubles they are."""
        self.domain = self.sending.claiming.domain = domain

    # ---------------------------------------------------------------------------------------------- what troubles ask

    async def follow(
        self, tx: Tx, trouble: Trouble, standing: Standing, *, why: str = "", by: Person | None = None
    ) -> None:
        """Begin or stop paging as a trouble stands now; in the transaction that changes the trouble.

        Safe to call again. `why` and `by` say what ended it: "acknowledged", by whom. Who alone is asked is asked on
        until it is over, or in their own hands.
        """
        chains = self._parts.settings().paging.chains
        if not chains and standing not in {Standing.HELD, Standing.OVER}:
            return
        found = await records.lock_all_of(tx, trouble.subject)
        for asked in found:
            if asked.running and asked.person is not None and _ends(asked, standing, by):
                await self._stop(tx, asked, why or standing.value, by)
        if not chains:
            return
        run = records.last_by_chain(found)
        match followed(standing, running=run is not None and run.running):
            case Move.START:
                await self._start(tx, trouble, 1 + max((one.number for one in found), default=0))
            case Move.STOP if run is not None:
                await self._stop(tx, run, why or standing.value, by)
        if run is not None and run.elsewhere and standing is Standing.OVER:
            await self._settle(tx, run, resolved=True)
        elif run is not None and run.elsewhere and run.running and standing is Standing.HELD:
            await self._settle(tx, run, resolved=False)

    async def ask(self, tx: Tx, trouble: Trouble, person: Person, said: str) -> None:
        """Page one person by their default rules until they have `answered`, in the transaction that asks them.

        `said` is the key of the direct message that asks them: it is the first page. Whatever the chains do goes on
        beside it. To be called with the trouble's row locked.
        """
        found = await records.lock_all_of(tx, trouble.subject)
        run = self._run_of(trouble, 1 + max((one.number for one in found), default=0), person=person)
        await records.add_run(tx, run)
        page = page_of(run, 1, run.opened_at, way=Way.SLACK.value, pager="", step=0)
        taken = replace(page, person=person, important=False, state=PageState.QUEUED, ref=said, sent_at=run.opened_at)
        await records.add_pages(tx, [replace(taken, due_at=run.opened_at + DEADLINE)])
        log.info("paging.asked", subject=run.subject, person=person.key, number=run.number)

    async def answered(self, tx: Tx, subject: str, person: Person) -> None:
        """Page somebody no more who was asked about a trouble, because they have answered."""
        for run in await records.lock_all_of(tx, subject):
            if run.running and run.person == person:
                await self._stop(tx, run, "answered", person)

    async def give_up(self, tx: Tx, run_id: str, why: str, person: Person) -> None:
        """Page nobody any more in one run, because somebody says so; one that is over is left alone."""
        run = await records.locked(tx, run_id)
        if run is not None and run.running:
            await self._stop(tx, run, why, person)

    async def _start(self, tx: Tx, trouble: Trouble, number: int) -> None:
        chain = choosing.chain_of(self._parts.settings(), trouble)
        if not chain:
            return
        await records.add_run(tx, self._run_of(trouble, number, chain=chain))
        log.info("paging.begun", subject=trouble.subject, chain=chain, number=number)

    def _run_of(self, trouble: Trouble, number: int, *, chain: str = "", person: Person | None = None) -> Run:
        """Return paging that begins now."""
        now = self._parts.clock.now()
        return Run(
            id=f"{trouble.subject}.{number}",
            subject=trouble.subject,
            number=number,
            chain=chain,
            service=trouble.service,
            environment=trouble.environment,
            title=trouble.title[:_TITLE],
            answer=trouble.answer,
            due_at=now,
            opened_at=now,
            person=person,
        )

    async def _stop(self, tx: Tx, run: Run, why: str, by: Person | None) -> None:
        now = self._parts.clock.now()
        ended = replace(run, running=False, due_at=None, stopped_at=now, stopped_by=by, why=why)
        await records.change_run(tx, run, running=False, due_at=None, stopped_at=now, stopped_by=by, why=why)
        told = await records.pages_where(tx.conn, pages.c.run_id == run.id, lock=True)
        waiting = [one.id for one in told if one.state is PageState.WAITING]
        await records.change_pages(tx, waiting, state=PageState.DROPPED, due_at=None)
        carriers = {one.carried_by for one in await self._carried(tx, [one.id for one in told])}
        for one in told:
            if one.way != Way.SLACK or one.state is not PageState.QUEUED or one.carried_by or one.id in carriers:
                continue
            if not one.ref or by != run.person:  # who asked has their own message say what was answered
                await self._parts.outbox.say_instead(tx, one.ref or one.id, messages.answered(ended, self._name_of))
        log.info("paging.stopped", subject=run.subject, why=why, number=run.number)

    async def _carried(self, tx: Tx, ids: Sequence[str]) -> Sequence[records.PageRow]:
        return await records.pages_where(tx.conn, pages.c.carried_by.in_(ids)) if ids else []

    async def _settle(self, tx: Tx, run: Run, *, resolved: bool) -> None:
        """Have paging services that hold a trouble of their own told that somebody is on it, or that it is over."""
        outside = sa.and_(pages.c.run_id == run.id, pages.c.way.in_([Way.EVENT.value, Way.WEBHOOK.value]))
        for one in await records.pages_where(tx.conn, outside, pages.c.state.in_(records.SENT)):
            kind = "over" if resolved else "held"
            data = {"page": one.id, "resolved": resolved}
            await records.add_errand(tx, f"{one.id}/{kind}", "settle", data, self._parts.clock.now())
        if resolved:
            await tx.conn.execute(sa.update(records.runs).where(records.runs.c.id == run.id).values(elsewhere=False))

    # -------------------------------------------------------------------------------------------------- what is shown

    async def lines(self, conn: AsyncConnection, subject: str) -> Sequence[Markup]:
        """Return what the message of a trouble says of its paging; nothing once it has stopped."""
        found = [one for one in await records.all_of(conn, subject) if one.running]
        told = [await records.pages_where(conn, pages.c.run_id == run.id) for run in found]
        return [messages.line(run, sent, self._name_of) for run, sent in zip(found, told, strict=True)]

    async def history(self, subject: str) -> Sequence[Markup]:
        """Return every page for a trouble and what became of it."""
        async with self._parts.store.read() as conn:
            found = await records.all_of(conn, subject)
            told = {run.id: await records.pages_where(conn, pages.c.run_id == run.id) for run in found}
        return [messages.history(run, told[run.id], self._name_of) for run in found]

    async def news(self, tx: Tx, subject: str) -> Sequence[tuple[str, str]]:
        """Return what the thread of a trouble has not heard yet, each with a key of its own: nobody came, say.

        It counts as said once the transaction is kept.
        """
        found = await records.all_of(tx.conn, subject)
        last = records.last_by_chain(found)
        news: list[tuple[str, str]] = []
        for run in found:
            if run.said < len(run.words) and (run == last or run.person is not None):
                said = sa.update(records.runs).where(records.runs.c.id == run.id).values(said=len(run.words))
                await tx.conn.execute(said)
                news += [(f"{run.id}/{number}", run.words[number]) for number in range(run.said, len(run.words))]
        return news

    def _name_of(self, person: Person) -> str:
        return self._parts.permissions.name_of(person)

    # ------------------------------------------------------------------------------------------------ what is done

    async def begin(self) -> None:
        """Take over what the last process left, forget what is old, and begin to look."""
        async with self._parts.store.write() as tx:
            await records.forget(tx, self._parts.clock.now() - KEEP)
        if self._parts.store.dialect == "sqlite":
            async with self._parts.store.write() as tx:
                await records.take_over(tx, self._parts.owner, self._parts.clock.now())
        async with self._parts.store.read() as conn:
            self.sending.claiming.stale |= await records.running(conn)
        self._task = asyncio.create_task(self._run(), name="paging")

    async def stop(self) -> None:
        """Look no more; what is in hand is taken over by the next process."""
        await end([self._task])
        self._task = None
        await self.sending.stop()

    async def look(self) -> None:
        """Do all that is due now; what has moved on is shown."""
        self.sending.claiming.stale |= await self.running.look(self.domain)
        await self.sending.look()
        await self.answers.look()
        stale, self.sending.claiming.stale = frozenset(self.sending.claiming.stale), set()
        if stale:
            await self.domain.changed(stale)

    async def _run(self) -> None:
        signal = self._parts.store.signal(records.SIGNAL)
        while True:
            signal.clear()
            wait = LOOK_SECONDS
            try:
                await self.look()
                async with self._parts.store.read() as conn:
                    at = await records.next_due(conn)
                if at is not None:
                    wait = min(wait, max((at - self._parts.clock.now()).total_seconds(), LEAST_SECONDS))
            except StoreUnavailable as error:
                log.warning("paging.store_away", reason=error.reason)
                wait = _AFTER_FAILURE
            except Exception:
                log.exception("paging.look_failed")
                wait = _AFTER_FAILURE
            if self.sending.claiming.stale:
                wait = min(wait, LOOK_SECONDS)
            try:
                async with asyncio.timeout(wait):
                    await signal.wait()
            except TimeoutError:
                pass


def _ends(asked: Run, standing: Standing, by: Person | None) -> bool:
    """Tell whether who is asked is needed no more: it is over, or they have taken it on by themselves."""
    return standing is Standing.OVER or (standing is Standing.HELD and asked.person == by)
