"""Jenkins' own errors: the script, the sandbox, credentials, agents, limits of time, aborts, check-outs.

Terms: https://www.jenkins.io/doc/book/pipeline/. The messages are those of the plugins workflow-cps,
workflow-durable-task-step, script-security, credentials-binding and git; no recorded log with them was at hand.
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, Finding, Line, Sureness, distinct, one_line
from bot.diagnosis.matching import following, last, matches

FINISHED = re.compile(r"Finished: (?P<result>FAILURE|ABORTED|UNSTABLE|NOT_BUILT)")
STAGE = re.compile(r"\[Pipeline\] \{ \((?P<stage>[^)]{1,200})\)")
CLOSED = re.compile(r"\[Pipeline\] // stage")
POST = ("Declarative: Post Actions", "Declarative: Checkout SCM")
PIPELINE = re.compile(r"\[Pipeline\]")
WRAPPER = re.compile(
    r"ERROR: script returned exit code -?\d+"
    r"|Build step '.{1,100}' (?:marked build as failure|changed build result to (?:FAILURE|UNSTABLE))"
)
# Where a step of a freestyle job or of a pipeline begins to write, and the lines by which a shell tells its commands.
STEP = re.compile(
    r"\[[^\]]{1,200}\] \$ \S|\[Pipeline\] (?:sh|bat|powershell|pwsh)\b|\S.{0,200}>(?:call |@?cmd )?\S+\.bat"
)
POST_ACTIONS = re.compile(r"\[Pipeline\] \{ \(Declarative: Post Actions\)")
TRACE = re.compile(r"\++ (?P<command>\S.*)")
ERRORS = re.compile(r"\b(?:error|fatal|panic|exception|failed|conflict|rejected)\b", re.IGNORECASE)
TROUBLE = re.compile(
    r"\b(?:failure|cannot|can't|could ?n[o']t|unable to|denied|refused|not found|no such|missing|expired|invalid"
    r"|timed out|aborted)\b|: line \d+: | at \S+ line \d+\.$",
    re.IGNORECASE,
)
HARMLESS = re.compile(
    r"\b(?:0|no) (?:errors?|failures?|failed)\b|.{0,40}\bwarn(?:ing)?\b|[^:]{0,40}: exit (?:code|status) \d"
    r"|hint: |.{0,80}due to previous errors?$|make(?:\[\d+\])?: \*\*\* ",
    re.IGNORECASE,
)
OWN = re.compile(
    r"(?:Also: +|Caused: )?java\.lang\.NoSuchMethodError: No such DSL method '"
    r"|WorkflowScript: \d+: "
    r"|(?:Also: +)?groovy\.lang\.Missing(?:Property|Method)Exception: "
    r"|(?:org\.jenkinsci\.plugins\.scriptsecurity\.sandbox\.)?RejectedAccessException: |Scripts not permitted to use "
    r"|org\.jenkinsci\.plugins\.workflow\.steps\.MissingContextVariableException: "
    r"|ERROR: (?:Could not find credentials|CredentialId|No such credential"
    r"|.{0,60}[Cc]redentials?\b.{0,80}(?:not found|could not be found))"
    r"|ERROR: (?:Error cloning remote repo|Error fetching remote repo|Couldn't find any revision to build"
    r"|Unable to find Jenkinsfile)"
    r"|ERROR: Could not find credentials entry with ID "
    r"|Timeout has been exceeded|Cancelling nested steps due to timeout|Build timed out \(after "
    r"|Cannot contact \S+: |.{1,200} was marked offline: |Agent \S+ was deleted; cancelling node body"
    r"|ERROR: .{1,100} is offline"
    r"|hudson\.remoting\.(?:ChannelClosedException|RequestAbortedException): "
    r"|java\.io\.IOException: No space left on device"
    r"|(?:Aborted|Rejected) by \S|ERROR: Unable to find .{1,200} from "
    r"|ERROR: Required context class |ERROR: No tool named .{1,100} found"
    r"|Tool type .{1,100} does not have an install of "
    r"|ERROR: Library .{1,100} (?:could not|not found)|ERROR: Could not resolve "
)
ERROR = re.compile(r"ERROR: (?!script returned exit code|Job failed)\S")
# An abort or a time-out ends a run whatever else stands in its log.
ENDING = re.compile(
    r"Timeout has been exceeded|Cancelling nested steps due to timeout|Build timed out|(?:Aborted|Rejected) by "
)
LOOKED_AT = 25  # lines at the end of what a command wrote
SHOWN = 8


def read(lines: Sequence[Line]) -> Finding | None:
    """Return Jenkins' own error, or only that a step failed and in which stage; None where it is not Jenkins' log."""
    finished = last(lines, FINISHED)
    marked = last(lines, PIPELINE)
    if finished is None and marked is None:
        return None
    own = [index for index, _ in matches(lines, OWN)]
    if own:
        return _own(lines, own)
    wrapped = [index for index, _ in matches(lines, WRAPPER)]
    errors = wrapped or [index for index, _ in matches(lines, ERROR)]
    if not errors:
        return None
    index = errors[-1]
    if wrapped:
        return _step(lines, wrapped[0])
    before = [line for line in lines[max(0, index - 12) : index] if line.text.strip() and not PIPELINE.match(line.text)]
    return Finding(
        tool="jenkins",
        cause=one_line(lines[index].text.removeprefix("ERROR: ")),
        lines=distinct([lines[index], *reversed(before)]),
        depth=Depth.STEP,
        at=lines[index].number,
        where=_stage(lines, index),
    )


def _step(lines: Sequence[Line], end: int) -> Finding:
    """Return what the step wrote before Jenkins marked it as failed, at `end`: that line itself says nothing.

    The first line that looks like trouble, of the last command that wrote one, is taken for the cause: what follows in
    the same command is a summary or a hint, and the commands after it clean up. Without such a line it is the last one,
    with the command that wrote it.
    """
    said = _output(lines, end)
    commands = [number for number, line in enumerate(said) if TRACE.match(line.text)]
    parts = [said[a:b] for a, b in zip([0, *commands], [*commands, len(said)], strict=True)]
    for part in reversed(parts):
        output = [line for line in part if not TRACE.match(line.text)][-LOOKED_AT:]
        serious = [line for line in output if not HARMLESS.match(line.text)]
        trouble = [line for line in serious if ERRORS.search(line.text)] or [
            line for line in serious if TROUBLE.search(line.text)
        ]
        if trouble:
            below = output[output.index(trouble[0]) + 1 :]
            told = trouble[0].text.removeprefix("ERROR: ")
            cause = f"{told} {below[0].text}" if told.endswith(":") and below else told
            order = [trouble[0], *below[:SHOWN], *reversed(part), lines[end]]
            break
    else:
        command = next((found["command"] for line in reversed(said) if (found := TRACE.match(line.text))), "")
        last_words = "" if not said or TRACE.match(said[-1].text) else said[-1].text
        cause = f"{command} failed" if command else lines[end].text.removeprefix("ERROR: ")
        cause = f"{cause}: {last_words}" if last_words else cause
        order = [*reversed(said[-SHOWN:]), lines[end]]
    return Finding(
        tool="jenkins",
        cause=one_line(cause),
        lines=distinct(order),
        depth=Depth.WRAPPER,
        at=lines[end].number,
        sureness=Sureness.LIKELY,
        where=_stage(lines, end),
    )


def _output(lines: Sequence[Line], end: int) -> list[Line]:
    """Return what the last step before `end` wrote, what runs after a pipeline's failure left out."""
    steps = [index for index, _ in matches(lines[:end], STEP)]
    after = next((index for index, _ in matches(lines[:end], POST_ACTIONS)), end)
    begin = max((index + 1 for index in steps if index < after), default=0)
    stop = after if begin <= after else end
    return [line for line in lines[begin:stop] if line.text.strip() and not PIPELINE.match(line.text)]


def _own(lines: Sequence[Line], own: Sequence[int]) -> Finding:
    ending = [index for index in own if ENDING.match(lines[index].text)]
    index = ending[0] if ending else own[0]
    below = following(lines, index, 3, lambda text: PIPELINE.match(text) or text.lstrip().startswith("at "))
    order = distinct([lines[index], *below, *(lines[number] for number in own)])
    text = lines[index].text.removeprefix("ERROR: ")
    return Finding(
        tool="jenkins",
        cause=one_line(text),
        lines=order,
        depth=Depth.TOOL,
        at=order[-1].number,
        where=_stage(lines, index),
    )


def _stage(lines: Sequence[Line], index: int) -> str:
    """Return the innermost stage that was open at a line, or, as errors are told at the end, the last one before it.

    Stages that ran in parallel cannot be told apart by the log alone: the one that began last is named.
    """
    names = [found["stage"] for _, found in matches(lines[:index], STAGE) if found["stage"] not in POST]
    return names[-1] if names else ""
