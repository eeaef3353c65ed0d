"""Walk over lines of a log: what the readers of all tools do."""

import re
from collections.abc import Callable, Iterator, Sequence

from bot.diagnosis.diagnosis import Line


def matches(lines: Sequence[Line], pattern: re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the index and the match of each line that begins as the pattern says."""
    for index, line in enumerate(lines):
        found = pattern.match(line.text)
        if found:
            yield index, found


def first(lines: Sequence[Line], pattern: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
    """Return the first match, None when there is none."""
    return next(matches(lines, pattern), None)


def last(lines: Sequence[Line], pattern: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
    """Return the last match, None when there is none."""
    found = None
    for found in matches(lines, pattern):  # noqa: B007 -- the last one is what is wanted
        pass
    return found


def following(lines: Sequence[Line], index: int, limit: int, stop: Callable[[str], object]) -> list[Line]:
    """Return at most `limit` lines after `index`, up to the first for which `stop` holds."""
    taken = []
    for line in lines[index + 1 : index + 1 + limit]:
        if stop(line.text):
            break
        taken.append(line)
    return taken


def blank(text: str) -> bool:
    """Tell an empty line."""
    return not text.strip()
