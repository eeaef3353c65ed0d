"""`smtp`: pages by e-mail, through a mail server of yours."""

from integrations.capabilities.paging import Pager
from integrations.contract import Integration
from integrations.smtp.settings import SmtpSettings

INTEGRATION = Integration(
    name="smtp",
    title="SMTP",
    settings=SmtpSettings,
    provides=(Pager,),
    connect="integrations.smtp.client:connect",
)
