"""Jenkins away, slow, restarting, forgetful or answering something else: told apart, and nothing is done twice."""

import asyncio
import socket

import pytest
from pydantic import ValidationError

from integrations.capabilities.runs import RunRef, RunState
from integrations.errors import (
    BadReply,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    RateLimited,
    Refused,
    Unavailable,
)
from integrations.jenkins.settings import JenkinsSettings
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import ended, eventually

STARTED = pytest.mark.parametrize("kind", ["pipeline", "freestyle"])


async def begun(server, job: str = "shop/build", number: int = 1):
    async def look():
        return server.job(job).builds.get(number)

    return await eventually(look)


@pytest.mark.parametrize(
    ("status", "body", "headers", "error", "words"),
    [
        (200, "<html>Sign in</html>", {}, BadReply, "HTML where JSON"),
        (200, "", {}, BadReply, "something where JSON"),
        (200, "[]", {}, BadReply, "another form"),
        (302, "", {"Location": "https://sso.example.org/login"}, NotAuthenticated, "sign in"),
        (302, "", {"Location": "https://elsewhere.example.org/"}, BadReply, "elsewhere.example.org"),
        (401, "", {}, NotAuthenticated, "token"),
        (403, "<!-- You are authenticated as: anonymous -->", {}, NotAuthenticated, "anonymous"),
        (403, "bot is missing the Job/Read permission", {}, NotPermitted, "Job/Read is lacking"),
        (429, "", {"Retry_After": "7"}, RateLimited, "429"),
        (503, "", {"Retry_After": "soon"}, RateLimited, "503"),
        (503, "<h1>Please wait while Jenkins is getting ready to work</h1>", {}, Unavailable, "starting up"),
        (500, "<title>Jenkins [Jenkins]</title>Oops", {}, Unavailable, "500"),
        (502, "<html><title>Bad gateway</title></html>", {}, Unavailable, "502: Bad gateway"),
    ],
)
async def test_an_answer_is_told_apart(jenkins, server, status, body, headers, error, words):
    jobs.add(server)
    server.faults.answer("GET ", status, body, times=-1, **headers)
    with pytest.raises(error, match=r"^jenkins: ") as raised:
        await jenkins.get_job("shop/build")
    assert type(raised.value) is error
    assert words in str(raised.value)


async def test_being_asked_to_slow_down_says_for_how_long(jenkins, server):
    server.faults.answer("GET ", 429, Retry_After="7")
    with pytest.raises(RateLimited) as raised:
        await jenkins.ping()
    assert raised.value.retry_after == 7


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"token": "wrong"}, NotAuthenticated, "revoked"),
        ({"url": "http://127.0.0.1:1"}, Unavailable, "refused"),
    ],
)
async def test_a_wrong_way_in_is_said(connected, settings, error, words):
    jenkins = await connected(**settings)
    with pytest.raises(error, match=words):
        await jenkins.ping()


async def test_it_says_who_we_are(jenkins, server):
    pong = await jenkins.ping()
    assert (pong.version, pong.identity) == ("2.263.4", "bot")
    server.executor.quieting_down = True
    assert (await jenkins.ping()).detail.endswith("about to shut down")


async def test_a_password_gets_a_crumb(connected, server):
    jobs.add(server, script=jobs.succeeds)
    jenkins = await connected(token=None, password=server.password)
    await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
    await ended(jenkins, await jenkins.start_build(jobs.build("r-2")))
    crumbs = [seen for seen in server.requests if seen.path.startswith("/crumbIssuer")]
    assert len(crumbs) == 1


async def test_a_public_address_that_is_another_does_no_harm(tmp_path, connected):
    from tests.servers.jenkins import JenkinsServer  # noqa: PLC0415 -- one of its own

    async with JenkinsServer(public_url="https://jenkins.example.org/ci", prefix="/behind") as server:
        jobs.add(server, script=jobs.succeeds)
        jenkins = await connected(url=server.url, token=server.token)
        run = await ended(jenkins, await jenkins.start_build(jobs.build("r-1")))
        assert run.url == "https://jenkins.example.org/ci/job/shop/job/build/1/"
        assert run.result["artifact"] == "shop.tar"


async def test_a_queue_item_that_jenkins_has_forgotten(jenkins, server):
    jobs.add(server, script=jobs.succeeds)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await begun(server)
    server.forget_queue_items()
    assert (await ended(jenkins, ref)).state is RunState.SUCCEEDED


async def test_a_run_that_was_cancelled_and_forgotten_is_not_found(connected, server):
    jobs.add(server)
    server.executor.held = True
    jenkins = await connected()
    ref = await jenkins.start_build(jobs.build("r-1"))
    await jenkins.cancel_run(ref)
    server.forget_queue_items()
    with pytest.raises(NotFound, match="neither in the queue nor among the builds of shop/build"):
        await jenkins.get_run(ref)


async def test_a_build_that_was_deleted(jenkins, server):
    jobs.add(server, script=jobs.succeeds)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await ended(jenkins, ref)
    server.delete_build(server.job("shop/build").builds[1])
    for call in (jenkins.get_run, jenkins.read_log, jenkins.cancel_run, jenkins.get_report):
        with pytest.raises(NotFound):
            await call(ref)


@STARTED
async def test_jenkins_restarts_in_mid_build(jenkins, server, kind):
    jobs.add(server, kind=kind)
    ref = await jenkins.start_build(jobs.build("r-1"))
    build = await begun(server)
    server.begin_restart()
    for call in (jenkins.get_run, jenkins.read_log, jenkins.cancel_run):
        with pytest.raises(Unavailable, match="Jenkins is starting up"):
            await call(ref)
    server.end_restart()
    server.forget_queue_items()
    if kind == "pipeline":  # survives it
        assert (await jenkins.get_run(ref)).state is RunState.RUNNING
        build.finish()
        assert (await jenkins.get_run(ref)).state is RunState.SUCCEEDED
    else:
        assert (await jenkins.get_run(ref)).state is RunState.CANCELLED


async def test_a_cancel_whose_answer_is_lost_is_asked_again(jenkins, server):
    jobs.add(server)
    ref = await jenkins.start_build(jobs.build("r-1"))
    await begun(server)
    await eventually(lambda: _running(jenkins, ref))
    server.faults.drop("POST .*/stop", after=True)
    with pytest.raises(Unavailable):
        await jenkins.cancel_run(ref)
    await jenkins.cancel_run(ref)
    assert (await ended(jenkins, ref)).state is RunState.CANCELLED


async def test_it_may_not_be_allowed_to_cancel(jenkins, server):
    jobs.add(server)
    server.forbid("shop/build", "hudson.model.Item.Cancel")
    ref = await jenkins.start_build(jobs.build("r-1"))
    await eventually(lambda: _running(jenkins, ref))
    with pytest.raises(NotPermitted, match="Job/Cancel is lacking"):
        await jenkins.cancel_run(ref)


async def _running(jenkins, ref: RunRef) -> bool:
    return (await jenkins.get_run(ref)).state is RunState.RUNNING


async def test_an_answer_over_the_bound_is_refused(connected, server):
    for number in range(100):
        jobs.add(server, f"shop/{'long' * 20}{number}")
    jenkins = await connected(max_bytes=4096)
    with pytest.raises(Refused, match="over 4096 bytes"):
        await jenkins.list_jobs()


async def test_nothing_is_sent_to_where_a_redirect_leads(jenkins, server):
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.setblocking(False)
        server.faults.answer("GET ", 302, Location=f"http://127.0.0.1:{trap.getsockname()[1]}/")
        with pytest.raises(BadReply):
            await jenkins.ping()
        with pytest.raises(BlockingIOError):
            trap.accept()


async def test_more_slow_calls_than_threads_leave_the_loop_alone(connected, server):
    jenkins = await connected(threads=2, timeout=5)
    hold = server.faults.hold("GET ", times=-1)
    calls = [asyncio.create_task(jenkins.ping()) for _ in range(80)]
    beats = 0
    async with asyncio.timeout(45):
        while beats < 20 or not hold.met:
            beats += 1
            await asyncio.sleep(0.001)
    hold.gate.set()
    server.faults.remove(hold)
    done = await asyncio.gather(*calls, return_exceptions=True)
    refused = [one for one in done if isinstance(one, Unavailable)]
    assert len(refused) == 80 - 2 - 64
    assert all("calls wait for an answer" in str(one) for one in refused)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "localhost:8080"}, "http://host:8080"),
        ({"url": "http://ada:pw@x"}, "credentials"),
        ({"url": "http://x/?a=b"}, "query"),
        ({"token": None}, "either `token`"),
        ({"password": "p"}, "either `token`"),
        ({"username": ""}, "at least 1"),
        ({"webhook_secret": "short"}, "under 16 characters"),
        ({"parameters": {"sha": "X", "version": "X"}}, "X stands for two things"),
        ({"parameters": {"sha": "no good"}}, "pattern"),
        ({"tokn": "t"}, "tokn"),
    ],
)
def test_settings_that_are_wrong_say_how(settings, words):
    good = {"url": "http://x", "username": "ada", "token": "t"}
    JenkinsSettings.model_validate(good)
    with pytest.raises(ValidationError, match=words):
        JenkinsSettings.model_validate({**good, **settings})


async def test_a_job_that_is_called_login_can_be_cancelled(jenkins, server):
    jobs.add(server, "shop/login")
    ref = await jenkins.start_build(jobs.build("r-1", "shop/login"))
    await eventually(lambda: _running(jenkins, ref))
    server.faults.answer("POST .*/stop", 302, Location=f"{server.url}/login?from=x")
    with pytest.raises(NotAuthenticated):
        await jenkins.cancel_run(ref)
    await jenkins.cancel_run(ref)
    assert (await ended(jenkins, ref)).state is RunState.CANCELLED
