"""`twilio`: calls and text messages, answered by a key or a reply; for whoever speaks Twilio's API of 2010-04-01."""

from integrations.capabilities.paging import Pager
from integrations.contract import Integration
from integrations.twilio.settings import TwilioSettings

INTEGRATION = Integration(
    name="twilio",
    title="Twilio",
    settings=TwilioSettings,
    provides=(Pager,),
    connect="integrations.twilio.client:connect",
    webhook="integrations.twilio.wire",
)
