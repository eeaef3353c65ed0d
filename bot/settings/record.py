"""Settings of the audit log: where its entries are sent to, and the keys that its checkpoints are signed with."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.settings.values import Model, Name


class SinkSettings(Model):
    """One place outside of Shipmate that gets every entry: a file, or a syslog server."""

    file: Path | None = Field(None, description="JSON lines are appended to this file.")
    syslog: str = Field(
        "",
        pattern=r"^$|^(udp|tcp)://(\[[0-9a-fA-F:]+\]|[^/:\s]+):[0-9]{1,5}$|^unix:///\S+$",
        description="udp://host:514, tcp://host:601 or unix:///dev/log.",
    )

    people: bool = Field(
        False,  # noqa: FBT003 - a default
        description="Names of people and what they typed go there too, though nothing can be erased there.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "SinkSettings":
        if (self.file is None) == (not self.syslog):
            raise PydanticCustomError("sink", "a sink is a file or a syslog address, one of the two")
        return self


def _private_key(key: SecretStr) -> SecretStr:
    if key.get_secret_value():
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - only with keys
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - the same

        try:
            fits = isinstance(load_pem_private_key(key.get_secret_value().encode(), None), Ed25519PrivateKey)
        except (ValueError, TypeError):
            fits = False
        if not fits:
            hint = "a private key in PEM was expected, as openssl genpkey -algorithm ed25519 makes it"
            raise PydanticCustomError("key", "{hint}", {"hint": hint})
    return key


def _public_key(text: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - only with keys
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - the same

    try:
        fits = isinstance(load_pem_public_key(text.encode()), Ed25519PublicKey)
    except ValueError:
        fits = False
    if not fits:
        raise PydanticCustomError("key", "an Ed25519 public key in PEM was expected")
    return text


class AuditSettings(Model):
    """What is done with the audit log besides keeping it."""

    sinks: dict[Name, SinkSettings] = Field({}, description="Where entries are sent to, by a name of your choice.")
    signing_key: Annotated[SecretStr, AfterValidator(_private_key)] = Field(
        SecretStr(""), description="Ed25519 private key in PEM that signs checkpoints."
    )
    public_keys: tuple[Annotated[str, AfterValidator(_public_key)], ...] = Field(
        (), description="Ed25519 public keys in PEM whose checkpoints count, too: those of earlier signing keys."
    )
