"""From `shipmate do` to the answer: the same road, rules and audit as in Slack."""

import asyncio
import json

import pytest

from bot.command import Trigger
from bot.health import Health
from bot.reply import Message, Reply
from bot.store import StoreUnavailable
from bot.terminal import ask
from tests.dispatch.conftest import ACCOUNT, MIA
from tests.terminal.conftest import CIS, Door, nothing


async def test_a_read_is_answered(door: Door):
    assert await door.do("where checkout") == 0
    assert door.said == ["checkout runs 1.4.2"]


async def test_a_change_is_stored_run_and_answered_by_the_same_rules(door: Door):
    assert await door.do("deploy checkout@2 to staging") == 0
    assert door.said == ["D-1 deploys checkout"]
    before, after = await door.yard.entries()
    assert (before.actor, before.outcome, after.outcome) == (MIA, "allowed", "succeeded")
    assert before.data["trigger"] == Trigger.TERMINAL
    assert [row[1:] for row in await door.yard.rows()] == [("done", 1, "ok")]


async def test_a_service_account_has_what_is_granted_to_it_and_nothing_more(door: Door):
    assert await door.do("deploy checkout to production", token=CIS) == 0
    assert (await door.yard.entries())[0].actor == ACCOUNT
    assert await door.do("where checkout", token=CIS) == 1
    assert "service.read" in door.said[-1]


async def test_a_refusal_says_why_and_exits_with_1(door: Door):
    assert await door.do("deploy checkout to production") == 1
    assert "needs the permission deployment.start. Who could: release-managers, account:ci." in door.said[0]


async def test_what_is_not_understood_exits_with_2_and_says_what_to_type(door: Door):
    assert await door.do("delpoy checkout to staging") == 2
    assert "Did you mean deploy?" in door.said[0]
    assert "shipmate do 'deploy checkout to staging'" in door.said[0]
    assert await door.do("deploy") == 2
    assert "Usage: deploy <service>" in door.said[1]
    assert "Fill in" not in door.said[1]
    assert door.yard.notes.ran == []


async def test_help_is_said_as_it_is_typed_in_a_terminal(door: Door):
    assert await door.do("") == 0
    assert "deploy <service>[@<version>]" in door.said[0]
    assert "/shipmate" not in door.said[0]
    assert "`" not in door.said[0]


@pytest.mark.parametrize("token", ["", "wrong", "mia-has-a-long-secre", "mia-has-a-long-secret2", "ünïcode"])
async def test_a_wrong_token_opens_nothing(door: Door, token):
    status, answer = await door.post({"text": "where checkout"}, token=token)
    assert (status, answer["code"]) == (401, "bad_token")
    assert await door.do("where checkout", token="wrong") == 1
    assert door.yard.notes.ran == []


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "not JSON"),
        (b"[]", 400, 'must be {"text"'),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"text": 1}', 400, 'must be {"text"'),
        (b'{"text": "help", "request_id": "../x"}', 400, "request_id must be"),
        (b'{"text": "help", "request_id": 5}', 400, "request_id must be"),
        (b'"' + b"x" * 70_000 + b'"', 413, "longer than 65536 bytes"),
    ],
    ids=["empty", "list", "bytes", "number", "path", "id", "long"],
)
async def test_a_body_that_is_none_is_refused_plainly(door: Door, body, status, says):
    got, answer = await door.post(body)
    assert got == status
    assert says in answer["text"]


async def test_the_same_request_again_never_runs_twice_and_gets_the_same_answer(door: Door):
    body = {"text": "deploy checkout to staging", "request_id": "0123456789abcdef"}
    first, second = await asyncio.gather(door.post(body), door.post(body))
    third = await door.post(body)
    assert first == second == third
    assert first[1]["subject"] == "D-1"
    assert len(door.yard.notes.ran) == 1
    other = await door.post(body, token=CIS)
    assert other[0] == 200
    assert len(door.yard.notes.ran) == 2, "the ids of one token's requests are not another's"


async def test_a_store_that_is_away_is_told_and_nothing_is_started(door: Door, monkeypatch):
    async def full(_invocation):
        raise StoreUnavailable("its disk is full")

    monkeypatch.setattr(door.yard.deliveries, "accept", full)
    status, answer = await door.post({"text": "deploy checkout to staging"})
    assert (status, answer["code"]) == (503, "store_unavailable")
    assert await door.do("deploy checkout to staging") == 3
    assert "its disk is full" in door.said[-1]


async def test_waiting_follows_the_subject_and_says_only_what_is_new(door: Door):
    waiting = asyncio.create_task(door.do("deploy checkout to staging", wait=True))
    await door.cards.put(Message(summary="D-1 checkout\nstage build: running"))
    await door.cards.put(Message(summary="D-1 checkout\nstage build: done"))
    await door.cards.put(None)
    assert await waiting == 0
    assert door.said == ["D-1 deploys checkout", "D-1 checkout\nstage build: running", "stage build: done"]


async def test_a_command_that_is_told_to_wait_is_followed_too(door: Door):
    await door.cards.put(Message(summary="verifying"))
    await door.cards.put(None)
    assert await door.do("deploy checkout to staging --wait") == 0
    assert door.said == ["D-1 deploys checkout", "verifying"]


async def test_waiting_for_what_ends_badly_exits_with_1(door: Door):
    waiting = asyncio.create_task(door.do("deploy checkout to staging", wait=True, as_json=True))
    await door.cards.put(Message(summary="verifying"))
    await door.cards.put(Reply(summary="rolled back", code="verify_failed"))
    await door.cards.put(None)
    assert await waiting == 1
    assert [json.loads(line)["text"] for line in door.said] == [
        "D-1 deploys checkout",
        "verifying",
        "rolled back",
        "rolled back",
    ]
    assert json.loads(door.said[-1]) == {
        "ok": False,
        "kind": "refused",
        "code": "verify_failed",
        "text": "rolled back",
        "summary": "rolled back",
        "subject": "D-1",
        "final": True,
    }


async def test_waiting_for_a_refusal_does_not_wait(door: Door):
    assert await door.do("deploy checkout to production", wait=True) == 1
    assert await door.do("where checkout", wait=True) == 0


async def test_nobody_there_exits_with_3(door: Door):
    url = door.url
    await door.web.stop()
    assert await ask("help", url=url, token="t", say=door.said.append, pause=nothing) == 3
    assert door.said[0].startswith(f"shipmate: no answer from {url}: ")
    assert "may have been stored" not in door.said[0]


async def test_who_answers_but_is_no_shipmate_exits_with_3(door: Door):
    url = f"{door.url}/healthz/x"
    assert await ask("help", url=url, token="t", say=door.said.append, pause=nothing) == 3


async def test_health_names_what_is_not_well_first(door: Door):
    async def well() -> Health:
        return Health(ok=True, detail="3.4 as shipmate")

    async def hangs() -> Health:
        await asyncio.Event().wait()
        raise AssertionError

    async def broken() -> Health:
        raise OSError("connection refused")

    for name, check in (("prom", well), ("jenkins", broken)):
        door.yard.health.add(name, check)
    assert await door.do("health") == 0
    assert door.said[0].splitlines()[:2] == [
        "1 of 2 systems do not answer as they should",
        "✗ jenkins is not well since 2026-03-01 12:00 UTC: connection refused",
    ]
    assert "✓ prom · 3.4 as shipmate" in door.said[0]
    door.yard.clock.pass_by(minutes=5)
    door.yard.health.add("gitlab", hangs)
    healths = await door.yard.health.ask(deadline=0.01)
    assert healths["gitlab"].detail == "no answer within 0.01 s"
    assert str(healths["jenkins"].since) == "2026-03-01 12:00:00+00:00"
