"""Identifiers that look like Slack's: a letter for the kind, then capitals and digits.

People, channels and teams get stable ids (the same name has the same id after a restart), everything that happens
gets a random one, so that an app which remembers ids across restarts never sees one twice.
"""

import base64
import hashlib
import secrets

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LENGTH = 10


def stable_id(prefix: str, *words: str) -> str:
    """Return the id that belongs to these words, for example `U` + nine characters for ("acme", "mia")."""
    digest = hashlib.sha256("\x00".join(words).encode()).digest()
    return prefix + "0" + base64.b32encode(digest).decode()[: _LENGTH - 2]


def new_id(prefix: str) -> str:
    """Return an id that was never given out before, for example `Ev0A1B2C3D4E5`."""
    return prefix + "0" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def new_secret(length: int = 32) -> str:
    """Return `length` random hexadecimal characters."""
    return secrets.token_hex((length + 1) // 2)[:length]
