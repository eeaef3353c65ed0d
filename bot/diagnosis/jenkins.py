"""Jenkins' own errors: the script, the sandbox, credentials, agents, limits of time, aborts, check-outs.

Terms: https://www.jenkins.io/doc/book/pipeline/. The messages are those of the plugins workflow-cps,
workflow-durable-task-step, script-security, credentials-binding and git; no recorded log with them was at hand.
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, Finding, Line, distinct, one_line
from bot.diagnosis.matching import following, last, matches

FINISHED = re.compile(r"Finished: (?P<result>FAILURE|ABORTED|UNSTABLE|NOT_BUILT)")
STAGE = re.compile(r"\[Pipeline\] \{ \((?P<stage>[^)]{1,200})\)")
CLOSED = re.compile(r"\[Pipeline\] // stage")
POST = ("Declarative: Post Actions", "Declarative: Checkout SCM")
PIPELINE = re.compile(r"\[Pipeline\]")
WRAPPER = re.compile(r"ERROR: script returned exit code -?\d+|Build step '.{1,100}' marked build as failure")
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
    depth = Depth.WRAPPER if wrapped else Depth.STEP
    where = _stage(lines, index)
    cause = one_line(lines[index].text.removeprefix("ERROR: "))
    before = [line for line in lines[max(0, index - 12) : index] if line.text.strip() and not PIPELINE.match(line.text)]
    order = distinct([lines[index], *reversed(before)] if not wrapped else [*reversed(before[-6:]), lines[index]])
    return Finding(tool="jenkins", cause=cause, lines=order, depth=depth, at=lines[index].number, where=where)


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
