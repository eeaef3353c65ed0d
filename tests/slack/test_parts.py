"""Single parts of the Slack side: rows, pacing, failures, what is remembered, and payloads that make no sense."""

import asyncio
import json

import aiohttp
import pytest
from hypothesis import given, strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.clock import SystemClock
from bot.command import Trigger
from bot.reply import Markup, Note, Picture
from bot.slack import buttons, codec, failures, modals, reading
from bot.slack.buttons import Press
from bot.slack.directory import Recent
from bot.slack.failures import Cause
from bot.slack.pacing import Pacing
from bot.slack.reading import Home
from bot.slack.seen import Seen
from bot.slack.tasks import Busy, Tasks
from tests.slack import messages as any_message
from tests.slack.commands import deploy, lock

HOME = Home("T1", "")
NOW = SystemClock().now()
FIELDS = (
    *("user", "channel", "container", "message", "actions", "view", "event", "team", "team_id", "user_id", "command"),
    *("text", "channel_id", "response_url", "action_ts", "message_ts", "type"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(any_message.messages)
def test_a_message_is_the_same_after_it_was_a_row(message):
    again = codec.load(json.loads(json.dumps(codec.dump(message))))
    assert codec.dump(again) == codec.dump(message)
    kept = [part for part in message.parts if not isinstance(part, Picture)]
    assert [part for part in again.parts if not isinstance(part, Picture)] == kept


def test_a_part_of_a_newer_version_is_read_as_a_note():
    message = codec.load({"summary": "s", "parts": [{"kind": "Hologram", "text": "words"}]})
    assert message.parts == (Note(Markup("words")),)


@given(
    st.fixed_dictionaries(
        {"trigger_id": st.text(), "event_id": st.text()},
        optional=dict.fromkeys(FIELDS, json_values),
    )
)  # fmt: skip
def test_payloads_that_make_no_sense_are_read_without_an_error(body):
    for read in (
        lambda: reading.command(body, {}, HOME, NOW),
        lambda: reading.shortcut(body, "deploy", HOME, NOW),
        lambda: reading.submission(body, "deploy", {}, {}, HOME, NOW),
        lambda: reading.mention(body, HOME, NOW),
    ):
        found = read()
        assert found is None or found.person.team
    reading.reaction(body, HOME, NOW)
    if isinstance(body.get("actions", []), list) and all(isinstance(one, dict) for one in body.get("actions", [])):
        reading.press(body, Press("x", {}), HOME, NOW)


@given(st.dictionaries(st.sampled_from(["action_id", "value", "selected_option"]), json_values))
def test_actions_that_make_no_sense_mean_nothing_or_a_command(action):
    press = buttons.read(action)
    assert press is None or press.command


@pytest.mark.parametrize("kept", ["", "{", "[1]", "null", '{"channel": 1}'])
def test_metadata_that_makes_no_sense_is_empty(kept):
    assert isinstance(reading.metadata({"private_metadata": kept}), dict)


def test_a_team_that_is_not_told_is_never_ours():
    body = {"trigger_id": "1", "user_id": "U1", "command": "/shipmate"}
    assert reading.command(body, {}, HOME, NOW).person.team == "unknown"
    event = {"event_id": "E1", "event": {"user": "U1", "text": "hi", "ts": "1700000000.1"}}
    found = reading.mention(event, HOME, NOW)
    assert found is not None
    assert found.person.team == "unknown"
    assert found.trigger is Trigger.MENTION


def test_an_enterprise_is_one_home():
    grid = Home("T1", "E1")
    assert reading.person(grid, "U1", "T2", "E1").enterprise == "E1"
    assert reading.person(grid, "U1", "T2", "E2").enterprise == "E2"
    assert reading.person(HOME, "U1", "T1").enterprise == ""


def test_a_modal_shows_defaults_and_gives_back_what_was_entered():
    invocation = reading.command({"trigger_id": "1", "user_id": "U1"}, {}, HOME, NOW)
    view = modals.build(deploy, {"service": "cart"}, invocation)
    elements = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert elements["arg:service"]["initial_option"]["value"] == "cart"
    assert elements["arg:environment"]["initial_value"] == "staging"
    assert elements["arg:reason"]["multiline"]
    assert "initial_options" in elements["arg:wait"]
    assert "initial_options" not in elements["arg:dry_run"]
    state = {
        "arg:service": {"service": {"type": "external_select", "selected_option": {"value": "cart"}}},
        "arg:reason": {"reason": {"type": "plain_text_input", "value": "  "}},
        "arg:dry_run": {"dry_run": {"type": "checkboxes", "selected_options": [{"value": "yes"}]}},
        "arg:wait": {"wait": {"type": "checkboxes", "selected_options": []}},
    }
    found = modals.values({"state": {"values": state}}, deploy)
    assert found == {"service": "cart", "dry_run": "yes", "wait": "no"}


def test_errors_of_a_modal_name_the_field_they_are_about():
    from bot.errors import BadInput  # noqa: PLC0415

    invocation = reading.command({"trigger_id": "1", "user_id": "U1"}, {}, HOME, NOW)
    view = modals.build(lock, {}, invocation)
    told = modals.errors(lock, view, BadInput("bad_value", '"x" is no number for minutes'))
    assert told == {"response_action": "errors", "errors": {"arg:minutes": '"x" is no number for minutes'}}
    view = modals.build(deploy, {}, invocation)
    told = modals.errors(deploy, view, BadInput("unknown_environment", '"prodution" is no environment'))
    assert list(told["errors"]) == ["arg:environment"]


def test_pacing_lets_a_burst_go_then_one_a_second():
    pacing = Pacing()
    now = 100.0
    for _ in range(3):
        assert pacing.wait("chat.postMessage", "C1", now, urgent=False) == 0
        pacing.spend("chat.postMessage", "C1", now)
    assert pacing.wait("chat.postMessage", "C1", now, urgent=True) == pytest.approx(1.0)
    assert pacing.wait("chat.postMessage", "C2", now, urgent=False) == 0
    assert pacing.wait("chat.postMessage", "C1", now + 1.0, urgent=False) == 0


def test_pacing_keeps_some_edits_for_what_people_wait_for():
    pacing = Pacing()
    now = 0.0
    while pacing.wait("chat.update", "", now, urgent=False) == 0:
        pacing.spend("chat.update", "", now)
    assert pacing.wait("chat.update", "", now, urgent=True) == 0


def test_pacing_waits_as_long_as_slack_said_for_that_channel_alone():
    pacing = Pacing()
    pacing.told_to_wait("chat.postMessage", "C1", 10.0, 30.0)
    assert pacing.wait("chat.postMessage", "C1", 11.0, urgent=True) == pytest.approx(29.0)
    assert pacing.wait("chat.postMessage", "C2", 11.0, urgent=False) == 0
    assert pacing.wait("chat.postMessage", "C1", 40.0, urgent=False) == 0


def answered(status, data, **headers):
    response = AsyncSlackResponse(
        client=None, http_verb="POST", api_url="x", req_args={}, data=data, headers=headers, status_code=status
    )
    return SlackApiError("failed", response)


def read(error):
    found = failures.read(error)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (answered(429, {"ok": False, "error": "ratelimited"}, **{"Retry-After": "7"}), Cause.RATE_LIMITED),
        (answered(200, {"ok": False, "error": "ratelimited"}), Cause.RATE_LIMITED),
        (answered(200, {"ok": False, "error": "token_revoked"}), Cause.UNAUTHORISED),
        (answered(200, {"ok": False, "error": "internal_error"}), Cause.UNKNOWN),
        (answered(503, {}), Cause.UNKNOWN),
        (answered(200, {"ok": False, "error": "invalid_blocks"}), Cause.TOO_MUCH),
        (answered(200, {"ok": False, "error": "message_not_found"}), Cause.GONE),
        (answered(200, {"ok": False, "error": "is_archived"}), Cause.REFUSED),
        (answered(200, {"ok": False, "error": "missing_scope", "needed": "chat:write"}), Cause.REFUSED),
        (answered(200, {"ok": False, "error": "a_word_nobody_knows_yet"}), Cause.REFUSED),
        (TimeoutError(), Cause.UNKNOWN),
        (aiohttp.ServerDisconnectedError(), Cause.UNKNOWN),
        (ConnectionResetError(), Cause.UNKNOWN),
    ],
)
def test_failures_are_told_apart_by_what_to_do_next(error, cause):
    assert read(error).cause is cause


def test_a_mistake_of_ours_is_no_failure_of_slack():
    assert failures.read(KeyError("x")) is None


def test_retry_after_is_read_and_has_a_default():
    assert read(answered(429, {}, **{"Retry-After": "7"})).retry_after == 7
    assert read(answered(429, {})).retry_after == failures.DEFAULT_RETRY_AFTER
    limited = failures.from_status(429, "", "soon")
    assert limited is not None
    assert limited.retry_after == failures.DEFAULT_RETRY_AFTER
    gone = failures.from_status(404, '{"error":"expired_url"}', None)
    assert gone is not None
    assert gone.cause is Cause.REFUSED
    assert failures.from_status(200, "", None) is None


def test_what_was_seen_is_bounded_and_can_be_forgotten():
    seen = Seen(limit=2)
    assert [seen.before(one) for one in "aabca"] == [False, True, False, False, False]
    seen.forget("a")
    assert not seen.before("a")


async def test_who_asks_at_the_same_time_asks_once_and_errors_are_not_remembered():
    recent: Recent[str, str] = Recent(SystemClock(), 60.0)
    asked = []
    go = asyncio.Event()

    async def ask():
        asked.append(1)
        await go.wait()
        if len(asked) == 1:
            raise LookupError
        return "found"

    first = [asyncio.ensure_future(recent.get("k", ask)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    results = await asyncio.gather(*first, return_exceptions=True)
    assert [type(one) for one in results] == [LookupError] * 3
    assert await recent.get("k", ask) == "found"
    assert await recent.get("k", ask) == "found"
    assert len(asked) == 2
    recent.forget("k")
    assert recent.known("k") is None


async def test_work_is_bounded_and_closed():
    tasks = Tasks(running=1, waiting=1)
    go = asyncio.Event()
    done = []

    async def work():
        await go.wait()
        done.append(1)

    tasks.spawn("a", work())
    tasks.spawn("b", work())
    with pytest.raises(Busy):
        tasks.spawn("c", work())
    go.set()
    await tasks.close(5)
    assert done == [1, 1]


async def test_work_that_never_ends_is_cancelled_when_the_process_ends():
    tasks = Tasks()
    tasks.spawn("for ever", asyncio.Event().wait())
    await tasks.close(0.01)
    assert not len(tasks)


async def test_people_and_groups_are_read_from_slack(office):
    directory = office.gateway.directory
    workspace = office.sandbox.workspace
    gus, pat, mia = [await directory.info(workspace.find_user(name).id) for name in ("gus", "pat", "mia")]
    assert (gus.ours, gus.guest) == (True, True)
    assert not pat.ours
    assert (mia.ours, mia.guest, mia.email) == (True, False, "mia@acme.example")
    assert await directory.standing(mia.person)
    assert not await directory.standing(gus.person)
    assert not await directory.standing(pat.person)
    assert (await directory.find_channel("#checkout")).channel == office.channel_id("checkout")
    assert (await directory.find_channel(office.channel_id("checkout"))).channel == office.channel_id("checkout")
    assert await directory.find_channel("nowhere") is None
    group = next(iter(workspace.usergroups.values()))
    members = await office.gateway.usergroups.members(group.id)
    assert {person.user for person in members} == set(group.users)
    assert not await office.gateway.usergroups.locked(group.id)
