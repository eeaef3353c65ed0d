"""What an entry says beyond its columns: facts, which the chain holds, and what may name people, kept beside it.

Kept beside is everything whose name is not in `FACTS`. The chain holds its commitment: SHA-256 over a random salt, a
newline and the canonical JSON.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from bot.audit.broken import Broken, Fault

FACTS = frozenset(
    (
        "at", "before", "class", "code", "commit", "count", "digest", "entries", "environment", "error_id", "facts",
        "from", "hash", "instance", "job", "key", "kind", "level", "n", "number", "outcome", "permission", "plan",
        "policy", "pseudonyms", "release", "run", "scope", "service", "sha", "signature", "stage", "state",
        "target", "through", "to", "trigger", "until", "version",
    )
)  # fmt: skip
"""The details that name no people: everything else can be erased."""

RULE = "rule"
_REFERENCE = re.compile(r"\(([^()\s]{1,80})\)$")
_DIRECT = "D"


class Aside(Struct, frozen=True):
    """What is kept beside the chain: the canonical JSON of it, and the salt of its commitment."""

    text: str
    salt: str

    @property
    def commitment(self) -> str:
        """What the chain holds of it."""
        return commitment(self.text, self.salt)


def commitment(text: str, salt: str) -> str:
    """Return the commitment to a text."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def fresh_salt() -> str:
    """Return a salt for one entry's details."""
    return secrets.token_hex(16)


def reference(rule: str) -> str:
    """Return where a rule stands, of "developers may … (permissions[0])" the last, "" when it does not say."""
    found = _REFERENCE.search(rule)
    return found[1] if found else ""


def parted(data: Mapping[str, Any], rule: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts among the details, and what is kept beside; a rule's words may name people."""
    facts = {key: value for key, value in data.items() if _is_fact(key, value)}
    beside = {key: value for key, value in data.items() if key not in facts}
    return facts, {**beside, RULE: rule} if rule else beside


def _is_fact(key: str, value: object) -> bool:
    if key == "channel":  # a direct message is with one person
        return isinstance(value, str) and not value.rpartition("/")[2].startswith(_DIRECT)
    return key in FACTS


def check(row: Mapping[str, Any], *, erased: bool) -> None:
    """Prove what stands beside an entry, read with `details` and `details_salt`; `erased` tells that it may miss.

    Raises:
        Broken: it was changed, added, or removed without a word.
    """
    number, text = row["number"], row["details"]
    if text is None:
        if row["personal"] and not erased:
            reason = f"the details of entry {number} were removed, and no entry says that they were erased"
            raise Broken(number, Fault.PERSONAL, reason)
    elif row["personal"] != commitment(str(text), str(row["details_salt"])):
        raise Broken(number, Fault.PERSONAL, f"the details of entry {number} were changed after it was written")
