"""Settings of one `prometheus` instance."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"{text!r} is no address of a server: http://host:9090 or https://host/prefix is expected"
        raise ValueError(message)
    if parts.username or parts.password:
        raise ValueError("the address holds credentials: give them as `username` and `password`, by reference")
    if parts.query or parts.fragment:
        message = f"{text!r} has a query or a fragment: give the address up to the prefix only"
        raise ValueError(message)
    return text.rstrip("/")


class PrometheusSettings(BaseModel):
    """One Prometheus: where it is, and how to authenticate, by token or by name and password. Times are in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: Annotated[str, AfterValidator(_base_url)]
    token: SecretStr | None = None
    username: str = ""
    password: SecretStr | None = None
    ca_file: Path | None = None
    timeout: float = Field(default=10, gt=0, le=300)
    threads: int = Field(default=4, ge=1, le=64)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.token is not None and self.username:
            raise ValueError("give either `token` or `username` and `password`, not both")
        if bool(self.username) != (self.password is not None):
            raise ValueError("`username` and `password` belong together: give both or neither")
        return self
