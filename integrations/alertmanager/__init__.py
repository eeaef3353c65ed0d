"""`alertmanager`: what fires, told by webhook and asked by its API, and silences."""

from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import AlertSilencer, AlertSource
from integrations.contract import Integration

INTEGRATION = Integration(
    name="alertmanager",
    title="Alertmanager",
    settings=AlertmanagerSettings,
    provides=(AlertSource, AlertSilencer),
    connect="integrations.alertmanager.client:connect",
    webhook="integrations.alertmanager.wire",
)
