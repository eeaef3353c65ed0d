"""The rows of the Slack edge: what shall be said, its pictures, and which message tells of which subject."""

from enum import StrEnum

import sqlalchemy as sa

from bot.store import ChannelColumn, JsonColumn, PersonColumn, Timestamp, key_text, metadata, one_of

SIGNAL = "slack.outbox"

_Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Kind(StrEnum):
    """How a row is said."""

    SHOW = "show"  # the live card of a subject: posted once, then edited in place
    POST = "post"  # a message in a channel or a thread
    DIRECT = "direct"  # a message to one person
    WHISPER = "whisper"  # the answer to who asked, seen by them alone


class State(StrEnum):
    """Where a row stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DOUBT = "doubt"  # sent, no answer: looked up before it is sent again
    SENT = "sent"
    HELD = "held"  # of before a restore: somebody says whether it is still to be said
    SUMMED = "summed"  # told within a sum of its channel's backlog
    PARKED = "parked"  # Slack refuses it for a reason that waiting does not cure


outbox = sa.Table(
    "slack_outbox",
    metadata,
    sa.Column("id", _Serial, primary_key=True, autoincrement=True),
    sa.Column("key", key_text(255), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("lane", sa.String(300), nullable=False),  # what is sent in order: a channel, or one person's messages
    sa.Column("channel", ChannelColumn, nullable=True),
    sa.Column("person", PersonColumn, nullable=True),
    sa.Column("subject", sa.String(64), nullable=False),
    sa.Column("in_thread_of", sa.String(255), nullable=False),  # the key of the row whose thread it belongs in
    sa.Column("payload", JsonColumn, nullable=False),
    sa.Column("also_to_channel", sa.Boolean, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False),  # version of the payload
    sa.Column("sent", sa.Integer, nullable=False),  # version Slack shows
    sa.Column("ts", sa.String(32), nullable=False),  # of the message, once posted
    sa.Column("place", sa.String(64), nullable=False),  # Slack's id of the conversation it was posted in
    sa.Column("form", sa.Integer, nullable=False),  # 0 rich, 1 plain blocks, 2 text: what Slack takes of it
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(500), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reposts", sa.Integer, nullable=False),
    sa.Column("wanted_at", Timestamp, nullable=False),
    sa.Column("next_try", Timestamp, nullable=True),
    sa.Column("sent_at", Timestamp, nullable=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("lease_until", Timestamp, nullable=True),
)
_PARKED = one_of(outbox.c.state, State.PARKED)


def open_rows(table: sa.FromClause = outbox) -> sa.ColumnElement[bool]:
    """Return the condition of the rows that are not done with, for which there is an index."""
    return one_of(table.c.state, State.WAITING, State.SENDING, State.DOUBT)


sa.Index(
    "ix_slack_outbox_open",
    outbox.c.lane,
    outbox.c.urgent,
    outbox.c.id,
    sqlite_where=open_rows(),
    postgresql_where=open_rows(),
)
sa.Index("ix_slack_outbox_parked", outbox.c.id, sqlite_where=_PARKED, postgresql_where=_PARKED)

pictures = sa.Table(
    "slack_pictures",
    metadata,
    sa.Column("outbox_id", sa.ForeignKey(outbox.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("png", sa.LargeBinary, nullable=False),
    sa.Column("file_id", sa.String(64), nullable=False),  # Slack's, once uploaded
)

posts = sa.Table(
    "slack_posts",
    metadata,
    sa.Column("channel", sa.String(64), primary_key=True),  # Slack's id of the conversation
    sa.Column("ts", sa.String(32), primary_key=True),
    sa.Column("subject", sa.String(64), nullable=False, index=True),
    sa.Column("card", sa.Boolean, nullable=False),  # the live card itself, not something in its thread
    sa.Column("posted_at", Timestamp, nullable=False),
)
