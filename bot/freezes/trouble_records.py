"""The table of what trouble freezes now, so that each beginning and end is told once, by whichever replica."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import Timestamp, Tx, insert, metadata

following = sa.Table(
    "freeze_troubles",
    metadata,
    sa.Column("freeze", sa.String(255), primary_key=True),
    sa.Column("trouble", sa.String(64), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("service", sa.String(255), nullable=False),
    sa.Column("environment", sa.String(255), nullable=False),
    sa.Column("since", Timestamp, nullable=False),
)


class Followed(Struct, frozen=True, kw_only=True):
    """A freeze of the configuration in force because of a trouble, on a service; environment "" means all it covers."""

    freeze: str
    trouble: str
    title: str
    service: str
    environment: str
    since: datetime

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.freeze, self.trouble


async def told(conn: AsyncConnection) -> Sequence[Followed]:
    """Return those that were told of and are not known to be over."""
    return [Followed(**row._mapping) for row in (await conn.execute(sa.select(following))).all()]  # noqa: SLF001 - SQLAlchemy's documented way to the names


async def begin(tx: Tx, one: Followed) -> bool:
    """Write one that is new; False where another replica has."""
    done = await tx.conn.execute(insert(tx.conn, following).values(**asdict(one)).on_conflict_do_nothing())
    return done.rowcount == 1


async def end(tx: Tx, one: Followed) -> bool:
    """Forget one that is over; False where another replica has."""
    where = (following.c.freeze == one.freeze) & (following.c.trouble == one.trouble)
    return (await tx.conn.execute(sa.delete(following).where(where))).rowcount == 1
