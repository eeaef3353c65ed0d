"""npm: errors of install, and which script failed with what it printed last.

Forms: https://docs.npmjs.com/common-errors; npm 7 and later say "npm ERR!", npm 10 and later "npm error".
"""

import re
from collections.abc import Sequence

from bot.diagnosis.diagnosis import Depth, Finding, Line, distinct, one_line
from bot.diagnosis.matching import last, matches

ERROR = re.compile(r"npm (?:ERR!|error)(?: |$)(?P<message>.*)")
CODE = re.compile(r"code (?P<code>[A-Z][A-Z0-9_]+|\d+)$")
SCRIPT = re.compile(r"> (?P<package>(?:@[\w.-]+/)?[\w.-]+)@\S+ (?P<script>[\w:.-]+)$")
ALWAYS = re.compile(
    r"$|code \S+$|errno |A complete log|    /|Run \"npm help|aliases: |Usage:|Options:|npm ci$|\[-"
    r"|syscall |path /|cwd /"
    r"|location /|workspace |lifecycle script |at .+:\d+\)?$|  code: |  requireStack|\}|\{|Lifecycle script "
)
FAILED_SCRIPT = re.compile(r"(?:command (?:failed|sh -c )|Lifecycle script |Exit status |\S+@\S+ \w+: `)")
TELLING = re.compile(
    r"\S*Error: |Missing script|No matching version|(?:Not|404 +The requested)|Could not resolve"
    r"|The `npm ci`|.{0,40}can only install"
    r"|.{0,60}must be actual JSON|JSON\.parse Invalid|Required: |Missing: |Invalid: |request to "
    r"|network request|connect |Conflicting peer|ERESOLVE"
    r"|notarget No match|404 {1,2}(?:Not Found|The req|')|engine Not|notsup Not|\w+ request to "
)
PRINTED = 12


def read(lines: Sequence[Line]) -> Finding | None:
    """Return what npm says, None where it reports no error and ran no script."""
    errors = [(lines[index], found["message"]) for index, found in matches(lines, ERROR)]
    script = last(lines, SCRIPT)
    inside = [pair for pair in errors if FAILED_SCRIPT.match(pair[1])]
    if errors and not inside:
        return _install(errors)
    if script or inside:
        return _script(lines, script, errors)
    return None


def _install(errors: list[tuple[Line, str]]) -> Finding:
    code = next((found["code"] for _, message in errors if (found := CODE.match(message))), "")
    said = [(line, message) for line, message in errors if message.strip() and not ALWAYS.match(message)]
    telling = [pair for pair in said if TELLING.match(pair[1])] or said or errors
    message = telling[0][1]
    cause = f"npm {code}: {message}" if code else f"npm: {message}"
    codes = [line for line, message in errors if CODE.match(message)]
    order = distinct([*(line for line, _ in telling[:6]), *codes, *(line for line, _ in said)])
    return Finding(tool="npm", cause=one_line(cause), lines=order, depth=Depth.TOOL, at=errors[-1][0].number)


def _script(lines: Sequence[Line], script: tuple[int, re.Match[str]] | None, errors: list[tuple[Line, str]]) -> Finding:
    """Say which script failed; the lines that it printed last, stack frames left out, are all that npm knows of why."""
    index, name = (script[0], script[1]["script"]) if script else (0, "")
    end = next((number for number, line in enumerate(lines) if number > index and ERROR.match(line.text)), len(lines))
    printed = [line for line in lines[index + 1 : end] if line.text.strip()][-PRINTED:]
    said = [line for line, message in errors if not ALWAYS.match(message)]
    telling = [line for line in said if TELLING.match(ERROR.sub(r"\g<message>", line.text))]
    word = next((line.text for line in (*telling, *reversed(printed))), "no output")
    word = ERROR.sub(r"\g<message>", word)
    cause = f"npm script {name} failed: {word}" if name else word
    order = distinct([*telling, *printed, *said])
    at = (said or printed or [lines[index]])[-1].number
    return Finding(tool="npm", cause=one_line(cause), lines=order, depth=Depth.STEP, at=at, where=name)
