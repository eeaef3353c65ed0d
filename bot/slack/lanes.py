"""Which of the outbox's rows come first, and what has to be called to say one. Pure."""

from collections.abc import Sequence

from bot.slack.courier import Row
from bot.slack.records import Kind, State


def call(row: Row) -> tuple[str, str]:
    """Return the method that says this row and the channel whose pace counts."""
    if row.kind == Kind.WHISPER:
        return "chat.postEphemeral", ""
    if row.ts:
        return "chat.update", ""
    return "chat.postMessage", row.channel.channel if row.channel is not None else row.lane


def calls(row: Row) -> list[tuple[str, str]]:
    """Return the calls that may be needed to say this row, each with the channel whose pace counts, "" for none."""
    needed = [call(row)]
    if row.kind == Kind.WHISPER or row.ts:
        return needed
    needed.append(("conversations.open" if row.kind == Kind.DIRECT else "conversations.info", ""))
    if row.state == State.DOUBT:
        needed.append(("conversations.replies" if row.in_thread_of else "conversations.history", ""))
    return needed


def by_lane(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return the rows of each lane, the lanes in which a person waits first, then those that wait longest."""
    lanes: dict[str, list[Row]] = {}
    for row in rows:
        lanes.setdefault(row.lane, []).append(row)
    return sorted(lanes.items(), key=lambda lane: (not lane[1][0].urgent, lane[1][0].wanted_at, lane[1][0].id))
