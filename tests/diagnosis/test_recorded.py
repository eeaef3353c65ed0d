"""The excerpt holds what a person would point to, for real logs of real tools."""

import re
from collections import Counter

import pytest

from bot.diagnosis import Sureness, diagnose
from tests.diagnosis.conftest import Recorded, load

LOOKED_AT = 10  # lines: what a person reads first
WANTED = 0.9

LOGS = load()


def right(log: Recorded, text: bytes | None = None) -> bool:
    excerpt = [line.text for line in diagnose(log.read() if text is None else text).excerpt[:LOOKED_AT]]
    return all(any(re.search(label, line) for line in excerpt) for label in log.labels)


def test_there_are_logs_of_each_tool():
    tools = Counter(log.tool for log in LOGS)
    assert len(LOGS) >= 60
    assert {"maven", "gradle", "pytest", "npm", "jest", "go", "docker", "python", "java"} <= set(tools)
    assert 0.25 < sum(log.held_out for log in LOGS) / len(LOGS) < 0.45


@pytest.mark.parametrize("log", [log for log in LOGS if not log.held_out], ids=lambda log: log.name)
def test_logs_that_the_rules_were_written_for(log):
    assert right(log)


def test_nine_of_ten_held_out_logs():
    held_out = [log for log in LOGS if log.held_out]
    good: Counter[str] = Counter()
    for log in held_out:
        good[log.tool] += right(log)
    total = Counter(log.tool for log in held_out)
    print({tool: f"{good[tool]}/{count}" for tool, count in total.items()})  # noqa: T201 -- the table, with -s
    assert good.total() / len(held_out) >= WANTED


# The system that runs a tool adds times and frames of its own: the same lines are found inside of them.
def in_gitlab(text: str) -> str:
    stamped = "".join(f"2026-11-23T10:00:00.{n % 1000000:06}Z 01O {line}\n" for n, line in enumerate(text.split("\n")))
    begin = 'section_start:1700000000:step_script\r\x1b[0K\x1b[0KExecuting "step_script" stage of the job script\n'
    end = "section_end:1700000009:step_script\r\x1b[0K\n\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m"
    return begin + stamped + end


def in_jenkins(text: str) -> str:
    begin = "Started by user ann\n[Pipeline] Start of Pipeline\n[Pipeline] node\n[Pipeline] {\n[Pipeline] stage\n"
    stamped = "".join(f"[2026-11-23T10:00:00.123Z] {line}\n" for line in text.split("\n"))
    end = "[Pipeline] }\n[Pipeline] // stage\n[Pipeline] End of Pipeline\nERROR: script returned exit code 1\n"
    return begin + "[Pipeline] { (Build)\n[Pipeline] sh\n+ build\n" + stamped + end + "Finished: FAILURE\n"


@pytest.mark.parametrize("frame", [in_gitlab, in_jenkins])
def test_the_frame_of_a_pipeline_does_not_hide_the_cause(frame):
    wrong = [log.name for log in LOGS if right(log) and not right(log, frame(log.read().decode()).encode())]
    assert len(wrong) <= len(LOGS) // 20, wrong


def test_a_jenkins_stage_is_named(recorded):
    text = in_jenkins(recorded["pytest-assertion"].read().decode())
    found = diagnose(text)
    assert (found.tool, found.where) == ("pytest", "Build")


@pytest.mark.parametrize(
    "log", [log for log in LOGS if log.tool == "jenkins" and not log.held_out], ids=lambda log: log.name
)
def test_the_one_line_of_a_freestyle_job_is_the_cause_and_never_jenkins_own_line(log):
    found = diagnose(log.read())
    assert all(re.search(label, found.cause) for label in log.labels)
    in_a_pipeline = diagnose(in_jenkins(log.read().decode().partition("$ /bin/sh")[2].partition("Build step")[0]))
    assert all(re.search(label, in_a_pipeline.cause) for label in log.labels)


@pytest.mark.parametrize(
    ("name", "tool", "where", "cause"),
    [
        ("maven-reactor-compile", "maven", "web 1.4.0", "cannot find symbol variable prizes, Cart.java:11"),
        ("gradle-missing-semicolon", "gradle", ":compileJava", "Compilation failed: ';' expected, Cart.java:17"),
        ("go-undefined", "go", "", "undefined: totl, cart/cart.go:14:9"),
        ("docker-classic-multi-stage", "docker", "4/7 RUN sh app.sh", "FAIL: total is 9, want 10"),
        ("npm-missing-package", "npm", "", "npm E404"),
        ("jest-npm-test", "jest", "test", "Cart › adds up"),
    ],
)
def test_cause_and_place(recorded, name, tool, where, cause):
    found = diagnose(recorded[name].read())
    assert (found.tool, found.where, found.sureness) == (tool, where, Sureness.SURE)
    assert cause in found.cause


def test_failing_tests_are_named(recorded):
    assert [test.name for test in diagnose(recorded["go-subtest"].read()).tests] == ["TestTable/two"]
    surefire = diagnose(recorded["maven-failing-assertion"].read()).tests
    assert [(test.suite, test.name, test.message) for test in surefire] == [
        ("CartTest", "addsUp", "expected: <10> but was: <9>")
    ]
    assert len(diagnose(recorded["jest-many-files"].read()).tests) == 2
