"""`Answers`: what comes back from pages: how far they came, and people who say that they are on it.

An answer is kept with its webhook and run as a command of that very person: it passes the same gate as a button.
"""

from datetime import timedelta
from typing import Any

import structlog

from bot.command import Invocation, Trigger
from bot.identity import Person
from bot.paging import choosing, records
from bot.paging.parts import Parts
from bot.paging.records import SENT, Errand, PageRow, PageState, pages
from bot.paging.sending import Sending
from bot.store import Tx
from bot.webhooks import EventHandler
from integrations.capabilities.paging import PageAnswer, Pager, Receipt, Way, reply_code
from integrations.contract import WebhookEvent
from integrations.errors import IntegrationError

_LEASE = timedelta(seconds=10)
_MOST_ATTEMPTS = 20
_ANSWERED_WITHIN = timedelta(days=2)

log = structlog.get_logger()


class Answers:
    """Takes answers in, and passes on what is to be passed on."""

    def __init__(self, parts: Parts, sending: Sending) -> None:
        self._parts = parts
        self._sending = sending

    @property
    def handlers(self) -> dict[str, EventHandler]:
        """Return what takes in which kind of event."""
        return {"page.delivery": self.delivered, "page.answer": self.answered}

    async def delivered(self, tx: Tx, event: WebhookEvent) -> None:
        """Take in how far a page has come."""
        receipt = event.data.get("receipt")
        if isinstance(receipt, Receipt):
            await self._sending.delivered(tx, event.instance, receipt, str(event.data.get("page", "")))

    async def answered(self, tx: Tx, event: WebhookEvent) -> None:
        """Take in an answer: only one of the very person who was paged, from the address where they were, counts."""
        answer = event.data.get("answer")
        if not isinstance(answer, PageAnswer):
            return
        found = await self._page_of(tx, event.instance, answer)
        if found is None or found.person is None:
            log.warning("paging.answer_of_nobody", instance=event.instance, page=answer.page)
            return
        log.info("paging.answer", page=found.id, person=found.person.key, acknowledged=answer.acknowledged)
        if not answer.acknowledged:
            return
        with_it = await records.pages_where(tx.conn, pages.c.carried_by == (found.carried_by or found.id))
        runs = await records.states_of(tx.conn, sorted({one.run_id for one in (found, *with_it)}))
        for run in runs.values():
            data = {"person": found.person.key, "subject": run.subject, "command": run.answer, "way": found.way}
            ident = f"answer/{event.instance}/{event.id}/{run.id}"[:300]
            await records.add_errand(tx, ident, "answer", data, self._parts.clock.now())

    async def _page_of(self, tx: Tx, instance: str, answer: PageAnswer) -> PageRow | None:
        """Return the page that an answer is to: the one that it names by id, code or subject, else the last one.

        Only pages of the last two days to who has this address now are looked at.
        """
        which = [pages.c.pager == instance, pages.c.state.in_([PageState.SENDING, *SENT, PageState.FAILED])]
        which += [pages.c.id == answer.page] if answer.page else [pages.c.carried_by == ""]
        which.append(pages.c.sent_at > self._parts.clock.now() - _ANSWERED_WITHIN)
        sent = await records.pages_where(tx.conn, *which)
        ours = [one for one in sent if self._is_at(one, answer.address)]
        if answer.code:
            ours = [one for one in ours if reply_code(one.id) == answer.code]
        elif answer.subject:
            runs = await records.states_of(tx.conn, sorted({one.run_id for one in ours}))
            ours = [one for one in ours if runs[one.run_id].subject == answer.subject]
        return max(ours, key=lambda one: (one.sent_at or one.first_at, one.id)) if ours else None

    def _is_at(self, page: PageRow, address: str) -> bool:
        if page.person is None:
            return False
        known = choosing.address_of(self._parts.settings(), self._parts.permissions, page.person, page.way)
        return known is not None and choosing.same_address(known.to.get_secret_value(), address)

    # ------------------------------------------------------------------------------------------------------ passing on

    async def look(self) -> None:
        """Pass on what is due."""
        now = self._parts.clock.now()
        async with self._parts.store.read() as conn:
            if not await records.any_errand_due(conn, now):
                return
        async with self._parts.store.write() as tx:
            claimed = await records.claim_errands(tx, now, _LEASE)
        for errand in claimed:
            if await self._pass_on(errand) or errand.attempts >= _MOST_ATTEMPTS:
                async with self._parts.store.write() as tx:
                    await records.drop_errand(tx, errand.id)

    async def _pass_on(self, errand: Errand) -> bool:
        """Do one errand; false where it is to be tried again."""
        if errand.kind == "answer":
            await self._parts.submit(self._invocation(errand))
            return True
        return await self._settle(errand.data)

    def _invocation(self, errand: Errand) -> Invocation:
        data = errand.data
        return Invocation(
            delivery_id=errand.id,
            trigger=Trigger.PAGE,
            person=Person.parse(data["person"]),
            at=self._parts.clock.now(),
            command=data["command"],
            args={"alert": data["subject"]},
            via=f"page:{data['way']}",
        )

    async def _settle(self, data: dict[str, Any]) -> bool:
        async with self._parts.store.read() as conn:
            found = await records.pages_where(conn, pages.c.id == data["page"])
            runs = await records.states_of(conn, [one.run_id for one in found])
        if not found:
            return True
        page, run = found[0], next(iter(runs.values()))
        to = self._sending.address(page, run.chain)
        try:
            pager = self._parts.toolbox.get(Pager, page.pager)
            if to:
                await pager.settled(Way(page.way), to, run.subject, resolved=bool(data["resolved"]))
        except IntegrationError as error:
            log.warning("paging.not_settled", page=page.id, error=type(error).__name__)
            return False
        return True
