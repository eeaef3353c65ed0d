"""Slack's rate limits, counted with the sandbox's clock.

Reference: https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from dataclasses import dataclass

from bot.sandbox.clock import Clock
from bot.sandbox.options import LimitMode

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls per minute of each tier; Slack tolerates short bursts above them."""

SPECIAL = {"auth.test": 600, "assistant.threads.setStatus": 600, "users.profile.set": 10}
"""Calls per minute of methods of the special tier.

`auth.test` allows hundreds (https://docs.slack.dev/reference/methods/auth.test), `assistant.threads.setStatus` 600
(https://docs.slack.dev/reference/methods/assistant.threads.setStatus), and a person's profile may be set ten times
(https://docs.slack.dev/apis/web-api/rate-limits, on updating profiles).
"""

EVENTS_PER_HOUR = 30_000
"""How many events an app hears of in an hour (https://docs.slack.dev/apis/events-api/#rate-limiting)."""

_RELAXED = 10
_POST_BURST = 3
_POSTS_PER_MINUTE = 300
_SMALLEST_BURST = 10
_MINUTE = 60.0
_HOUR = 3600.0
_KEPT = 5000


@dataclass(slots=True)
class _Bucket:
    level: float
    updated: float


@dataclass(slots=True)
class _Hour:
    began: float
    events: int = 0
    told: int = 0


class Limits:
    """Token buckets: one per app and method, and one per app and channel for posting."""

    def __init__(self, clock: Clock, mode: LimitMode, events_per_hour: int = EVENTS_PER_HOUR) -> None:
        """Start with full buckets."""
        self._clock = clock
        self.mode = mode
        self._events_per_hour = events_per_hour
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self._hours: dict[str, _Hour] = {}

    def switch(self, mode: LimitMode) -> None:
        """Count as `mode` says from now on, with full buckets."""
        self.mode = mode
        self._buckets.clear()
        self._hours.clear()

    def wait_for_method(self, app_id: str, method: str, tier: int) -> int:
        """Count one call; return 0, or the seconds to wait (`Retry-After`) when the method's share is used up.

        A minute's calls may come at once; of tier 1, which lets one in, ten (an app may open ten sockets).
        """
        allowed = SPECIAL.get(method, TIERS[tier])
        return self._take((app_id, method), allowed / _MINUTE, float(max(allowed, _SMALLEST_BURST)))

    def wait_for_post(self, app_id: str, channel: str) -> int:
        """Count one message into a channel: one per second, short bursts allowed; return 0 or the seconds to wait.

        In the whole workspace an app posts some hundred messages a minute
        (https://docs.slack.dev/reference/methods/chat.postMessage#rate_limiting).
        """
        wait = self._take((app_id, "post", channel), 1.0, float(_POST_BURST))
        return wait or self._take((app_id, "post"), _POSTS_PER_MINUTE / _MINUTE, float(_POSTS_PER_MINUTE))

    def take_event(self, app_id: str) -> bool:
        """Count one event for an app; False when it has had as many as an hour allows."""
        if self.mode == "off":
            return True
        now = self._clock()
        hour = self._hours.get(app_id)
        if hour is None or now - hour.began >= _HOUR:
            hour = self._hours[app_id] = _Hour(now)
        hour.events += 1
        return hour.events <= self._events_per_hour * (_RELAXED if self.mode == "relaxed" else 1)

    def minute_to_tell(self, app_id: str) -> int | None:
        """Return this minute (seconds since the epoch) when the app is still to be told that it is limited in it."""
        minute = int(self._clock() // _MINUTE * _MINUTE)
        hour = self._hours.get(app_id)
        if hour is None or hour.told == minute:
            return None
        hour.told = minute
        return minute

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
