"""Encryption at rest: Fernet (AES-128-CBC with HMAC-SHA256), by keys that stand outside of the store.

Source: https://cryptography.io/en/latest/fernet/#cryptography.fernet.MultiFernet
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


class Unreadable(Exception):
    """What was sealed cannot be opened: by none of the keys, or it belongs to somebody else."""


class Vault:
    """Seals values and opens them again. The first key seals, all of them open; without keys it does neither.

    What is sealed names its owner, so that a row copied over another's opens for nobody. `lasting` tells whether
    another process can open it, too.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._keys = tuple(keys)
        self.lasting = True
        self._made: MultiFernet | None = None

    @property
    def has_keys(self) -> bool:
        """Whether there is a key to seal with."""
        return bool(self._keys)

    @property
    def _fernet(self) -> "MultiFernet":
        if self._made is None:
            from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - costs only where it is used

            if not self._keys:
                raise Unreadable("there is no key: set encryption_keys")
            self._made = MultiFernet([Fernet(key.get_secret_value()) for key in self._keys])
        return self._made

    def seal(self, owner: str, values: Mapping[str, Any]) -> str:
        """Return these plain JSON values as text that only a key opens.

        Raises:
            Unreadable: there is no key.
        """
        body = json.dumps({"owner": owner, "values": dict(values)}, separators=(",", ":"))
        return self._fernet.encrypt(body.encode()).decode()

    def open(self, owner: str, sealed: str) -> dict[str, Any]:
        """Return what `seal` was given.

        Raises:
            Unreadable: no key opens it, or it was sealed for another owner.
        """
        fernet = self._fernet
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - loaded with the keys

        try:
            body = json.loads(fernet.decrypt(sealed.encode()))
        except InvalidToken as error:
            raise Unreadable("none of the keys in encryption_keys opens it") from error
        if body["owner"] != owner:
            raise Unreadable("it was sealed for somebody else")
        values: dict[str, Any] = body["values"]
        return values

    def rotated(self, sealed: str) -> str | None:
        """Return it sealed anew by the first key, None where that key sealed it.

        Raises:
            Unreadable: none of the keys opens it.
        """
        fernet = self._fernet
        from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415 - loaded with the keys

        try:
            Fernet(self._keys[0].get_secret_value()).decrypt(sealed.encode())
        except InvalidToken:
            pass
        else:
            return None
        try:
            return fernet.rotate(sealed.encode()).decode()
        except InvalidToken as error:
            raise Unreadable("none of the keys in encryption_keys opens it") from error


def for_moments(keys: Sequence[SecretStr] = ()) -> Vault:
    """Return a vault for what is kept only until it is handed over: without keys its key ends with the process."""
    if keys:
        return Vault(keys)
    vault = Vault([SecretStr(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())])
    vault.lasting = False
    return vault
