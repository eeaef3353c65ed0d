"""When the store cannot be used, told so that whoever asked knows that nothing was done."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc as sa_exc

from bot.errors import Degraded

_SQLITE_REASONS = {
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_BUSY: "another process holds it",
    sqlite3.SQLITE_LOCKED: "another connection holds it",
    sqlite3.SQLITE_IOERR: "its disk reports an error",
    sqlite3.SQLITE_READONLY: "its file cannot be written",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_NOTADB: "its file is not a database",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_REASONS = {
    "08": "the connection to it was lost",
    "28": "it refuses our user name or password",
    "3D": "the database does not exist on the server",
    "40": "others changed the same rows at the same time",
    "53100": "its disk is full",
    "53": "it is out of resources",
    "55": "others hold what we need",
    "57": "it is shutting down or starting up",
    "58": "it reports a system error",
}


class StoreUnavailable(Degraded):
    """The database cannot be read or written now; what was asked has not been done.

    With `in_doubt` it may have been done all the same: the answer to the commit was lost.
    """

    def __init__(self, reason: str, *, in_doubt: bool = False) -> None:
        told = (
            "It may have been done all the same: look how it stands before you ask again, "
            if in_doubt
            else "Nothing was started; try again in a moment, "
        )
        super().__init__(
            "store_unavailable",
            f"Shipmate cannot use its database: {reason}. {told}and tell whoever runs Shipmate if it stays so.",
        )
        self.reason = reason
        self.in_doubt = in_doubt


class StoreMismatch(Exception):
    """The database and this version of Shipmate do not fit: it is newer than us, or there is none."""


def reason_of(error: BaseException) -> str | None:
    """Return why the database is unavailable, or None when `error` is anything else (a mistake of ours)."""
    if isinstance(error, sa_exc.TimeoutError):
        return "all of its connections are busy"
    if not isinstance(error, sa_exc.DBAPIError):
        return None
    original = error.orig
    for one in (original, getattr(original, "__cause__", None)):
        if isinstance(one, sqlite3.Error):
            return _SQLITE_REASONS.get(getattr(one, "sqlite_errorcode", 0) & 0xFF)
    state = str(getattr(original, "sqlstate", None) or "")
    if state:
        return _POSTGRES_REASONS.get(state) or _POSTGRES_REASONS.get(state[:2])
    lost = error.connection_invalidated or isinstance(error, sa_exc.OperationalError)
    return "the connection to it was lost or refused" if lost else None


@contextmanager
def told_plainly(*, committing: bool = False) -> Iterator[None]:
    """Turn the database's own errors into `StoreUnavailable` where the database is the cause."""
    try:
        yield
    except (sa_exc.DBAPIError, sa_exc.TimeoutError) as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise StoreUnavailable(reason, in_doubt=committing and _answer_lost(error)) from error


def _answer_lost(error: BaseException) -> bool:
    """Tell whether a commit that failed so may have taken effect: the database refused it in no words."""
    original = getattr(error, "orig", None)
    for one in (original, getattr(original, "__cause__", None)):
        if isinstance(one, sqlite3.Error):
            return getattr(one, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR
    state = str(getattr(original, "sqlstate", None) or "")
    return not state or state[:2] in {"08", "57"}
