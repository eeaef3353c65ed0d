"""Deliveries of the last while, so that one that Slack repeats is not answered twice."""

from collections import OrderedDict

KEPT = 20_000


class Seen:
    """Remembers the newest delivery ids of this process; changes are also kept in the store."""

    def __init__(self, limit: int = KEPT) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._limit = limit

    def before(self, ident: str) -> bool:
        """Tell whether this delivery came before; from now on it did."""
        if ident in self._ids:
            return True
        self._ids[ident] = None
        if len(self._ids) > self._limit:
            self._ids.popitem(last=False)
        return False

    def forget(self, ident: str) -> None:
        """Let a delivery come again: nothing was done about it."""
        self._ids.pop(ident, None)
