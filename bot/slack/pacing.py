"""How fast Slack may be called: a bucket for each channel's messages and for each method, and what a 429 said.

Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections import OrderedDict

from msgspec import Struct

POST_EVERY = 1.0
POST_BURST = 3.0
POSTS_PER_SECOND = 5.0
"""Into all channels together: Slack takes several hundred messages a minute of an app."""
POSTS_AT_ONCE = 60.0
_KEPT = 4096

_TIERS = {2: 20, 3: 50, 4: 100}
_METHODS = {"chat.update": 3, "chat.postEphemeral": 4, "conversations.history": 3, "conversations.replies": 3}
URGENT_RESERVE = 5.0
"""Calls of a method that only what a person waits for may use up."""


class _Bucket(Struct):
    per_second: float
    size: float
    level: float
    at: float

    def refill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self.at) * self.per_second)
        self.at = now

    def wait_for(self, amount: float) -> float:
        return max(0.0, (amount - self.level) / self.per_second)


class Pacing:
    """Says how long to wait before a call; all times are seconds of one monotonic clock that is passed in."""

    def __init__(self, *, post_every: float = POST_EVERY, post_burst: float = POST_BURST) -> None:
        self._post_every = post_every
        self._post_burst = post_burst
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def wait(self, method: str, channel: str, now: float, *, urgent: bool) -> float:
        """Return the seconds until `method` may be called for `channel`; 0 means now."""
        told = max(self._until.get((method, channel), 0.0), self._until.get((method, ""), 0.0)) - now
        reserve = 0.0 if urgent else URGENT_RESERVE
        waits = [
            bucket.wait_for(1.0 + (reserve if bucket.size > POST_BURST + URGENT_RESERVE else 0.0))
            for bucket in self._of(method, channel, now)
        ]
        return max(0.0, told, *waits)

    def spend(self, method: str, channel: str, now: float) -> None:
        """Count one call."""
        for bucket in self._of(method, channel, now):
            bucket.level -= 1.0

    def told_to_wait(self, method: str, channel: str, now: float, retry_after: float) -> None:
        """Keep what a 429 said: this method pauses for this channel ("" for all of them).

        Slack does not say whether it was the channel's share or the workspace's that is used up: when a second channel
        is told to wait, it is the workspace's, and no other channel has to be told so. Of two waits the longer counts.
        """
        until = now + retry_after
        waits = [told for (of, where), told in self._until.items() if of == method and where not in {"", channel}]
        if channel and any(told > now for told in waits):
            self._keep(method, "", until)
        self._keep(method, channel, until)

    def _keep(self, method: str, channel: str, until: float) -> None:
        self._until[method, channel] = max(until, self._until.pop((method, channel), 0.0))
        while len(self._until) > _KEPT:
            self._until.popitem(last=False)

    def _of(self, method: str, channel: str, now: float) -> list[_Bucket]:
        found: list[_Bucket] = []
        if method == "chat.postMessage" and channel:
            found.append(self._bucket((method, channel), 1.0 / self._post_every, self._post_burst, now))
            everywhere = max(POSTS_PER_SECOND, 1.0 / self._post_every)
            found.append(self._bucket((method, ""), everywhere, max(POSTS_AT_ONCE, self._post_burst), now))
        if (tier := _METHODS.get(method)) is not None:
            found.append(self._bucket((method, ""), _TIERS[tier] / 60.0, _TIERS[tier] * 0.6, now))
        return found

    def _bucket(self, key: tuple[str, str], per_second: float, size: float, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(per_second, size, size, now)
            while len(self._buckets) > _KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        bucket.refill(now)
        return bucket
