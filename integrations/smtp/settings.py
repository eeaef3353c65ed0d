"""Settings of one `smtp` instance."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


class Security(StrEnum):
    """How a connection is encrypted: at once (port 465), by STARTTLS (587, 25), or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


def _mailbox(text: str) -> str:
    if text and not MAILBOX.fullmatch(text):
        raise ValueError("this is no address of a mailbox: name@example.org is expected, without a display name")
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class SmtpSettings(BaseModel):
    """One mail server that takes mail for others from us. Times are in seconds.

    `sender` is whom a page is from, `reply_to` where answers go, which acknowledge nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Security = Security.STARTTLS
    username: str = ""
    password: SecretStr | None = None
    sender: Annotated[Mailbox, Field(min_length=3)]
    reply_to: Mailbox = ""
    ca_file: Path | None = None
    timeout: float = Field(default=20, gt=0, le=300)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("`username` and `password` belong together: give both or neither")
        if self.password is not None and self.security is Security.NONE:
            raise ValueError("a password is not sent unencrypted: `security` is starttls or tls with one")
        return self
