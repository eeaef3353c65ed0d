"""`prometheus`: queries in PromQL to a Prometheus server, or to what speaks its HTTP API."""

from integrations.capabilities.metrics import AlertRules, MetricsSource
from integrations.contract import Integration
from integrations.prometheus.settings import PrometheusSettings

INTEGRATION = Integration(
    name="prometheus",
    title="Prometheus",
    settings=PrometheusSettings,
    provides=(MetricsSource, AlertRules),
    connect="integrations.prometheus.client:connect",
)
