"""Webhooks: what is taken, from whom, and what is made of it."""

import base64
import contextlib
import hashlib
import hmac
import json

import pytest
from hypothesis import given, strategies as st

from integrations.contract import WebhookEvent
from integrations.errors import BadReply
from integrations.jenkins.names import RunName, branch_job, job_and_number, job_path, queue_id
from integrations.jenkins.settings import JenkinsSettings
from integrations.jenkins.wire import parse, verify
from tests.integrations.jenkins import jobs
from tests.integrations.waiting import eventually
from tests.servers.jenkins.notification import message

SECRET = "a secret of sixteen"
SETTINGS = JenkinsSettings.model_validate({"url": "http://x", "username": "a", "token": "t", "webhook_secret": SECRET})
BODY = b'{"url": "job/x/"}'


def signed(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"X-Shipmate-Signature": signed(BODY)}, True),
        ({"X-Shipmate-Signature": signed(BODY + b" ")}, False),
        ({"X-Shipmate-Signature": signed(BODY, "another secret of 16")}, False),
        ({"X-Shipmate-Signature": "sha256=ü", "Authorization": f"Bearer {SECRET}"}, False),
        ({"Authorization": f"Bearer {SECRET}"}, True),
        ({"Authorization": f"Bearer {SECRET}x"}, False),
        ({"Authorization": "Basic " + base64.b64encode(f"shipmate:{SECRET}".encode()).decode()}, True),
        ({"Authorization": "Basic " + base64.b64encode(b"shipmate:wrong").decode()}, False),
        ({"Authorization": "Basic !"}, False),
        ({"Authorization": f"Digest {SECRET}"}, False),
        ({}, False),
    ],
)
def test_who_is_believed(headers, taken):
    assert verify(SETTINGS, headers, BODY) is taken
    assert not verify(SETTINGS.model_copy(update={"webhook_secret": None}), headers, BODY)


async def test_what_the_notification_plugin_says_wakes_the_run_that_is_followed(jenkins, server):
    jobs.add(server, "team/checkout/feature%2Fx", script=jobs.succeeds)
    ref = await jenkins.start_build(jobs.build("D-7/build", "team/checkout/feature%2Fx"))

    async def look():
        build = server.job("team/checkout/feature%2Fx").builds.get(1)
        return build if build and not build.building else None

    build = await eventually(look)
    build.revision = ("feature/x", "c" * 40)
    (begun,) = parse("jenkins", {}, json.dumps(message(build, "STARTED")).encode())
    (over,) = parse("jenkins", {}, json.dumps(message(build, "FINALIZED")).encode())
    assert (begun.kind, begun.ref) == ("run.changed", str(ref))
    assert (over.kind, over.ref) == ("run.finished", str(ref))
    assert begun.id != over.id
    assert over == parse("jenkins", {}, json.dumps(message(build, "FINALIZED")).encode())[0]
    assert over.data == {
        "also": ["jenkins:team/checkout/feature%2Fx#1"],
        "job": "team/checkout/feature%2Fx",
        "number": "#1",
        "url": build.url,
        "state": "succeeded",
        "title": "team/checkout/feature%2Fx #1",
        "branch": "feature/x",
        "sha": "c" * 40,
    }


async def test_what_the_snippet_of_the_readme_says(jenkins):
    url = "https://jenkins.example.org/ci/job/team/job/checkout/12/"
    told = {"url": "…", "build": {"full_url": url, "number": 12, "phase": "FINALIZED", "parameters": {}}}
    (event,) = parse("ci", {}, json.dumps(told).encode())
    assert event == WebhookEvent(
        instance="ci",
        kind="run.finished",
        id=f"{url}#12:FINALIZED::",
        ref="ci:team/checkout#12",
        data=event.data,
    )


def test_a_long_address_gives_an_id_that_can_be_kept():
    url = f"https://jenkins.example.org/job/{'x' * 300}/12/"
    told = {"build": {"full_url": url, "number": 12, "phase": "STARTED"}}
    (event,) = parse("ci", {}, json.dumps(told).encode())
    assert len(event.id) == 64


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"build": []}',
        b'{"build": {"number": "x", "phase": "STARTED", "url": "job/a/1/"}}',
        b'{"build": {"number": 1, "phase": "DANCING", "url": "job/a/1/"}}',
        b'{"build": {"number": 0, "phase": "STARTED", "url": "job/a/1/"}}',
        b'{"build": {"number": 1, "phase": "STARTED", "url": "somewhere"}}',
    ],
)
def test_what_is_no_message_is_a_bad_reply(body):
    with pytest.raises(BadReply):
        parse("ci", {}, body)


@given(st.binary(max_size=200))
def test_whatever_comes_is_an_event_or_a_bad_reply(body):
    with contextlib.suppress(BadReply):
        assert parse("ci", {}, body)[0].instance == "ci"


NAMES = st.text(st.characters(categories=("L", "N", "Zs"), include_characters="-_.()%+,'~"), min_size=1).filter(
    lambda name: name.strip() and name not in {".", ".."}
)


@given(st.lists(NAMES, min_size=1, max_size=4), st.integers(1, 99999))
def test_a_job_is_found_again_in_the_address_that_it_gives(segments, number):
    name = "/".join(segments)
    assert job_and_number(f"https://ci.example.org/prefix{job_path(name)}/{number}/") == (name, number)
    assert job_and_number(f"{job_path(name)}/") == (name, 0)


@given(st.lists(NAMES, min_size=1, max_size=4), st.integers(1, 99999), st.text(min_size=1, max_size=20))
def test_a_run_name_survives_being_written_down(segments, number, request_id):
    job = "/".join(segments)
    for name in (RunName(job, number=number), RunName(job, request_id=request_id)):
        assert RunName.parse(str(name)) == name


@given(st.text(max_size=40))
def test_any_text_is_a_run_name_or_none(text):
    name = RunName.parse(text)
    assert name is None or RunName.parse(str(name)) == name


def test_addresses():
    assert branch_job("team/checkout", "feature/x") == "team/checkout/feature%2Fx"
    assert job_path("team/checkout/feature%2Fx") == "/job/team/job/checkout/job/feature%252Fx"
    assert queue_id("https://ci.example.org/ci/queue/item/12/") == 12
    assert queue_id("https://ci.example.org/login") is None
    assert job_and_number("https://ci.example.org/") is None
