"""One transaction, and what happens once it is kept."""

import asyncio
import logging
from collections.abc import Callable
from typing import ClassVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_log = logging.getLogger(__name__)


class Signals:
    """Named events of one open database: a transaction wakes the loop that has something to do now."""

    _of: ClassVar[WeakKeyDictionary[sa.Engine, "Signals"]] = WeakKeyDictionary()

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    @classmethod
    def of(cls, engine: sa.Engine) -> "Signals":
        """Return the signals of this engine, whoever opened the transaction on it."""
        return cls._of.setdefault(engine, cls())

    def event(self, name: str) -> asyncio.Event:
        """Return the event of this name; who waits on it clears it before looking at the rows."""
        return self._events.setdefault(name, asyncio.Event())


class Tx:
    """A transaction that is open: `conn` runs statements; `hooks` run after the commit, never after a rollback.

    Whoever commits calls `committed()`: `Store.write`, or the engine for the steps that it commits.
    """

    def __init__(self, conn: AsyncConnection) -> None:
        self.conn = conn
        self.hooks: list[Callable[[], None]] = []
        self._woken: set[str] = set()

    def after_commit(self, fn: Callable[[], None]) -> None:
        """Have `fn` called once the rows are kept. It must neither block nor raise; an error of it is logged."""
        self.hooks.append(fn)

    def wake(self, name: str) -> None:
        """Have the signal `name` set once the rows are kept (see `Store.signal`)."""
        if name not in self._woken:
            self._woken.add(name)
            self.after_commit(Signals.of(self.conn.sync_engine).event(name).set)

    def in_doubt(self) -> None:
        """Set the signals although it is not known whether the rows are kept: who is woken looks at the rows."""
        for name in self._woken:
            Signals.of(self.conn.sync_engine).event(name).set()

    def committed(self) -> None:
        """Run the hooks, each once."""
        hooks, self.hooks = self.hooks, []
        for hook in hooks:
            try:
                hook()
            except Exception:  # noqa: BLE001 - the rows are kept: raising would report a failure that did not happen
                _log.exception("a hook after the commit failed")
