"""What Shipmate counts at its Slack edge, in Prometheus's words; served at /metrics of Shipmate itself."""

from msgspec import Struct, field
from prometheus_client import Counter, Gauge, Histogram

_ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
_LAG_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0)


class _Metrics(Struct, frozen=True):
    acknowledged: Histogram = field(
        default_factory=lambda: Histogram(
            "shipmate_slack_ack_seconds",
            "Time from a delivery of Slack to its acknowledgement",
            ["kind"],
            buckets=_ACK_BUCKETS,
        )
    )
    repeated: Counter = field(
        default_factory=lambda: Counter("shipmate_slack_repeated_total", "Deliveries seen before", ["kind"])
    )
    calls: Counter = field(
        default_factory=lambda: Counter(
            "shipmate_slack_calls_total", "Calls to Slack by outcome", ["method", "outcome"]
        )
    )
    waiting: Gauge = field(
        default_factory=lambda: Gauge("shipmate_slack_outbox_waiting", "Messages that wait to be sent")
    )
    parked: Counter = field(
        default_factory=lambda: Counter("shipmate_slack_outbox_parked_total", "Messages put aside: Slack refuses them")
    )
    lag: Histogram = field(
        default_factory=lambda: Histogram(
            "shipmate_slack_outbox_lag_seconds",
            "Time from a message being wanted to Slack having taken it",
            ["kind"],
            buckets=_LAG_BUCKETS,
        )
    )
    up: Gauge = field(default_factory=lambda: Gauge("shipmate_slack_up", "1 while Slack answers and takes our token"))


METRICS = _Metrics()
