"""`Superseding`: end deployments that wait, because a newer one of the same origin does all that they would do."""

from collections.abc import Sequence

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place
from bot.deployments import records
from bot.deployments.ledger import Ledger, Said
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.identity import Person
from bot.store import Tx

WAITS = frozenset({State.PLANNING, State.AWAITING_APPROVAL, State.QUEUED})
"""Where a deployment has changed nothing yet, so that it may be dropped; one that is under way is left alone."""


class Superseding:
    """Ends deployments for others that are newer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def waiting(self, conn: AsyncConnection, place: Place, requester: Person) -> Sequence[Deployment]:
        """Return those that this requester asked for and that wait for this place, oldest first."""
        found = await records.unfinished(conn, states=WAITS, place=place)
        return [one for one in found if one.requested_by == requester]

    async def supersede(self, tx: Tx, ids: Sequence[str], *, newer: str) -> tuple[str, ...]:
        """End what still waits of `ids`; return their names, "D-12 a1b2c3d". The card of `newer` names them."""
        names: list[str] = []
        async with self._ledger.open(tx) as book:
            await book.may_free()
            by = await records.get(tx.conn, newer)
            for one in ids:
                deployment = await records.get(tx.conn, one)
                if deployment is None or by is None:
                    continue
                said = Said(text=f"{by.id} with {by.sha[:7]} is newer", code="superseded")
                now = self._ledger.parts.clock.now()
                who = deployment.requested_by
                if await book.end(deployment, State.CANCELLED, said, at=WAITS, cancel_by=who, cancel_at=now):
                    names += [*skipped(deployment), f"{deployment.id} {deployment.sha[:7]}"]
            by = await records.get(tx.conn, newer)  # as it stands now: its own workflow goes on meanwhile
            if by is not None and names:
                known: list[JsonValue] = [*dict.fromkeys([*skipped(by), *names])]
                await book.change(by, progress={**by.progress, "skipped": known})
        return tuple(names)


def skipped(deployment: Deployment) -> list[str]:
    """Return the names of those that a deployment replaced, and that they had replaced before."""
    names = deployment.progress.get("skipped")
    return [str(one) for one in names] if isinstance(names, list) else []
