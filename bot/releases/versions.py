"""Version numbers: SemVer 2.0 by the library `semver`, CalVer by the words of calver.org. Pure.

Of CalVer no library reads and counts a given format (those there are edit files of a project), so that is written
here. A version is text for everybody else; a scheme reads it, orders it, and says what comes next.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import total_ordering
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import semver

_PARTS = re.compile(r"YYYY|YY|0Y|MM|0M|WW|0W|DD|0D|MICRO")
_PADDED = {"0Y", "0M", "0W", "0D"}
_CENTURY = 2000
_LONGEST = 9  # digits of one number in a version
_PRE = re.compile(r"[A-Za-z][A-Za-z-]{0,31}")


class Bump(StrEnum):
    """Which number grows."""

    AUTO = "auto"
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


class VersionError(ValueError):
    """There is no such next version; the words say why and what to do."""

    def __init__(self, words: str, *, code: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version that a scheme has read: `key` orders it among those of its scheme, `text` is as people write it."""

    text: str
    key: "tuple[int, ...] | semver.Version"
    final: bool = True

    def __lt__(self, other: "Version") -> bool:
        """Order versions of one scheme."""
        mine, theirs = self.key, other.key
        return bool(mine < theirs)  # two keys of one scheme

    def __str__(self) -> str:
        """Return it as people write it."""
        return self.text


class Scheme(Protocol):
    """How the versions of a service are numbered."""

    def read(self, text: str) -> Version | None:
        """Return a version, None for what is none."""
        ...

    def after(self, latest: Version | None, bump: Bump, known: Iterable[Version], *, pre: str, today: date) -> Version:
        """Return the version that follows `latest`, the newest final one it stands on.

        `known` are those there are: a pre-release (`pre`, such as "rc") is numbered after them.

        Raises:
            VersionError: the bump or the pre-release has no meaning here.
        """
        ...


class SemVer:
    """SemVer 2.0. As long as the major number is 0, what breaks raises the minor one: anything may change then."""

    def __init__(self, first: str = "0.1.0") -> None:
        self._first = first

    def read(self, text: str) -> Version | None:
        """Return a version; one with build metadata, which does not order, is none of a release."""
        import semver  # noqa: PLC0415 - only who deals with versions waits for it

        try:
            found = semver.Version.parse(text)
        except ValueError:
            return None
        if found.build or any(len(str(part)) > _LONGEST for part in (found.major, found.minor, found.patch)):
            return None
        return Version(str(found), found, final=not found.prerelease)

    def after(self, latest: Version | None, bump: Bump, known: Iterable[Version], *, pre: str, today: date) -> Version:
        """Return what follows; the first one is configured, and only a bump to major makes it 1.0.0."""
        del today
        final = self._final(latest, bump)
        if not pre:
            return final
        if not _PRE.fullmatch(pre):
            raise VersionError(
                f"{pre} names no pre-release: a word such as rc or beta was expected", code="bad_pre_release"
            )
        start = f"{final.text}-{pre}."
        numbers = [one.text.removeprefix(start) for one in known if one.text.startswith(start)]
        number = max((int(one) for one in numbers if one.isdecimal()), default=0) + 1
        return self._must(f"{start}{number}")

    def _final(self, latest: Version | None, bump: Bump) -> Version:
        import semver  # noqa: PLC0415 - as above

        if latest is None:
            return self._must("1.0.0" if bump is Bump.MAJOR and self._first < "1" else self._first)
        if not isinstance(latest.key, semver.Version):
            raise TypeError(f"{latest} is no version of this scheme")
        if latest.key.prerelease:
            return self._must(str(latest.key.finalize_version()))
        grow = {Bump.MAJOR: latest.key.bump_major, Bump.MINOR: latest.key.bump_minor, Bump.PATCH: latest.key.bump_patch}
        return self._must(str(grow[bump]()))

    def _must(self, text: str) -> Version:
        found = self.read(text)
        if found is None:
            raise VersionError(f"{text} is no version by SemVer 2.0", code="bad_version")
        return found


class CalVer:
    """CalVer with a format such as YYYY.MM.MICRO. It never goes back, also not where a clock was wrong before."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._words = tuple(_PARTS.findall(form))
        pattern = re.escape(form)
        for word in sorted(set(self._words), key=len, reverse=True):
            digits = r"(\d{2,3})" if word in _PADDED else r"(0|[1-9]\d{0,8})"
            pattern = pattern.replace(word, f"\0{digits}", 1)
        self._pattern = re.compile(pattern.replace("\0", ""))

    def read(self, text: str) -> Version | None:
        """Return a version of this format."""
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        key = tuple(map(int, found.groups()))
        return Version(text, key) if self._write(key) == text else None

    def after(self, latest: Version | None, bump: Bump, known: Iterable[Version], *, pre: str, today: date) -> Version:
        """Return what follows by the calendar; MICRO counts from 0 on what has the same date."""
        del known
        if bump is not Bump.AUTO:
            raise VersionError(
                f"versions like {self._form} follow the calendar: leave --bump out", code="bump_without_meaning"
            )
        if pre:
            raise VersionError(
                f"versions like {self._form} have no pre-releases: leave --pre out", code="bump_without_meaning"
            )
        dated = tuple(self._number(word, today) for word in self._words if word != "MICRO")
        counts = "MICRO" in self._words
        key = (*dated, 0) if counts else dated
        if latest is not None and isinstance(latest.key, tuple) and latest.key >= key:
            if not counts:
                raise VersionError(
                    f"{latest} is cut already, and versions like {self._form} count no further", code="version_taken"
                )
            key = (*latest.key[:-1], latest.key[-1] + 1)
        return Version(self._write(key), key)

    def _write(self, key: tuple[int, ...]) -> str:
        left = iter(key)
        return _PARTS.sub(lambda found: f"{next(left):02}" if found[0] in _PADDED else str(next(left)), self._form)

    def _number(self, word: str, today: date) -> int:
        week_year, week, _ = today.isocalendar()
        year = week_year if {"WW", "0W"} & set(self._words) else today.year
        short = year - _CENTURY
        return {"YYYY": year, "YY": short, "0Y": short, "WW": week, "0W": week}.get(
            word, today.month if word in {"MM", "0M"} else today.day
        )


def newest(versions: Collection[Version], *, final: bool = False) -> Version | None:
    """Return the greatest of these versions, the greatest final one if asked."""
    return max((one for one in versions if one.final or not final), default=None)
