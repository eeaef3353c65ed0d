"""Pipelines as runs: which ref they run on, their jobs, manual jobs, logs, results, tests and what they start."""

import pytest

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.reports import CaseState
from integrations.capabilities.runs import RunRef, RunState
from integrations.errors import Refused
from integrations.gitlab.deploys import environment_name
from integrations.gitlab.logs import MOST, pack, unpack
from tests.integrations.waiting import log_of
from tests.servers.gitlab import pipelines
from tests.servers.gitlab.state import Deployment, JobSpec


def case(name: str, status: str, output: object = None) -> dict[str, object]:
    return {
        "status": status, "name": name, "classname": "tests.test_cart", "file": None, "execution_time": 0.5,
        "system_output": output, "stack_trace": None, "recent_failures": None,
    }  # fmt: skip


CI = [
    JobSpec(
        name="compile", stage="build", trace=b"section_start:1:x\r\x1b[0Kcompiling \xff\n", artifacts={"a.jar": b"x"}
    ),
    JobSpec(
        name="unit", stage="test", trace=b"2 failed\n", outcome=None,
        report=[case("adds", "success"), case("sums", "failed", "\nAssertionError: 1 != 2\nat line 7"),
                case("later", "skipped"), case("breaks", "error", {"message": "no fixture"})],
    ),
    JobSpec(name="lint", stage="test", outcome="failed", allow_failure=True),
    JobSpec(name="downstream", stage="ship", triggers="team/shop-e2e"),
    JobSpec(name="to-production", stage="ship", manual=True, allow_failure=True, trace=b"shipping\n"),
]  # fmt: skip


@pytest.fixture
def project(server, real_history):
    found = server.add_project("team/shop", ci=CI)
    server.add_project("team/shop-e2e", ci=[JobSpec(name="e2e", outcome=None)])
    real_history.branch("shop", "main", real_history.commit("shop", "First", files={"a.txt": b"1"}))
    return found


@pytest.fixture
def head(project, real_history):
    return real_history.git("shop", "rev-parse", "main").decode().strip()


def build(sha: str, request_id: str = "r-1", job: str = "shop", **about: object) -> BuildRequest:
    values: dict[str, object] = {
        "request_id": request_id,
        "job": job,
        "project": "shop",
        "sha": sha,
        "version": "1.4.2",
    }
    return BuildRequest(**values | about)  # type: ignore[arg-type]  # a test names fields as they are


async def test_a_pipeline_from_its_beginning_to_its_end(server, adapter, project, head):
    gitlab = await adapter()
    ref = await gitlab.start_build(build(head, parameters={"FLAVOUR": "slim"}))
    made = project.pipelines[0]
    assert made.variables == {
        "FLAVOUR": "slim", "SHIPMATE_REQUEST_ID": "r-1", "SHIPMATE_JOB": "shop", "SHIPMATE_SHA": head,
        "SHIPMATE_VERSION": "1.4.2",
    }  # fmt: skip
    run = await gitlab.get_run(ref)
    assert (run.state, run.number, run.branch, run.sha) == (RunState.RUNNING, f"#{made.id}", "main", head)
    states = {stage.name: stage.state for stage in run.stages}
    assert states == {
        "compile": RunState.SUCCEEDED, "unit": RunState.RUNNING, "lint": RunState.FAILED,
        "to-production": RunState.QUEUED,
    }  # fmt: skip
    assert [(one.name, one.size) for one in run.artifacts] == [("compile/artifacts.zip", 1)]
    chunk = await gitlab.read_log(ref)
    assert chunk.text == "=== build: compile ===\ncompiling \ufffd\n=== test: unit ===\n2 failed\n"
    assert chunk.more
    made.jobs[1].trace += "naïve".encode()[:3]  # in the middle of a character
    chunk = await gitlab.read_log(ref, chunk.next_offset)
    assert chunk.text == "na"
    made.jobs[1].trace += "naïve".encode()[3:]
    made.jobs[1].outcome = "success"
    run = await gitlab.get_run(ref)
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    assert "ïve" in (await gitlab.read_log(ref, chunk.next_offset)).text
    (down,) = run.downstream
    assert (down.title, down.state) == ("downstream", RunState.QUEUED)
    assert down.ref is not None
    assert (await gitlab.get_run(down.ref)).state is RunState.RUNNING
    (action,) = run.actions
    assert action.label == "to-production"
    await gitlab.answer(ref, action.id, {"REGION": "eu"})
    assert made.jobs[4].played_with == {"REGION": "eu"}
    with pytest.raises(Refused, match="waits to be started"):
        await gitlab.answer(ref, action.id, {})
    assert (await log_of(gitlab, ref)).endswith("=== ship: to-production ===\nshipping\n")
    assert (await gitlab.get_run(ref)).actions == ()


async def test_an_action_of_another_pipeline_is_refused(server, adapter, project, head):
    gitlab = await adapter()
    project.ci = [JobSpec(name="ship", manual=True)]
    first, second = [await gitlab.start_build(build(head, ident)) for ident in ("r-1", "r-2")]
    run = await gitlab.get_run(second)
    assert (run.state, run.reason) == (RunState.RUNNING, "ship waits to be started by a person")
    await gitlab.get_run(first)
    for action in (run.actions[0].id, "99999", "x", "", "\u0661"):
        with pytest.raises(Refused):
            await gitlab.answer(first, action, {})


async def test_the_tests_of_a_pipeline(server, adapter, project, head):
    gitlab = await adapter()
    ref = await gitlab.start_build(build(head))
    assert await gitlab.get_report(ref) is None
    project.pipelines[0].jobs[1].outcome = "failed"
    run = await gitlab.get_run(ref)
    assert (run.state, run.reason) == (RunState.FAILED, "unit: script failure: 2 failed")
    report = await gitlab.get_report(ref)
    assert (report.total, report.failed, report.skipped, report.seconds) == (4, 2, 1, 2.0)
    assert [(one.name, one.state) for one in report.cases] == [
        ("sums", CaseState.FAILED), ("breaks", CaseState.FAILED), ("adds", CaseState.PASSED),
        ("later", CaseState.SKIPPED),
    ]  # fmt: skip
    assert (report.cases[0].message, report.cases[1].message) == ("AssertionError: 1 != 2", "no fixture")
    assert "line 7" in report.cases[0].details


async def test_a_commit_that_no_ref_points_at_is_not_built_unless_the_pipeline_checks_it_out(
    server, adapter, project, head, real_history
):
    second = real_history.commit("shop", "Second", parents=[head])
    real_history.branch("shop", "main", second)
    gitlab = await adapter(pipelines={"any": {"project": "shop", "any_commit": True, "variables": {"TASK": "image"}}})
    with pytest.raises(Refused, match="no branch or tag of shop points at"):
        await gitlab.start_build(build(head))
    assert project.pipelines == []
    ref = await gitlab.start_build(build(head, "r-2", job="any"))
    assert (project.pipelines[0].sha, project.pipelines[0].variables["SHIPMATE_SHA"]) == (second, head)
    assert project.pipelines[0].variables["TASK"] == "image"
    real_history.tag("shop", "v1.4.2", head)
    assert await gitlab.start_build(build(head, "r-2", job="any")) == ref
    tagged = await gitlab.get_run(await gitlab.start_build(build(head)))
    assert (tagged.branch, tagged.sha) == ("v1.4.2", head)
    assert [run.ref for run in await gitlab.list_builds("any")] == [ref]
    assert len(await gitlab.list_builds("shop")) == 2
    assert [run.branch for run in await gitlab.list_builds("shop", branch="v1.4.2")] == ["v1.4.2"]
    assert {"any", "shop"} <= set(await gitlab.list_jobs())
    assert [one.name for one in (await gitlab.get_job("any")).parameters] == ["TASK"]


async def test_a_branch_that_moves_between_look_and_start_is_not_built(server, adapter, project, head, real_history):
    gitlab = await adapter()
    choose = gitlab._choose_ref

    def choose_and_push(*given: object) -> str:
        name = str(choose(*given))
        real_history.branch("shop", "main", real_history.commit("shop", "Second", parents=[head]))
        return name

    gitlab._choose_ref = choose_and_push
    with pytest.raises(Refused, match="main moved from"):
        await gitlab.start_build(build(head))
    assert [pipeline.canceled for pipeline in project.pipelines] == [True]


async def test_why_a_pipeline_waits(server, adapter, project, head):
    gitlab = await adapter()
    server.runners_held = True
    project.ci = [JobSpec(name="make", tags=("docker", "arm64"))]
    ref = await gitlab.start_build(build(head))
    run = await gitlab.get_run(ref)
    assert (run.state, run.reason) == (RunState.QUEUED, "make waits for a runner with the tags docker, arm64")
    project.pipelines[0].yaml_errors = "jobs:make config should contain a script"
    run = await gitlab.get_run(ref)
    assert (run.state, run.reason) == (RunState.FAILED, ".gitlab-ci.yml: jobs:make config should contain a script")


@pytest.mark.parametrize("ranges", [False, True])
async def test_a_large_log_is_read_in_pieces(server, adapter, project, head, ranges):
    server.ranges = ranges
    line = b"0123456789abcdef\n"
    project.ci = [JobSpec(name="make", trace=line * (40 * 1024 * 1024 // len(line)))]
    gitlab = await adapter()
    ref = await gitlab.start_build(build(head))
    await gitlab.get_run(ref)
    first = await gitlab.read_log(ref)
    assert 200 * 1024 < len(first.text.encode()) <= MOST
    assert first.more
    second = await gitlab.read_log(ref, first.next_offset)
    size = len(project.ci[0].trace)
    (job, byte) = unpack(second.next_offset)
    assert job == 0
    header = len("=== test: make ===\n")
    assert (first.text + second.text)[header:].encode() == project.ci[0].trace[:byte]
    last = await gitlab.read_log(ref, pack(0, size - 17))
    assert (last.text, last.more) == (line.decode(), False)
    beyond = await gitlab.read_log(ref, pack(0, size))
    assert (beyond.text, beyond.more, beyond.next_offset) == ("", False, pack(0, size))


async def test_what_runs_is_what_the_environment_says(server, adapter, project, head):
    gitlab = await adapter(environment="{service}/{environment}", pipelines={"ship": {"project": "shop"}})
    assert environment_name("{environment}", "shop", "production", "eu") == "production/eu"
    assert environment_name("{environment}-{target}", "shop", "production", "eu") == "production-eu"
    project.ci = [JobSpec(name="ship", environment="shop/production/eu")]
    ask = ("ship", "shop", "production", "eu")
    assert await gitlab.get_running(*ask) is None
    request = DeployRequest(
        request_id="D-1/deploy", job="ship", service="shop", environment="production", target="eu", project="shop",
        sha=head, version="1.4.2", fence=3, artifact="registry/shop:1", digest="sha256:1",
    )  # fmt: skip
    await gitlab.get_run(await gitlab.start_deploy(request))
    variables = project.pipelines[0].variables
    assert (variables["SHIPMATE_TARGET"], variables["SHIPMATE_DIGEST"], variables["SHIPMATE_FENCE"]) == (
        "eu", "sha256:1", "3",
    )  # fmt: skip
    running = await gitlab.get_running(*ask)
    assert (running.sha, running.version, running.healthy) == (head, "1.4.2", None)
    now = server.time.text()
    by_hand = Deployment(
        9999, 2, "shop/production/eu", head, "v1.4.3", True, "success", server.users["shipmate"], now, now
    )
    project.deployments.append(by_hand)
    assert (await gitlab.get_running(*ask)).version == "v1.4.3"


async def test_pipelines_of_others_are_listed_but_never_taken_for_ours(server, adapter, project, head):
    ada = server.add_user("ada")
    theirs = pipelines.create(server, project, "main", head, {"SHIPMATE_REQUEST_ID": "r-1"}, user=ada)
    gitlab = await adapter()
    assert await gitlab.find_run("r-1") is None
    ref = await gitlab.start_build(build(head))
    assert ref != RunRef("gitlab", f"{project.id}/{theirs.id}")
    assert len(await gitlab.list_builds("shop")) == 2
