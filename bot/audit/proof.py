"""Whether a log is whole: its chain, its checkpoints, and what is known of it elsewhere."""

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import chain, details, people
from bot.audit.broken import Broken, Fault
from bot.audit.copies import Copies
from bot.audit.entries import GENESIS, Row, raw_columns
from bot.audit.erased import Erased, erased
from bot.audit.tables import cursors, entries

if TYPE_CHECKING:
    from bot.audit.checkpoints import Keys

CHECKPOINT = "audit.checkpoint"
PRUNE = "audit.prune"


class Verdict(Struct, frozen=True):
    """Whether the chain is whole; when not, the number of the first entry that is wrong and what is wrong with it.

    `entries` were proven; `pruned` is the last that was pruned; `checkpoints` were signed by a known key;
    `compared` were the same in a sink's files.
    """

    entries: int
    ok: bool
    first_bad: int | None
    reason: str
    head: str = GENESIS
    fault: Fault | None = None
    pruned: int = 0
    checkpoints: int = 0
    compared: int = 0


class _Witness:
    """Looks at each entry while the chain is walked. `actors` are those met, each with the first entry."""

    def __init__(self, anchor: tuple[int, str], keys: "Keys | None", copies: Copies, erased: Erased) -> None:
        self.erased = erased
        self.actors: dict[str, int] = {}
        self.anchor = anchor
        self.keys = keys
        self.copies = copies
        self.vouched = 0
        self.pruned = 0

    def see(self, row: Row) -> None:
        """Check what an entry says beyond its hash. Raises: Broken."""
        if row["number"] == self.anchor[0] and row["hash"] != self.anchor[1]:
            raise Broken(self.anchor[0], Fault.FOREIGN, f"entry {self.anchor[0]} is not the one that was known before")
        self.copies.compare(row["number"], row["hash"])
        details.check(row, erased=row["actor"] in self.erased.pseudonyms or row["number"] in self.erased)
        self.actors.setdefault(row["actor"], row["number"])
        if row["action"] == CHECKPOINT and self.keys:
            if not self.keys.vouch(row):
                reason = f"the checkpoint in entry {row['number']} is not signed by a known key"
                raise Broken(row["number"], Fault.CHECKPOINT, reason)
            self.vouched += 1
        elif row["action"] == PRUNE:
            self.pruned = max(self.pruned, _through(row))


def _through(row: Row) -> int:
    try:
        return int(json.loads(row["data"])["through"])
    except (KeyError, TypeError, ValueError):
        reason = f"entry {row['number']} says that something was pruned, and not what"
        raise Broken(row["number"], Fault.CHANGED, reason) from None


async def verify(
    conn: AsyncConnection, *, expected: str = "", keys: "Keys | None" = None, copies: Copies | None = None
) -> Verdict:
    """Prove the log (see `Audit.verify`). Raises: ValueError for an `expected` that is no head."""
    anchor = _parse_head(expected) if expected else (0, GENESIS)
    sent = (await conn.execute(sa.select(sa.func.coalesce(sa.func.max(cursors.c.number), 0)))).scalar_one()
    end = await chain.end_of(conn)
    try:
        witness = _Witness(anchor, keys, copies or Copies(()), await erased(conn))
        base = await _base(conn, keys)
        count, last = await chain.walk(conn, end, base=base, seen=witness.see)
        _check_ends(count, base[0], witness, sent)
        await people.check(conn, witness.actors, witness.erased.pseudonyms)
    except Broken as broken:
        head = f"{end.number}:{end.hash}"
        return Verdict(end.last, ok=False, first_bad=broken.number, reason=broken.reason, head=head, fault=broken.fault)
    return Verdict(
        count - base[0],
        ok=True,
        first_bad=None,
        reason="",
        head=f"{count}:{last}",
        pruned=base[0],
        checkpoints=witness.vouched,
        compared=witness.copies.compared,
    )


def _check_ends(count: int, base: int, witness: _Witness, sent: int) -> None:
    if base != witness.pruned:
        reason = f"entries up to {base} are gone, and no entry says that they were pruned"
        raise Broken(base, Fault.REMOVED, reason)
    beyond = witness.copies.finish()
    known = {witness.anchor[0]: "was known before", sent: "was sent to a sink", beyond: "stands in the sink's file"}
    if max(known) > count:
        reason = f"the log ends at {count}, but entry {max(known)} {known[max(known)]}: its end was cut off"
        raise Broken(count + 1, Fault.CUT_OFF, reason)


async def _base(conn: AsyncConnection, keys: "Keys | None") -> tuple[int, str]:
    """Return number and hash of what is before the first entry: nothing, or what a checkpoint vouches for."""
    columns = raw_columns(conn.dialect.name)
    chosen = sa.select(*columns).where(entries.c.number >= 1).order_by(entries.c.number).limit(1)
    row = (await conn.execute(chosen)).mappings().first()
    if row is None or row["number"] == 1 or row["action"] != CHECKPOINT:
        return 0, GENESIS
    number = int(row["number"])
    if not keys:
        reason = f"the log begins with the checkpoint in entry {number}, and no key is configured to check it"
        raise Broken(number, Fault.CHECKPOINT, reason)
    if not keys.vouch(dict(row)):
        reason = f"the log begins with entry {number}, a checkpoint that is not signed by a known key"
        raise Broken(number, Fault.CHECKPOINT, reason)
    return number - 1, str(row["previous"])


def _parse_head(text: str) -> tuple[int, str]:
    number, _, known = text.partition(":")
    if not number.isdigit() or len(known) != len(GENESIS):
        raise ValueError(f"{text!r} is no head of the audit log: <number>:<64 hexadecimal digits> was expected")
    return int(number), known
