"""Column types: people, channels, moments and JSON, stored so that both databases sort and compare them alike."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from bot.identity import Channel, Person


class Timestamp(TypeDecorator[datetime]):
    """An aware moment in UTC: TIMESTAMPTZ on PostgreSQL, ISO 8601 text of fixed width on SQLite, so that it sorts."""

    impl = sa.String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column of the database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 - per database
        """Write a moment; a naive one is a mistake of ours and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: only aware moments are stored")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - per database
        """Read a moment back, aware, in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else datetime.fromisoformat(value)


class PersonColumn(TypeDecorator[Person]):
    """A `Person` as its key `enterprise/team/user`."""

    impl = sa.String(255)
    cache_ok = True

    def process_bind_param(self, value: Person | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write the key."""
        return None if value is None else value.key

    def process_result_value(self, value: str | None, dialect: Dialect) -> Person | None:  # noqa: ARG002 - the same
        """Read the person back."""
        return None if value is None else Person.parse(value)


class ChannelColumn(TypeDecorator[Channel]):
    """A `Channel` as its key `enterprise/team/channel`."""

    impl = sa.String(255)
    cache_ok = True

    def process_bind_param(self, value: Channel | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write the key."""
        return None if value is None else value.key

    def process_result_value(self, value: str | None, dialect: Dialect) -> Channel | None:  # noqa: ARG002 - the same
        """Read the channel back."""
        return None if value is None else Channel.parse(value)


class JsonColumn(TypeDecorator[Any]):
    """Plain JSON values: JSONB on PostgreSQL, text on SQLite; None is SQL's NULL."""

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column of the database."""
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import JSONB  # noqa: PLC0415 - only the dialect in use is imported

            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.JSON(none_as_null=True))
