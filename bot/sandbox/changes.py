"""What changed in the workspace, as a stream for pages that show it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

from bot.sandbox.errors import Json

Kind: TypeAlias = Literal["message", "reaction", "view", "channel", "user", "app", "home", "delivery"]

_BACKLOG = 1000


class Changes:
    """Hands every change to all who listen; a listener that falls far behind loses the oldest ones."""

    def __init__(self) -> None:
        """Start without listeners."""
        self._listeners: set[asyncio.Queue[Json | None]] = set()
        self._observers: list[Callable[[Mapping[str, object]], None]] = []

    def observe(self, observer: Callable[[Mapping[str, object]], None]) -> Callable[[], None]:
        """Call `observer` with every change, at once and where it happens, until what is returned is called."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def publish(self, kind: Kind, *, channel: str | None = None, **details: object) -> None:
        """Tell all listeners that something of this kind changed, in this channel (an id) where it has one."""
        change: Json = {"channel": channel, "kind": kind, **details}
        for observer in tuple(self._observers):
            observer(change)
        self._tell(change)

    def close(self) -> None:
        """Tell all listeners that nothing will change any more."""
        self._tell(None)

    def _tell(self, change: Json | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(change)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Json | None]]:
        """Give a queue that receives each change from now on, until the block is left; None is the last one."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue(_BACKLOG)
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
