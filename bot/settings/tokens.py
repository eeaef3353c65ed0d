"""The settings of the terminal's door: tokens of people and of service accounts, and what each may be used for."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.settings.values import Model, Name

NO_SECRET = SecretStr("")
PermissionPattern = Annotated[str, Field(pattern=r"^(\*|(\*\.)?[a-z_]+(\.[a-z_]+)*|[a-z_]+(\.[a-z_]+)*\.\*)$")]
_Word = Annotated[str, Field(min_length=1)]


def _aware(at: datetime) -> datetime:
    """Read a moment without a zone as UTC: "2027-01-01" ends as that day begins there."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Token(Model):
    """Opens the terminal's door for a person or a service account, for what it names at most."""

    name: Name = Field(description="What the token is called in the audit log.")
    person: str = Field("", description="The person it stands for, from `people`.")
    account: str = Field("", pattern=r"^([a-z0-9][a-z0-9_.-]*)?$", description="The service account it stands for.")
    secret: SecretStr = Field(NO_SECRET, description="What is sent as bearer token; at least 16 characters.")
    secret_hash: str = Field(
        "",
        pattern=r"^([0-9a-f]{64})?$",
        description="In place of secret: its SHA-256, as `shipmate token new` prints it.",
    )
    expires: Annotated[datetime, AfterValidator(_aware)] | None = Field(
        None, description="From when on it opens nothing; a day means its beginning, in UTC."
    )
    allow: tuple[PermissionPattern, ...] = Field(
        ("*",), min_length=1, description="Of what its holder may, what this token may be used for."
    )
    services: tuple[_Word, ...] = Field(("*",), min_length=1, description="Services it may be used for.")
    environments: tuple[_Word, ...] = Field(("*",), min_length=1, description="Environments it may be used for.")
    targets: tuple[_Word, ...] = Field(("*",), min_length=1, description="Targets it may be used for.")

    @model_validator(mode="after")
    def _stands_for_one(self) -> "Token":
        if bool(self.person) == bool(self.account):
            raise PydanticCustomError("token", "a token stands for a person or for an account, one of the two")
        if bool(self.secret.get_secret_value()) == bool(self.secret_hash):
            raise PydanticCustomError("token", "a token has a secret or its secret_hash, one of the two")
        return self

    @property
    def narrowed(self) -> bool:
        """Whether it may be used for less than its holder may."""
        return any(one != ("*",) for one in (self.allow, self.services, self.environments, self.targets))


class Terminal(Model):
    """Who may use `shipmate do`."""

    tokens: tuple[Token, ...] = Field((), description="The tokens that open the door.")
