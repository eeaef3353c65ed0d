"""`ntfy`: push messages to a person's devices, by a topic of their own."""

from integrations.capabilities.paging import Pager
from integrations.contract import Integration
from integrations.ntfy.settings import NtfySettings

INTEGRATION = Integration(
    name="ntfy",
    title="ntfy",
    settings=NtfySettings,
    provides=(Pager,),
    connect="integrations.ntfy.client:connect",
    webhook="integrations.ntfy.wire",
)
