"""A storm in one channel, summed up: many old updates become one message that names each of them."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock
from bot.reply import Headline, Markup, Message, Note, Paragraph, Part, escape, say
from bot.slack import blocks, codec
from bot.slack.courier import Row
from bot.slack.mrkdwn import Json, cut_plain
from bot.slack.outbox import FRESH
from bot.slack.records import SIGNAL, Kind, State, open_rows, outbox, pictures
from bot.store import Store, Tx, insert

BACKLOG = 20
"""Posts nobody waits for that may wait in one channel before the older ones are summed up."""
KEPT = 5
"""The newest, which are still said one by one."""
_MOST = 500
_LINE = 200


async def sum_up(store: Store, clock: Clock, lane: str, in_lane: int) -> bool:
    """Replace the older posts of an overfull lane by one that names each; answer whether it did.

    What a person waits for, final states, cards and threads are left as they are.
    """
    if in_lane <= BACKLOG:
        return False
    chosen = (
        outbox.c.lane == lane,
        open_rows(),
        outbox.c.kind == Kind.POST,
        outbox.c.state == State.WAITING,
        outbox.c.in_thread_of == "",
        ~outbox.c.urgent,
        ~outbox.c.final,
    )
    async with store.write() as tx:
        statement = (
            sa.select(outbox).where(*chosen).order_by(outbox.c.id).limit(_MOST).with_for_update(skip_locked=True)
        )
        rows = (await tx.conn.execute(statement)).all()
        held = await _waited_for(tx.conn, lane)
        rows = [row for row in rows if row.key not in held]
        if len(rows) <= BACKLOG:
            return False
        old = rows[:-KEPT]
        message = _sum([codec.load(row.payload["message"]).summary for row in old])
        last, ids = old[-1], [row.id for row in old[:-1]]
        await _turn_into_sum(tx, last, message, old[0])
        await tx.conn.execute(sa.delete(pictures).where(pictures.c.outbox_id.in_([row.id for row in old])))
        await tx.conn.execute(
            sa.update(outbox).where(outbox.c.id.in_(ids)).values(state=State.SUMMED, sent_at=clock.now())
        )
        tx.wake(SIGNAL)
    return True


async def _turn_into_sum(tx: Tx, row: Row, message: Message, oldest: Row) -> None:
    """Have the newest of the summed rows say the sum, in its place among what follows; pages go to its thread."""
    pages = len(blocks.paged(message))
    payload: Json = {"message": codec.dump(message), "page": 0}
    values = {"payload": payload, "final": True, "subject": "", "wanted_at": oldest.wanted_at}
    await tx.conn.execute(sa.update(outbox).where(outbox.c.id == row.id).values(values))
    for page in range(1, pages):
        rest = {
            "key": f"{row.key}/page/{page}",
            "kind": Kind.POST,
            "lane": row.lane,
            "channel": row.channel,
            "subject": "",
            "in_thread_of": row.key,
            "payload": {**payload, "page": page},
            "also_to_channel": False,
            "final": True,
            "urgent": False,
            "wanted_at": oldest.wanted_at,
        }
        await tx.conn.execute(insert(tx.conn, outbox).values({**FRESH, **rest}))


async def _waited_for(conn: AsyncConnection, lane: str) -> set[str]:
    """Return the keys of messages in whose threads something waits for a place: they stay as they are."""
    statement = (
        sa.select(outbox.c.in_thread_of)
        .distinct()
        .where(outbox.c.lane == lane, open_rows(), outbox.c.state == State.WAITING, outbox.c.in_thread_of != "")
    )
    return set((await conn.execute(statement)).scalars())


def _sum(summaries: list[str]) -> Message:
    """Return the message that stands for many: how many, the newest, and a line for each."""
    newest = cut_plain(str(summaries[-1]), _LINE)
    parts: list[Part] = [
        Headline(say("{} more updates, newest: {}", len(summaries), newest)),
        Note(Markup("They came faster than Slack takes messages, so they are told in one.")),
    ]
    lines = [escape(f"• {cut_plain(' '.join(str(summary).split()), _LINE)}") for summary in summaries]
    held: list[Markup] = []
    for line in lines:
        if held and sum(len(one) + 1 for one in held) + len(line) > blocks.MAX_TEXT:
            parts.append(Paragraph(Markup("\n".join(held))))
            held = []
        held.append(line)
    parts.append(Paragraph(Markup("\n".join(held))))
    return Message(summary=f"{len(summaries)} more updates, newest: {newest}", parts=tuple(parts))
