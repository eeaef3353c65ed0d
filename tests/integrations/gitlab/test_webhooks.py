"""Webhooks: set up by the adapter, really sent by the stand-in, verified, and understood."""

import base64
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from bot.app.pruning import Pruning
from bot.clock import SystemClock
from bot.settings import Settings
from bot.store import Store, Tx
from bot.webhooks import Hook, Webhooks, Wire
from integrations.capabilities.builds import BuildRequest
from integrations.contract import WebhookEvent
from integrations.errors import BadReply, NotPermitted, Refused
from integrations.gitlab import wire
from integrations.gitlab.hooks import EVENTS
from integrations.gitlab.settings import GitLabSettings
from tests.servers.gitlab import pipelines
from tests.servers.gitlab.deliveries import signature
from tests.servers.gitlab.state import DEVELOPER, Issue, JobSpec, MergeRequest

SECRET = "hook-secret"
SIGNING = f"whsec_{base64.b64encode(b'k' * 32).decode()}"


def settings(**about: object) -> GitLabSettings:
    return GitLabSettings.model_validate({"url": "https://gitlab.example.org", "token": "t", **about})


@pytest.fixture
async def receiver():
    """Yield (address, deliveries) of a server that notes what it is sent: (headers, body)."""
    got = []

    async def receive(request):
        got.append((dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hooks/gitlab", receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/gitlab", got
    await runner.cleanup()


@pytest.fixture
def project(server, real_history):
    found = server.add_project("team/shop", ci=[JobSpec(name="make")])
    real_history.branch("shop", "main", real_history.commit("shop", "First", files={"a.txt": b"1"}))
    return found


async def test_a_hook_is_created_kept_and_repaired(server, adapter, project):
    gitlab = await adapter()
    url = "https://shipmate.example.org/hooks/gitlab"
    made = await gitlab.ensure_hook("shop", url, SECRET)
    assert (made.done, len(project.hooks), project.hooks[0].token) == ("created", 1, SECRET)
    assert all(project.hooks[0].flags[name] for name in EVENTS)
    assert (await gitlab.ensure_hook("shop", url, SECRET)).done == "kept"
    project.hooks[0].flags["pipeline_events"] = False
    project.hooks[0].token = "old"
    assert (await gitlab.ensure_hook("shop", url, SECRET)).done == "repaired"
    project.hooks[0].alert_status = "disabled"
    again = await gitlab.ensure_hook("shop", f"{url}/", SECRET, ("pipeline_events",))
    assert (again.done, again.id, len(project.hooks)) == ("repaired", made.id, 1)
    assert [name for name, on in project.hooks[0].flags.items() if on] == ["pipeline_events"]
    assert (project.hooks[0].token, project.hooks[0].alert_status) == (SECRET, "executable")


async def test_a_hook_that_cannot_be_is_refused_with_the_reason(server, adapter, project):
    gitlab = await adapter()
    with pytest.raises(Refused, match="wiki_events"):
        await gitlab.ensure_hook("shop", "https://x.example.org", SECRET, ("wiki_events",))
    with pytest.raises(Refused, match="Only allowed schemes"):
        await gitlab.ensure_hook("shop", "ftp://x.example.org", SECRET)
    project.archived = True
    with pytest.raises(Refused, match="archived"):
        await gitlab.ensure_hook("shop", "https://x.example.org", SECRET)
    project.archived = False
    project.members["shipmate"] = DEVELOPER
    with pytest.raises(NotPermitted):
        await gitlab.ensure_hook("shop", "https://x.example.org", SECRET)


async def test_what_is_sent_is_signed_where_gitlab_can(server, adapter, project, receiver):
    url, got = receiver
    gitlab = await adapter()
    for done in ("created", "kept"):
        assert (await gitlab.ensure_hook("shop", url, "", signing_token=SIGNING)).done == done
    server.deliveries.push(project, server.users["shipmate"], "refs/heads/main", "0" * 40, "a" * 40)
    await server.deliveries.arrived()
    ((headers, body),) = got
    assert wire.verify(settings(webhook_signing_token=SIGNING), headers, body)
    assert not wire.verify(settings(webhook_signing_token=SIGNING), headers, body.replace(b"main", b"mine"))
    server.signs = False
    with pytest.raises(Refused, match="does not sign"):
        await gitlab.ensure_hook("shop", url, "", signing_token=SIGNING)


class HandClock(SystemClock):
    """The machine's clock, which a test moves on."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


async def test_a_signed_delivery_is_taken_in_once_and_never_late(server, adapter, project, receiver, tmp_path):
    url, got = receiver
    await (await adapter()).ensure_hook("shop", url, "", signing_token=SIGNING)
    server.deliveries.push(project, server.users["shipmate"], "refs/heads/main", "0" * 40, "a" * 40)
    await server.deliveries.arrived()
    ((headers, body),) = got
    clock, taken = HandClock(), []

    async def pushed(tx: Tx, event: WebhookEvent) -> None:
        taken.append(event.id)

    store = await Store.open(f"sqlite:///{tmp_path}/store.db", clock=clock)
    hook = Hook("gitlab", settings(webhook_signing_token=SIGNING), cast(Wire, wire))
    app = web.Application()
    app.add_routes(Webhooks(store, clock, [hook], {"push": pushed}).routes())

    async def send(**changed: str) -> int:
        async with aiohttp.ClientSession() as session:
            sent = {**{name: value for name, value in headers.items() if name != "Content-Length"}, **changed}
            async with session.post(here.make_url("/hooks/gitlab"), data=body, headers=sent) as answer:
                return answer.status

    async with TestServer(app) as here:
        assert [await send(), await send()] == [204, 204]
        for minutes, status in ((4, 204), (6, 401), (60 * 24 * 8, 401), (-6, 401)):
            clock.ahead = timedelta(minutes=minutes)
            await store_forgets(store, clock)
            assert await send() == status, f"{minutes} minutes off"
        clock.ahead = timedelta()
        later = str(int(headers["webhook-timestamp"]) + 600)
        assert await send(**{"webhook-timestamp": later}) == 401, "the time is signed"
        assert await send(**{"webhook-timestamp": "soon"}) == 401
    await store.close()
    assert taken == [headers["webhook-id"]]


async def store_forgets(store: Store, clock: HandClock) -> None:
    await Pruning(store, clock, Settings, "sqlite:///none").prune()


async def test_what_happens_is_told_and_understood(server, adapter, project, real_history, receiver):
    url, got = receiver
    gitlab = await adapter()
    await gitlab.ensure_hook("shop", url, SECRET)
    head = real_history.git("shop", "rev-parse", "main").decode().strip()
    ada = server.add_user("ada")
    ref = await gitlab.start_build(BuildRequest(request_id="r-1", job="shop", project="shop", sha=head, version="1"))
    await gitlab.get_run(ref)
    now = server.time.text()
    change = MergeRequest(1, 7, "A change", "change", "main", ada, now, now, head=head, reviewers=[ada])
    issue = Issue(2, 9, "It broke", "", ada, now, now, assignees=[ada])
    tell = server.deliveries
    for action in ("open", "update", "merge", "close", "reopen", "approved", "unapproval"):
        tell.merge_request(project, change, ada, action)
    tell.issue(project, issue, ada, "open")
    tell.note(project, ada, "Looks good", change)
    tell.note(project, ada, "Since when?", issue)
    tell.push(project, ada, "refs/heads/release/2026-03", "0" * 40, head)
    tell.push(project, ada, "refs/tags/v1.0.0", "0" * 40, head)
    tell.push(project, ada, "refs/heads/gone", head, "0" * 40)
    project.ci = [JobSpec(name="deploy", environment="staging")]
    made = pipelines.create(server, project, "main", head, {}, user=ada)
    pipelines.advance(server, made)
    await tell.arrived()
    chosen = settings(webhook_token=SECRET)
    assert all(wire.verify(chosen, headers, body) for headers, body in got)
    assert not any(wire.verify(settings(webhook_token="other"), headers, body) for headers, body in got)
    events = [event for headers, body in got for event in wire.parse("gitlab", headers, body)]
    assert len({event.id for event in events}) == len(events) == len(got)
    seen = {(event.kind, event.ref) for event in events}
    assert {
        ("run.changed", str(ref)), ("run.finished", str(ref)), ("push", "release/2026-03"), ("tag", "v1.0.0"),
        ("merge_request.opened", "team/shop!7"), ("merge_request.merged", "team/shop!7"),
        ("merge_request.approved", "team/shop!7"), ("merge_request.unapproved", "team/shop!7"),
        ("issue.opened", "team/shop#9"), ("note", "team/shop!7"), ("note", "team/shop#9"),
        ("deployment.changed", f"team/shop:{project.deployments[0].id}"),
    } <= seen  # fmt: skip
    assert {event.data["project"] for event in events} == {"team/shop"}
    finished = next(event for event in events if event.kind == "run.finished" and event.ref == str(ref))
    assert (finished.data["state"], finished.data["sha"], finished.data["branch"]) == ("succeeded", head, "main")
    gone = next(event for event in events if event.ref == "gone")
    assert (gone.data["deleted"], gone.data["sha"], gone.data["before"]) == (True, "", head)


def test_a_signature_is_checked_whole():
    chosen = settings(webhook_signing_token=SIGNING, webhook_token=SECRET)
    body = b'{"object_kind": "push"}'
    good = signature(SIGNING, "id-1", body)
    assert wire.verify(chosen, good, body)
    assert wire.verify(chosen, good | {"webhook-signature": f"v1,AAAA {good['webhook-signature']}"}, body)
    for bad in (
        good | {"webhook-id": "id-2"},
        good | {"webhook-timestamp": "1772323201"},
        good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
        good | {"webhook-signature": ""},
        {"X-Gitlab-Token": SECRET},  # where it signs, a secret that travels in the clear is not enough
        {},
    ):
        assert not wire.verify(chosen, bad, body)
    assert not wire.verify(chosen, good, body + b" ")


def test_without_a_secret_nothing_is_believed():
    assert not wire.verify(settings(), {"X-Gitlab-Token": ""}, b"{}")
    assert not wire.verify(settings(webhook_token=SECRET), {}, b"{}")
    assert wire.verify(settings(webhook_token=SECRET), {"x-gitlab-token": SECRET}, b"{}")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b"\xff", b'{"object_kind": "pipeline"}', b'{"object_kind": null}', b"7",
             b'{"object_kind": "pipeline", "object_attributes": {"status": "new-fangled", "id": 1}}'],
)  # fmt: skip
def test_what_is_no_webhook_is_a_bad_reply(body):
    if body == b'{"object_kind": null}':
        assert wire.parse("gitlab", {}, body) == ()
        return
    with pytest.raises(BadReply):
        wire.parse("gitlab", {}, body)


def test_the_same_delivery_has_the_same_id_and_nothing_is_told_that_few_may_see():
    body = json.dumps({"object_kind": "wiki_page"}).encode()
    assert wire.parse("gitlab", {}, body) == ()
    note = {
        "object_kind": "note", "project": {"path_with_namespace": "team/shop"},
        "object_attributes": {"noteable_type": "Issue", "note": "x", "url": "u", "internal": True},
    }  # fmt: skip
    assert wire.parse("gitlab", {}, json.dumps(note).encode()) == ()
    note["object_attributes"] |= {"internal": False}  # type: ignore[operator]  # it is a dictionary
    content = json.dumps(note).encode()
    first, second = (wire.parse("gitlab", {"X-Gitlab-Event-UUID": "e"}, content)[0].id for _ in range(2))
    assert first == second
    assert wire.parse("gitlab", {"Idempotency-Key": "k"}, content)[0].id == "k"


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"url": "gitlab.example.org"}, "https://gitlab"),
        ({"url": "https://ada:pw@gitlab.example.org"}, "credentials"),
        ({"url": "https://gitlab.example.org/api/v4"}, "leave out"),
        ({"group": "../x"}, "no path"),
        ({"variables": {"request_id": "a b"}}, "CI/CD variable"),
        ({"pipelines": {"image": {}}}, "project"),
        ({"tokn": "x"}, "tokn"),
    ],
)
def test_settings_that_are_wrong_say_how(about, words):
    with pytest.raises(ValidationError, match=words):
        settings(**about)


def test_the_readme_names_every_setting():
    text = (Path(__file__).parents[3] / "integrations/gitlab/README.md").read_text(encoding="utf-8")
    assert [name for name in GitLabSettings.model_fields if f"{name}:" not in text] == []
