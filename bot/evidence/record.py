"""The part of the audit log that belongs to something: its entries, the links between them, a signature."""

import json
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.audit import Entry, entries
from bot.audit.chain import rows_after
from bot.audit.entries import Row, body_digest, entry_of, plain, read_all
from bot.audit.export import json_line
from bot.audit.proof import CHECKPOINT
from bot.evidence.packing import document

if TYPE_CHECKING:
    from bot.audit.checkpoints import Keys

Masked = Callable[[Any], Any]


async def files(
    conn: AsyncConnection, subjects: Collection[str], requests: Collection[str], *, keys: "Keys", masked: Masked
) -> dict[str, bytes]:
    """Return the files of the folder `audit`; nothing when the log has no entry of these subjects and requests.

    Entries in between stand in `links.txt` by the digests of their bodies alone. Those end at the first signed
    checkpoint after the last entry, where there is one.
    """
    found = await _entries(conn, subjects, requests)
    if not found:
        return {}
    first, last = found[0].number, found[-1].number
    signed = await _checkpoint(conn, last)
    if signed is not None:
        found.append(signed)
    through = found[-1].number
    frame: dict[str, Any] = {"after": first - 1, "hash": found[0].previous, "through": through}
    made = {"entries.jsonl": "".join(f"{_line(entry, masked)}\n" for entry in found).encode()}
    made["links.txt"] = "".join([_link(row) async for row in rows_after(conn, first - 1, through)]).encode()
    if signed is not None:
        from bot.audit.checkpoints import signed_text  # noqa: PLC0415 - cryptography is loaded only where it is used

        facts = signed.facts
        frame["checkpoint"] = {"entry": signed.number, "key": facts["key"], "signed": facts["number"]}
        made["checkpoint.txt"] = signed_text(int(facts["number"]), str(facts["hash"]), str(facts["at"]))
        made["checkpoint.sig"] = bytes.fromhex(str(facts["signature"]))
        pem = keys.pem_of(str(facts["key"]))
        if pem:
            made[f"keys/{facts['key']}.pem"] = pem.encode()
    made["chain.json"] = document(frame)
    return {f"audit/{name}": content for name, content in made.items()}


async def asked(conn: AsyncConnection, subjects: Collection[str], requests: Collection[str]) -> list[dict[str, Any]]:
    """Return what people asked about these subjects, oldest first, with the rule that allowed it and the outcome."""
    return [
        {
            "entry": entry.number,
            "at": entry.at,
            "who": entry.actor,
            "action": entry.action,
            "outcome": entry.outcome,
            "rule": entry.rule,
            "request_id": entry.request_id,
            "subject": entry.subject,
            **entry.data,
        }
        for entry in await _entries(conn, subjects, requests)
        if "asked" in entry.data or "words" in entry.data
    ]


async def _entries(conn: AsyncConnection, subjects: Collection[str], requests: Collection[str]) -> list[Entry]:
    theirs = sa.or_(entries.c.subject.in_(subjects), entries.c.request_id.in_(requests))
    rows = (await conn.execute(read_all().where(theirs).order_by(entries.c.number))).mappings()
    return [entry_of(cast("Row", row)) for row in rows]


async def _checkpoint(conn: AsyncConnection, after: int) -> Entry | None:
    chosen = read_all().where(entries.c.action == CHECKPOINT, entries.c.number > after)
    row = (await conn.execute(chosen.order_by(entries.c.number).limit(1))).mappings().first()
    return None if row is None else entry_of(cast("Row", row))


def _line(entry: Entry, masked: Masked) -> str:
    """Return an entry as a line; without its details where a secret stands in them, as if they had been erased."""
    values = plain(entry, named=True)
    if "details" in values and masked(values["details"]) != values["details"]:
        return json_line(entry, named=False)
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _link(row: Row) -> str:
    return f"{row['number']} {body_digest(row)} {row['hash']}\n"
