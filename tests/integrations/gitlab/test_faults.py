"""GitLab down, slow, busy, moved, locked or lying: told apart by what the caller does next, and nothing done twice."""

import asyncio
import socket
import subprocess
import time

import pytest
from aiohttp import web

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.issues import IssueRequest
from integrations.errors import (
    BadReply,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from tests.integrations.waiting import eventually
from tests.servers.gitlab.faults import Fault
from tests.servers.gitlab.state import JobSpec

HTML = "<html><body>GitLab is not responding</body></html>"


@pytest.fixture
def project(server, real_history):
    found = server.add_project("team/shop", ci=[JobSpec(name="make", trace=b"made\n")])
    real_history.branch("shop", "main", real_history.commit("shop", "First", files={"a.txt": b"1"}))
    return found


@pytest.fixture
def head(project, real_history):
    return real_history.git("shop", "rev-parse", "main").decode().strip()


def build(head: str, request_id: str = "r-1", **about: object) -> BuildRequest:
    values: dict[str, object] = {
        "request_id": request_id,
        "job": "shop",
        "project": "shop",
        "sha": head,
        "version": "1",
    }
    return BuildRequest(**values | about)  # type: ignore[arg-type]  # a test names fields as they are


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault(status=500, text='{"message": "500 Internal Server Error"}'), Unavailable, "500"),
        (Fault(status=502, text=HTML), Unavailable, "502"),
        (Fault(status=503, text=HTML), Unavailable, "503"),
        (Fault(status=503, text=HTML, headers={"Retry-After": "30"}), RateLimited, "503"),
        (Fault(status=429, text='{"message": "Retry later"}', headers={"Retry-After": "7"}), RateLimited, "429"),
        (Fault(status=200, text=HTML), BadReply, "HTML"),
        (Fault(status=200, text="{"), BadReply, "none of GitLab's"),
        (Fault(status=200, text="[1]"), BadReply, ""),
        (Fault(status=200, text="{}"), BadReply, "another form"),
        (Fault(status=404, text=HTML), NotFound, ""),
        (Fault(status=418, text="{}"), BadReply, "418"),
        (Fault(kind="drop"), Unavailable, "closed in the middle"),
    ],
)
async def test_an_answer_is_told_apart(server, adapter, project, head, fault, error, words):
    gitlab = await adapter()
    await gitlab.get_commit("shop", head)
    server.faults.append(fault)
    with pytest.raises(error, match=r"^gitlab: ") as raised:
        await gitlab.get_commit("shop", head)
    assert type(raised.value).__name__.lstrip("_") in {error.__name__, "NeverSent"}
    assert words in str(raised.value)
    assert fault.met == 1  # nothing is tried twice
    assert (await gitlab.get_commit("shop", head)).sha == head


MIDNIGHT = {"Date": "Sun, 01 Mar 2026 00:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, 10.0),
        (MIDNIGHT | {"RateLimit-Reset": "1772323245"}, 45.0),
        (MIDNIGHT | {"RateLimit-Reset": "1772323100"}, 1.0),
        (MIDNIGHT | {"RateLimit-Reset": "9999999999"}, 3600.0),
        (MIDNIGHT | {"RateLimit-Reset": "later"}, 10.0),
        ({"Date": "yesterday", "RateLimit-Reset": "1772323245"}, 10.0),
    ],
)
async def test_being_asked_to_slow_down_says_for_how_long(server, adapter, project, head, headers, wait):
    server.faults.append(Fault(method="POST", status=429, text="{}", headers=headers))
    gitlab = await adapter()
    with pytest.raises(RateLimited) as raised:
        await gitlab.start_build(build(head))
    assert raised.value.retry_after == wait
    assert project.pipelines == []


@pytest.mark.parametrize("kind", ["drop after", "hang", "answer"])
async def test_a_start_whose_answer_is_lost_is_found_and_never_done_twice(server, adapter, project, head, kind):
    fault = Fault(method="POST", part="/pipeline", kind=kind, status=502, text=HTML)
    server.faults.append(fault)
    gitlab = await adapter(timeout=0.5) if kind == "hang" else await adapter()
    with pytest.raises(OutcomeUnknown) as raised:
        await gitlab.start_build(build(head))
    assert raised.value.request_id == "r-1"
    fault.gate.set()
    after_crash = await adapter()
    if kind == "answer":  # a proxy said 502 and nothing had happened
        assert await after_crash.find_run("r-1") is None
    else:
        found = await eventually(lambda: after_crash.find_run("r-1"))
        assert found == await after_crash.start_build(build(head))
    assert await gitlab.start_build(build(head)) == await after_crash.find_run("r-1")
    assert len(project.pipelines) == 1


async def test_an_issue_whose_answer_is_lost_is_not_created_twice(server, adapter, project):
    server.faults.append(Fault(method="POST", part="/issues", kind="drop after"))
    request = IssueRequest(request_id="r-1", project="shop", title="It broke")
    with pytest.raises(OutcomeUnknown):
        await (await adapter()).create_issue(request)
    assert (await (await adapter()).create_issue(request)).key == "1"
    assert len(project.issues) == 1


async def test_nothing_listens_and_a_change_was_surely_not_made(server, adapter, project, head):
    gitlab = await adapter()
    await gitlab.get_commit("shop", head)
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        away = await adapter(url=f"http://127.0.0.1:{probing.getsockname()[1]}")
        with pytest.raises(Unavailable):
            await away.ping()
        away._api._places.update(gitlab._api._places)
        with pytest.raises(Unavailable):
            await away.set_check("shop", head, "unit", "passed")


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"expired": True}, "expired.*it was the token 'shipmate' with the scopes api, until 2027-01-31"),
        ({"revoked": True}, "revoked"),
    ],
)
async def test_a_token_that_has_ended_is_named_with_its_scopes(server, adapter, project, head, about, words):
    gitlab = await adapter()
    pong = await gitlab.ping()
    assert (pong.version, pong.identity) == ("18.5.1", "shipmate")
    for name, value in about.items():
        setattr(server.tokens["glpat-shipmate"], name, value)
    with pytest.raises(NotAuthenticated, match=words):
        await gitlab.get_commit("shop", head)
    unknown = await adapter(token="glpat-wrong")
    with pytest.raises(NotAuthenticated, match="missing or wrong") as raised:
        await unknown.ping()
    assert "glpat" not in str(raised.value)


async def test_a_token_that_lacks_a_scope_is_told_which_and_what_it_has(server, adapter, project, head):
    server.add_token("glpat-reads", "shipmate", scopes=("read_api",))
    gitlab = await adapter(token="glpat-reads")
    assert "need the scope api" in (await gitlab.ping()).detail
    assert (await gitlab.get_commit("shop", head)).sha == head
    with pytest.raises(NotPermitted, match="one of api is needed; it has read_api"):
        await gitlab.start_build(build(head))


async def test_what_is_not_ours_or_not_there(server, adapter, project, head):
    server.add_project("other/secret", {"somebody": 40})
    server.add_project("other/tool")
    server.add_project("third/tool")
    gitlab = await adapter(group="")
    with pytest.raises(NotFound, match=r"no project other/secret, or the token's user is no member"):
        await gitlab.get_job("other/secret")
    with pytest.raises(NotFound, match="no project is called nothing"):
        await gitlab.get_job("nothing")
    with pytest.raises(Refused, match="tool fits several projects, say which: other/tool, third/tool"):
        await gitlab.get_job("tool")
    assert (await gitlab.get_job("shop")).disabled == ""
    assert (await gitlab.get_job("third/tool")).name == "third/tool"


async def test_a_project_in_subgroups_and_one_that_was_renamed(server, adapter, project, real_history):
    deep = server.add_project("team/platform/web/shop-ui", ci=[JobSpec(name="make")])
    sha = real_history.commit("shop-ui", "First", files={"a.txt": b"1"})
    real_history.branch("shop-ui", "main", sha)
    server.move(deep, "team/frontend/shop-ui")
    gitlab = await adapter()
    for name in ("team/frontend/shop-ui", "team/platform/web/shop-ui"):
        assert (await gitlab.resolve_ref(name, "main")).sha == sha
        ref = await gitlab.start_build(build(sha, f"r-{name}", job=name, project=name))
        assert (await gitlab.get_run(ref)).sha == sha
    assert not [path for method, path, _ in server.requests if method == "POST" and "platform" in path]


async def test_a_redirect_does_not_carry_the_token_elsewhere(server, adapter, project):
    asked = []

    async def elsewhere(request):
        asked.append(dict(request.headers))
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there = f"http://127.0.0.1:{runner.addresses[0][1]}"
    gitlab = await adapter()
    for location in (f"{there}/api/v4/version", f"{server.url}x/api"):
        server.faults.append(Fault(status=302, headers={"Location": location}))
        with pytest.raises(BadReply, match="redirects to"):
            await gitlab.ping()
    server.faults.append(Fault(method="POST", status=301, headers={"Location": f"{server.url}/api/v4/x"}))
    with pytest.raises((BadReply, OutcomeUnknown), match="redirects to"):
        await gitlab.create_issue(IssueRequest(request_id="r-1", project="shop", title="x"))
    await runner.cleanup()
    assert asked == []


async def test_an_archived_project_says_so(server, adapter, project, head):
    project.archived = True
    gitlab = await adapter()
    assert "is archived" in (await gitlab.get_job("shop")).disabled
    assert (await gitlab.get_commit("shop", head)).sha == head
    for change in (
        gitlab.start_build(build(head)),
        gitlab.create_issue(IssueRequest(request_id="r-1", project="shop", title="x")),
        gitlab.set_check("shop", head, "unit", "passed"),
    ):
        with pytest.raises(Refused, match="archived"):
            await change


async def test_ci_that_is_off_and_a_pipeline_that_gitlab_will_not_run(server, adapter, project, head):
    gitlab = await adapter()
    project.ci_refusal = "Pipeline will not run for the selected trigger."
    with pytest.raises(Refused, match=r"^gitlab: Pipeline will not run for the selected trigger"):
        await gitlab.start_build(build(head))
    project.ci_refusal = "Insufficient permissions to set pipeline variables"
    with pytest.raises(Refused, match="let the token's role use pipeline variables"):
        await gitlab.start_build(build(head))
    project.ci_enabled = False
    assert "CI/CD is switched off" in (await gitlab.get_job("shop")).disabled
    with pytest.raises(NotPermitted):
        await gitlab.start_build(build(head))


async def test_more_than_a_page_is_read_as_far_as_it_was_asked_for(server, adapter, project, head, real_history):
    refs = "".join(f"create refs/tags/v1.0.{number} {head}\n" for number in range(230))
    real_history.git("shop", "update-ref", "--stdin", stdin=refs.encode())
    for number in range(130):
        server.add_project(f"team/many-{number}")
    gitlab = await adapter()
    listed = await gitlab.list_refs("shop", limit=205)
    assert [ref.name for ref in listed] == [f"v1.0.{number}" for number in range(229, 24, -1)]
    pages = [path for method, path, _ in server.requests if path.endswith("/repository/tags")]
    assert len(pages) == 3
    assert len(await gitlab.list_jobs("many", limit=125)) == 125


async def test_an_answer_over_the_bound_is_refused(server, adapter, project):
    server.faults.append(Fault(status=200, text=f'{{"version": "{"x" * 100_000}"}}'))
    gitlab = await adapter(max_bytes=50_000)
    with pytest.raises(Refused, match="over 50000 bytes"):
        await gitlab.ping()


async def lag_of_the_loop() -> float:
    """Return the 99th percentile of how many seconds the loop takes to come round."""
    lags = []
    for _ in range(200):
        before = time.perf_counter()
        await asyncio.sleep(0)
        lags.append(time.perf_counter() - before)
    return sorted(lags)[197]


async def test_fifty_slow_calls_do_not_hold_the_loop_up(server, adapter, project, head):
    gitlab = await adapter(threads=50)
    await gitlab.get_commit("shop", head)
    usual = await lag_of_the_loop()
    slow = Fault(part=f"/commits/{head}", kind="hang", times=50)
    server.faults.append(slow)
    calls = [asyncio.create_task(gitlab.get_commit("shop", head)) for _ in range(50)]

    async def all_wait() -> bool:
        return slow.met == 50

    await eventually(all_wait)
    lag = await lag_of_the_loop()
    slow.gate.set()
    assert {commit.sha for commit in await asyncio.gather(*calls)} == {head}
    assert lag < max(0.02, 10 * usual), "50 waiting calls must not be felt"


async def test_calls_that_hang_are_given_up_and_further_ones_refused_at_once(server, adapter, project, head):
    gitlab = await adapter(timeout=0.3, threads=1)
    await gitlab.get_commit("shop", head)
    slow = Fault(part=f"/commits/{head}", kind="hang", times=1000)
    server.faults.append(slow)
    ends = await asyncio.gather(*(gitlab.get_commit("shop", head) for _ in range(80)), return_exceptions=True)
    assert {type(end).__name__.lstrip("_") for end in ends} <= {"Unavailable"}
    assert any("no more are sent" in str(end) for end in ends)
    slow.times = 0
    slow.gate.set()


async def test_a_repository_is_cloned_over_http(server, project, head, tmp_path):
    def clone() -> None:
        subprocess.run(
            ["git", "-c", "protocol.version=2", "clone", "-q", f"{server.url}/team/shop.git", str(tmp_path / "clone")],
            check=True,
            env={"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0"},
        )

    await asyncio.to_thread(clone)
    assert (tmp_path / "clone/a.txt").read_text() == "1"
