"""The tables of the audit log: its entries, the head that names the last one, and how far each sink has got."""

import sqlalchemy as sa

from bot.store import PersonColumn, Timestamp, metadata

HEAD = 1
"""The id of the one row of `head`."""

entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("actor", PersonColumn, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # canonical JSON as text: a database's own JSON type would reorder it
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_entries_subject", "subject"),
)
head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
cursors = sa.Table(
    "audit_cursors",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),  # the last entry that the sink has
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("lease_until", Timestamp, nullable=False),
)
