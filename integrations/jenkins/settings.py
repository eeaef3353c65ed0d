"""Settings of one `jenkins` instance."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_SHORTEST_SECRET = 16


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"{text!r} is no address of a server: http://host:8080 or https://host/prefix is expected"
        raise ValueError(message)
    if parts.username or parts.password:
        raise ValueError("the address holds credentials: give them as `username` and `token`, by reference")
    if parts.query or parts.fragment:
        message = f"{text!r} has a query or a fragment: give the address up to the prefix only"
        raise ValueError(message)
    return text.rstrip("/")


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]


class ParameterNames(BaseModel):
    """How a job's parameters are called that Shipmate fills. Those that a job does not declare are not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    request_id: Name = "SHIPMATE_REQUEST_ID"
    project: Name = "SHIPMATE_PROJECT"
    sha: Name = "SHIPMATE_SHA"
    branch: Name = "SHIPMATE_BRANCH"
    version: Name = "SHIPMATE_VERSION"
    artifact: Name = "SHIPMATE_ARTIFACT"
    digest: Name = "SHIPMATE_DIGEST"
    service: Name = "SHIPMATE_SERVICE"
    environment: Name = "SHIPMATE_ENVIRONMENT"
    target: Name = "SHIPMATE_TARGET"
    fence: Name = "SHIPMATE_FENCE"

    @model_validator(mode="after")
    def _different(self) -> Self:
        names = list(self.model_dump().values())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"{', '.join(twice)} stands for two things: give each parameter a name of its own"
            raise ValueError(message)
        return self


class JenkinsSettings(BaseModel):
    """One Jenkins: where it is, who we are to it, and how its jobs call what Shipmate hands them.

    Times are in seconds. `max_bytes` bounds one answer; a console is read in pieces and has no bound.
    `result_file` is the archived file in which a build says what it made. `history` is how many builds of a job are
    read at a time, and looked through for what runs and for fences.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    url: Annotated[str, AfterValidator(_base_url)]
    username: Annotated[str, Field(min_length=1)]
    token: SecretStr | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    timeout: float = Field(default=10, gt=0, le=300)
    threads: int = Field(default=8, ge=1, le=64)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    history: int = Field(default=100, ge=10, le=1000)
    result_file: str = "shipmate.json"
    webhook_secret: SecretStr | None = None
    parameters: ParameterNames = ParameterNames()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.token is None) == (self.password is None):
            raise ValueError("give either `token` (an API token, preferred) or `password`")
        secret = self.webhook_secret
        if secret is not None and len(secret.get_secret_value()) < _SHORTEST_SECRET:
            message = f"`webhook_secret` has under {_SHORTEST_SECRET} characters: take one that cannot be guessed"
            raise ValueError(message)
        return self
