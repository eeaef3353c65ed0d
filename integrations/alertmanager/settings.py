"""Settings of one `alertmanager` instance."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"{text!r} is no address of a server: http://host:9093 or https://host/prefix is expected"
        raise ValueError(message)
    if parts.username or parts.password:
        raise ValueError("the address holds credentials: give them as `username` and `password`, by reference")
    if parts.query or parts.fragment:
        message = f"{text!r} has a query or a fragment: give the address up to the prefix only"
        raise ValueError(message)
    return text.rstrip("/")


class AlertmanagerSettings(BaseModel):
    """One Alertmanager: where it is, how to authenticate, and how its webhook does. Times are in seconds.

    `receiver` is the receiver in Alertmanager's own configuration that tells Shipmate: only its groups are looked at.
    The webhook comes with a bearer token (`webhook_token`), or with `webhook_username` and `webhook_password`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: Annotated[str, AfterValidator(_base_url)]
    receiver: str = Field(default="shipmate", min_length=1)
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    webhook_token: SecretStr | None = None
    webhook_username: str = ""
    webhook_password: SecretStr | None = None
    ca_file: Path | None = None
    timeout: float = Field(default=10, gt=0, le=300)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = (
            ("token", self.token, "username", self.username, "password", self.password),
            (
                "webhook_token",
                self.webhook_token,
                "webhook_username",
                self.webhook_username,
                "webhook_password",
                self.webhook_password,
            ),
        )
        for token_name, token, name_name, name, password_name, password in ways:
            if token is not None and name:
                message = f"give either `{token_name}` or `{name_name}` and `{password_name}`, not both"
                raise ValueError(message)
            if bool(name) != (password is not None):
                message = f"`{name_name}` and `{password_name}` belong together: give both or neither"
                raise ValueError(message)
        return self
