"""Small things worth knowing at the next start, by name: what others told us, not what we decided."""

import sqlalchemy as sa
from pydantic import JsonValue

from bot.store.columns import JsonColumn
from bot.store.database import Store
from bot.store.tables import insert, metadata

kept = sa.Table(
    "kept",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("value", JsonColumn, nullable=False),
)


async def keep(store: Store, name: str, value: JsonValue) -> None:
    """Remember `value` under `name`, in place of what was there."""
    async with store.write() as tx:
        statement = insert(tx.conn, kept).values(name=name, value=value)
        await tx.conn.execute(
            statement.on_conflict_do_update(index_elements=[kept.c.name], set_={"value": statement.excluded.value})
        )


async def recall(store: Store, name: str) -> JsonValue:
    """Return what is remembered under `name`, None when nothing is."""
    async with store.read() as conn:
        value: JsonValue = (await conn.execute(sa.select(kept.c.value).where(kept.c.name == name))).scalar_one_or_none()
    return value
