"""Settings of one `webhook` instance."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from integrations.http import ServerUrl

_SHORTEST = 16


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < _SHORTEST:
        raise ValueError(f"a secret that signs has {_SHORTEST} characters or more")
    return secret


class WebhookSettings(BaseModel):
    """Where pages may be posted, and the secret that signs them and what comes back. Times are in seconds.

    `urls` are the addresses that a page may go to: itself, or below it. A person's address outside of them is refused,
    so that nobody makes Shipmate post elsewhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    urls: Annotated[tuple[ServerUrl, ...], Field(min_length=1)]
    secret: Annotated[SecretStr, AfterValidator(_long_enough)]
    ca_file: Path | None = None
    timeout: float = Field(default=10, gt=0, le=300)
    max_bytes: int = Field(default=64 * 1024, ge=1024)
