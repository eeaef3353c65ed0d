"""Settings of one `pagerduty` instance."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from integrations.http import ServerUrl


class PagerDutySettings(BaseModel):
    """PagerDuty's Events API v2, and the secret of its webhook. Times are in seconds.

    `routing_key` is the integration key that events go to for people whose address is the id of their user, which is
    how they are known again when they acknowledge.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: ServerUrl = "https://events.pagerduty.com"
    routing_key: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    ca_file: Path | None = None
    timeout: float = Field(default=10, gt=0, le=300)
    max_bytes: int = Field(default=256 * 1024, ge=1024)
