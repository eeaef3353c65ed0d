"""What Jenkins and GitLab Runner say themselves.

The texts are made here after their documentation and sources, not recorded.
"""

import pytest

from bot.diagnosis import Sureness, diagnose
from integrations.capabilities.reports import CaseState, TestCase, TestReport

PIPELINE = (
    "[Pipeline] Start of Pipeline\n[Pipeline] stage\n[Pipeline] {{ (Deploy)\n{0}\n"
    "[Pipeline] End of Pipeline\n{1}\nFinished: FAILURE\n"
)
SCRIPT_FAILED = "ERROR: script returned exit code 1"


@pytest.mark.parametrize(
    ("inside", "end", "cause"),
    [
        ("", "java.lang.NoSuchMethodError: No such DSL method 'dockr' found among steps [archive, bat]", "'dockr'"),
        ("", "WorkflowScript: 5: Expected a step @ line 5, column 9.\n   dockr 'x'", "Expected a step"),
        (
            "",
            "groovy.lang.MissingPropertyException: No such property: tag for class: groovy.lang.Binding",
            "property: tag",
        ),
        ("", "ERROR: Could not find credentials entry with ID 'registry'", "credentials entry with ID 'registry'"),
        ("Cannot contact node-7: java.lang.InterruptedException", "", "Cannot contact node-7"),
        ("Cancelling nested steps due to timeout\nsh: make: not found", "Timeout has been exceeded", "timeout"),
        ("Aborted by ann", "ERROR: script returned exit code 143", "Aborted by ann"),
        ("", "ERROR: Couldn't find any revision to build. Verify the repository and branch", "any revision to build"),
    ],
)
def test_jenkins(inside, end, cause):
    found = diagnose(PIPELINE.format(inside, end))
    assert (found.tool, found.where) == ("jenkins", "Deploy")
    assert cause in found.cause
    assert cause in found.excerpt[0].text


FREESTYLE = (
    "Started by user ann\nBuilding in workspace /var/lib/jenkins/workspace/shop\n"
    "[shop] $ /bin/sh -xe /tmp/jenkins1.sh\n{0}\n{1}\nFinished: FAILURE\n"
)
MARKED = "Build step 'Execute shell' marked build as failure\nArchiving artifacts"
NO_ARTIFACTS = "ERROR: Step ‘Archive the artifacts’ failed: No artifacts found that match the file pattern"


@pytest.mark.parametrize(
    ("said", "end", "cause"),
    [
        ("+ ./x\nx: error: no price\nx: 1 error", MARKED, "x: error: no price"),
        ("+ ./a || true\na: error: none\n+ ./x\nprice refused", MARKED, "price refused"),
        ("+ ./x\nx: error: no price\n+ rm -rf tmp\nremoved", MARKED, "x: error: no price"),
        ("+ ./x --fast\nnothing to say", MARKED, "./x --fast failed: nothing to say"),
        ("+ test -s report.txt", MARKED, "test -s report.txt failed"),
        ("", MARKED, "Build step 'Execute shell' marked build as failure"),
        ("+ ./x\nx: error: no price", f'{MARKED}\n{NO_ARTIFACTS} "*.jar"', "x: error: no price"),
        ("+ ./x\n0 errors", f'Archiving artifacts\n{NO_ARTIFACTS} "*.jar"', "No artifacts found"),
    ],
)
def test_a_freestyle_job_says_what_its_step_wrote(said, end, cause):
    found = diagnose(FREESTYLE.format(said, end))
    assert (found.tool, found.where) == ("jenkins", "")
    assert cause in found.cause
    assert found.cause.startswith(cause) or cause == "No artifacts found"


def test_what_a_pipeline_does_after_a_failure_is_not_its_cause():
    post = "[Pipeline] stage\n[Pipeline] { (Declarative: Post Actions)\n[Pipeline] sh\n+ ./tell\nerror: told nobody"
    found = diagnose(PIPELINE.format(f"[Pipeline] sh\n+ ./x\nx: cannot reach web-1\n{post}", SCRIPT_FAILED))
    assert (found.tool, found.cause, found.where) == ("jenkins", "x: cannot reach web-1", "Deploy")


@pytest.mark.parametrize(
    "reason",
    [
        "execution took longer than 1h0m0s seconds",
        'failed to pull image "acme/jre:21" with specified policies [always]: manifest unknown (manager.go:238:0s)',
        "canceled",
    ],
)
def test_gitlab(reason):
    found = diagnose(f"$ make\n\x1b[31;1mERROR: Job failed: {reason}\n\x1b[0;m")
    assert (found.tool, found.cause, found.where) == ("gitlab", f"Job failed: {reason}", "make")


def test_gitlab_system_failure():
    found = diagnose("ERROR: Job failed (system failure): prepare environment: exit status 1.\n")
    assert found.cause == "Job failed: system failure: prepare environment: exit status 1."


def test_an_unknown_log_is_a_guess():
    found = diagnose("loading\nerror: the flux capacitor is empty\nbye\n")
    assert (found.tool, found.sureness) == ("", Sureness.GUESS)
    assert found.excerpt[0].text == "error: the flux capacitor is empty"
    assert found.excerpt[0].number == 2


def test_an_empty_log():
    found = diagnose(b"")
    assert (found.cause, found.sureness, list(found.excerpt)) == ("The log is empty.", Sureness.GUESS, [])


def test_a_report_knows_more_than_an_exit_code():
    case = TestCase(suite="CartTest", name="addsUp", state=CaseState.FAILED, message="expected 10")
    report = TestReport(total=2, failed=1, skipped=0, cases=(case,))
    found = diagnose("[Pipeline] sh\nERROR: script returned exit code 1\nFinished: FAILURE\n", report)
    assert found.cause == "A test failed: CartTest.addsUp: expected 10"
    assert [test.name for test in found.tests] == ["addsUp"]


def test_gradle_build_scan_is_linked():
    log = "* What went wrong:\nBoom\n\n* Try:\n\nPublishing build scan...\nhttps://scans.gradle.com/s/abcdefgh12345\n"
    assert list(diagnose(log).links) == ["https://scans.gradle.com/s/abcdefgh12345"]
