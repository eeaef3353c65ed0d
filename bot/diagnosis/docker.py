"""Building images: Docker's classic builder, BuildKit's plain progress, and the engine's own refusals.

Forms: https://docs.docker.com/reference/cli/docker/buildx/build/#progress
"""

import re
from collections.abc import Sequence

from bot.diagnosis.cleaning import inside_buildkit
from bot.diagnosis.diagnosis import Depth, Finding, Line, distinct, one_line
from bot.diagnosis.matching import first, last, matches

CLASSIC_STEP = re.compile(r"Step (?P<step>\d+/\d+) : (?P<instruction>\S.*)")
CLASSIC_END = re.compile(r"The command '.{1,900}' returned a non-zero code: \d+")
CLASSIC_NOISE = re.compile(r" ---> |Removing intermediate container|Sending build context|Step \d+/\d+ :")
STEP = re.compile(r"#(?P<number>\d+) \[(?P<step>[^\]]{1,200})\] ?(?P<instruction>.*)")
STEP_ERROR = re.compile(r"#(?P<number>\d+) ERROR: (?P<message>\S.*)")
SOLVE = re.compile(
    r"(?:ERROR: )?(?:failed to solve|executor failed running|failed to build|error: failed to solve)|ERROR: process \""
    r"|(?:ERROR: )?failed to (?:read dockerfile|compute cache key|calculate checksum)"
)
REFUSED = re.compile(
    r"(?:docker: )?Error response from daemon: |unable to prepare context: |(?:COPY|ADD) failed: "
    r"|dockerfile parse error"
    r"|Get \"https?://\S+\": |Cannot connect to the Docker daemon|ERROR: Cannot connect to the Docker"
    r"|error during connect: "
    r"|pull access denied for |invalid from flag value |(?:denied|unauthorized): |manifest for \S+ not found"
    r"|failed to register layer|ERROR: (?:unable to prepare context|failed to solve)"
)
ENGINE = re.compile(
    r"Sending build context to Docker|Step \d+/\d+ : |#\d+ \[|The push refers to repository|docker: "
    r"|unable to prepare context"
)
SHOWN = 7


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what the builder says, None where the log has nothing of a failed build of an image."""
    return _buildkit(lines) or _classic(lines) or _refused(lines)


def _buildkit(lines: Sequence[Line]) -> Finding | None:
    failed = last(lines, STEP_ERROR)
    solve = [lines[index] for index, _ in matches(lines, SOLVE)]
    if failed is None:
        if not solve:
            return None
        return Finding(
            tool="docker",
            cause=one_line(_told(solve[-1].text)),
            lines=distinct(reversed(solve)),
            depth=Depth.TOOL,
            at=solve[-1].number,
        )
    index, found = failed
    number = f"#{found['number']} "
    own = [line for line in lines[:index] if line.text.startswith(number)]
    printed = [line for line in own if inside_buildkit(line.text) != line.text]
    steps = [match for line in own if (match := STEP.match(line.text))]
    where = f"[{steps[0]['step']}] {steps[0]['instruction']}".strip() if steps else ""
    order = [lines[index], *reversed(printed[-SHOWN:]), *solve[-1:], *[line for line in own if STEP.match(line.text)]]
    said = inside_buildkit(printed[-1].text) if printed else ""
    message = _told(found["message"])
    ran = bool(printed) and "exit code" in message
    return Finding(
        tool="docker",
        cause=one_line(f"Step {where} failed: {said} ({message})" if ran else message),
        lines=distinct(order),
        depth=Depth.STEP if ran else Depth.TOOL,
        at=lines[index].number,
        where=where,
    )


def _classic(lines: Sequence[Line]) -> Finding | None:
    ended = last(lines, CLASSIC_END)
    if ended is None:
        return None
    index = ended[0]
    steps = [number for number, _ in matches(lines[:index], CLASSIC_STEP)]
    begin = steps[-1] if steps else 0
    printed = [line for line in lines[begin + 1 : index] if line.text.strip() and not CLASSIC_NOISE.match(line.text)]
    step = CLASSIC_STEP.match(lines[begin].text)
    where = f"{step['step']} {step['instruction']}" if step else ""
    said = printed[-1].text if printed else "no output"
    return Finding(
        tool="docker",
        cause=one_line(f"Step {where} failed: {said}"),
        lines=distinct([lines[index], *reversed(printed[-SHOWN:]), lines[begin]]),
        depth=Depth.STEP,
        at=lines[index].number,
        where=where,
    )


def _refused(lines: Sequence[Line]) -> Finding | None:
    refused = [lines[index] for index, _ in matches(lines, REFUSED)]
    if not refused or (
        first(lines, ENGINE) is None and "daemon" not in refused[-1].text and "dockerfile" not in refused[-1].text
    ):
        return None
    step = last(lines, CLASSIC_STEP)
    where = f"{step[1]['step']} {step[1]['instruction']}" if step else ""
    order = distinct([*reversed(refused), *([lines[step[0]]] if step else [])])
    return Finding(
        tool="docker",
        cause=one_line(_told(refused[-1].text)),
        lines=order,
        depth=Depth.TOOL,
        at=refused[-1].number,
        where=where,
    )


def _told(text: str) -> str:
    """Return the message without the names of the layers that passed it on."""
    for layer in (
        "docker: ",
        "Error response from daemon: ",
        "ERROR: ",
        "failed to solve with frontend dockerfile.v0: ",
        "failed to create LLB definition: ",
        "failed to solve: ",
    ):
        text = text.removeprefix(layer)
    return text
