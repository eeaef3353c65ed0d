"""Starting builds: what is refused before it is sent, and what is found, and never sent again, when no answer came."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from integrations.capabilities.runs import RunState
from integrations.errors import NotPermitted, OutcomeUnknown, RateLimited, Refused, Unavailable
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import ended, eventually
from tests.servers.jenkins import Build, boolean, choice
from tests.servers.jenkins.queue import Cause, QueueItem

POST = "POST .*/buildWithParameters"


async def begun(server, job: str = "shop/build", number: int = 1):
    async def look():
        return server.job(job).builds.get(number)

    return await eventually(look)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"RNG": "one"}, "no parameter RNG: did you mean RING"),
        ({"RING": "some"}, "RING is one of one, all, not 'some'"),
        ({"DRY": "perhaps"}, "DRY is true or false, not 'perhaps'"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_refused_before_it_is_sent(jenkins, server, given, words):
    jobs.add(server, parameters=[*jobs.BUILD, choice("RING", "one", "all"), boolean("DRY")])
    with pytest.raises(Refused, match=words):
        await jenkins.start_build(jobs.build("r-1", **given))
    assert not [seen for seen in server.requests if seen.method == "POST"]


async def test_a_job_that_takes_no_builds(jenkins, server):
    jobs.add(server, disabled=True)
    with pytest.raises(Refused, match="shop/build: the job is disabled in Jenkins"):
        await jenkins.start_build(jobs.build("r-1"))
    jobs.add(server, "shop/secret")
    server.forbid("shop/secret")
    with pytest.raises(NotPermitted, match=r"bot may not do this: Job/Build is lacking"):
        await jenkins.start_build(jobs.build("r-2", "shop/secret"))
    jobs.add(server, "shop/plain", parameters=())
    with pytest.raises(Refused, match="SHIPMATE_REQUEST_ID"):
        await jenkins.start_build(jobs.build("r-3", "shop/plain"))


async def test_a_job_that_is_disabled_at_the_last_moment(jenkins, server):
    job = jobs.add(server)
    hold = server.faults.hold(POST)
    starting = asyncio.create_task(jenkins.start_build(jobs.build("r-1")))
    async with asyncio.timeout(45):
        while not hold.met:  # noqa: ASYNC110 -- what it waits for is inside of the stand-in
            await asyncio.sleep(0.005)
    job.disabled = True
    hold.gate.set()
    with pytest.raises(Refused, match=r"takes no builds: shop » build is not buildable!"):
        await starting


@pytest.mark.parametrize("fault", ["drop", "502", "html"])
async def test_an_answer_that_is_lost_after_the_build_was_queued_is_found(jenkins, server, fault):
    jobs.add(server)
    if fault == "drop":
        server.faults.drop(POST, after=True)
    else:
        server.faults.answer(POST, 502 if fault == "502" else 200, "<html>Bad gateway</html>", after=True)
    ref = await jenkins.start_build(jobs.build("r-1"))
    assert ref == await jenkins.start_build(jobs.build("r-1"))
    await begun(server)
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 1


async def test_an_answer_that_is_lost_while_jenkins_goes_away_is_of_unknown_outcome(jenkins, server):
    jobs.add(server)
    fault = server.faults.hold(POST, after=True)
    fault.drop = True
    starting = asyncio.create_task(jenkins.start_build(jobs.build("r-1")))
    async with asyncio.timeout(45):
        while not fault.met:  # noqa: ASYNC110 -- what it waits for is inside of the stand-in
            await asyncio.sleep(0.005)
    server.faults.answer("GET ", 503, "<h1>Please wait while Jenkins is restarting</h1>", times=6)
    fault.gate.set()
    with pytest.raises(OutcomeUnknown) as raised:
        await starting
    assert raised.value.request_id == "r-1"

    async def found():
        try:
            return await jenkins.find_run("r-1")
        except Unavailable:
            return None

    ref = await eventually(found)
    assert (await jenkins.start_build(jobs.build("r-1"))) == ref
    await begun(server)
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 1


async def test_what_was_not_sent_is_unavailable(connected, server):
    jobs.add(server)
    jenkins = await connected()
    server.faults.answer(POST, 503, "<h1>Please wait while Jenkins is getting ready to work</h1>")
    with pytest.raises(Unavailable, match="starting up"):
        await jenkins.start_build(jobs.build("r-1"))
    server.faults.answer(POST, 429, Retry_After="3")
    with pytest.raises(RateLimited):
        await jenkins.start_build(jobs.build("r-1"))
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 0
    await jenkins.start_build(jobs.build("r-1"))


async def test_slow_past_the_deadline(connected, server):
    jobs.add(server)
    jenkins = await connected(timeout=0.4)
    hold = server.faults.hold("GET /job/shop/job/build/api/json", times=-1)
    with pytest.raises(Unavailable, match=r"no answer within 0\.4 s"):
        await jenkins.start_build(jobs.build("r-1"))
    hold.gate.set()
    server.faults.remove(hold)
    assert not [seen for seen in server.requests if seen.method == "POST"]
    slow = server.faults.hold(POST, after=True)
    ref = await jenkins.start_build(jobs.build("r-1"))  # it was queued, and is found there
    slow.gate.set()
    await begun(server)
    assert await jenkins.find_run("r-1") == ref
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 1


async def test_another_process_finds_the_build_and_starts_none(connected, server):
    jobs.add(server, script=jobs.succeeds)
    first = await connected()
    ref = await first.start_build(jobs.build("r-1"))
    second = await connected()  # knows nothing of the first
    assert await second.start_build(jobs.build("r-1")) == ref
    await ended(second, ref)
    third = await connected()
    assert await third.start_build(jobs.build("r-1")) == ref
    assert (await third.get_run(ref)).state is RunState.SUCCEEDED
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 1


@pytest.mark.parametrize("kind", ["pipeline", "freestyle"])
async def test_another_process_finds_a_run_in_the_queue_and_at_work_by_its_request_alone(connected, server, kind):
    jobs.add(server, kind=kind)
    server.executor.held = True
    ref = await (await connected()).start_build(jobs.build("r-1"))
    assert await (await connected()).find_run("r-1") == ref
    server.executor.held = False
    server.executor.maintain()
    await begun(server)
    assert await (await connected()).find_run("r-1") == ref
    assert await (await connected()).find_run("r-2") is None


def fill(job, count: int) -> None:
    """Let a job have had so many builds of other people since."""
    for _ in range(count):
        item = QueueItem(0, job, {"SHIPMATE_REQUEST_ID": "other"}, Cause(user="ada"), 0, 0.0)
        build = Build(job, job.next_number, item, int(time.time() * 1000))
        build.result, build.ended = "SUCCESS", build.began
        job.builds[build.number] = build
        job.next_number += 1


async def test_a_build_that_is_over_is_found_behind_hundreds_of_newer_ones(connected, server):
    job = jobs.add(server, script=jobs.succeeds)
    asked_at = datetime.now(UTC)
    first = await connected()
    request = replace(jobs.build("r-1"), asked_at=asked_at)
    ref = await first.start_build(request)
    await ended(first, ref)
    fill(job, 250)
    second = await connected(history=100)
    assert await second.find_run("r-1") is None
    assert await second.find_run("r-1", "shop/build", asked_at) == ref
    assert await (await connected()).find_run("r-1", "build", asked_at) == ref  # also by the job's short name
    assert await (await connected()).start_build(request) == ref
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 1
    again = await (await connected()).retry_build(ref, "r-2")
    fill(job, 150)
    assert await (await connected()).retry_build(ref, "r-2") == again


async def test_what_is_older_than_the_request_is_not_looked_through(connected, server):
    job = jobs.add(server, script=jobs.succeeds)
    fill(job, 350)
    for build in job.builds.values():
        build.began -= 3_600_000
    jenkins = await connected(history=50)
    await jenkins.start_build(replace(jobs.build("r-1"), asked_at=datetime.now(UTC)))
    assert len([seen for seen in server.requests if "allBuilds" in seen.path]) == 1


async def test_a_branch_build_that_is_over_is_found_by_its_multibranch_job(connected, server):
    server.add_job("team/checkout", kind="multibranch")
    for branch in ("main", "feature%2Fx"):
        jobs.add(server, f"team/checkout/{branch}", jobs.succeeds)
    first = await connected()
    ref = await first.start_build(jobs.build("r-1", "team/checkout", branch="feature/x"))
    await ended(first, ref)
    assert await (await connected()).find_run("r-1", "team/checkout") == ref
    assert await (await connected()).find_run("r-2", "team/checkout") is None
    assert await (await connected()).find_run("r-1", "no-such-job") is None


async def test_two_that_ask_at_once_start_one_build(jenkins, server):
    jobs.add(server)
    refs = await asyncio.gather(*(jenkins.start_build(jobs.build("r-1")) for _ in range(5)))
    assert len(set(refs)) == 1
    await begun(server)
    assert server.started("shop/build", SHIPMATE_REQUEST_ID="r-1") == 1


async def test_a_token_that_is_revoked_while_the_answer_is_lost_leaves_the_outcome_unknown(jenkins, server):
    jobs.add(server)
    fault = server.faults.hold(POST, after=True)
    fault.drop = True
    starting = asyncio.create_task(jenkins.start_build(jobs.build("r-1")))
    async with asyncio.timeout(45):
        while not fault.met:  # noqa: ASYNC110 -- what it waits for is inside of the stand-in
            await asyncio.sleep(0.005)
    server.faults.answer("GET ", 401, times=3)
    fault.gate.set()
    with pytest.raises(OutcomeUnknown):
        await starting
