"""Every method against Slack's reference: scopes, tokens, tiers, bodies, arguments and errors.

`reference/methods.json` holds what https://docs.slack.dev/reference/methods said on the day it names.
"""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.sandbox import AppConfig, Options, Sandbox
from bot.sandbox.call import APP, CONFIGURATION, METHODS, NOBODY
from tests.sandbox.manifests import manifest

REFERENCE = json.loads((Path(__file__).parent / "reference" / "methods.json").read_text(encoding="utf-8"))
DOCUMENTED = REFERENCE["methods"]
COMMON = set(REFERENCE["common_errors"])
SPECIAL = 5  # "special" rate limits are counted as the highest tier

# Slack answers these, although no page of the method's family lists them.
UNLISTED = {
    ("chat", "invalid_thread_ts"): "https://github.com/slack-go/slack/issues/1571",
    ("chat", "cannot_dm_bot"): "a message to another bot: https://github.com/HubSpot/slack-client/pull/90",
    ("conversations", "cannot_dm_bot"): "the same",
    ("reactions", "not_in_channel"): "a public channel the caller is not in, as for pins.add",
    ("reactions", "invalid_cursor"): "https://docs.slack.dev/apis/web-api/pagination",
}


def allowed(name):
    """Return the errors a method may answer: its page's, its siblings' and everybody's."""
    family = name.partition(".")[0]
    siblings = {error for one in DOCUMENTED if one.partition(".")[0] == family for error in DOCUMENTED[one]["errors"]}
    return siblings | COMMON | {error for of, error in UNLISTED if of == family}


def test_every_method_is_slacks():
    assert set(METHODS) <= set(DOCUMENTED)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_method_is_as_documented(name):
    known, documented = METHODS[name], DOCUMENTED[name]
    scopes = documented["scopes"]
    if name != "users.identity":  # the page names the scope of another kind of app beside identity.basic
        assert set(known.scopes) == set(scopes.get("bot", [])) or known.tokens == CONFIGURATION
        assert set(known.user_scopes) == set(scopes.get("user", [])) or "user" not in known.tokens
    if scopes and known.tokens not in {APP, CONFIGURATION, NOBODY}:
        assert known.tokens == set(scopes)
    assert known.takes_json == documented["json"]
    assert documented["tier"] in {0, known.tier} or (documented["tier"] == SPECIAL and known.tier == 4)


WORDS = [
    "", "x", "-1", "0", "1.0", "1700000000.000100", "99999999999", "#checkout", "@mia", "null", "true", "1", "{", "[]",
    "modal", "home", "link", "bookmark", "away", "auto", "eyes", "a" * 5000, "\x00", "🚀", "\ud800",
    "next:0", "im,mpim",
    "{checkout}", "{partners}", "{direct}", "{mia}", "{gus}", "{pat}", "{ferry}", "{group}", "{ts}", "{file}", "{team}",
    "{app}", "{bot}", "{client}", "{secret}", "https://acme.example", "mia@acme.example", "quiet", "release-managers",
]  # fmt: skip
BLOCKS = [
    [{"type": "divider"}],
    [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}],
    [{"type": "nonsense"}],
    [{}],
    {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []},
    {"type": "home", "blocks": [{"type": "divider"}]},
    [{"type": "markdown_text", "text": "x"}],
    [{"type": "task_update", "id": "1", "title": "x", "status": "complete"}],
    [{"id": "{file}"}],
    [{"title": "x", "message": "x"}],
    {"event_type": "x", "event_payload": {}},
    {"status_text": "x"},
    {"display_information": {"name": "x"}},
    {"https://acme.example": {"text": "x"}},
]
VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(BLOCKS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(-1e300, 1e300) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    ),
)
USUAL = {
    "channel": "{checkout}", "channel_id": "{checkout}", "text": "hello", "ts": "{ts}", "timestamp": "{ts}",
    "thread_ts": "{ts}", "name": "eyes", "user": "{mia}", "users": "{mia}", "usergroup": "{group}", "title": "x",
    "filename": "x.txt", "length": 1, "post_at": "{soon}", "topic": "x", "purpose": "x", "type": "link",
    "link": "https://acme.example", "status": "x", "presence": "auto", "message_ts": "{ts}", "markdown_text": "x",
    "recipient_user_id": "{mia}", "recipient_team_id": "{team}", "client_id": "{client}", "client_secret": "{secret}",
}  # fmt: skip

MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
MORE: dict[str, dict[str, Any]] = {
    "views.publish": {"user_id": "{mia}", "view": {"type": "home", "blocks": [{"type": "divider"}]}},
    "views.open": {"trigger_id": "1.2.x", "view": MODAL},
    "views.push": {"trigger_id": "1.2.x", "view": MODAL},
    "views.update": {"view_id": "V0", "view": MODAL},
    "blocks.validate": {"view": MODAL},
    "apps.manifest.validate": {"manifest": {"display_information": {"name": "x"}}},
    "files.completeUploadExternal": {"files": [{"id": "{file}"}], "blocks": []},
    "files.info": {"file": "{file}"},
    "files.delete": {"file": "{file}"},
    "chat.unfurl": {"unfurls": {"https://acme.example": {"text": "x"}}},
    "assistant.threads.setSuggestedPrompts": {"prompts": [{"title": "x", "message": "x"}]},
    "conversations.open": {"channel": "", "users": "{mia},{gus}"},
    "conversations.create": {"name": "quiet", "team_id": ""},
    "conversations.rename": {"channel": "{own}", "name": "louder"},
    "conversations.archive": {"channel": "{own}"},
    "conversations.unarchive": {"channel": "{own}"},
    "conversations.invite": {"channel": "{own}", "users": "{mia},{pat},{old}"},
    "conversations.close": {"channel": "{direct}"},
    "bookmarks.edit": {"bookmark_id": "{mark}"},
    "bookmarks.remove": {"bookmark_id": "{mark}"},
    "chat.appendStream": {"ts": "{stream}"},
    "chat.stopStream": {"ts": "{stream}", "blocks": [{"type": "divider"}]},
    "chat.deleteScheduledMessage": {"scheduled_message_id": "{planned}"},
    "oauth.v2.access": {"grant_type": "refresh_token", "refresh_token": "x"},
    "team.info": {"domain": ""},
    "dnd.info": {"team_id": ""},
}


@st.composite
def calls(draw):
    """Return one call: a method, some of its arguments, and how they are sent."""
    name = draw(st.sampled_from(sorted(METHODS)))
    documented = DOCUMENTED[name]
    usual = {key: value for key, value in USUAL.items() if key in documented["arguments"]} | MORE.get(name, {})
    args = {key: value for key, value in usual.items() if draw(st.integers(0, 9)) < 9}
    names = st.sampled_from(documented["arguments"] or ["x"]) | st.text(max_size=5)
    if draw(st.booleans()):
        args |= draw(st.dictionaries(names, VALUES, max_size=3))
    return name, args, draw(st.sampled_from(["json", "form", "query", "raw"])), draw(st.binary(max_size=20))


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def printable(text):
    """Return text that UTF-8 can hold."""
    return text.encode(errors="replace").decode()


class Office:
    """A sandbox with an app of every scope, and the words that stand for its ids."""

    def __init__(self, sandbox, session, app, ids):
        self.sandbox, self.session, self.app, self.ids = sandbox, session, app, ids

    def filled(self, value):
        if isinstance(value, str):
            return ",".join(self.ids.get(part, part) for part in value.split(","))
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        return value

    def token(self, name):
        tokens = METHODS[name].tokens
        if tokens == APP:
            return self.app.app_token
        return "xoxe.xoxp-1-sandbox" if tokens == CONFIGURATION else self.app.bot_token

    async def answer(self, name, args, how, raw):
        """Call once and return the decoded answer."""
        sent = {key: one for key, one in self.filled(args).items() if key != "token"}
        flat = {key: one if isinstance(one, str) else json.dumps(one) for key, one in sent.items()}
        flat = {printable(key): printable(one) for key, one in flat.items()}
        headers = {"Authorization": f"Bearer {self.token(name)}"}
        ways: dict[str, dict[str, Any]] = {
            "json": {"json": sent},
            "form": {"data": urlencode(flat), "headers": FORM},
            "query": {"params": {key: one[:500] for key, one in flat.items()}},
            "raw": {"data": raw, "headers": {"Content-Type": "application/json"}},
        }
        kwargs = ways[how]
        kwargs["headers"] = headers | kwargs.get("headers", {})
        async with self.session.post(self.sandbox.api_url + name, **kwargs) as response:
            assert response.status == 200, (name, sent, await response.text())
            return await response.json()


async def prepare(office):
    """Make a channel of the app's own, a bookmark, a stream and a planned message."""
    made = {}
    for name, args in (
        ("conversations.create", {"name": "own"}),
        ("bookmarks.add", {"channel_id": "{checkout}", "title": "x", "type": "link", "link": "https://acme.example"}),
        ("chat.startStream", {"channel": "{direct}"}),
        ("chat.scheduleMessage", {"channel": "{checkout}", "text": "x", "post_at": "{soon}"}),
    ):
        made[name] = await office.answer(name, args, "form", b"")
        assert made[name]["ok"], made[name]
    office.ids["{own}"] = made["conversations.create"]["channel"]["id"]
    office.ids["{mark}"] = made["bookmarks.add"]["bookmark"]["id"]
    office.ids["{stream}"] = made["chat.startStream"]["ts"]
    office.ids["{planned}"] = made["chat.scheduleMessage"]["scheduled_message_id"]


async def play(sequence):
    """Make these calls one after the other in a fresh workspace; return each error with its method."""
    sandbox = Sandbox(options=Options(limits="off"))
    await sandbox.start()
    try:
        async with aiohttp.ClientSession() as session:
            every = sorted({scope for method in METHODS.values() for scope in method.scopes})
            app = await sandbox.install(AppConfig(manifest=manifest(scopes=[*every, "chat:write.public"])))
            workspace = sandbox.workspace
            ids = {f"{{{one.name}}}": one.id for one in workspace.users.values()}
            ids |= {f"{{{one.name}}}": one.id for one in workspace.channels.values()}
            group = next(iter(workspace.usergroups))
            ids |= {"{group}": group, "{team}": workspace.team.id, "{app}": app.id, "{bot}": app.bot_id}
            ids |= {"{client}": app.client_id, "{secret}": app.client_secret}
            ids["{direct}"] = workspace.direct(ids["{mia}"], app.bot_user_id).id
            office = Office(sandbox, session, app, ids)
            posted = await office.answer("chat.postMessage", {"channel": "{checkout}", "text": "x"}, "form", b"")
            upload = await office.answer("files.getUploadURLExternal", {"filename": "x", "length": 1}, "form", b"")
            async with session.post(upload["upload_url"], data=b"x"):
                ids |= {"{ts}": posted["ts"], "{file}": upload["file_id"]}
            ids["{soon}"] = str(int(sandbox.platform.clock()) + 900)
            await prepare(office)
            found = []
            for call in sequence:
                answer = await office.answer(*call)
                assert isinstance(answer["ok"], bool)
                found.append((call[0], "" if answer["ok"] else answer["error"]))
            return found
    finally:
        await sandbox.stop()


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(calls(), min_size=1, max_size=25))
def test_whatever_is_sent_is_answered_with_an_error_of_the_reference(sequence):
    for name, error in asyncio.run(play(sequence)):
        if error and name != "api.test":  # it answers with the error it is asked for
            assert error in allowed(name), name
