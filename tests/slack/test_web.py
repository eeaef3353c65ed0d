"""HTTP mode: only what Slack signed a moment ago is taken, and not more than fits."""

import hashlib
import hmac
import io
import time
from urllib.parse import urlencode

import pytest

from tests.slack.office import SECRET, connected, workspace

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def office(url):
    async with workspace() as made, connected(made, url, mode="http"):
        yield made


def command(office, trigger="1.2.abc", text="where cart", **changes):
    user = office.sandbox.workspace.find_user("mia")
    fields = {
        "command": "/shipmate",
        "text": text,
        "user_id": user.id,
        "user_name": "mia",
        "team_id": user.team_id,
        "channel_id": office.channel_id("checkout"),
        "channel_name": "checkout",
        "trigger_id": trigger,
        "response_url": f"{office.sandbox.url}/response/A1/none",
    }
    return urlencode(fields | changes)


def signed(body, *, secret=SECRET, at=None, aged=0):
    at = str(int(time.time()) - aged if at is None else at)
    digest = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}", "Content-Type": FORM}


async def send(office, body, **how):
    raw = body if isinstance(body, bytes) else body.encode()
    async with office.session.post(office.url, data=io.BytesIO(raw), headers=signed(raw, **how)) as answer:
        return answer.status, await answer.text()


async def test_a_signed_command_is_answered(office):
    status, text = await send(office, command(office))
    assert status == 200
    assert "cart runs 1.4.2" in text


@pytest.mark.parametrize("how", [{"secret": "another"}, {"aged": 600}, {"aged": -600}, {"at": "soon"}, {"at": ""}])
async def test_a_forged_or_old_signature_is_refused(office, how):
    status, _ = await send(office, command(office), **how)
    assert status == 401
    assert not office.heard.invocations


async def test_a_signature_of_another_body_is_refused(office):
    body = command(office).encode()
    headers = signed(body)
    async with office.session.post(office.url, data=body + b"&text=deploy", headers=headers) as answer:
        assert answer.status == 401
    async with office.session.post(office.url, data=body, headers={"Content-Type": FORM}) as answer:
        assert answer.status == 401
    assert not office.heard.invocations


async def test_a_body_over_the_limit_is_refused(office):
    body = command(office, text="x" * 2**20)
    status, _ = await send(office, body)
    assert status == 413
    status, text = await send(office, command(office, text="where " + "x" * 4000))
    assert status == 200
    assert len(text) < 6000


async def test_what_is_no_text_is_refused(office):
    status, _ = await send(office, b"\xff\xfe\x00")
    assert status == 400


@pytest.mark.parametrize(
    "body",
    [
        "payload=%7B%7D",
        "payload=not-json",
        "",
        "a=b",
        "payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B%7B%22action_id%22%3A%22do%3Ax%3A1%22%7D%5D%7D",
    ],
)
async def test_signed_nonsense_changes_nothing(office, body):
    status, _ = await send(office, body)
    assert status < 600
    assert not office.heard.invocations
    assert (await send(office, command(office)))[0] == 200


async def test_a_repeated_delivery_is_acknowledged_and_not_answered_again(office):
    first = await send(office, command(office, trigger="same"))
    again = await send(office, command(office, trigger="same"))
    assert "cart runs" in first[1]
    assert again == (200, "")
    assert len(office.heard.invocations) == 1


async def test_smart_quotes_and_odd_spaces_of_phones_are_understood(office):
    status, text = await send(office, command(office, text="where\u00a0\u201ccart\u201d"))
    assert status == 200
    assert "cart runs" in text


async def test_empty_text_is_answered_with_help(office):
    status, text = await send(office, command(office, text=""))
    assert status == 200
    assert "/shipmate" in text
