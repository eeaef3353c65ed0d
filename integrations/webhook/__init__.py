"""`webhook`: pages by a signed POST to a program of your own."""

from integrations.capabilities.paging import Pager
from integrations.contract import Integration
from integrations.webhook.settings import WebhookSettings

INTEGRATION = Integration(
    name="webhook",
    title="Webhook",
    settings=WebhookSettings,
    provides=(Pager,),
    connect="integrations.webhook.client:connect",
    webhook="integrations.webhook.wire",
)
