"""What a channel hears of GitLab's events: sent by the stand-in over HTTP, verified, told as the service wants it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.activity.activity import Activity, Parts
from bot.activity.news import News
from bot.builds.failures import Failures
from bot.catalog import Catalog, Service
from bot.clock import SystemClock
from bot.deployments.records import deployments
from bot.deployments.rules import State
from bot.identity import Channel, Person
from bot.reply import Buttons, Message
from bot.settings import Settings
from bot.slack import codec
from bot.slack.outbox import Outbox
from bot.slack.records import outbox as rows
from bot.store import Store
from bot.toolbox import Toolbox
from bot.webhooks import Hook, Webhooks, Wire
from integrations.gitlab import wire
from integrations.gitlab.hooks import EVENTS
from integrations.gitlab.settings import GitLabSettings
from tests.integrations.repository import RealHistory
from tests.servers.gitlab.server import GitLabServer, running
from tests.servers.gitlab.state import Deployment, Hook as GitLabHook, Issue, MergeRequest, Project

CHANNEL = Channel("T1", "C1")
SHA = "a" * 40


class Desk:
    """The receiver of a Shipmate whose service lives in the stand-in, and what is to be said."""

    def __init__(self, store: Store, server: GitLabServer, project: Project) -> None:
        self.store, self.server, self.project = store, server, project
        self.wants: dict[str, object] = {}
        self.tell = server.deliveries

    def catalog(self) -> Catalog:
        service: dict[str, Any] = {
            "repository": {"with": "gitlab", "project": "shop"},
            "news": {"pipelines": "none", **self.wants},
            "environments": [{"name": "staging", "deploy": {"with": "gitlab", "job": "shop"}}],
        }
        return Catalog(Settings.model_validate({"environments": {"staging": {}}, "services": {"shop": service}}))

    async def said(self) -> list[tuple[str, str, str]]:
        """Return kind, thread and text of everything that is to be said, oldest first."""
        await self.tell.arrived()
        assert {status for _, status in self.tell.sent} <= {204}
        async with self.store.read() as conn:
            found = (await conn.execute(sa.select(rows).order_by(rows.c.id))).all()
        return [(row.kind, row.in_thread_of and "thread", words(codec.load(row.payload["message"]))) for row in found]

    async def told(self) -> list[str]:
        return [text for _, _, text in await self.said()]


def words(message: Message) -> str:
    """Return what is read, with the labels of buttons."""
    found = [str(getattr(part, "text", "")) for part in message.parts]
    found += [f"[{one.label}]" for part in message.parts if isinstance(part, Buttons) for one in part.buttons]
    return " ".join(filter(None, found))


async def _channel_of(_service: Service, _asked: Channel | None) -> Channel:
    return CHANNEL


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    history = RealHistory(tmp_path / "repositories")
    await asyncio.to_thread(history.root.mkdir)
    clock = SystemClock()
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", clock=clock)
    async with running(history.root) as server:
        project = server.add_project("team/shop")
        for name in ("ada", "bob"):
            server.add_user(name)
        made = Desk(store, server, project)
        parts = Parts(
            store=store,
            clock=clock,
            catalog=made.catalog,
            toolbox=Toolbox(),
            outbox=Outbox(store, clock),
            failures=Failures(store, clock),
            channel_of=_channel_of,
        )
        settings = GitLabSettings.model_validate({"url": server.url, "token": "t", "webhook_token": "s3cret"})
        news = News(parts, Activity(parts))
        app = web.Application()
        app.add_routes(Webhooks(store, clock, [Hook("gitlab", settings, cast(Wire, wire))], news.handlers).routes())
        async with TestServer(app) as here:
            url = str(here.make_url("/hooks/gitlab"))
            project.hooks.append(GitLabHook(1, url, "s3cret", dict.fromkeys(EVENTS, True), server.time.text()))
            yield made
            await server.deliveries.arrived()
    await store.close()


def opened(desk: Desk) -> MergeRequest:
    now, ada = desk.server.time.text(), desk.server.users["ada"]
    return MergeRequest(
        1, 7, "Retry <!channel>", "retry", "main", ada, now, now, head=SHA, reviewers=[desk.server.users["bob"]]
    )


async def test_nothing_is_said_unless_a_service_wants_it(desk):
    change = opened(desk)
    ada = desk.server.users["ada"]
    now = desk.server.time.text()
    for action in ("open", "approved", "merge"):
        desk.tell.merge_request(desk.project, change, ada, action)
    desk.tell.note(desk.project, ada, "Looks good", change)
    desk.tell.issue(desk.project, Issue(2, 9, "It broke", "", ada, now, now), ada, "open")
    desk.tell.push(desk.project, ada, "refs/tags/v1.0.0", "0" * 40, SHA)
    desk.tell.deployment(desk.project, Deployment(3, 1, "staging", SHA, "main", False, "success", ada, now, now))
    assert await desk.told() == []


async def test_a_merge_request_is_one_message_and_what_is_said_of_it_is_its_thread(desk):
    desk.wants = {"reviews": True}
    change, ada, bob = opened(desk), desk.server.users["ada"], desk.server.users["bob"]

    async def happens(action: str, by=bob) -> None:
        desk.tell.merge_request(desk.project, change, by, action)
        await desk.tell.arrived()

    await happens("open", ada)
    ((kind, _, card),) = await desk.said()
    assert kind == "show"
    assert "!7 Retry &lt;!channel&gt;" in card, "no title mentions anybody"
    assert "open" in card
    assert "to review: bob" in card
    assert "[Show !7]" in card
    desk.tell.note(desk.project, bob, "Why `now`?\nAnd <!here>", change)
    await desk.tell.arrived()
    await happens("approved")
    await happens("merge")
    (_, _, card), *thread = await desk.said()
    assert "merged by bob" in card
    assert "[" not in card, "nothing is left to do"
    assert [where for _, where, _ in thread] == ["thread", "thread"]
    assert "&lt;!here&gt;" in thread[0][2]
    assert "bob approved it" in thread[1][2]


async def test_events_that_come_late_or_twice_change_nothing(desk):
    desk.wants = {"reviews": True}
    change, bob = opened(desk), desk.server.users["bob"]
    for action, standing in (
        ("open", "open"),
        ("merge", "merged by bob"),
        ("update", "merged by bob"),
        ("open", "merged by bob"),
        ("reopen", "open"),
        ("close", "closed by bob"),
    ):
        desk.tell.merge_request(desk.project, change, bob, action)
        await desk.tell.arrived()
        assert standing in (await desk.told())[0], action


async def test_one_that_was_opened_before_anybody_listened_is_not_told_of(desk):
    desk.wants = {"reviews": True}
    desk.tell.merge_request(desk.project, opened(desk), desk.server.users["bob"], "approved")
    desk.tell.note(desk.project, desk.server.users["bob"], "Looks good", opened(desk))
    assert await desk.told() == []


async def test_issues_and_tags_are_told_where_they_are_wanted(desk):
    desk.wants = {"issues": True, "tags": True}
    ada, now = desk.server.users["ada"], desk.server.time.text()
    issue = Issue(2, 9, "It broke", "", ada, now, now)
    for action in ("open", "update", "close"):
        desk.tell.issue(desk.project, issue, ada, action)
        await desk.tell.arrived()
    desk.tell.push(desk.project, ada, "refs/tags/v1.0.0", "0" * 40, SHA)
    await desk.tell.arrived()
    desk.tell.push(desk.project, ada, "refs/tags/v1.0.0", SHA, "0" * 40)
    first, second, third = await desk.told()
    assert "#9 It broke" in first
    assert "was opened by ada" in first
    assert "was closed by ada" in second
    assert third == f"shop: v1.0.0 was tagged by ada at `{SHA[:7]}` [Deploy…]"


async def test_a_deployment_that_shipmate_did_not_make_is_told(desk):
    desk.wants = {"deployments": True}
    ada, now = desk.server.users["ada"], desk.server.time.text()

    async def deploys(ident: int, environment: str, sha: str, status: str = "success") -> None:
        one = Deployment(ident, ident, environment, sha, "main", False, status, ada, now, now)
        desk.tell.deployment(desk.project, one)
        await desk.tell.arrived()

    await deploys(1, "staging", SHA, "running")
    await deploys(2, "review/feature-1", SHA)
    await deploys(3, "staging", SHA)
    await deploys(3, "staging", SHA)
    (said,) = await desk.told()
    assert said == "gitlab deployed main aaaaaaa to shop/staging by ada, not through Shipmate [Where]"
    ours = "b" * 40
    async with desk.store.write() as tx:
        await tx.conn.execute(sa.insert(deployments).values(**row(ours, desk)))
    await deploys(4, "staging", ours)
    assert len(await desk.told()) == 1


def row(sha: str, desk: Desk) -> dict[str, Any]:
    """Return a deployment of ours that has just begun."""
    now = SystemClock().now()
    return {
        "id": "D-1001",
        "request_id": "r-1",
        "kind": "deploy",
        "service": "shop",
        "environment": "staging",
        "target": "",
        "sha": sha,
        "state": State.DEPLOYING.value,
        "state_since": now,
        "created_at": now,
        "requested_by": Person("T1", "U1"),
    }
