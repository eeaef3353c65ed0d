"""What a run tells: stages, steps that wait, artifacts, what it started, its tests; and what may be asked of jobs."""

import json

import pytest

from integrations.capabilities.reports import CaseState
from integrations.capabilities.runs import ParameterKind, RunRef, RunState
from integrations.errors import NotFound, Refused
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import ended, eventually
from tests.servers.jenkins import Build, boolean, choice, password, text
from tests.servers.jenkins.queue import Node


async def running(jenkins, ref: RunRef):
    async def look():
        run = await jenkins.get_run(ref)
        return run if run.state is not RunState.QUEUED else None

    return await eventually(look)


async def release(build: Build) -> None:
    async with build.stage("Build"):
        build.say("made it")
    async with build.stage("Approve"):
        given = await build.ask(
            "go", "Deploy to prod?", ok="Ship", parameters=[text("WHY", "x"), choice("RING", "one", "all")]
        )
    async with build.stage("Deploy"):
        build.say(f"because {given['WHY']} to {given['RING']}")


async def waiting(jenkins, ref: RunRef):
    async def look():
        run = await jenkins.get_run(ref)
        return run if run.actions else None

    return await eventually(look)


async def test_stages_and_a_step_that_waits_for_a_person(jenkins, server):
    jobs.add(server, script=release, kind="pipeline")
    ref = await jenkins.start_build(jobs.build("r-1"))
    run = await waiting(jenkins, ref)
    assert [(s.name, s.state) for s in run.stages] == [("Build", RunState.SUCCEEDED), ("Approve", RunState.RUNNING)]
    assert run.stages[0].ended_at is not None
    assert run.number == "#1"
    (action,) = run.actions
    assert (action.id, action.label, action.text) == ("Go", "Ship", "Deploy to prod?")
    assert action.url == f"{server.url}/job/shop/job/build/1/input/"
    assert [(p.name, p.kind, p.default, p.choices) for p in action.parameters] == [
        ("WHY", ParameterKind.TEXT, "x", ()),
        ("RING", ParameterKind.CHOICE, "one", ("one", "all")),
    ]
    for given, words in (({"RING": "some"}, "one of one, all"), ({"WYH": "y"}, "did you mean WHY")):
        with pytest.raises(Refused, match=words):
            await jenkins.answer(ref, "Go", given)
    await jenkins.answer(ref, "Go", {"WHY": "it is time"})
    run = await ended(jenkins, ref)
    assert [s.state for s in run.stages] == [RunState.SUCCEEDED] * 3
    assert "because it is time to one" in (await jenkins.read_log(ref)).text
    with pytest.raises(Refused, match="nothing called 'Go' waits"):
        await jenkins.answer(ref, "Go", {})


async def test_an_answer_that_is_lost_is_looked_for_and_not_given_twice(jenkins, server):
    jobs.add(server, script=release, kind="pipeline")
    ref = await jenkins.start_build(jobs.build("r-1"))
    await waiting(jenkins, ref)
    server.faults.drop("POST .*/input/Go/submit", after=True)
    await jenkins.answer(ref, "Go", {})
    assert (await ended(jenkins, ref)).state is RunState.SUCCEEDED


async def test_a_cancelled_pipeline_says_who_ended_it(jenkins, server):
    jobs.add(server, script=release, kind="pipeline")
    ref = await jenkins.start_build(jobs.build("r-1"))
    await waiting(jenkins, ref)
    await jenkins.cancel_run(ref)
    run = await ended(jenkins, ref)
    assert (run.state, run.reason) == (RunState.CANCELLED, "Aborted by bot")


async def test_a_failed_stage_is_named(jenkins, server):
    async def breaks(build: Build) -> None:
        async with build.stage("Test"):
            build.say("3 tests failed")
            raise ValueError("script returned exit code 1")

    jobs.add(server, script=breaks, kind="pipeline")
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    assert run.reason.startswith("failure; stage Test: script returned exit code 1")
    assert run.stages[0].state is RunState.FAILED


async def test_without_the_plugin_there_are_no_stages(jenkins, server):
    server.pipeline_plugins = False
    jobs.add(server, script=jobs.succeeds, kind="pipeline")
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    assert (run.state, run.stages) == (RunState.SUCCEEDED, ())


async def test_artifacts_revision_and_what_was_made(jenkins, server):
    async def makes(build: Build) -> None:
        build.revision = ("main", "b" * 40)
        build.files["target/shop.jar"] = b"jar"
        build.files["target/shipmate.json"] = json.dumps({"artifact": "shop.jar", "note": "ok"}).encode()

    server.add_job("shop/build", parameters=[text("SHIPMATE_REQUEST_ID")], script=makes)
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1", sha="")))
    base = f"{server.url}/job/shop/job/build/1/artifact"
    assert [(a.name, a.url) for a in run.artifacts] == [
        ("target/shop.jar", f"{base}/target/shop.jar"),
        ("target/shipmate.json", f"{base}/target/shipmate.json"),
    ]
    assert (run.branch, run.sha) == ("main", "b" * 40)
    assert run.result == {"artifact": "shop.jar", "note": "ok"}
    assert run.title == "shop » build #1"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"artifact": 7}'])
async def test_a_result_that_cannot_be_read_is_said(jenkins, server, content):
    async def makes(build: Build) -> None:
        build.files["shipmate.json"] = content

    jobs.add(server, script=makes)
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    assert (run.state, run.result) == (RunState.SUCCEEDED, {})
    assert "shipmate.json cannot be read" in run.reason


async def test_an_image_named_in_the_description_is_the_artifact(jenkins, server):
    digest = f"sha256:{'4f' * 32}"

    async def makes(build: Build) -> None:
        build.description = f"pushed registry.example.org/shop@{digest} for review"

    jobs.add(server, script=makes)
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    assert run.result == {"artifact": "registry.example.org/shop", "digest": digest}


async def test_builds_that_a_build_started(jenkins, server):
    after = server.add_job("shop/after")
    jobs.add(server, script=jobs.succeeds, downstream=[after])
    ref = await jenkins.start_build(jobs.build("r-1"))
    await ended(jenkins, ref)

    async def look():
        return (await jenkins.get_run(ref)).downstream

    (started,) = await eventually(look)
    assert (started.title, started.state) == ("shop » after #1", RunState.RUNNING)
    assert started.ref == RunRef("jenkins", "shop/after#1")
    after.builds[1].finish("FAILURE")
    assert (await jenkins.get_run(ref)).downstream[0].state is RunState.FAILED
    assert (await jenkins.get_run(started.ref)).state is RunState.FAILED


async def test_builds_that_a_pipeline_started_by_steps(jenkins, server):
    server.add_job("ops/deploy", script=jobs.succeeds)

    async def starts(build: Build) -> None:
        build.say("Scheduling project: ops » deploy")
        build.say("Starting building: ops » deploy #1")

    await _build_plain(server, "ops/deploy")
    jobs.add(server, script=starts, kind="pipeline")
    run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    assert [one.title for one in run.downstream] == ["ops » deploy #1"]


async def _build_plain(server, name: str) -> Build:
    from tests.servers.jenkins.queue import Cause  # noqa: PLC0415 -- of the stand-in's inside

    job = server.job(name)
    server.executor.schedule(job, {}, Cause(user="mia"))

    async def look():
        return next((build for build in job.builds.values() if not build.building), None)

    return await eventually(look)


REPORT = {
    "duration": 1.5,
    "failCount": 1,
    "passCount": 2,
    "skipCount": 1,
    "suites": [
        {
            "name": "ShopTest",
            "cases": [
                {"className": "shop.ShopTest", "name": "opens", "status": "PASSED", "duration": 0.5},
                {"className": "shop.ShopTest", "name": "closes", "status": "FIXED", "duration": 0.25},
                {
                    "className": "shop.ShopTest",
                    "name": "sells",
                    "status": "REGRESSION",
                    "duration": 0.75,
                    "errorDetails": "expected 1 but was 2\nreally",
                    "errorStackTrace": "java.lang.AssertionError\n\tat shop",
                },
                {"className": "shop.ShopTest", "name": "buys", "status": "SKIPPED", "skippedMessage": "not yet"},
            ],
        }
    ],
}


async def test_the_tests_of_a_run(jenkins, server):
    async def tests(build: Build) -> str:
        build.report = REPORT
        return "UNSTABLE"

    jobs.add(server, script=tests)
    ref = await jenkins.start_build(jobs.build("r-1"))
    run = await ended(jenkins, ref)
    assert (run.state, run.reason) == (RunState.FAILED, "unstable")
    report = await jenkins.get_report(ref)
    assert (report.total, report.failed, report.skipped, report.seconds) == (4, 1, 1, 1.5)
    assert [case.state for case in report.cases] == [
        CaseState.FAILED,
        CaseState.SKIPPED,
        CaseState.PASSED,
        CaseState.PASSED,
    ]
    failed = report.cases[0]
    assert (failed.suite, failed.name, failed.message) == ("shop.ShopTest", "sells", "expected 1 but was 2")
    assert failed.details.startswith("java.lang.AssertionError")
    assert report.url == f"{server.url}/job/shop/job/build/1/testReport/"


async def test_a_report_over_the_bound_comes_without_its_traces(connected, server):
    case = {**REPORT["suites"][0]["cases"][2], "errorStackTrace": "x" * 40_000}  # type: ignore[index]

    async def tests(build: Build) -> None:
        build.report = {**REPORT, "suites": [{"name": "s", "cases": [case]}]}

    jobs.add(server, script=tests)
    jenkins = await connected(max_bytes=20_000)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await ended(jenkins, ref)
    report = await jenkins.get_report(ref)
    assert report.cases[0].details == "expected 1 but was 2\nreally"


async def test_a_run_without_tests_has_no_report(jenkins, server):
    jobs.add(server, script=jobs.succeeds)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await ended(jenkins, ref)
    assert await jenkins.get_report(ref) is None
    with pytest.raises(NotFound):
        await jenkins.get_report(RunRef("jenkins", "shop/build#9"))


async def test_in_the_queue_the_reason_is_jenkins_own(jenkins, server):
    server.executor.held = True
    jobs.add(server, script=jobs.succeeds)
    ref = await jenkins.start_build(jobs.build("r-1"))

    async def look():
        run = await jenkins.get_run(ref)
        return run if run.reason != "Finished waiting" else None

    run = await eventually(look)
    assert (run.state, run.reason) == (RunState.QUEUED, "Waiting for next available executor")
    assert run.queued_at is not None
    assert await jenkins.find_run("r-1") == ref
    await jenkins.cancel_run(ref)
    run = await jenkins.get_run(ref)
    assert (run.state, run.reason) == (RunState.CANCELLED, "cancelled in the queue")
    assert not (await jenkins.read_log(ref)).more
    await jenkins.cancel_run(ref)
    assert server.job("shop/build").builds == {}


async def test_nodes_that_are_offline_and_a_stuck_queue_are_said(jenkins, server):
    server.executor.nodes.append(Node("agent-1", "linux", reason="Connection was broken"))
    jobs.add(server, label="linux")
    ref = await jenkins.start_build(jobs.build("r-1"))

    async def look():
        run = await jenkins.get_run(ref)
        return run if "offline" in run.reason else None

    run = await eventually(look)
    assert run.reason == "All nodes of label ‘linux’ are offline; agent-1 is offline: Connection was broken"
    next(iter(server.executor.items.values())).stuck = True
    assert (await jenkins.get_run(ref)).reason.startswith("stuck in the queue: All nodes of label ‘linux’")
    server.executor.nodes[1].reason = ""
    server.executor.maintain()
    assert (await running(jenkins, ref)).state is RunState.RUNNING


async def test_jobs_are_found_by_their_path_or_their_last_part(jenkins, server):
    jobs.add(server, "team/checkout")
    jobs.add(server, "other/pay")
    jobs.add(server, "team/pay")
    jobs.add(server, "team/with space/ümlaut")
    assert (await jenkins.get_job("team/checkout")).url == f"{server.url}/job/team/job/checkout/"
    assert (await jenkins.get_job("checkout")).name == "team/checkout"
    assert (await jenkins.get_job("team/with space/ümlaut")).name == "team/with space/ümlaut"
    with pytest.raises(Refused, match="several jobs are called pay: other/pay, team/pay"):
        await jenkins.get_job("pay")
    with pytest.raises(NotFound, match="Did you mean team/checkout"):
        await jenkins.get_job("team/chekout")
    with pytest.raises(Refused, match=r"team is a folder: name a job in it: team/checkout"):
        await jenkins.get_job("team")
    assert await jenkins.list_jobs("pay") == ["other/pay", "team/pay"]
    for name in ("../x", "a?b", "", "team//checkout"):
        with pytest.raises(NotFound):
            await jenkins.get_job(name)


async def test_a_branch_of_a_multibranch_job(jenkins, server):
    server.add_job("team/checkout", kind="multibranch")
    branch = jobs.add(server, "team/checkout/feature%2Fx", kind="pipeline", script=jobs.succeeds)
    assert branch.path == "/job/team/job/checkout/job/feature%252Fx/"
    ref = await jenkins.start_build(jobs.build("r-1", "team/checkout", branch="feature/x"))
    assert ref.id == "team/checkout/feature%2Fx@r-1"
    run = await ended(jenkins, ref)
    assert [one.ref for one in await jenkins.list_builds("team/checkout", branch="feature/x")] == [ref]
    assert run.state is RunState.SUCCEEDED
    with pytest.raises(Refused, match=r"builds branches: name one of team/checkout/feature%2Fx"):
        await jenkins.get_job("team/checkout")


async def test_parameters_of_a_job(jenkins, server):
    server.add_job("deploy", parameters=[choice("RING", "one", "all"), boolean("DRY", default=True), password("KEY")])
    job = await jenkins.get_job("deploy")
    assert [(p.name, p.kind, p.default, p.choices) for p in job.parameters] == [
        ("RING", ParameterKind.CHOICE, "one", ("one", "all")),
        ("DRY", ParameterKind.BOOLEAN, "true", ()),
        ("KEY", ParameterKind.SECRET, "", ()),
    ]


async def test_a_build_with_a_password_is_not_retried(jenkins, server):
    jobs.add(server, parameters=[*jobs.BUILD, password("KEY")], script=jobs.fails)
    ref = await jenkins.start_build(jobs.build("r-1", KEY="hunter2"))
    await ended(jenkins, ref)
    with pytest.raises(Refused, match="KEY, which Jenkins does not show"):
        await jenkins.retry_build(ref, "r-2")


async def test_builds_that_others_started_are_listed_and_read(jenkins, server):
    jobs.add(server, parameters=(), script=jobs.fails)
    await _build_plain(server, "shop/build")
    (run,) = await jenkins.list_builds("shop/build")
    assert (run.ref, run.number, run.state) == (RunRef("jenkins", "shop/build#1"), "#1", RunState.FAILED)
    assert (await jenkins.get_run(run.ref)).reason == "failure; it broke"


async def test_one_deploy_job_for_several_places(jenkins, server):
    server.add_job("deploy", parameters=jobs.DEPLOY, script=jobs.succeeds)
    for request, fence, target in (("d-1", 1, "eu"), ("d-2", 5, "us"), ("d-3", 2, "eu")):
        await ended(jenkins, await jenkins.start_deploy(jobs.deploy(request, "deploy", fence, target)))
    assert (await jenkins.get_running("deploy", "shop", "staging", "eu")).version == "d-3"
    assert (await jenkins.get_running("deploy", "shop", "staging", "us")).version == "d-2"
    assert await jenkins.get_running("deploy", "shop", "production", "eu") is None
    with pytest.raises(Refused, match="the claim 4 is older than 5"):
        await jenkins.start_deploy(jobs.deploy("d-4", "deploy", 4, "us"))


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("SHIPMATE_REQUEST_ID", "no parameter SHIPMATE_REQUEST_ID: declare it"),
        ("SHIPMATE_FENCE", "no parameter SHIPMATE_FENCE"),
        ("SHIPMATE_TARGET", "no parameter SHIPMATE_TARGET"),
    ],
)
async def test_a_deploy_job_that_lacks_what_it_needs_is_refused(jenkins, server, lacking, words):
    server.add_job("deploy", parameters=[one for one in jobs.DEPLOY if one.name != lacking])
    with pytest.raises(Refused, match=words):
        await jenkins.start_deploy(jobs.deploy("d-1", "deploy", target="eu"))
    assert server.job("deploy").builds == {}
