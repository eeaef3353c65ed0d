"""The audit log: who asked what, on what, which rule allowed it, and how it ended. Append-only and chained.

Every entry's hash covers the entry and the hash before it; the head row names the last one. An entry is written in
the transaction of the change it tells of, with the head row locked, so that there is one writer at a time and a
change whose entry cannot be written is not made. Whoever can write the database could forge a whole new chain:
keep a head that `shipmate audit verify` printed, or the log lines, somewhere else, and verify against it.
"""

from bot.audit.broken import Fault
from bot.audit.entries import GENESIS, Entry
from bot.audit.log import SHIPMATE, Audit
from bot.audit.proof import Verdict
from bot.audit.search import Search
from bot.audit.tables import entries, head

__all__ = ["GENESIS", "SHIPMATE", "Audit", "Entry", "Fault", "Search", "Verdict", "entries", "head"]
