"""Slack away for a while: when it left, and what becomes of the events of that time.

In the outages that Slack told of, events came late once it was back (https://status.slack.com/2018-10/3390291b1e6ecd54)
or never (https://slack-status.com/2025-02/d41e4bfd1ccae26a).
"""

import asyncio

from bot.sandbox.clock import Clock

_LOOK = 0.2


class Absence:
    """Whether the workspace is away: the Web API answers 503, sockets are cut, and events wait until it is back.

    With `loses_events` they are never sent.
    """

    def __init__(self, clock: Clock) -> None:
        """Start present."""
        self._clock = clock
        self._until: float | None = None
        self.loses_events = False

    def leave(self, seconds: float | None, *, loses_events: bool = False) -> None:
        """Be away for so many seconds, or until `come_back`."""
        self.loses_events = loses_events
        self._until = float("inf") if seconds is None else self._clock() + seconds

    def come_back(self) -> None:
        """Answer again."""
        self._until = None

    @property
    def is_away(self) -> bool:
        """Tell whether the workspace is away now."""
        if self._until is not None and self._clock() >= self._until:
            self._until = None
        return self._until is not None

    async def over(self) -> None:
        """Return when the workspace is back; the clock is asked a few times a second."""
        while self.is_away:  # noqa: ASYNC110 - the clock may be one that a test moves; nothing tells when it does
            await asyncio.sleep(_LOOK)
