"""What commits say of themselves by Conventional Commits 1.0 (https://www.conventionalcommits.org/en/v1.0.0/). Pure.

A commit that does not keep to it is one of "other": it releases nothing by itself. The libraries that read this bring a
whole command line along, so the few rules are here.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from bot.releases.versions import Bump, Version

_HEADER = re.compile(r"(?P<type>[A-Za-z][\w-]*)(?:\((?P<scope>[^()\r\n]+)\))?(?P<breaking>!)?:[ \t]+(?P<text>\S.*)")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE:[ \t]+(?P<text>\S.*)$", re.MULTILINE)


class Group(StrEnum):
    """Under which heading a change stands."""

    BREAKING = "breaking"
    FEATURE = "feature"
    FIX = "fix"
    OTHER = "other"


_GROUPS = {"feat": Group.FEATURE, "fix": Group.FIX, "perf": Group.FIX, "revert": Group.FIX}


class Said(Struct, frozen=True, kw_only=True):
    """What a commit message says: its group, its scope, its description, and what breaks."""

    group: Group
    text: str
    scope: str = ""
    breaks: str = ""


def read(message: str) -> Said:
    """Return what a commit message says; its title, under "other", where it keeps to no convention."""
    title, _, body = message.strip().partition("\n")
    header = _HEADER.fullmatch(title.strip())
    if header is None:
        return Said(group=Group.OTHER, text=title.strip())
    footer = _BREAKING.search(body)
    text = header["text"].strip()
    if header["breaking"] or footer:
        return Said(
            group=Group.BREAKING,
            text=text,
            scope=header["scope"] or "",
            breaks=footer["text"].strip() if footer else "",
        )
    group = _GROUPS.get(header["type"].lower(), Group.OTHER)
    return Said(group=group, text=text, scope=header["scope"] or "")


def bump_of(groups: Iterable[Group], latest: Version | None) -> Bump | None:
    """Return which number of a SemVer these changes raise, None when nothing of it is to be released.

    What breaks raises the major number, a feature the minor one, a fix the last. While the major number is 0, where
    SemVer promises nothing, what breaks raises the minor one: 1.0.0 is a decision (`--bump major`).
    """
    found = set(groups)
    if Group.BREAKING in found:
        early = latest is None or latest.text.startswith("0.")
        return Bump.MINOR if early else Bump.MAJOR
    if Group.FEATURE in found:
        return Bump.MINOR
    return Bump.PATCH if Group.FIX in found else None
