"""GitLab Runner's own errors: exit codes, images, limits of time, its system.

Terms: https://docs.gitlab.com/runner/faq/. No recorded log with these messages was at hand.
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, Finding, Line, distinct, one_line
from bot.diagnosis.matching import last, matches

FAILED = re.compile(r"ERROR: Job failed(?: \((?P<system>[^)]{1,60})\))?: (?P<reason>\S.*)")
EXIT = re.compile(r"exit (?:code|status) \d+|command terminated with exit code \d+")
IMAGE = re.compile(r"(?:WARNING|ERROR): (?:Failed to pull image|Preparation failed)|ERROR: .{0,40}pull image")
STEP = re.compile(r"\$ (?P<command>\S.*)")


def read(lines: Sequence[Line]) -> Finding | None:
    """Return why the runner says that the job failed, None where it is not a GitLab job's log."""
    failed = last(lines, FAILED)
    if failed is None:
        return None
    index, found = failed
    exited = EXIT.match(found["reason"]) and not found["system"]
    commands = [lines[number] for number, _ in matches(lines[:index], STEP)]
    if exited:
        before = [line for line in lines[max(0, index - 8) : index] if line.text.strip()]
        order = [*reversed(before), lines[index]]
    else:
        order = [lines[index], *[lines[number] for number, _ in matches(lines[:index], IMAGE)]]
    kind = f"{found['system']}: " if found["system"] else ""
    return Finding(
        tool="gitlab",
        cause=one_line(f"Job failed: {kind}{found['reason']}"),
        lines=distinct(order),
        depth=Depth.WRAPPER if exited else Depth.TOOL,
        at=lines[index].number,
        where=commands[-1].text.removeprefix("$ ") if commands else "",
    )
