"""Slack's rate limits, counted with the sandbox's clock.

Reference: https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from dataclasses import dataclass

from bot.sandbox.clock import Clock
from bot.sandbox.options import LimitMode

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls per minute of each tier; Slack tolerates short bursts above them."""

_RELAXED = 10
_POST_BURST = 3
_MINUTE = 60.0
_KEPT = 5000


@dataclass(slots=True)
class _Bucket:
    level: float
    updated: float


class Limits:
    """Token buckets: one per app and method, and one per app and channel for posting."""

    def __init__(self, clock: Clock, mode: LimitMode) -> None:
        """Start with full buckets."""
        self._clock = clock
        self.mode = mode
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def switch(self, mode: LimitMode) -> None:
        """Count as `mode` says from now on, with full buckets."""
        self.mode = mode
        self._buckets.clear()

    def wait_for_method(self, app_id: str, method: str, tier: int) -> int:
        """Count one call; return 0, or the seconds to wait (`Retry-After`) when the tier is used up."""
        return self._take((app_id, method), TIERS[tier] / _MINUTE, float(TIERS[tier]))

    def wait_for_post(self, app_id: str, channel: str) -> int:
        """Count one message into a channel: one per second, short bursts allowed; return 0 or the seconds to wait."""
        return self._take((app_id, "post", channel), 1.0, float(_POST_BURST))

    def _take(self, key: tuple[str, ...], per_second: float, burst: float) -> int:
        if self.mode == "off":
            return 0
        factor = _RELAXED if self.mode == "relaxed" else 1
        per_second, burst = per_second * factor, burst * factor
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(burst, now))
        bucket.level = min(burst, bucket.level + (now - bucket.updated) * per_second)
        bucket.updated = now
        while len(self._buckets) > _KEPT:
            self._buckets.pop(next(iter(self._buckets)))
        if bucket.level >= 1:
            bucket.level -= 1
            return 0
        return max(1, math.ceil((1 - bucket.level) / per_second))
