"""Take off a line of a log what is only for terminals and for the system that ran it."""

import re

# ECMA-48: CSI and OSC sequences, and the two-byte escapes. Repeats are of one class each, so that matching is linear.
ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b\x0c\x0e-\x1f]"
)
# The remote console's hidden annotations: https://www.jenkins.io/doc/developer/ (hudson.console.ConsoleNote).
CONSOLE_NOTE = re.compile(r"\x1b\[8mha:[A-Za-z0-9+/=]*\x1b\[0m")
# Sections: https://docs.gitlab.com/ci/jobs/job_logs/
SECTION = re.compile(r"section_(?:start|end):\d+:[\w.-]+(?:\[[^\]]{0,200}\])?\r?(?:\x1b\[0K)?")
# GitLab Runner's FF_TIMESTAMPS ("…Z 00O " and, where a line goes on, "…Z 00O+"), Jenkins' Timestamper in its ISO form
# and its default "HH:mm:ss  ", and plain RFC 3339 as other runners write it.
TIMES = re.compile(
    r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z\] ?"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z(?: [0-9a-f]{2}[OE][ +]| )"
    r"|\d\d:\d\d:\d\d {2}"
)
# A step's output in BuildKit's plain progress: "#8 0.213 text".
BUILDKIT_OUTPUT = re.compile(r"#\d+ \d+\.\d+ ")


def cleaned(text: str) -> str:
    """Return a line without colours, time stamps and section markers; of a progress bar its last state remains."""
    if "\x1b" in text:
        text = CONSOLE_NOTE.sub("", text)
    if "section_" in text:
        text = SECTION.sub("", text)
    text = ESCAPES.sub("", text).rstrip()
    if "\r" in text:
        text = text.rsplit("\r", 1)[1]
    stamp = TIMES.match(text)
    return text[stamp.end() :] if stamp else text


def inside_buildkit(text: str) -> str:
    """Return the line as the program in a build step wrote it."""
    prefix = BUILDKIT_OUTPUT.match(text)
    return text[prefix.end() :] if prefix else text
