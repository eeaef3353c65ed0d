"""How a sandbox behaves: its time limits, its strictness and how much it remembers."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

LimitMode: TypeAlias = Literal["off", "relaxed", "strict"]
"""How rate limits are counted; see `Options`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of a sandbox; all times are in seconds.

    `ack_timeout`: how long an app has to acknowledge (Slack: 3 s).
    `event_retries`: the pauses before each repetition of an event that was not acknowledged (Slack: at once, after one
    minute, after five minutes; shorter here, so that a person can watch it).
    `trigger_lifetime`: how long a `trigger_id` opens views (Slack: 3 s).
    `socket_lifetime`: how long a Socket Mode connection lasts before the app is asked to renew it (Slack: some hours);
    `socket_warning`: how long before that it is warned; `ping_interval`: the pause between WebSocket pings.
    `limits`: `off`; `relaxed` (ten times what Slack allows); `strict` (one message per second and channel, and the
    tier of each method). `events_per_hour` is how many events an app hears of then (Slack: 30,000).
    """

    ack_timeout: float = 3.0
    event_retries: tuple[float, ...] = (0.0, 5.0, 20.0)
    trigger_lifetime: float = 3.0
    response_url_lifetime: float = 1800.0
    response_url_uses: int = 5
    socket_lifetime: float = 18060.0
    socket_warning: float = 10.0
    ping_interval: float = 10.0
    limits: LimitMode = "off"
    events_per_hour: int = 30_000
    history_limit: int = 2000
    deliveries_limit: int = 1000
    max_body: int = 10 * 2**20
    max_file: int = 50 * 2**20
    max_files_together: int = 200 * 2**20
