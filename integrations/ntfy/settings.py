"""Settings of one `ntfy` instance."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from integrations.http import ServerUrl


class NtfySettings(BaseModel):
    """One ntfy server: where it is, how to authenticate, and where its buttons send. Times are in seconds.

    `webhook_url` is our own address as a phone reaches it, and `webhook_secret` what a button proves itself with: with
    both, a message has a button that acknowledges. `cache` says that the server keeps messages, so that it can be asked
    for one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: ServerUrl = "https://ntfy.sh"
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    webhook_url: ServerUrl | None = None
    webhook_secret: SecretStr | None = None
    cache: bool = True
    ca_file: Path | None = None
    timeout: float = Field(default=10, gt=0, le=300)
    max_bytes: int = Field(default=1024 * 1024, ge=1024)

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.token is not None and self.username:
            raise ValueError("give either `token` or `username` and `password`, not both")
        if bool(self.username) != (self.password is not None):
            raise ValueError("`username` and `password` belong together: give both or neither")
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise ValueError("`webhook_url` and `webhook_secret` belong together: give both or neither")
        return self
