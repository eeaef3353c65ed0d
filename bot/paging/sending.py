"""`Sending`: brings pages to their ways. Each is a row before it is sent, and its outcome is the row's next state.

A row in hand carries this process's name and a lease. When the process dies another finds it once the lease is over,
and asks the way whether the page was taken before it sends it again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.endings import end
from bot.errors import UserError
from bot.paging import choosing, messages, records
from bot.paging.claiming import DEADLINE, Claiming, Letter, runs_of, told_of
from bot.paging.parts import Parts
from bot.paging.records import PageRow, PageState, pages
from bot.paging.running import Running
from bot.store import StoreUnavailable, Tx
from integrations.capabilities.paging import Delivery, Page, Pager, Receipt, Way as PagerWay
from integrations.errors import IntegrationError, OutcomeUnknown, RateLimited, Unavailable

SEND_SECONDS = 15.0
"""How long one way may take to answer; less than a lease."""
RETRY = timedelta(seconds=2)
LOOKS = (timedelta(seconds=30), timedelta(seconds=60), timedelta(minutes=3))
"""After what time a way is asked what became of a page that it only took; afterwards it is asked no more."""
_LINK_SECONDS = 1.0
_AT_ONCE = 32
_MOST_ATTEMPTS = 5
_MOST_NOTED = 100
_TWICE = "sent again after a crash: it may have come twice"
_STATES = {
    Delivery.QUEUED: PageState.QUEUED,
    Delivery.DELIVERED: PageState.DELIVERED,
    Delivery.FAILED: PageState.FAILED,
}

log = structlog.get_logger()


class _CannotAskError(Exception):
    """A way that can be asked what became of a page does not answer now."""


class Outcome(Struct, frozen=True):
    """What became of a page."""

    state: PageState
    ref: str = ""
    reason: str = ""
    again_at: datetime | None = None


class Sending:
    """Claims pages that are due, sends them beside each other, and notes what became of each."""

    def __init__(self, parts: Parts, running: Running) -> None:
        self._parts = parts
        self._running = running
        self.claiming = Claiming(parts, running)
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._noting = asyncio.Lock()
        self._ready: list[tuple[Letter, Outcome]] = []

    async def look(self) -> None:
        """Take every page in hand that is due."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            found = await records.runs_due(conn, now)
        if not found:
            return
        letters: list[Letter] = []
        term = self._parts.store.lease.term
        async with self._parts.store.write() as tx:
            runs = await records.lock_runs(tx, found, skip=True)
            due = await records.due_pages(tx, now, runs)
            for page in due:
                letter = await self.claiming.claim(tx, page, runs[page.run_id], now)
                letters += [replace(letter, term=term)] if letter is not None else []
        for letter in letters:
            self._begin(letter)

    async def idle(self) -> None:
        """Return when nothing is in hand."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Let go of what is in hand; it is taken over by whoever comes next."""
        await end(self._tasks)

    # ---------------------------------------------------------------------------------------------------------- sending

    def _begin(self, letter: Letter) -> None:
        task = asyncio.create_task(self._go(letter), name=f"page {letter.page.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _go(self, letter: Letter) -> None:
        async with self._room:
            outcome = await self._outcome(letter)
        self._ready.append((letter, outcome))
        async with self._noting:  # what is ready while another transaction ends goes into the next one
            ready, self._ready = self._ready[:_MOST_NOTED], self._ready[_MOST_NOTED:]
            if not ready:
                return
            try:
                await self._note(ready)
            except StoreUnavailable as error:
                log.warning("paging.not_noted", pages=len(ready), reason=error.reason)  # leases bring them back

    async def _outcome(self, letter: Letter) -> Outcome:
        """Do what is to be done with a page, and return what became of it."""
        try:
            return await self._tried(letter)
        except Exception as error:  # noqa: BLE001 - whatever a pager does, another way is taken
            return self._after(letter, error)

    async def _tried(self, letter: Letter) -> Outcome:
        pager = self._parts.toolbox.get(Pager, letter.page.pager)
        to = self.address(letter.page, letter.runs[0].chain)
        if not to:
            return Outcome(PageState.FAILED, reason="there is no address for it (any more)")
        if letter.look:
            return await self._looked_up(pager, letter, to)
        return await (self._after_a_crash if letter.doubt else self._sent)(pager, letter, to)

    def _after(self, letter: Letter, error: Exception) -> Outcome:
        """Return what a failure makes of a page."""
        page = letter.page
        match error:
            case OutcomeUnknown():
                outcome = Outcome(PageState.DOUBT, reason="no answer came: it may have arrived")
            case _CannotAskError() if page.attempts < _MOST_ATTEMPTS:
                again = self._parts.clock.now() + RETRY
                outcome = Outcome(PageState.SENDING, page.ref, "it does not tell what became of it", again)
            case _CannotAskError():
                outcome = Outcome(PageState.DOUBT, reason="it does not tell what became of it: it may have arrived")
            case RateLimited():
                outcome = self._later(page, timedelta(seconds=error.retry_after), "it asks to slow down")
            case Unavailable():
                outcome = self._later(page, RETRY, "it does not answer")
            case IntegrationError():
                outcome = Outcome(PageState.FAILED, reason=self._safe(letter, error.message))
            case UserError():  # after a start it may take a moment to be connected
                outcome = self._later(page, RETRY, self._safe(letter, error.text))
            case _:
                log.error("paging.pager_broke", page=page.id, pager=page.pager, kind=type(error).__name__)
                outcome = Outcome(PageState.FAILED, reason="a mistake of ours kept it from being sent")
        return outcome

    async def _sent(self, pager: Pager, letter: Letter, to: str) -> Outcome:
        """Send a page; where no answer comes, ask whether it was taken."""
        page, way = letter.page, PagerWay(letter.page.way)
        if way not in pager.ways:
            return Outcome(PageState.FAILED, reason=f"{page.pager} is not configured for {messages.way(page.way)}")
        content = await self._content(letter)
        self._parts.store.lease.check(letter.term)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return self._told(letter, await pager.page(way, to, content))
        except TimeoutError:
            log.warning("paging.no_answer", page=page.id, pager=page.pager)
        except OutcomeUnknown:
            log.warning("paging.outcome_unknown", page=page.id, pager=page.pager)
        found = await self._ask(pager, way, to, page.id)
        if found is not None:
            return self._told(letter, found)
        if page.attempts >= _MOST_ATTEMPTS:
            return Outcome(PageState.FAILED, reason="it was not taken")
        return Outcome(PageState.WAITING, reason="it was not taken", again_at=self._parts.clock.now())

    def _later(self, page: PageRow, wait: timedelta, why: str) -> Outcome:
        """Have a page tried again soon, or, where that takes too long, go another way."""
        at = self._parts.clock.now() + wait
        if at < (page.tried_at or at) + DEADLINE:
            return Outcome(PageState.WAITING, reason=why, again_at=at)
        return Outcome(PageState.FAILED, reason=why)

    async def _after_a_crash(self, pager: Pager, letter: Letter, to: str) -> Outcome:
        """Find out what became of a page whose process died with it in hand; send it again only if it must be."""
        needed = any(run.running for run in letter.runs)
        way = PagerWay(letter.page.way)
        try:
            found = await self._ask(pager, way, to, letter.page.id)
        except OutcomeUnknown:
            if not needed:
                return Outcome(PageState.DOUBT, reason="it may have arrived")
            again = await self._sent(pager, letter, to)
            return replace(again, reason=_TWICE) if again.state in records.SENT else again
        if found is not None:
            return self._told(letter, found)
        return await self._sent(pager, letter, to) if needed else Outcome(PageState.DROPPED)

    async def _looked_up(self, pager: Pager, letter: Letter, to: str) -> Outcome:
        """Ask what became of a page that was only taken; what cannot be told changes nothing."""
        page, now = letter.page, self._parts.clock.now()
        try:
            found = await self._ask(pager, PagerWay(page.way), to, page.id)
        except OutcomeUnknown:
            return Outcome(PageState.QUEUED, page.ref, page.reason)
        except (IntegrationError, _CannotAskError):
            found = None
        if found is not None and found.delivery is not Delivery.QUEUED:
            return self._told(letter, found)
        sent_at = page.sent_at or now
        left = [sent_at + look for look in LOOKS if sent_at + look > now]
        return Outcome(PageState.QUEUED, page.ref, page.reason, again_at=left[0] if left else None)

    async def _ask(self, pager: Pager, way: PagerWay, to: str, page_id: str) -> Receipt | None:
        """Ask a way what became of a page. Raises: OutcomeUnknown: it cannot be asked; _CannotAskError: not now."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await pager.look_up(way, to, page_id)
        except (TimeoutError, Unavailable) as error:
            raise _CannotAskError from error

    def _told(self, letter: Letter, receipt: Receipt) -> Outcome:
        state, now = _STATES[receipt.delivery], self._parts.clock.now()
        again = now + LOOKS[0] if state is PageState.QUEUED else None
        return Outcome(state, receipt.ref, self._safe(letter, receipt.reason), again)

    # --------------------------------------------------------------------------------------------------------- noting

    async def _note(self, ready: Sequence[tuple[Letter, Outcome]]) -> None:
        """Write what became of pages; one that was not taken goes another way in the same transaction."""
        async with self._parts.store.write() as tx:
            await records.lock_runs(tx, {run.id for letter, _ in ready for run in letter.runs})
            for letter, outcome in ready:
                await self._note_one(tx, letter, outcome)
            tx.wake(records.SIGNAL)
        for letter, outcome in ready:
            page = letter.page
            self.claiming.stale |= {run.subject for run in letter.runs}
            log.info(
                "paging.page", page=page.id, way=page.way, pager=page.pager, state=outcome.state, why=outcome.reason
            )

    async def _note_one(self, tx: Tx, letter: Letter, outcome: Outcome) -> None:
        page, now = letter.page, self._parts.clock.now()
        values = {"state": outcome.state, "ref": outcome.ref[:255], "reason": outcome.reason[:300]}
        if not await records.end_page(tx, page, due_at=outcome.again_at, **values):
            return
        if letter.carried:
            waits = outcome.state is PageState.WAITING
            if waits:  # each for itself again
                values["carried_by"] = ""
            ids = [one.id for one in letter.carried]
            await records.change_pages(tx, ids, due_at=outcome.again_at if waits else None, **values)
        if outcome.state in {PageState.FAILED, PageState.DOUBT}:
            for one in (page, *letter.carried):
                await self._running.another_way(tx, one, now)

    async def delivered(self, tx: Tx, pager: str, receipt: Receipt, page_id: str) -> None:
        """Take in what a tool tells later of a page that it took: by our id, or by its own reference."""
        state, now = _STATES[receipt.delivery], self._parts.clock.now()
        if state is PageState.QUEUED or not (receipt.ref or page_id):
            return
        it = sa.or_(pages.c.id == page_id, pages.c.carried_by == page_id) if page_id else pages.c.ref == receipt.ref
        which = [pages.c.pager == pager, it, pages.c.state.in_([PageState.QUEUED, PageState.DOUBT])]
        found = await records.pages_where(tx.conn, *which)
        await records.lock_runs(tx, {one.run_id for one in found})
        for one in found:
            await records.change_pages(tx, [one.id], state=state, reason=receipt.reason[:300], due_at=None)
            if state is PageState.FAILED:
                await self._running.another_way(tx, one, now)
            for run in await runs_of(tx, [one]):
                self.claiming.stale.add(run.subject)
        tx.wake(records.SIGNAL)

    # -------------------------------------------------------------------------------------------------------- contents

    def address(self, page: PageRow, chain: str) -> str:
        """Return where a page goes, read now; "" where it is configured no more or for another pager."""
        settings = self._parts.settings()
        if page.person is None:
            sent = choosing.sent_by(settings, chain, page.step)
            return sent.to.get_secret_value() if sent is not None and sent.instance == page.pager else ""
        address = choosing.address_of(settings, self._parts.permissions, page.person, page.way)
        return address.to.get_secret_value() if address is not None and address.instance == page.pager else ""

    def _safe(self, letter: Letter, words: str) -> str:
        """Return a tool's words without the address in them, which is nobody else's business."""
        to = self.address(letter.page, letter.runs[0].chain)
        return (words.replace(to, "***") if to else words)[:300]

    async def _content(self, letter: Letter) -> Page:
        told = await told_of(self.claiming.domain, letter.runs)
        run, said = told[0]
        if len(told) > 1:
            said = messages.gathered(told)
        help_wanted = len(told) == 1 and run.person is not None
        title = said.title if len(told) > 1 else f"{run.subject} {said.title}"
        url = ""
        try:
            async with asyncio.timeout(_LINK_SECONDS):
                url = await self._parts.link_of(run.subject)
        except Exception as error:  # noqa: BLE001 - Slack may be away: the page goes without a link
            log.debug("paging.no_link", subject=run.subject, reason=repr(error))
        return Page(
            id=letter.page.id,
            subject=run.subject,
            title=f"Help wanted: {title}" if help_wanted else title,
            text=said.text[:500],
            spoken=f"You are asked to help. {said.spoken}" if help_wanted else said.spoken,
            url=url,
            important=letter.page.important or any(one.important for one in letter.carried),
            opened_at=run.opened_at,
        )
