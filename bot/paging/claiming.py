"""`Claiming`: takes pages in hand that are due: alone or gathered, to be sent, looked up, or said in Slack at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.paging import messages, records
from bot.paging.parts import Domain, NoDomain, Parts, Said
from bot.paging.records import PageRow, PageState, Run, pages
from bot.paging.running import Running
from bot.paging.slack import Slack
from bot.settings.paging import Way
from bot.store import StoreUnavailable, Tx

LEASE = timedelta(seconds=30)
"""How long a page is in hand before another process may take it over."""
DEADLINE = timedelta(seconds=10)
"""How long a way may be unavailable before another is taken."""
TOGETHER = timedelta(minutes=1)
"""What one person is paged about by one way within this time is one page."""
_MOST_READ = 10
_ALONE = {Way.EVENT.value, Way.WEBHOOK.value}  # a paging service keeps a trouble of its own for each


class Letter(Struct, frozen=True):
    """A page in hand: what is to be done with it, for which troubles, and the pages that go out with it.

    `doubt` means that its process died with it in hand, `look` that it is only asked what became of it; `term` is that
    of the lease.
    """

    page: PageRow
    runs: tuple[Run, ...]
    carried: tuple[PageRow, ...] = ()
    doubt: bool = False
    look: bool = False
    term: int = 0


class Claiming:
    """Takes pages in hand, in the transaction of the caller. `stale` gathers the troubles that are to be shown anew."""

    def __init__(self, parts: Parts, running: Running) -> None:
        self._parts = parts
        self._running = running
        self._slack = Slack(parts)
        self.stale: set[str] = set()
        self.domain: Domain = NoDomain()

    async def claim(self, tx: Tx, page: PageRow, run: Run, now: datetime) -> Letter | None:
        """Take a page in hand that is due; None where nothing is left to be done with it outside of `tx`."""
        if page.state is PageState.QUEUED:
            return await self._to_look(tx, page, run, now)
        if page.state is PageState.SENDING:
            held = await self._hold(tx, page, now)
            carried = await records.pages_where(tx.conn, pages.c.carried_by == page.id)
            return Letter(held, await runs_of(tx, [page, *carried]), tuple(carried), doubt=True)
        together = await self._together(tx, page, now) if run.running else []
        if not run.running:
            await records.change_pages(tx, [page.id], state=PageState.DROPPED, due_at=None)
        if not together:
            return None
        found, carried = await runs_of(tx, together), together[1:]
        if page.way == Way.SLACK:
            await self._say(tx, page, carried, found, now)
            return None
        values = {"state": PageState.SENDING, "tried_at": page.tried_at or now, "sent_at": now}
        held = await self._hold(tx, page, now, **values)
        await records.change_pages(tx, [one.id for one in carried], due_at=None, carried_by=page.id, **values)
        return Letter(replace(held, tried_at=page.tried_at or now, sent_at=now), found, tuple(carried))

    async def _hold(self, tx: Tx, page: PageRow, now: datetime, **values: object) -> PageRow:
        """Put our name on a page, for the length of a lease."""
        mine = {"owner": self._parts.owner, "attempts": page.attempts + 1}
        await records.change_pages(tx, [page.id], due_at=now + LEASE, **mine, **values)
        return replace(page, owner=self._parts.owner, attempts=page.attempts + 1)

    async def _to_look(self, tx: Tx, page: PageRow, run: Run, now: datetime) -> Letter | None:
        """Take in hand a page that is to be looked after, while somebody is still needed."""
        if not run.running:
            await records.change_pages(tx, [page.id], due_at=None)
            return None
        if page.way == Way.SLACK:
            await self._look_at_slack(tx, page, run, now)
            return None
        return Letter(await self._hold(tx, page, now), (run,), look=True)

    async def _together(self, tx: Tx, page: PageRow, now: datetime) -> Sequence[PageRow]:
        """Return what goes out in one page: all that is due to this person by this way; nothing where it waits."""
        if page.person is None or page.way in _ALONE:
            return [page]
        last = await records.last_sent(tx.conn, page.person, page.way)
        due = await records.waiting_for(tx, page.person, page.way, now)
        known = await records.states_of(tx.conn, sorted({one.run_id for one in due}))
        done = [one.id for one in due if not known[one.run_id].running]
        await records.change_pages(tx, done, state=PageState.DROPPED, due_at=None)
        due = [one for one in due if one.id not in done]
        if page.id not in {one.id for one in due}:
            return []
        if last is not None and last.sent_at is not None and last.run_id != page.run_id:
            free = last.sent_at + TOGETHER
            if free > now:
                await records.change_pages(tx, [one.id for one in due], due_at=free)
                return []
        return [page, *(one for one in due if one.id != page.id)]

    async def _say(self, tx: Tx, page: PageRow, carried: Sequence[PageRow], runs: Sequence[Run], now: datetime) -> None:
        """Hand a page to Slack's outbox, in the transaction that notes it."""
        told = await told_of(self.domain, runs)
        await self._slack.say(tx, page, messages.direct(told))
        ids = [one.id for one in carried]
        await records.change_pages(tx, ids, carried_by=page.id)
        await records.change_pages(
            tx, [page.id, *ids], state=PageState.QUEUED, sent_at=now, due_at=None, owner=self._parts.owner
        )
        await records.change_pages(tx, [page.id], due_at=now + DEADLINE)
        self.stale |= {run.subject for run in runs}

    async def _look_at_slack(self, tx: Tx, page: PageRow, run: Run, now: datetime) -> None:
        """Take another way where Slack has not taken a page; that it has is no delivery."""
        why = await self._slack.why_not(tx, page)
        await records.change_pages(tx, [page.id], due_at=None)
        if why:
            with_it = await records.pages_where(tx.conn, pages.c.carried_by == page.id)
            for one in (page, *with_it):
                await records.change_pages(tx, [one.id], state=PageState.FAILED, reason=why)
                await self._running.another_way(tx, one, now)
        self.stale.add(run.subject)


async def runs_of(tx: Tx, found: Sequence[PageRow]) -> tuple[Run, ...]:
    """Return the runs of pages, in their order."""
    known = await records.states_of(tx.conn, sorted({one.run_id for one in found}))
    return tuple(known[name] for name in dict.fromkeys(one.run_id for one in found))


async def told_of(domain: Domain, runs: Sequence[Run]) -> list[tuple[Run, Said]]:
    """Return what a page says of each of its troubles, as they are now; of the many behind the first, their titles."""
    told = []
    for run in runs[:_MOST_READ]:
        try:
            found = await domain.about(run.subject)
        except StoreUnavailable:
            found = None
        told.append((run, found or _title_alone(run)))
    return [*told, *((run, _title_alone(run)) for run in runs[_MOST_READ:])]


def _title_alone(run: Run) -> Said:
    return Said(title=run.title, text="", spoken=run.title)
