"""The shell and make: a program that is not there, a rule that failed."""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, Finding, Line, Sureness, distinct, one_line
from bot.diagnosis.matching import last

MISSING = re.compile(
    r"(?:/\S{1,80}/)?[\w./-]{1,120}: (?:line )?\d+: (?:\d+: )?\S{1,120}: (?:command )?not found$"
    r"|(?:/bin/)?(?:ba|da|z)?sh: (?:\d+: )?\S{1,120}: (?:command )?not found$"
)
RULE = re.compile(r"g?make(?:\[\d+\])?: \*\*\* (?P<what>\S.*)")
TARGET = re.compile(r"\[(?:\S+: )?(?P<target>[^\]]{1,200})\] ")


def read(lines: Sequence[Line]) -> Finding | None:
    """Return a missing program or make's failing rule, None where the log has neither."""
    missing = last(lines, MISSING)
    if missing:
        line = lines[missing[0]]
        before = lines[max(0, missing[0] - 3) : missing[0]]
        return Finding(
            tool="shell",
            cause=one_line(line.text),
            lines=distinct([line, *reversed(before)]),
            depth=Depth.GENERAL,
            at=line.number,
        )
    rule = last(lines, RULE)
    if rule is None:
        return None
    line = lines[rule[0]]
    before = [part for part in lines[max(0, rule[0] - 6) : rule[0]] if not RULE.match(part.text)]
    target = TARGET.search(line.text)
    said = before[-1].text if before else rule[1]["what"]
    cause = one_line(f"make: {said}")
    return Finding(
        tool="make",
        cause=cause,
        lines=distinct([*reversed(before), line]),
        depth=Depth.STEP,
        at=line.number,
        sureness=Sureness.LIKELY,
        where=target["target"] if target else "",
    )
