"""The tables of the audit log: entries, the head that names the last one, who they are about, how far sinks got.

`entries` is chained and never changed. It names people by pseudonyms and free text by its digest alone; `people` and
`personal` hold what these stand for, and may be erased.
"""

import sqlalchemy as sa

from bot.store import PersonColumn, Timestamp, metadata

HEAD = 1
"""The id of the one row of `head`."""

entries = sa.Table(
    "audit_entries",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),  # a pseudonym, or the key of an account
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),  # where it stands in the configuration; its words may name people
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # canonical JSON as text: a database's own JSON type would reorder it
    sa.Column("personal", sa.String(64), nullable=False),  # the digest of what stands in `personal`, "" for nothing
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("ix_audit_entries_at", "at"),  # the others end in the number: the newest are read first
    sa.Index("ix_audit_entries_subject", "subject", "number"),
    sa.Index("ix_audit_entries_actor", "actor", "number"),
    sa.Index("ix_audit_entries_service", "service", "number"),
    sa.Index("ix_audit_entries_action", "action", "number"),
    sa.Index("ix_audit_entries_request_id", "request_id"),
)
head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("erasures", sa.BigInteger, nullable=False, default=0),  # ends what is cached of people
)
people = sa.Table(
    "audit_people",
    metadata,
    sa.Column("pseudonym", sa.String(64), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False, unique=True),
    sa.Column("salt", sa.String(64), nullable=False),
)
personal = sa.Table(
    "audit_personal",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),  # canonical JSON
    sa.Column("salt", sa.String(32), nullable=False),
)
erasures = sa.Table(
    "audit_erasures",  # wishes that wait for a second person
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("person", PersonColumn, nullable=False),
    sa.Column("names", sa.Text, nullable=False),  # JSON: what they are called
    sa.Column("asked_by", PersonColumn, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
)
cursors = sa.Table(
    "audit_cursors",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),  # the last entry that the sink has
    sa.Column("owner", sa.String(255), nullable=False),
    sa.Column("lease_until", Timestamp, nullable=False),
)
