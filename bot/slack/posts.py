"""Which message tells of which subject, so that a reaction, a button or a reply finds its deployment."""

import sqlalchemy as sa

from bot.clock import Clock
from bot.identity import Channel
from bot.slack.live import card_key
from bot.slack.records import outbox, posts
from bot.store import Store, Tx, insert


class Posts:
    """Looks messages up by subject, and subjects by message."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def subject_of(self, channel: Channel, ts: str) -> str | None:
        """Return what the message `ts` (or the thread it began) is about, None when it is none of ours."""
        statement = sa.select(posts.c.subject).where(posts.c.channel == channel.channel, posts.c.ts == ts)
        async with self._store.read() as conn:
            return (await conn.execute(statement)).scalar_one_or_none()

    async def post_of(self, subject: str) -> tuple[Channel, str] | None:
        """Return where the live card of a subject stands, None before it is posted."""
        statement = sa.select(outbox.c.channel, outbox.c.ts).where(outbox.c.key == card_key(subject), outbox.c.ts != "")
        async with self._store.read() as conn:
            row = (await conn.execute(statement)).first()
        return None if row is None else (row.channel, row.ts)

    async def record(self, tx: Tx, place: str, ts: str, subject: str, *, card: bool) -> None:
        """Remember that the message `ts` in the conversation `place` is about `subject`."""
        values = {"channel": place, "ts": ts, "subject": subject, "card": card, "posted_at": self._clock.now()}
        statement = insert(tx.conn, posts).values(values)
        await tx.conn.execute(statement.on_conflict_do_nothing(index_elements=[posts.c.channel, posts.c.ts]))
