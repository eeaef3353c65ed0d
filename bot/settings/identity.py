"""The settings of signing in at the company's identity provider (OpenID Connect)."""

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.settings.source import Source
from bot.settings.values import Duration, Model

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Risk = Literal["production_like", "irreversible", "emergency", "forced"]


def _issuer(url: str) -> str:
    """Refuse an issuer that anybody on the way could answer for."""
    parts = urlsplit(url)
    if url and (parts.query or parts.fragment or not parts.hostname):
        raise PydanticCustomError("issuer", "an issuer is an address without query or fragment")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise PydanticCustomError("issuer", "the issuer's address must begin with https://")
    return url


class IdentitySettings(Model):
    """Where people sign in, and what a sign-in must show before it counts."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        "", pattern=r"^(https?://.*)?$", description="The provider's issuer, as its discovery document names it."
    )
    client_id: str = Field("", description="The client that Shipmate is at the provider.")
    client_secret: SecretStr = Field(SecretStr(""), description="Its secret; empty for a public client.")
    scopes: tuple[Annotated[str, Field(pattern=r"^[^\s\"\\]+$")], ...] = Field(
        ("openid", "email", "profile"), description="What is asked for; openid always is."
    )
    groups_claim: str = Field("groups", min_length=1, description="The claim of the ID token that lists groups.")
    groups_last: Duration = Field(
        timedelta(hours=8), description="How long the groups that a sign-in told are believed."
    )
    acr_values: tuple[Annotated[str, Field(pattern=r"^\S+$")], ...] = Field(
        (), description="Where given, one of them must have been the way of signing in (acr), such as with two factors."
    )
    max_age: Duration = Field(
        timedelta(minutes=5), description="How long ago the password may have been typed when an approval counts."
    )
    match: Literal["email", "subject"] = Field(
        "email",
        description="How a sign-in is known to be a person: by a verified address the first time, by the subject from "
        "then on; or by `people: <name>: subject` alone.",
    )
    required_for: tuple[Risk, ...] = Field(
        (), description="Deployments whose approvals need a sign-in, besides environments with `identity: required`."
    )
    terminal_client_id: str = Field(
        "", description="The public client of `shipmate login` (device flow); empty where nobody uses it."
    )

    @model_validator(mode="after")
    def _whole(self) -> "IdentitySettings":
        if self.issuer and not self.client_id:
            raise PydanticCustomError("identity", "identity.issuer needs identity.client_id")
        if not self.issuer and (self.client_id or self.required_for or self.terminal_client_id):
            raise PydanticCustomError("identity", "identity needs an issuer")
        if self.terminal_client_id and self.terminal_client_id == self.client_id:
            raise PydanticCustomError(
                "identity", "terminal_client_id must be a client of its own: a token of the one is none of the other"
            )
        return self


def check(source: Source) -> None:
    """Note what no single value shows: that pages need an address, and rules that need a sign-in a provider."""
    data = source.data
    identity = data.get("identity")
    issuer = isinstance(identity, dict) and bool(identity.get("issuer"))
    server = data.get("server")
    if issuer and not (isinstance(server, dict) and server.get("public_url")):
        message = "identity needs server.public_url: browsers come back there from the provider, in Socket Mode too"
        source.note(("identity", "issuer"), message, "Add server: {public_url: https://…}.")
    if issuer:
        return
    groups, services = data.get("groups"), data.get("services")
    for name, group in groups.items() if isinstance(groups, dict) else ():
        if isinstance(group, dict) and group.get("claim"):
            source.note(("groups", name, "claim"), "a claim needs identity.issuer", "Add identity: {issuer: …}.")
    for name, service in services.items() if isinstance(services, dict) else ():
        environments = service.get("environments") if isinstance(service, dict) else None
        for number, one in enumerate(environments if isinstance(environments, list) else ()):
            if isinstance(one, dict) and one.get("identity") == "required":
                where = ("services", name, "environments", number, "identity")
                source.note(where, "a sign-in needs identity.issuer", "Add identity: {issuer: …}.")
