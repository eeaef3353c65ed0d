"""The live card of a subject: one message from the first moment to the last, whose newest state is what is sent.

Pure: what a row of the outbox becomes when the card shall say something else. Sending is `bot/slack/sender.py`.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.identity import Channel
from bot.reply import Message
from bot.slack import blocks, codec
from bot.slack.records import State

Row = sa.Row[Any]


def card_key(subject: str) -> str:
    """Return the key of the row that is the live card of this subject."""
    return f"show/{subject}"


def next_version(row: Row | None, message: Message, *, final: bool) -> int:
    """Return the version that saying `message` makes of the card; the one it has when that says nothing new.

    A message with pictures always does: their bytes are not compared.
    """
    if row is None:
        return 1
    same = row.payload["message"] == codec.dump(message) and row.final == final and not blocks.pictures(message)
    return int(row.wanted) if same else int(row.wanted) + 1


def changed(
    row: Row, version: int, message: Message, channel: Channel, now: datetime, *, urgent: bool, final: bool
) -> dict[str, Any]:
    """Return the columns of the row once the card shall say `message`.

    What is under way goes on and is followed by this version. A card that was parked is tried again. It moves to
    another channel only while it stands in none.
    """
    said_all = row.wanted == row.sent
    values = {
        "payload": {"message": codec.dump(message)},
        "wanted": version,
        "wanted_at": now if said_all else row.wanted_at,
        "urgent": urgent or (row.urgent and not said_all),
        "final": final,
        "form": 0,
        "state": row.state if row.state in {State.SENDING, State.DOUBT} else State.WAITING,
        "reason": "",
    }
    return values if row.ts else values | {"channel": channel, "lane": channel.key}
