"""Checkpoints: signed entries that say how far the log had come, so that nobody without the key can forge it anew.

A checkpoint is an entry whose details sign, with Ed25519, number and hash of the entry before it. Entries up to one
may be pruned: the log then begins with the checkpoint, and what it signed stands for what was before.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from bot.audit.entries import Row, canonical, moment_text

_KIND = "shipmate.audit.checkpoint.v1"


def signed_text(number: int, entry_hash: str, at: str) -> bytes:
    """Return what a signature covers."""
    return canonical({"kind": _KIND, "number": number, "hash": entry_hash, "at": at}).encode()


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key in DER, by which a checkpoint names it."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class Keys:
    """The key that signs, where there is one, and all whose signatures count."""

    def __init__(self, signing_key: str = "", public_keys: Sequence[str] = ()) -> None:
        """Take keys in PEM. Raises: ValueError for what is no Ed25519 key."""
        self._signing: Ed25519PrivateKey | None = None
        known = []
        if signing_key:
            private = load_pem_private_key(signing_key.encode(), None)
            if not isinstance(private, Ed25519PrivateKey):
                raise ValueError("the signing key is no Ed25519 key")
            self._signing = private
            known.append(private.public_key())
        for text in public_keys:
            public = load_pem_public_key(text.encode())
            if not isinstance(public, Ed25519PublicKey):
                raise ValueError("a public key is no Ed25519 key")  # noqa: TRY004 - a value of the settings is wrong
            known.append(public)
        self._known = {fingerprint(key): key for key in known}

    @property
    def can_sign(self) -> bool:
        """Whether there is a key that signs."""
        return self._signing is not None

    def __bool__(self) -> bool:
        """Tell whether any signature can be checked."""
        return bool(self._known)

    def public_pem(self) -> str:
        """Return the signing key's public half, for those who verify elsewhere; "" without one."""
        if self._signing is None:
            return ""
        return self._signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def pem_of(self, name: str) -> str:
        """Return the public key of this fingerprint in PEM, "" when it is not known."""
        key = self._known.get(name)
        return "" if key is None else key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, number: int, entry_hash: str, at: datetime) -> dict[str, Any]:
        """Return the details of a checkpoint after entry `number`.

        Raises:
            ValueError: there is no key that signs.
        """
        if self._signing is None:
            raise ValueError("no signing key is configured: set audit.signing_key")
        text = signed_text(number, entry_hash, moment_text(at))
        return {
            "number": number,
            "hash": entry_hash,
            "at": moment_text(at),
            "key": fingerprint(self._signing.public_key()),
            "signature": self._signing.sign(text).hex(),
        }

    def sign_file(self, content: bytes) -> tuple[str, bytes]:
        """Return the fingerprint of the key that signs and its signature of a file; "" and b"" without a key.

        No checkpoint's text can be taken for a file that begins otherwise than with a brace.
        """
        if self._signing is None:
            return "", b""
        return fingerprint(self._signing.public_key()), self._signing.sign(content)

    def vouch(self, row: Row) -> bool:
        """Tell whether a checkpoint's signature is by a known key and covers the entry before it."""
        try:
            details: Mapping[str, Any] = json.loads(row["data"])
            number, entry_hash = int(details["number"]), str(details["hash"])
            key, signature = self._known[details["key"]], bytes.fromhex(details["signature"])
            key.verify(signature, signed_text(number, entry_hash, str(details["at"])))
        except (KeyError, TypeError, ValueError, InvalidSignature):
            return False
        return (number, entry_hash) == (row["number"] - 1, row["previous"])
