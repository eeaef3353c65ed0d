"""Settings of one `twilio` instance."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from integrations.capabilities.paging import Way
from integrations.http import ServerUrl

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def _number(text: str) -> str:
    if text and not NUMBER.fullmatch(text):
        raise ValueError("this is no telephone number: a plus, the country's code and the number, without spaces")
    return text


def _ways(chosen: tuple[Way, ...]) -> tuple[Way, ...]:
    if not chosen or not set(chosen) <= {Way.CALL, Way.SMS}:
        raise ValueError("call, sms or both were expected")
    return chosen


class TwilioSettings(BaseModel):
    """An account of Twilio, or of a provider with its API. Times are in seconds.

    `webhook_url` is our own address exactly as Twilio calls it, since that is what it signs. `api_key` and
    `api_secret` are what we authenticate with, the account and its token otherwise; the token is needed in any case,
    for the signatures. `machine_detection` tells a mailbox from a person, which Twilio charges for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: ServerUrl = "https://api.twilio.com"
    account_sid: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    auth_token: SecretStr
    api_key: str = ""
    api_secret: SecretStr | None = None
    from_number: Annotated[str, AfterValidator(_number)] = ""
    messaging_service_sid: str = ""
    ways: Annotated[tuple[Way, ...], AfterValidator(_ways)] = (Way.CALL, Way.SMS)
    webhook_url: ServerUrl | None = None
    machine_detection: bool = True
    ring_timeout: int = Field(default=30, ge=5, le=600)
    language: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{2,20}$")] = "en-US"
    voice: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = ""
    ca_file: Path | None = None
    timeout: float = Field(default=15, gt=0, le=300)
    max_bytes: int = Field(default=4 * 1024 * 1024, ge=1024)

    @model_validator(mode="after")
    def _can_page(self) -> Self:
        if bool(self.api_key) != (self.api_secret is not None):
            raise ValueError("`api_key` and `api_secret` belong together: give both or neither")
        if Way.CALL in self.ways and not self.from_number:
            raise ValueError("a call needs `from_number`; leave `call` out of `ways` without one")
        if Way.SMS in self.ways and not (self.from_number or self.messaging_service_sid):
            raise ValueError("a text message needs `from_number` or `messaging_service_sid`")
        return self
