"""`Audit`: writes the log, reads it and proves it whole."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
import structlog
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import proof
from bot.audit.copies import Copies
from bot.audit.details import Aside, fresh_salt, parted, reference
from bot.audit.entries import GENESIS, Entry, Row, canonical, digest, entry_of, moment_text, read_all, storable
from bot.audit.people import Pseudonyms
from bot.audit.proof import Verdict
from bot.audit.search import EVERYTHING, Search
from bot.audit.tables import HEAD, entries, head, personal
from bot.clock import Clock
from bot.command import Resource
from bot.identity import Person
from bot.store import Store, Tx, insert

if TYPE_CHECKING:
    from bot.audit.checkpoints import Keys

SHIPMATE = Person(team="account", user="shipmate")
"""The actor of what Shipmate does by itself: expiry, automatic rollback."""

SIGNAL = "audit"
"""Set in this process after a commit that wrote an entry."""

_BATCH = 500
_log = structlog.get_logger("audit")


class Audit:
    """Writes and verifies the log. A `quiet` one does not repeat its entries on the logger `audit`.

    `wakes` are signals of the store that are set, besides our own, after a commit that wrote an entry.
    """

    def __init__(self, store: Store, clock: Clock, *, quiet: bool = False, wakes: Sequence[str] = ()) -> None:
        self.store = store
        self.clock = clock
        self._quiet = quiet
        self._signals = (SIGNAL, *wakes)
        self._pseudonyms = Pseudonyms()

    async def record(  # noqa: PLR0913 - one keyword per column
        self,
        tx: Tx,
        *,
        actor: Person,
        action: str,
        outcome: str,
        resource: Resource,
        rule: str = "",
        request_id: str = "",
        subject: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> str:
        """Append an entry in the transaction `tx` and return its hash. `data` holds plain JSON values, no secrets.

        What of `data` may name people (see `details.FACTS`), and the rule's words, are kept beside the chain, where
        they can be erased. The head row stays locked until the transaction ends: record last, or keep the
        transaction short.

        Raises:
            TypeError: `data` holds what JSON cannot.
        """
        facts, beside = parted(data or {}, rule)
        number, previous, erasures = await self._locked_head(tx.conn)
        shown = json.loads(storable(canonical(dict(data or {}))))
        aside = Aside(storable(canonical(beside)), fresh_salt()) if beside else None
        at = self.clock.now()
        texts = {
            "data": canonical(facts),
            "action": action,
            "outcome": outcome,
            "service": resource.service,
            "environment": resource.environment,
            "target": resource.target,
            "rule": reference(rule),
            "request_id": request_id,
            "subject": subject,
            "previous": previous,
        }
        values: dict[str, Any] = {"number": number + 1, **{key: storable(value) for key, value in texts.items()}}
        values["actor"] = await self._pseudonyms.of(tx, actor, erasures=erasures)
        values["personal"] = aside.commitment if aside else ""
        values["hash"] = digest({**values, "at": moment_text(at)})
        await tx.conn.execute(sa.insert(entries).values({**values, "at": at}))
        if aside:
            row = {"text": aside.text, "salt": aside.salt}
            added = insert(tx.conn, personal).values(number=number + 1, **row)
            # What stands under a number that no entry has had yet belongs to none: it must not keep us from writing.
            await tx.conn.execute(added.on_conflict_do_update(index_elements=[personal.c.number], set_=row))
        await tx.conn.execute(sa.update(head).where(head.c.id == HEAD).values(number=number + 1, hash=values["hash"]))
        if not self._quiet:
            told = {**values, "at": moment_text(at), "actor": actor.key, "rule": storable(rule)}
            tx.after_commit(lambda: _tell(told, shown))
        for signal in self._signals:
            tx.wake(signal)
        return str(values["hash"])

    async def recent(self, *, subject: str = "", limit: int = 50) -> Sequence[Entry]:
        """Return the newest entries, newest first, of one subject or of all."""
        return await self.find(Search(subject=subject), limit=limit)

    async def find(self, search: Search, *, limit: int = 50) -> Sequence[Entry]:
        """Return the newest entries that match, newest first."""
        async with self.store.read() as conn:
            named: Sequence[str] | None = None
            if search.by_pseudonym is not None:
                named = [row.pseudonym for row in (await conn.execute(search.by_pseudonym)).all()]
            wanted = (*search.conditions(named), *search.not_older())
            statement = read_all().where(*wanted).order_by(entries.c.number.desc()).limit(limit)
            rows = (await conn.execute(statement)).mappings().all()
        return [entry_of(cast("Row", row)) for row in rows]

    async def after(self, number: int, search: Search = EVERYTHING, *, limit: int) -> Sequence[Entry]:
        """Return the oldest entries above a number that match, oldest first."""
        wanted = replace(search, after=number).conditions()
        statement = read_all().where(*wanted).order_by(entries.c.number).limit(limit)
        async with self.store.read() as conn:
            rows = (await conn.execute(statement)).mappings().all()
        return [entry_of(cast("Row", row)) for row in rows]

    async def stream(self, search: Search) -> AsyncIterator[Entry]:
        """Yield all entries that match, oldest first; a few hundred in memory at most."""
        number = search.after
        while batch := await self.after(number, search, limit=_BATCH):
            for entry in batch:
                yield entry
            number = batch[-1].number

    async def verify(self, *, expected: str = "", keys: "Keys | None" = None, copies: Copies | None = None) -> Verdict:
        """Read the whole log and prove that nothing was changed, removed, inserted, reordered or cut off.

        `expected` is a head that was printed before, "<number>:<hash>": the log must still contain it. With `keys`
        every checkpoint must be signed by one of them; with `copies` each entry must be as a sink's files hold it.

        Raises:
            ValueError: `expected` is not of this form.
        """
        async with self.store.read() as conn:
            return await proof.verify(conn, expected=expected, keys=keys, copies=copies)

    async def lock_head(self, conn: AsyncConnection) -> tuple[int, str]:
        """Return number and hash of the last entry, and keep others from writing until the transaction ends."""
        number, last, _ = await self._locked_head(conn)
        return number, last

    async def _locked_head(self, conn: AsyncConnection) -> tuple[int, str, int]:
        # On SQLite the transaction holds the only write lock already, and FOR UPDATE is left out by SQLAlchemy.
        columns = (head.c.number, head.c.hash, head.c.erasures)
        statement = sa.select(*columns).where(head.c.id == HEAD).with_for_update()
        row = (await conn.execute(statement)).first()
        if row is None:
            first = insert(conn, head).values(id=HEAD, number=0, hash=GENESIS, erasures=0)
            await conn.execute(first.on_conflict_do_nothing(index_elements=[head.c.id]))
            row = (await conn.execute(statement)).one()
        return row.number, row.hash, row.erasures


def _tell(values: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    told = {key: value for key, value in values.items() if key not in {"data", "personal"} and value != ""}
    _log.info("audit", **told, data=data)
