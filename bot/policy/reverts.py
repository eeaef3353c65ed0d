"""What commits say of bad releases: which they revert, and which they say that they fix. Pure.

Git writes "This reverts commit <sha>." into the message of a revert, of a merge too; reverting a revert brings the
commit back. https://git-scm.com/docs/git-revert
"""

import re
from collections.abc import Collection, Iterable

from msgspec import Struct

_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_FIXES = re.compile(r"^Fixes(?:-release)?: +(\S+)\s*$", re.MULTILINE | re.IGNORECASE)
_SHORTEST = 7


class Told(Struct, frozen=True):
    """A commit as far as its words matter here."""

    sha: str
    message: str


def undone(commits: Iterable[Told], bad: Collection[str]) -> frozenset[str]:
    """Return those of `bad` that the commits, oldest first, revert and do not bring back."""
    gone: set[str] = set()
    effects: dict[str, tuple[bool, frozenset[str]]] = {}  # of each revert: whether it takes out, and what
    for commit in commits:
        for name in _REVERTS.findall(commit.message):
            other = next((sha for sha in effects if sha.startswith(name)), "")
            takes, what = effects.get(other, (False, frozenset(sha for sha in bad if sha.startswith(name))))
            effects[commit.sha] = (not takes, what)
            gone = gone - what if takes else gone | what
    return frozenset(gone)


def says_it_fixes(commits: Iterable[Told], names: Collection[str]) -> str:
    """Return the first of `names` (an id, a version, a commit) that a commit says it fixes, "" for none.

    It says so in a line of its own at the end of its message: "Fixes: D-7", "Fixes-release: v1.4.2".
    """
    for commit in commits:
        for found in _FIXES.finditer(commit.message):
            told = str(found[1])
            for name in names:
                if told.lower() == name.lower() or (len(told) >= _SHORTEST and name.startswith(told)):
                    return told
    return ""
