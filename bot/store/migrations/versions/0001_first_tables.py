"""The first tables. Written by tools/migration.py."""

import sqlalchemy as sa
from alembic import op

from bot.store import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_counters")),
    )
    op.create_table(
        "starts",
        sa.Column("workflow_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("args", columns.JsonColumn(), nullable=False),
        sa.Column("not_before", columns.Timestamp(), nullable=True),
        sa.Column("started_at", columns.Timestamp(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("steps_done", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_starts")),
    )
    op.create_index(
        "ix_starts_pending",
        "starts",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("started_at IS NULL"),
        postgresql_where=sa.text("started_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_starts_pending",
        table_name="starts",
        sqlite_where=sa.text("started_at IS NULL"),
        postgresql_where=sa.text("started_at IS NULL"),
    )
    op.drop_table("starts")
    op.drop_table("counters")
