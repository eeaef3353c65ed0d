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
        "access_requests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("permission", sa.String(length=255), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("asked_at", columns.Timestamp(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", columns.PersonColumn(), nullable=True),
        sa.Column("decided_at", columns.Timestamp(), nullable=True),
        sa.Column("ends_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_requests")),
        sa.UniqueConstraint("request_id", name=op.f("uq_access_requests_request_id")),
    )
    op.create_index("ix_access_requests_person", "access_requests", ["person", "state"], unique=False)
    op.create_table(
        "alert_askers",
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("instance", name=op.f("pk_alert_askers")),
    )
    op.create_table(
        "alert_groups",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("labels", columns.JsonColumn(), nullable=False),
        sa.Column("common", columns.JsonColumn(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("truncated", sa.Integer(), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_since", columns.Timestamp(), nullable=False),
        sa.Column("opened_at", columns.Timestamp(), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("acknowledged_by", columns.PersonColumn(), nullable=True),
        sa.Column("closed_at", columns.Timestamp(), nullable=True),
        sa.Column("closed_by", columns.PersonColumn(), nullable=True),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("part_of", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("shown_state", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("news_at", columns.Timestamp(), nullable=True),
        sa.Column("inside", sa.String(length=32), nullable=False),
        sa.Column("asked", sa.String(length=64), nullable=False),
        sa.Column("maintenance", sa.String(length=500), nullable=False),
        sa.Column("maintenance_until", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_groups")),
    )
    op.create_index(
        "ix_alert_groups_ended",
        "alert_groups",
        ["state_since"],
        unique=False,
        sqlite_where=sa.text("state = 'resolved'"),
        postgresql_where=sa.text("state = 'resolved'"),
    )
    op.create_index(
        "ix_alert_groups_inside",
        "alert_groups",
        ["inside"],
        unique=False,
        sqlite_where=sa.text("inside != ''"),
        postgresql_where=sa.text("inside != ''"),
    )
    op.create_index("ix_alert_groups_key", "alert_groups", ["instance", "key", "opened_at"], unique=False)
    op.create_index("ix_alert_groups_news", "alert_groups", ["address", "news_at"], unique=False)
    op.create_index(
        "ix_alert_groups_part_of",
        "alert_groups",
        ["part_of"],
        unique=False,
        sqlite_where=sa.text("part_of != ''"),
        postgresql_where=sa.text("part_of != ''"),
    )
    op.create_index(
        "ix_alert_groups_unshown",
        "alert_groups",
        ["id"],
        unique=False,
        sqlite_where=sa.text("version > shown"),
        postgresql_where=sa.text("version > shown"),
    )
    op.create_index(
        "ux_alert_groups_open",
        "alert_groups",
        ["instance", "key"],
        unique=True,
        sqlite_where=sa.text("state != 'resolved'"),
        postgresql_where=sa.text("state != 'resolved'"),
    )
    op.create_table(
        "alert_notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("received_at", columns.Timestamp(), nullable=False),
        sa.Column("told", columns.JsonColumn(), nullable=False),
        sa.Column("problem", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notices")),
    )
    op.create_index(
        "ix_alert_notices_waits",
        "alert_notices",
        ["id"],
        unique=False,
        sqlite_where=sa.text("problem = ''"),
        postgresql_where=sa.text("problem = ''"),
    )
    op.create_table(
        "alert_silences",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("silence_id", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("matchers", columns.JsonColumn(), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("marker", sa.String(length=64), nullable=False),
        sa.Column("begins_at", columns.Timestamp(), nullable=False),
        sa.Column("ends_at", columns.Timestamp(), nullable=False),
        sa.Column("changed_at", columns.Timestamp(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("until_recovery", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_silences")),
    )
    op.create_index(op.f("ix_alert_silences_group_id"), "alert_silences", ["group_id"], unique=False)
    op.create_index(
        "ix_alert_silences_standing",
        "alert_silences",
        ["ends_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('wanted', 'active')"),
        postgresql_where=sa.text("state IN ('wanted', 'active')"),
    )
    op.create_index(
        "ux_alert_silences_source",
        "alert_silences",
        ["instance", "silence_id"],
        unique=True,
        sqlite_where=sa.text("silence_id != ''"),
        postgresql_where=sa.text("silence_id != ''"),
    )
    op.create_table(
        "alert_sources",
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("heard_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("instance", name=op.f("pk_alert_sources")),
    )
    op.create_table(
        "alert_storms",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("began_at", columns.Timestamp(), nullable=False),
        sa.Column("raged_at", columns.Timestamp(), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.Column("closed_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_storms")),
    )
    op.create_index(
        "ix_alert_storms_live",
        "alert_storms",
        ["id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ux_alert_storms_raging",
        "alert_storms",
        ["address"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "amendments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("after", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("wanted", columns.JsonColumn(), nullable=False),
        sa.Column("in_force", columns.JsonColumn(), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("authors", columns.JsonColumn(), nullable=False),
        sa.Column("certain", sa.Boolean(), nullable=False),
        sa.Column("changes", columns.JsonColumn(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("read_at", columns.Timestamp(), nullable=False),
        sa.Column("agreed", columns.JsonColumn(), nullable=False),
        sa.Column("decided_at", columns.Timestamp(), nullable=True),
        sa.Column("announced_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_amendments")),
        sa.UniqueConstraint("after", name=op.f("uq_amendments_after")),
    )
    op.create_table(
        "approval_delegations",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("delegator", columns.PersonColumn(), nullable=False),
        sa.Column("delegate", columns.PersonColumn(), nullable=False),
        sa.Column("group", sa.String(length=255), nullable=False),
        sa.Column("made_at", columns.Timestamp(), nullable=False),
        sa.Column("until", columns.Timestamp(), nullable=False),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_delegations")),
    )
    op.create_index(op.f("ix_approval_delegations_delegate"), "approval_delegations", ["delegate"], unique=False)
    op.create_index(op.f("ix_approval_delegations_delegator"), "approval_delegations", ["delegator"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rules", columns.JsonColumn(), nullable=False),
        sa.Column("requester", columns.PersonColumn(), nullable=False),
        sa.Column("excluded", columns.JsonColumn(), nullable=False),
        sa.Column("excluded_emails", columns.JsonColumn(), nullable=False),
        sa.Column("bound", sa.Text(), nullable=False),
        sa.Column("expires_at", columns.Timestamp(), nullable=False),
        sa.Column("opened_at", columns.Timestamp(), nullable=False),
        sa.Column("remind_at", columns.Timestamp(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_at", columns.Timestamp(), nullable=True),
        sa.Column("decided_by", columns.PersonColumn(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_subject"), "approvals", ["subject"], unique=False)
    op.create_table(
        "audit_cursors",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("lease_until", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_cursors")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("personal", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "number"], unique=False)
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor", "number"], unique=False)
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"], unique=False)
    op.create_index("ix_audit_entries_request_id", "audit_entries", ["request_id"], unique=False)
    op.create_index("ix_audit_entries_service", "audit_entries", ["service", "number"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject", "number"], unique=False)
    op.create_table(
        "audit_erasures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("asked_by", columns.PersonColumn(), nullable=False),
        sa.Column("asked_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_erasures")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("erasures", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_people",
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", name=op.f("pk_audit_people")),
        sa.UniqueConstraint("person", name=op.f("uq_audit_people_person")),
    )
    op.create_table(
        "audit_personal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_personal")),
    )
    op.create_table(
        "builds",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("job", sa.String(length=1000), nullable=False),
        sa.Column("project", sa.String(length=1000), nullable=False),
        sa.Column("asked", sa.String(length=255), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("parameters", columns.JsonColumn(), nullable=False),
        sa.Column("held", columns.JsonColumn(), nullable=False),
        sa.Column("requested_by", columns.PersonColumn(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("retry_of", sa.String(length=32), nullable=False),
        sa.Column("retried_as", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_since", columns.Timestamp(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(length=1000), nullable=False),
        sa.Column("cancel_by", columns.PersonColumn(), nullable=True),
        sa.Column("cancel_at", columns.Timestamp(), nullable=True),
        sa.Column("parked_why", sa.Text(), nullable=False),
        sa.Column("parked_at", columns.Timestamp(), nullable=True),
        sa.Column("progress", columns.JsonColumn(), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("created_at", columns.Timestamp(), nullable=False),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_builds")),
        sa.UniqueConstraint("request_id", name=op.f("uq_builds_request_id")),
    )
    op.create_index(
        "ix_builds_open",
        "builds",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_builds_run", "builds", ["run"], unique=False)
    op.create_index("ix_builds_service_created_at", "builds", ["service", "created_at"], unique=False)
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("data", columns.JsonColumn(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_changes_kind_subject")),
    )
    op.create_index("ix_changes_at", "changes", ["at", "id"], unique=False)
    op.create_index("ix_changes_service", "changes", ["service", "at"], unique=False)
    op.create_table(
        "continuous_heads",
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("looked", sa.BigInteger(), nullable=False),
        sa.Column("cause", columns.JsonColumn(), nullable=False),
        sa.Column("tried", sa.String(length=64), nullable=False),
        sa.Column("tried_at", columns.Timestamp(), nullable=True),
        sa.Column("tried_number", sa.BigInteger(), nullable=False),
        sa.Column("deployment", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("skipped", columns.JsonColumn(), nullable=False),
        sa.PrimaryKeyConstraint("service", "environment", "target", name=op.f("pk_continuous_heads")),
    )
    op.create_table(
        "continuous_pauses",
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("until", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("service", "environment", name=op.f("pk_continuous_pauses")),
    )
    op.create_table(
        "counters",
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_counters")),
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("invocation", columns.JsonColumn(), nullable=False),
        sa.Column("received_at", columns.Timestamp(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_until", columns.Timestamp(), nullable=False),
        sa.Column("done_at", columns.Timestamp(), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("answer", columns.JsonColumn(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_state_received_at", "deliveries", ["state", "received_at"], unique=False)
    op.create_table(
        "deployments",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("asked", sa.String(length=255), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("artifact", sa.String(length=1000), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("previous_sha", sa.String(length=64), nullable=False),
        sa.Column("previous_version", sa.String(length=255), nullable=False),
        sa.Column("previous_artifact", sa.String(length=1000), nullable=False),
        sa.Column("previous_digest", sa.String(length=255), nullable=False),
        sa.Column("previous_deployment", sa.String(length=32), nullable=False),
        sa.Column("requested_by", columns.PersonColumn(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("state_since", columns.Timestamp(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("plan", columns.JsonColumn(), nullable=True),
        sa.Column("plan_digest", sa.String(length=64), nullable=False),
        sa.Column("before", columns.JsonColumn(), nullable=True),
        sa.Column("irreversible", sa.Boolean(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("patient", sa.Boolean(), nullable=False),
        sa.Column("build_run", sa.String(length=1000), nullable=False),
        sa.Column("deploy_run", sa.String(length=1000), nullable=False),
        sa.Column("rollback_run", sa.String(length=1000), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", columns.Timestamp(), nullable=True),
        sa.Column("queued_at", columns.Timestamp(), nullable=True),
        sa.Column("cancel_by", columns.PersonColumn(), nullable=True),
        sa.Column("cancel_at", columns.Timestamp(), nullable=True),
        sa.Column("rollback_by", columns.PersonColumn(), nullable=True),
        sa.Column("parked_why", sa.Text(), nullable=False),
        sa.Column("parked_at", columns.Timestamp(), nullable=True),
        sa.Column("progress", columns.JsonColumn(), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("created_at", columns.Timestamp(), nullable=False),
        sa.Column("started_at", columns.Timestamp(), nullable=True),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("facts", columns.JsonColumn(), nullable=True),
        sa.Column("policy_digest", sa.String(length=32), nullable=False),
        sa.Column("change_class", sa.String(length=32), nullable=False),
        sa.Column("forced", sa.Text(), nullable=False),
        sa.Column("fix", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        sa.UniqueConstraint("request_id", name=op.f("uq_deployments_request_id")),
    )
    op.create_index("ix_deployments_newest", "deployments", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_deployments_newest_of_environment",
        "deployments",
        ["service", "environment", "created_at", "id"],
        unique=False,
    )
    op.create_index("ix_deployments_newest_of_service", "deployments", ["service", "created_at", "id"], unique=False)
    op.create_index(
        "ix_deployments_open",
        "deployments",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_deployments_place", "deployments", ["service", "environment", "target", "ended_at"], unique=False
    )
    op.create_index("ix_deployments_sha", "deployments", ["sha", "service"], unique=False)
    op.create_index("ix_deployments_version", "deployments", ["version", "sha"], unique=False)
    op.create_table(
        "freeze_budgets",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("since", columns.Timestamp(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("read_at", columns.Timestamp(), nullable=True),
        sa.Column("crossed_at", columns.Timestamp(), nullable=True),
        sa.Column("unreadable_since", columns.Timestamp(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_freeze_budgets")),
    )
    op.create_table(
        "freeze_exceptions",
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("freeze", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "freeze", name=op.f("pk_freeze_exceptions")),
    )
    op.create_table(
        "freeze_troubles",
        sa.Column("freeze", sa.String(length=255), nullable=False),
        sa.Column("trouble", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("since", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("freeze", "trouble", name=op.f("pk_freeze_troubles")),
    )
    op.create_table(
        "freezes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("begun_at", columns.Timestamp(), nullable=False),
        sa.Column("ends_at", columns.Timestamp(), nullable=True),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.Column("ended_by", columns.PersonColumn(), nullable=True),
        sa.Column("nagged_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezes")),
    )
    op.create_index(
        "ix_freezes_standing",
        "freezes",
        ["begun_at"],
        unique=False,
        sqlite_where=sa.text("(state NOT IN ('lifted', 'expired'))"),
        postgresql_where=sa.text("(state NOT IN ('lifted', 'expired'))"),
    )
    op.create_index(
        "ux_freezes_in_force",
        "freezes",
        ["service", "environment", "target"],
        unique=True,
        sqlite_where=sa.text("state = 'in_force'"),
        postgresql_where=sa.text("state = 'in_force'"),
    )
    op.create_table(
        "grant_sign_ins",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("form_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("expires_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_grant_sign_ins")),
    )
    op.create_index(op.f("ix_grant_sign_ins_browser_hash"), "grant_sign_ins", ["browser_hash"], unique=False)
    op.create_index(op.f("ix_grant_sign_ins_expires_at"), "grant_sign_ins", ["expires_at"], unique=False)
    op.create_table(
        "grants",
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=255), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ending", sa.String(length=64), nullable=False),
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("lease_until", columns.Timestamp(), nullable=True),
        sa.Column("linked_at", columns.Timestamp(), nullable=False),
        sa.Column("used_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("person", "instance", name=op.f("pk_grants")),
        sa.UniqueConstraint("instance", "account_id", name=op.f("uq_grants_instance_account_id")),
    )
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("groups", columns.JsonColumn(), nullable=True),
        sa.Column("linked_at", columns.Timestamp(), nullable=False),
        sa.Column("seen_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "person", name=op.f("uq_identities_issuer_person")),
    )
    op.create_table(
        "kept",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", columns.JsonColumn(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_kept")),
    )
    op.create_table(
        "leavers",
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("left_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_leavers")),
    )
    op.create_table(
        "lineage",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lineage", sa.String(length=32), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("home", sa.String(length=100), nullable=False),
        sa.Column("held_at", columns.Timestamp(), nullable=True),
        sa.Column("held_why", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage")),
    )
    op.create_table(
        "locks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=767), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("owner_kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("taken_at", columns.Timestamp(), nullable=False),
        sa.Column("expires_at", columns.Timestamp(), nullable=True),
        sa.Column("nagged_for", columns.Timestamp(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.Column("ended_by", columns.PersonColumn(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locks")),
    )
    op.create_index(
        "ix_locks_standing",
        "locks",
        ["scope"],
        unique=False,
        sqlite_where=sa.text("(state NOT IN ('released', 'expired', 'taken_over'))"),
        postgresql_where=sa.text("(state NOT IN ('released', 'expired', 'taken_over'))"),
    )
    op.create_index(
        "ux_locks_held",
        "locks",
        ["scope"],
        unique=True,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "notice_wishes",
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("how", columns.JsonColumn(), nullable=False),
        sa.Column("window_seconds", sa.Integer(), nullable=True),
        sa.Column("quiet_from", sa.String(length=5), nullable=False),
        sa.Column("quiet_to", sa.String(length=5), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_notice_wishes")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "key",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("message", columns.JsonColumn(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_notices_key")),
    )
    op.create_index("ix_notices_digest", "notices", ["digest"], unique=False)
    op.create_index("ix_notices_person", "notices", ["person", "at"], unique=False)
    op.create_table(
        "oncall_feeds",
        sa.Column("schedule", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.String(length=255), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("tried_at", columns.Timestamp(), nullable=False),
        sa.Column("read_at", columns.Timestamp(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "name", name=op.f("pk_oncall_feeds")),
    )
    op.create_table(
        "oncall_follows",
        sa.Column("schedule", sa.String(length=63), nullable=False),
        sa.Column("wish", sa.Integer(), nullable=False),
        sa.Column("due_at", columns.Timestamp(), nullable=False),
        sa.Column("leased_until", columns.Timestamp(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", name=op.f("pk_oncall_follows")),
    )
    op.create_table(
        "oncall_overrides",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("schedule", sa.String(length=63), nullable=False),
        sa.Column("people", columns.JsonColumn(), nullable=False),
        sa.Column("begins_at", columns.Timestamp(), nullable=False),
        sa.Column("ends_at", columns.Timestamp(), nullable=False),
        sa.Column("made_by", columns.PersonColumn(), nullable=False),
        sa.Column("made_at", columns.Timestamp(), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("cancelled_at", columns.Timestamp(), nullable=True),
        sa.Column("cancelled_by", columns.PersonColumn(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_oncall_overrides")),
    )
    op.create_index("ix_oncall_overrides_ends", "oncall_overrides", ["schedule", "ends_at"], unique=False)
    op.create_index(
        "ux_oncall_overrides_request",
        "oncall_overrides",
        ["request_id"],
        unique=True,
        sqlite_where=sa.text("request_id != ''"),
        postgresql_where=sa.text("request_id != ''"),
    )
    op.create_table(
        "oncall_standings",
        sa.Column("schedule", sa.String(length=63), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("people", columns.JsonColumn(), nullable=False),
        sa.Column("since", columns.Timestamp(), nullable=True),
        sa.Column("until", columns.Timestamp(), nullable=True),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.PrimaryKeyConstraint("schedule", name=op.f("pk_oncall_standings")),
    )
    op.create_table(
        "paging_errands",
        sa.Column("id", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data", columns.JsonColumn(), nullable=False),
        sa.Column("due_at", columns.Timestamp(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paging_errands")),
    )
    op.create_index(op.f("ix_paging_errands_due_at"), "paging_errands", ["due_at"], unique=False)
    op.create_table(
        "paging_runs",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=255), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due_at", columns.Timestamp(), nullable=True),
        sa.Column("opened_at", columns.Timestamp(), nullable=False),
        sa.Column("stopped_at", columns.Timestamp(), nullable=True),
        sa.Column("stopped_by", columns.PersonColumn(), nullable=True),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("words", columns.JsonColumn(), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("elsewhere", sa.Boolean(), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paging_runs")),
        sa.UniqueConstraint("subject", "number", name=op.f("uq_paging_runs_subject_number")),
    )
    op.create_index(
        "ix_paging_runs_due",
        "paging_runs",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "pipelines",
        sa.Column("run", sa.String(length=1000), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("is_shown", sa.Boolean(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_pipelines")),
    )
    op.create_index(op.f("ix_pipelines_at"), "pipelines", ["at"], unique=False)
    op.create_table(
        "place_commits",
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column(
            "sha", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("deployment", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("service", "environment", "target", "sha", name=op.f("pk_place_commits")),
    )
    op.create_index(op.f("ix_place_commits_sha"), "place_commits", ["sha"], unique=False)
    op.create_table(
        "places",
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("artifact", sa.String(length=1000), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("deployment", sa.String(length=32), nullable=False),
        sa.Column("since", columns.Timestamp(), nullable=True),
        sa.Column("by", columns.PersonColumn(), nullable=True),
        sa.PrimaryKeyConstraint("service", "environment", "target", name=op.f("pk_places")),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("project", sa.String(length=1000), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("tagged", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.String(length=255), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("bump", sa.String(length=16), nullable=False),
        sa.Column("previous", sa.String(length=255), nullable=False),
        sa.Column("previous_sha", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("changes", columns.JsonColumn(), nullable=False),
        sa.Column("irreversible", columns.JsonColumn(), nullable=False),
        sa.Column("checks", columns.JsonColumn(), nullable=False),
        sa.Column("build_run", sa.String(length=1000), nullable=False),
        sa.Column("build_number", sa.Integer(), nullable=False),
        sa.Column("built_by", sa.String(length=32), nullable=False),
        sa.Column("artifact", sa.String(length=1000), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("requested_by", columns.PersonColumn(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("state_since", columns.Timestamp(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("cancel_by", columns.PersonColumn(), nullable=True),
        sa.Column("cancel_at", columns.Timestamp(), nullable=True),
        sa.Column("parked_why", sa.Text(), nullable=False),
        sa.Column("parked_at", columns.Timestamp(), nullable=True),
        sa.Column("progress", columns.JsonColumn(), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("created_at", columns.Timestamp(), nullable=False),
        sa.Column("ended_at", columns.Timestamp(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("request_id", name=op.f("uq_releases_request_id")),
    )
    op.create_index(
        "ix_releases_open",
        "releases",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_releases_service_created_at", "releases", ["service", "created_at"], unique=False)
    op.create_index("ix_releases_service_sha", "releases", ["service", "sha"], unique=False)
    op.create_index(
        "ix_releases_version",
        "releases",
        ["service", "version"],
        unique=True,
        sqlite_where=sa.text("holds"),
        postgresql_where=sa.text("holds"),
    )
    op.create_table(
        "replicas",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("until", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replicas")),
    )
    op.create_table(
        "restore_items",
        sa.Column("hold", columns.Timestamp(), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("offered", columns.JsonColumn(), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("answered_by", columns.PersonColumn(), nullable=True),
        sa.Column("answered_at", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("hold", "id", name=op.f("pk_restore_items")),
    )
    op.create_table(
        "run_answers",
        sa.Column("run", sa.String(length=500), nullable=False),
        sa.Column("action", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", "action", name=op.f("pk_run_answers")),
    )
    op.create_index(op.f("ix_run_answers_subject"), "run_answers", ["subject"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("form_hash", sa.String(length=64), nullable=False),
        sa.Column("proof", columns.JsonColumn(), nullable=True),
        sa.Column("began_at", columns.Timestamp(), nullable=False),
        sa.Column("expires_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_sign_ins")),
    )
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"], unique=False)
    op.create_table(
        "slack_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column(
            "key",
            sa.String(length=255).with_variant(sa.String(length=255, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=300), nullable=False),
        sa.Column("channel", columns.ChannelColumn(), nullable=True),
        sa.Column("person", columns.PersonColumn(), nullable=True),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("in_thread_of", sa.String(length=255), nullable=False),
        sa.Column("payload", columns.JsonColumn(), nullable=False),
        sa.Column("also_to_channel", sa.Boolean(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("ts", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reposts", sa.Integer(), nullable=False),
        sa.Column("wanted_at", columns.Timestamp(), nullable=False),
        sa.Column("next_try", columns.Timestamp(), nullable=True),
        sa.Column("sent_at", columns.Timestamp(), nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("lease_until", columns.Timestamp(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slack_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_slack_outbox_key")),
    )
    op.create_index(
        "ix_slack_outbox_open",
        "slack_outbox",
        ["lane", "urgent", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending', 'doubt')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending', 'doubt')"),
    )
    op.create_index(
        "ix_slack_outbox_parked",
        "slack_outbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state IN ('parked')"),
        postgresql_where=sa.text("state IN ('parked')"),
    )
    op.create_table(
        "slack_posts",
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("ts", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("card", sa.Boolean(), nullable=False),
        sa.Column("posted_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "ts", name=op.f("pk_slack_posts")),
    )
    op.create_index(op.f("ix_slack_posts_subject"), "slack_posts", ["subject"], unique=False)
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
    op.create_table(
        "terminal_uses",
        sa.Column("token", sa.String(length=63), nullable=False),
        sa.Column("used_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_terminal_uses")),
    )
    op.create_table(
        "test_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run", sa.String(length=500), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_runs")),
        sa.UniqueConstraint("run", name=op.f("uq_test_runs_run")),
    )
    op.create_index("ix_test_runs_service_at", "test_runs", ["service", "at"], unique=False)
    op.create_table(
        "webhook_events",
        sa.Column("instance", sa.String(length=255), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("received_at", columns.Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "event_id", name=op.f("pk_webhook_events")),
    )
    op.create_index(op.f("ix_webhook_events_received_at"), "webhook_events", ["received_at"], unique=False)
    op.create_table(
        "alert_attention",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("said_at", columns.Timestamp(), nullable=False),
        sa.Column("asked_at", columns.Timestamp(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["alert_groups.id"], name=op.f("fk_alert_attention_group_id_alert_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_alert_attention")),
    )
    op.create_table(
        "alert_causes",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("named_at", columns.Timestamp(), nullable=True),
        sa.Column("move", sa.String(length=16), nullable=False),
        sa.Column("before", sa.Float(), nullable=True),
        sa.Column("after", sa.Float(), nullable=True),
        sa.Column("confirmed_at", columns.Timestamp(), nullable=True),
        sa.Column("confirmed_by", columns.PersonColumn(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["alert_groups.id"], name=op.f("fk_alert_causes_group_id_alert_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "subject", name=op.f("pk_alert_causes")),
    )
    op.create_index("ix_alert_causes_named_at", "alert_causes", ["named_at"], unique=False)
    op.create_table(
        "alert_dismissals",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["alert_groups.id"],
            name=op.f("fk_alert_dismissals_group_id_alert_groups"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "subject", name=op.f("pk_alert_dismissals")),
    )
    op.create_table(
        "alert_joins",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("part", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["alert_groups.id"], name=op.f("fk_alert_joins_group_id_alert_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "group_id", name=op.f("pk_alert_joins")),
    )
    op.create_table(
        "alert_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["alert_groups.id"], name=op.f("fk_alert_notes_group_id_alert_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notes")),
        sa.UniqueConstraint("group_id", "source", name=op.f("uq_alert_notes_group_id_source")),
    )
    op.create_table(
        "alert_pictures",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("drawn_at", columns.Timestamp(), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("signal", sa.String(length=255), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["alert_groups.id"], name=op.f("fk_alert_pictures_group_id_alert_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_alert_pictures")),
    )
    op.create_table(
        "alert_responders",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("asked_by", columns.PersonColumn(), nullable=False),
        sa.Column("asked_at", columns.Timestamp(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["alert_groups.id"],
            name=op.f("fk_alert_responders_group_id_alert_groups"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "person", name=op.f("pk_alert_responders")),
    )
    op.create_table(
        "alerts",
        sa.Column("group_id", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("labels", columns.JsonColumn(), nullable=False),
        sa.Column("annotations", columns.JsonColumn(), nullable=False),
        sa.Column("generator_url", sa.Text(), nullable=False),
        sa.Column("firing", sa.Boolean(), nullable=False),
        sa.Column("starts_at", columns.Timestamp(), nullable=False),
        sa.Column("ends_at", columns.Timestamp(), nullable=True),
        sa.Column("silenced_by", columns.JsonColumn(), nullable=False),
        sa.Column("inhibited", sa.Boolean(), nullable=False),
        sa.Column("seen_at", columns.Timestamp(), nullable=False),
        sa.Column("told", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["alert_groups.id"], name=op.f("fk_alerts_group_id_alert_groups"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "fingerprint", name=op.f("pk_alerts")),
    )
    op.create_table(
        "approval_votes",
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("vote", sa.String(length=16), nullable=False),
        sa.Column("groups", columns.JsonColumn(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("principal", columns.PersonColumn(), nullable=True),
        sa.Column("dropped", sa.Text(), nullable=False),
        sa.Column("proof", columns.JsonColumn(), nullable=True),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.id"], name=op.f("fk_approval_votes_approval_id_approvals")
        ),
        sa.PrimaryKeyConstraint("approval_id", "person", name=op.f("pk_approval_votes")),
    )
    op.create_table(
        "blocked_releases",
        sa.Column("deployment", sa.String(length=32), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("commits", columns.JsonColumn(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("lifted_at", columns.Timestamp(), nullable=True),
        sa.Column("lifted_by", columns.PersonColumn(), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.id"], name=op.f("fk_blocked_releases_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_blocked_releases")),
    )
    op.create_index(
        "ix_blocked_releases_place",
        "blocked_releases",
        ["service", "environment", "target"],
        unique=False,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "change_reviews",
        sa.Column("deployment", sa.String(length=32), nullable=False),
        sa.Column("change_class", sa.String(length=32), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("skipped", columns.JsonColumn(), nullable=False),
        sa.Column("groups", columns.JsonColumn(), nullable=False),
        sa.Column("opened_at", columns.Timestamp(), nullable=False),
        sa.Column("due_at", columns.Timestamp(), nullable=False),
        sa.Column("nags", sa.Integer(), nullable=False),
        sa.Column("signed_by", columns.PersonColumn(), nullable=True),
        sa.Column("signed_at", columns.Timestamp(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("dropped_at", columns.Timestamp(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.id"], name=op.f("fk_change_reviews_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_change_reviews")),
    )
    op.create_index(op.f("ix_change_reviews_opened_at"), "change_reviews", ["opened_at"], unique=False)
    op.create_table(
        "deployment_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("deployment_id", sa.String(length=32), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_deployment_events_deployment_id_deployments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment_events")),
    )
    op.create_index(op.f("ix_deployment_events_deployment_id"), "deployment_events", ["deployment_id"], unique=False)
    op.create_table(
        "pages",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("run_id", sa.String(length=80), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=True),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("pager", sa.String(length=255), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("important", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", columns.Timestamp(), nullable=True),
        sa.Column("first_at", columns.Timestamp(), nullable=False),
        sa.Column("tried_at", columns.Timestamp(), nullable=True),
        sa.Column("sent_at", columns.Timestamp(), nullable=True),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("carried_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["paging_runs.id"], name=op.f("fk_pages_run_id_paging_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
    )
    op.create_index(op.f("ix_pages_carried_by"), "pages", ["carried_by"], unique=False)
    op.create_index(
        "ix_pages_due",
        "pages",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_pages_person", "pages", ["person", "way", "sent_at"], unique=False)
    op.create_index("ix_pages_ref", "pages", ["pager", "ref"], unique=False)
    op.create_index(op.f("ix_pages_run_id"), "pages", ["run_id"], unique=False)
    op.create_table(
        "release_sign_offs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("release", sa.String(length=32), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=255), nullable=False),
        sa.Column("person", columns.PersonColumn(), nullable=False),
        sa.Column("word", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.String(length=255), nullable=False),
        sa.Column("at", columns.Timestamp(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["releases.id"], name=op.f("fk_release_sign_offs_release_releases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_sign_offs")),
        sa.UniqueConstraint("request_id", name=op.f("uq_release_sign_offs_request_id")),
    )
    op.create_index("ix_release_sign_offs_release", "release_sign_offs", ["release", "environment"], unique=False)
    op.create_table(
        "slack_pictures",
        sa.Column("outbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_id"],
            ["slack_outbox.id"],
            name=op.f("fk_slack_pictures_outbox_id_slack_outbox"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("outbox_id", "version", "position", name=op.f("pk_slack_pictures")),
    )
    op.create_table(
        "test_failures",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("suite", sa.String(length=500), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["test_runs.id"], name=op.f("fk_test_failures_run_id_test_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "suite", "name", name=op.f("pk_test_failures")),
    )


def downgrade() -> None:
    op.drop_table("test_failures")
    op.drop_table("slack_pictures")
    op.drop_index("ix_release_sign_offs_release", table_name="release_sign_offs")
    op.drop_table("release_sign_offs")
    op.drop_index(op.f("ix_pages_run_id"), table_name="pages")
    op.drop_index("ix_pages_ref", table_name="pages")
    op.drop_index("ix_pages_person", table_name="pages")
    op.drop_index(
        "ix_pages_due",
        table_name="pages",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_pages_carried_by"), table_name="pages")
    op.drop_table("pages")
    op.drop_index(op.f("ix_deployment_events_deployment_id"), table_name="deployment_events")
    op.drop_table("deployment_events")
    op.drop_index(op.f("ix_change_reviews_opened_at"), table_name="change_reviews")
    op.drop_table("change_reviews")
    op.drop_index(
        "ix_blocked_releases_place",
        table_name="blocked_releases",
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.drop_table("blocked_releases")
    op.drop_table("approval_votes")
    op.drop_table("alerts")
    op.drop_table("alert_responders")
    op.drop_table("alert_pictures")
    op.drop_table("alert_notes")
    op.drop_table("alert_joins")
    op.drop_table("alert_dismissals")
    op.drop_index("ix_alert_causes_named_at", table_name="alert_causes")
    op.drop_table("alert_causes")
    op.drop_table("alert_attention")
    op.drop_index(op.f("ix_webhook_events_received_at"), table_name="webhook_events")
    op.drop_table("webhook_events")
    op.drop_index("ix_test_runs_service_at", table_name="test_runs")
    op.drop_table("test_runs")
    op.drop_table("terminal_uses")
    op.drop_index(
        "ix_starts_pending",
        table_name="starts",
        sqlite_where=sa.text("started_at IS NULL"),
        postgresql_where=sa.text("started_at IS NULL"),
    )
    op.drop_table("starts")
    op.drop_index(op.f("ix_slack_posts_subject"), table_name="slack_posts")
    op.drop_table("slack_posts")
    op.drop_index(
        "ix_slack_outbox_parked",
        table_name="slack_outbox",
        sqlite_where=sa.text("state IN ('parked')"),
        postgresql_where=sa.text("state IN ('parked')"),
    )
    op.drop_index(
        "ix_slack_outbox_open",
        table_name="slack_outbox",
        sqlite_where=sa.text("state IN ('waiting', 'sending', 'doubt')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending', 'doubt')"),
    )
    op.drop_table("slack_outbox")
    op.drop_index(op.f("ix_sign_ins_expires_at"), table_name="sign_ins")
    op.drop_table("sign_ins")
    op.drop_index(op.f("ix_run_answers_subject"), table_name="run_answers")
    op.drop_table("run_answers")
    op.drop_table("restore_items")
    op.drop_table("replicas")
    op.drop_index(
        "ix_releases_version", table_name="releases", sqlite_where=sa.text("holds"), postgresql_where=sa.text("holds")
    )
    op.drop_index("ix_releases_service_sha", table_name="releases")
    op.drop_index("ix_releases_service_created_at", table_name="releases")
    op.drop_index(
        "ix_releases_open",
        table_name="releases",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("releases")
    op.drop_table("places")
    op.drop_index(op.f("ix_place_commits_sha"), table_name="place_commits")
    op.drop_table("place_commits")
    op.drop_index(op.f("ix_pipelines_at"), table_name="pipelines")
    op.drop_table("pipelines")
    op.drop_index(
        "ix_paging_runs_due",
        table_name="paging_runs",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("paging_runs")
    op.drop_index(op.f("ix_paging_errands_due_at"), table_name="paging_errands")
    op.drop_table("paging_errands")
    op.drop_table("oncall_standings")
    op.drop_index(
        "ux_oncall_overrides_request",
        table_name="oncall_overrides",
        sqlite_where=sa.text("request_id != ''"),
        postgresql_where=sa.text("request_id != ''"),
    )
    op.drop_index("ix_oncall_overrides_ends", table_name="oncall_overrides")
    op.drop_table("oncall_overrides")
    op.drop_table("oncall_follows")
    op.drop_table("oncall_feeds")
    op.drop_index("ix_notices_person", table_name="notices")
    op.drop_index("ix_notices_digest", table_name="notices")
    op.drop_table("notices")
    op.drop_table("notice_wishes")
    op.drop_index(
        "ux_locks_held",
        table_name="locks",
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.drop_index(
        "ix_locks_standing",
        table_name="locks",
        sqlite_where=sa.text("(state NOT IN ('released', 'expired', 'taken_over'))"),
        postgresql_where=sa.text("(state NOT IN ('released', 'expired', 'taken_over'))"),
    )
    op.drop_table("locks")
    op.drop_table("lineage")
    op.drop_table("leavers")
    op.drop_table("kept")
    op.drop_table("identities")
    op.drop_table("grants")
    op.drop_index(op.f("ix_grant_sign_ins_expires_at"), table_name="grant_sign_ins")
    op.drop_index(op.f("ix_grant_sign_ins_browser_hash"), table_name="grant_sign_ins")
    op.drop_table("grant_sign_ins")
    op.drop_index(
        "ux_freezes_in_force",
        table_name="freezes",
        sqlite_where=sa.text("state = 'in_force'"),
        postgresql_where=sa.text("state = 'in_force'"),
    )
    op.drop_index(
        "ix_freezes_standing",
        table_name="freezes",
        sqlite_where=sa.text("(state NOT IN ('lifted', 'expired'))"),
        postgresql_where=sa.text("(state NOT IN ('lifted', 'expired'))"),
    )
    op.drop_table("freezes")
    op.drop_table("freeze_troubles")
    op.drop_table("freeze_exceptions")
    op.drop_table("freeze_budgets")
    op.drop_index("ix_deployments_version", table_name="deployments")
    op.drop_index("ix_deployments_sha", table_name="deployments")
    op.drop_index("ix_deployments_place", table_name="deployments")
    op.drop_index(
        "ix_deployments_open",
        table_name="deployments",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index("ix_deployments_newest_of_service", table_name="deployments")
    op.drop_index("ix_deployments_newest_of_environment", table_name="deployments")
    op.drop_index("ix_deployments_newest", table_name="deployments")
    op.drop_table("deployments")
    op.drop_index("ix_deliveries_state_received_at", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_table("counters")
    op.drop_table("continuous_pauses")
    op.drop_table("continuous_heads")
    op.drop_index("ix_changes_service", table_name="changes")
    op.drop_index("ix_changes_at", table_name="changes")
    op.drop_table("changes")
    op.drop_index("ix_builds_service_created_at", table_name="builds")
    op.drop_index("ix_builds_run", table_name="builds")
    op.drop_index(
        "ix_builds_open",
        table_name="builds",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("builds")
    op.drop_table("audit_personal")
    op.drop_table("audit_people")
    op.drop_table("audit_head")
    op.drop_table("audit_erasures")
    op.drop_index("ix_audit_entries_subject", table_name="audit_entries")
    op.drop_index("ix_audit_entries_service", table_name="audit_entries")
    op.drop_index("ix_audit_entries_request_id", table_name="audit_entries")
    op.drop_index("ix_audit_entries_at", table_name="audit_entries")
    op.drop_index("ix_audit_entries_actor", table_name="audit_entries")
    op.drop_index("ix_audit_entries_action", table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_table("audit_cursors")
    op.drop_index(op.f("ix_approvals_subject"), table_name="approvals")
    op.drop_table("approvals")
    op.drop_index(op.f("ix_approval_delegations_delegator"), table_name="approval_delegations")
    op.drop_index(op.f("ix_approval_delegations_delegate"), table_name="approval_delegations")
    op.drop_table("approval_delegations")
    op.drop_table("amendments")
    op.drop_index(
        "ux_alert_storms_raging",
        table_name="alert_storms",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(
        "ix_alert_storms_live",
        table_name="alert_storms",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("alert_storms")
    op.drop_table("alert_sources")
    op.drop_index(
        "ux_alert_silences_source",
        table_name="alert_silences",
        sqlite_where=sa.text("silence_id != ''"),
        postgresql_where=sa.text("silence_id != ''"),
    )
    op.drop_index(
        "ix_alert_silences_standing",
        table_name="alert_silences",
        sqlite_where=sa.text("state IN ('wanted', 'active')"),
        postgresql_where=sa.text("state IN ('wanted', 'active')"),
    )
    op.drop_index(op.f("ix_alert_silences_group_id"), table_name="alert_silences")
    op.drop_table("alert_silences")
    op.drop_index(
        "ix_alert_notices_waits",
        table_name="alert_notices",
        sqlite_where=sa.text("problem = ''"),
        postgresql_where=sa.text("problem = ''"),
    )
    op.drop_table("alert_notices")
    op.drop_index(
        "ux_alert_groups_open",
        table_name="alert_groups",
        sqlite_where=sa.text("state != 'resolved'"),
        postgresql_where=sa.text("state != 'resolved'"),
    )
    op.drop_index(
        "ix_alert_groups_unshown",
        table_name="alert_groups",
        sqlite_where=sa.text("version > shown"),
        postgresql_where=sa.text("version > shown"),
    )
    op.drop_index(
        "ix_alert_groups_part_of",
        table_name="alert_groups",
        sqlite_where=sa.text("part_of != ''"),
        postgresql_where=sa.text("part_of != ''"),
    )
    op.drop_index("ix_alert_groups_news", table_name="alert_groups")
    op.drop_index("ix_alert_groups_key", table_name="alert_groups")
    op.drop_index(
        "ix_alert_groups_inside",
        table_name="alert_groups",
        sqlite_where=sa.text("inside != ''"),
        postgresql_where=sa.text("inside != ''"),
    )
    op.drop_index(
        "ix_alert_groups_ended",
        table_name="alert_groups",
        sqlite_where=sa.text("state = 'resolved'"),
        postgresql_where=sa.text("state = 'resolved'"),
    )
    op.drop_table("alert_groups")
    op.drop_table("alert_askers")
    op.drop_index("ix_access_requests_person", table_name="access_requests")
    op.drop_table("access_requests")
