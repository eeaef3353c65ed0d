"""What the log says was erased, so that its absence is no fault."""

import json

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit.broken import Broken, Fault
from bot.audit.tables import entries

ERASED = "audit.erased"
"""The action of the entry that tells of it."""


class Erased(Struct, frozen=True):
    """What the log says was erased: pseudonyms, and spans of entries whose details named them."""

    pseudonyms: frozenset[str] = frozenset()
    spans: tuple[tuple[int, int], ...] = ()

    def __contains__(self, number: int) -> bool:
        """Tell whether the details of this entry were erased because they named somebody."""
        return any(first <= number <= last for first, last in self.spans)


async def erased(conn: AsyncConnection) -> Erased:
    """Return all that the log says was erased. Raises: Broken, when an entry about it cannot be read."""
    names: set[str] = set()
    spans: list[tuple[int, int]] = []
    chosen = sa.select(entries.c.number, entries.c.data).where(entries.c.action == ERASED)
    for row in await conn.execute(chosen.order_by(entries.c.number)):
        try:
            facts = json.loads(row.data)
            names.update(str(name) for name in facts["pseudonyms"])
            spans += [_span(text) for text in facts["entries"]]
        except (KeyError, TypeError, ValueError):
            reason = f"entry {row.number} says that something was erased, and not what"
            raise Broken(row.number, Fault.CHANGED, reason) from None
    return Erased(frozenset(names), tuple(spans))


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last or first)
