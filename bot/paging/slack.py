"""Slack as one way among others: a direct message by the outbox, and whether Slack has taken it."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.paging.parts import Parts
from bot.paging.records import PageRow
from bot.reply import Message
from bot.slack.records import State, outbox
from bot.store import Tx


class Slack:
    """Says pages in direct messages. What people want to be told otherwise, and when, does not hold them back."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def say(self, tx: Tx, page: PageRow, message: Message) -> None:
        """Have a page said to its person."""
        if page.person is not None:
            await self._parts.outbox.say_now(tx, page.id, page.person, message)

    async def why_not(self, tx: Tx, page: PageRow) -> str:
        """Return why Slack has not taken a page by now, "" where it has."""
        return await self.why_not_said(tx.conn, page.ref or page.id)

    async def why_not_said(self, conn: AsyncConnection, key: str) -> str:
        """Return why Slack has not taken the direct message of a key by now, "" where it has."""
        statement = sa.select(outbox.c.state, outbox.c.reason).where(outbox.c.key == f"direct/{key}")
        row = (await conn.execute(statement)).one_or_none()
        if row is None:
            return "it was not said"
        if row.state == State.PARKED:
            return f"Slack refuses it: {row.reason}"[:300]
        return "" if row.state in {State.SENT, State.SUMMED} else "Slack does not answer"
