"""Entries as lines for other programs: JSON lines that their hashes can be computed from, and CSV for people."""

import csv
import io
from typing import Literal

from bot.audit.entries import Entry, canonical, plain
from bot.audit.people import shown

Form = Literal["jsonl", "csv"]

COLUMNS = (
    "number",
    "at",
    "actor",
    "action",
    "outcome",
    "service",
    "environment",
    "target",
    "rule",
    "request_id",
    "subject",
    "data",
    "previous",
    "hash",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_line(entry: Entry, *, named: bool) -> str:
    """Return an entry as one line of canonical JSON, without its newline; `named` as for `plain`."""
    return canonical(plain(entry, named=named))


def csv_line(*cells: object) -> str:
    """Return cells as one line of CSV (RFC 4180, CRLF).

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    safe = [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells]
    written = io.StringIO()
    csv.writer(written).writerow(safe)
    return written.getvalue()


def header(form: Form) -> str:
    """Return what stands above the entries, with its end of line."""
    return csv_line(*COLUMNS) if form == "csv" else ""


def line(entry: Entry, form: Form, *, named: bool = True) -> str:
    """Return an entry as a line, with its end; without `named` people stand in it by their pseudonyms."""
    if form == "jsonl":
        return f"{json_line(entry, named=named)}\n"
    values = {**plain(entry, named=False), "data": canonical(dict(entry.data if named else entry.facts))}
    if named:
        values |= {"actor": shown(entry.actor) or entry.actor.key, "rule": entry.rule}
    return csv_line(*(values[name] for name in COLUMNS))
