"""HTTP mode: Slack calls Shipmate. Only what Slack signed, just now, within bounds, gets in; and it does it once."""

import hashlib
import hmac
import io
import json
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.road.shop import PLAIN, Shop, Wishes, answer, town_with
from tests.road.town import buttons, words

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

SHOPS = {
    "payload": PLAIN,
    "signed": Wishes(production={"promote_from": None}),
    "forgery": PLAIN,
    "slow": PLAIN,
    "retried": PLAIN,
}


def _over_http(settings):
    settings["slack"]["mode"] = "http"
    settings["server"]["public_url"] = f"http://127.0.0.1:{settings['server']['port']}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    async with town_with(tmp_path_factory.mktemp("town"), SHOPS, _over_http) as built:
        yield built


def _command(town, text, *, user="mia", channel="forgery", trigger="1.2.3", command="/deploy"):
    """Return the body of a slash command as Slack posts it.

    Source: https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling
    """
    workspace = town.sandbox.workspace
    person = workspace.user(user, "user")
    fields = {
        "token": "deprecated",
        "team_id": person.team_id,
        "team_domain": "acme",
        "channel_id": workspace.find_channel(channel).id,
        "channel_name": channel,
        "user_id": person.id,
        "user_name": user,
        "command": command,
        "text": text,
        "response_url": f"{town.sandbox.url}/response/none/none",
        "trigger_id": trigger,
    }
    return urlencode(fields).encode()


async def _post(town, body, *, secret=None, at=None, headers=None):
    """Post a body to Shipmate as Slack would, and return the status and the text of the answer."""
    stamp = str(int(time.time() if at is None else at))
    key = (secret or town.secrets["signing_secret"]).encode()
    signature = "v0=" + hmac.new(key, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    sent = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
        **(headers or {}),
    }
    url = f"http://127.0.0.1:{town.ports['shipmate']}/slack/events"
    async with town.http.post(url, data=io.BytesIO(body), headers={k: v for k, v in sent.items() if v}) as got:
        return got.status, await got.text()


async def test_the_whole_road_over_signed_requests(town):
    shop = Shop(town, "signed")
    await shop.deploy("1.4.1")
    await shop.deploy("1.4.1", "production", by="ana")
    assert "1.4.1" in words(answer(await shop.slash("mia", "/where {}")))
    await shop.slash("tom", "/deploy")
    await town.modal("tom")
    outcome = await town.submit("tom", {"arg:service": "signed", "arg:environment": "staging"})
    assert outcome["ok"], outcome
    await shop.told("tom", "No version was named")
    await shop.mention("mia", "where {}")
    await shop.told("mia", "signed/production")


async def test_a_command_that_says_payload_is_a_command(town):
    """Interactions come as a form with the field `payload`; the word alone does not make one."""
    await Shop(town, "payload").deploy("1.4.1")


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"secret": "0" * 32}, 401),
        ({"at": 0}, 401),
        ({"at": time.time() - 600}, 401),
        ({"at": time.time() + 6000}, 401),
        ({"headers": {"X-Slack-Signature": ""}}, 401),
        ({"headers": {"X-Slack-Signature": "v0=" + "0" * 64}}, 401),
        ({"headers": {"X-Slack-Request-Timestamp": "now"}}, 401),
        ({"headers": {"X-Slack-Request-Timestamp": ""}}, 401),
    ],
    ids=["another secret", "epoch", "ten minutes old", "future", "none", "zeros", "a word", "no time"],
)
async def test_what_slack_did_not_sign_just_now_stays_out(town, how, status):
    body = _command(town, "forgery@1.4.1 to staging", trigger=f"forged.{how}")
    got, _ = await _post(town, body, **how)
    assert got == status
    assert Shop(town, "forgery").rollouts("staging") == []
    assert not [m for m in await town.messages("forgery") if m["text"].startswith("D-")]


async def test_a_body_that_was_changed_on_the_way_stays_out(town):
    body = _command(town, "forgery@1.4.1 to staging", trigger="changed")
    stamp = str(int(time.time()))
    signature = hmac.new(town.secrets["signing_secret"].encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature.hexdigest()}"}
    got, _ = await _post(town, body.replace(b"staging", b"production"), headers=headers)
    assert got == 401


@pytest.mark.parametrize("size", [1_100_000, 4_000_000], ids=["just over", "far over"])
async def test_a_body_over_the_limit_is_refused(town, size):
    body = b"payload=" + b"x" * size
    try:
        got, _ = await _post(town, body)
    except OSError:
        got = 413  # it hung up in the middle of what nobody reads
    assert got == 413
    assert (await _post(town, _command(town, "", command="/where", trigger=f"after.{size}")))[0] == 200


async def test_nonsense_that_is_not_signed_stays_out_as_well(town):
    got, _ = await _post(town, b"payload=%7B", secret="0" * 32)
    assert got in {400, 401}
    assert "Traceback" not in town.log


@pytest.mark.parametrize("body", [b"", b"payload=", b"payload=%7B", b"\xff\xfe", b"{}", b"payload=[]", b"null"])
async def test_nonsense_that_is_signed_breaks_nothing(town, body):
    got, _ = await _post(town, body)
    assert got < 500
    got, said = await _post(town, _command(town, "signed", command="/where", trigger=f"fine.{body!r}"))
    assert got == 200
    assert "signed/staging" in said


async def test_slack_trying_again_gets_one_deployment_and_one_answer(town):
    shop = Shop(town, "retried")
    body = _command(town, "retried@1.4.1 to staging", channel="retried", trigger="once.and.only")
    for number in range(3):
        headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"} if number else {}
        got, _ = await _post(town, body, headers=headers)
        assert got == 200
    await shop.card("1.4.1", "staging", ": done")
    assert shop.rollouts("staging") == ["1.4.1"]


async def test_what_was_asked_ten_minutes_ago_is_offered_and_not_run(town):
    """Shipmate ends right after it stored the wish; when it is back, the wish is ten minutes old."""
    shop = Shop(town, "slow")
    database = town.folder / "state" / "shipmate.db"
    await shop.slash("mia", "/deploy {}@1.4.1 to staging --dry-run")
    await shop.told("mia", "Dry run")
    await town.kill()
    person, channel = town.sandbox.workspace.user("mia", "user"), town.sandbox.workspace.find_channel("slow")
    asked = datetime.now(UTC) - timedelta(minutes=10)
    with sqlite3.connect(database) as store:
        invocation = {
            "delivery_id": "late.one",
            "trigger": "slash",
            "person": f"-/{person.team_id}/{person.id}",
            "at": asked.isoformat(),
            "text": "deploy slow@1.4.1 to staging",
            "channel": f"-/{town.sandbox.workspace.team.id}/{channel.id}",
            "channel_name": "slow",
            "response_url": "",
        }
        [columns] = [[row[1] for row in store.execute("PRAGMA table_info(deliveries)")]]
        [row] = store.execute("SELECT * FROM deliveries ORDER BY received_at DESC LIMIT 1").fetchall()
        changed = dict(zip(columns, row, strict=True)) | {
            "delivery_id": "late.one",
            "invocation": json.dumps(invocation),
            "state": "received",
            "attempts": 1,
            "owner": "a process that died",
            "done_at": None,
            "outcome": "",
        }
        places = ", ".join("?" * len(columns))
        store.execute(f"INSERT INTO deliveries VALUES ({places})", list(changed.values()))  # noqa: S608 - question marks
    store.close()
    await town.start()
    offered = await shop.told("mia", "Asked 10 minutes ago")
    assert "Nothing was started. Is it still wanted?" in words(offered)
    assert buttons(offered) == ["Deploy slow@1.4.1 to staging"]
    assert shop.rollouts("staging") == []
    await shop.press("mia", offered, "Deploy slow@1.4.1 to staging")
    await shop.card("1.4.1", "staging", ": done")
