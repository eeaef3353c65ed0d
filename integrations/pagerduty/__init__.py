"""`pagerduty`: events for PagerDuty, which pages people by rules of its own, and their acknowledgements."""

from integrations.capabilities.paging import Pager
from integrations.contract import Integration
from integrations.pagerduty.settings import PagerDutySettings

INTEGRATION = Integration(
    name="pagerduty",
    title="PagerDuty",
    settings=PagerDutySettings,
    provides=(Pager,),
    connect="integrations.pagerduty.client:connect",
    webhook="integrations.pagerduty.wire",
)
