"""The part of a channel's topic that names who is on call: marked, so that no other word of the topic changes.

Source: https://docs.slack.dev/reference/methods/conversations.setTopic (250 characters, no formatting)
"""

import re
import unicodedata
from collections.abc import Sequence

MOST = 250
"""Characters that Slack takes."""

_NOBODY = "nobody"
_PLAIN = " ._-'@()"
_LONGEST_NAME = 60


def with_part(topic: str, schedule: str, names: Sequence[str]) -> str | None:
    """Return a topic that names these people as on call, None where its other words leave no room for that.

    Where not all names fit, the first are named and the others counted.
    """
    plain = [_plain(name) for name in names]
    for shown in range(max(len(plain), 1), 0, -1):
        made = _put(topic, schedule, _part(schedule, plain, shown))
        if len(made) <= MOST:
            return made
    return None


def without_part(topic: str, schedule: str) -> str:
    """Return a topic without the part of a schedule; what is not marked stays as it is."""
    first = _mark(schedule).match(topic)
    if first is not None:
        topic = topic[first.end() :].removeprefix(" ")
    return re.sub(f" ?{_mark(schedule).pattern}", "", topic)


def _put(topic: str, schedule: str, part: str) -> str:
    found = _mark(schedule).search(topic)
    if found is None:
        return f"{topic} {part}" if topic else part
    after = re.sub(f" ?{_mark(schedule).pattern}", "", topic[found.end() :])
    return topic[: found.start()] + part + after


def _part(schedule: str, names: Sequence[str], shown: int) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"[on call for {schedule}: {', '.join(names[:shown]) or _NOBODY}{more}]"


def _mark(schedule: str) -> re.Pattern[str]:
    return re.compile(rf"\[on call for {re.escape(schedule)}: [^\[\]]*\]")


def _plain(name: str) -> str:
    """Return a name of letters, digits and a few signs: Slack writes emoji and markup anew, and brackets are ours."""
    kept = (sign if sign in _PLAIN or unicodedata.category(sign)[0] in "LMN" else " " for sign in name)
    return " ".join("".join(kept).split())[:_LONGEST_NAME] or "somebody"
