"""Notifications: recorded ones are understood, forged ones refused, whatever else comes is told apart."""

import base64
import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr, ValidationError

from integrations.alertmanager import wire
from integrations.alertmanager.settings import AlertmanagerSettings
from integrations.capabilities.alerts import AlertGroup, Matcher
from integrations.contract import WebhookEvent
from integrations.errors import BadReply

PAYLOADS = Path(__file__).parent / "payloads"
FIRING = (PAYLOADS / "webhook_firing_0.25.0_2026-11-23.json").read_bytes()
PARTLY = (PAYLOADS / "webhook_partly_resolved_0.25.0_2026-11-23.json").read_bytes()
URL = "http://127.0.0.1:9093"
BY_TOKEN = AlertmanagerSettings(url=URL, webhook_token=SecretStr("s3cret"))
BY_NAME = AlertmanagerSettings(url=URL, webhook_username="am", webhook_password=SecretStr("pä:ss"))


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def parsed(body: bytes) -> tuple[WebhookEvent, AlertGroup]:
    (event,) = wire.parse("am", {}, body)
    group = event.data["group"]
    assert isinstance(group, AlertGroup)
    return event, group


def test_a_recorded_notification_is_understood():
    event, group = parsed(FIRING)
    assert (event.kind, event.ref) == ("alerts.notified", '{}:{alertname="HighErrorRate"}')
    assert (group.labels, group.receiver, group.truncated) == ({"alertname": "HighErrorRate"}, "bot", 0)
    assert {alert.labels["pod"] for alert in group.alerts} == {"a", "b"}
    assert all(alert.firing and alert.ends_at is None and alert.fingerprint for alert in group.alerts)
    assert group.alerts[0].annotations["runbook_url"] == "https://runbooks.example.org/HighErrorRate"


def test_what_resolved_has_its_end_and_the_same_beginning_as_before():
    before = {alert.fingerprint: alert for alert in parsed(FIRING)[1].alerts}
    resolved = [alert for alert in parsed(PARTLY)[1].alerts if not alert.firing]
    (one,) = resolved
    assert one.labels["pod"] == "b"
    assert one.starts_at == before[one.fingerprint].starts_at
    assert one.ends_at is not None
    assert one.ends_at > one.starts_at


def test_a_notification_has_no_id_because_the_same_again_is_news():
    assert parsed(FIRING)[0].id == "", "a watchdog says the same each minute"


def test_moments_are_as_exact_as_those_of_the_api():
    told = json.loads(FIRING)
    told["alerts"][0]["startsAt"] = "2026-11-23T18:19:33.282815323+01:00"
    (alert, _) = parsed(json.dumps(told).encode())[1].alerts
    assert alert.starts_at == datetime(2026, 11, 23, 17, 19, 33, 282000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "header", "genuine"),
    [
        (BY_TOKEN, "Bearer s3cret", True),
        (BY_TOKEN, "bearer s3cret", True),
        (BY_TOKEN, "Bearer wrong", False),
        (BY_TOKEN, "Basic s3cret", False),
        (BY_TOKEN, "", False),
        (BY_NAME, basic("am:pä:ss"), True),
        (BY_NAME, basic("am:other"), False),
        (BY_NAME, "Basic ???", False),
        (BY_NAME, "Bearer pä:ss", False),
        (AlertmanagerSettings(url=URL), "Bearer ", False),
        (AlertmanagerSettings(url=URL, webhook_token=SecretStr("")), "Bearer ", False),
    ],
)
def test_only_what_carries_the_credentials_gets_in(settings, header, genuine):
    assert wire.verify(settings, {"Authorization": header} if header else {}, FIRING) is genuine


def changed(**values: Any) -> bytes:
    return json.dumps({**json.loads(FIRING), **values}).encode()


def alert(**values: Any) -> bytes:
    told = json.loads(FIRING)
    told["alerts"] = [{**told["alerts"][0], **values}]
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "where JSON was expected"),
        (b"<html>Sign in</html>", "HTML"),
        (b"[]", "no notification"),
        (b'{"text": "hello"}', "no notification"),
        (b"[" * 100_000, "where JSON was expected"),
        (changed(version="3"), "version '3'"),
        (changed(version=None), "version 'None'"),
        (changed(alerts="x"), "another form"),
        (changed(alerts=[7]), "another form"),
        (changed(groupLabels=["x"]), "another form"),
        (changed(truncatedAlerts="many"), "another form"),
        (alert(labels=None, status="burning"), "neither firing nor resolved"),
        (alert(startsAt="yesterday"), "another form"),
        (alert(startsAt="2026-01-01T00:00:00"), "no time zone"),
        (alert(startsAt=7), "another form"),
        (alert(annotations=7), "another form"),
    ],
)
def test_what_is_no_notification_is_told(body, words):
    with pytest.raises(BadReply, match=r"^am: ") as raised:
        wire.parse("am", {}, body)
    assert words in raised.value.message


def test_labels_that_no_database_holds_are_mended():
    (one,) = parsed(alert(labels={"a": "x\0y", "b": "\ud800", "c": None}, fingerprint=None))[1].alerts
    assert one.labels == {"a": "xy", "b": "?", "c": ""}
    assert one.fingerprint


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_whatever_stands_in_a_notification_is_understood_or_told(value):
    told = json.loads(FIRING)
    for path in (
        ("alerts",),
        ("groupLabels",),
        ("groupKey",),
        ("truncatedAlerts",),
        ("alerts", 0),
        ("alerts", 0, "labels"),
    ):
        wrong = copy.deepcopy(told)
        at: Any = wrong
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        try:
            wire.parse("am", {}, json.dumps(wrong).encode())
        except BadReply as error:
            assert error.message  # noqa: PT017 - understood, or told


@pytest.mark.parametrize(
    ("matcher", "written"),
    [
        (Matcher("a", "b"), 'a="b"'),
        (Matcher("a", 'x"y\\z\n', is_equal=False), 'a!="x\\"y\\\\z\\n"'),
        (Matcher("a", "b.*", is_regex=True), 'a=~"b.*"'),
        (Matcher("a", "b.*", is_regex=True, is_equal=False), 'a!~"b.*"'),
    ],
)
def test_a_matcher_is_written_as_alertmanager_does(matcher, written):
    assert str(matcher) == written


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "alertmanager:9093"},
        {"url": "http://me:secret@host"},
        {"url": "http://host/?a=b"},
        {"token": "x", "username": "a", "password": "b"},
        {"webhook_username": "a"},
        {"webhook_token": "x", "webhook_username": "a", "webhook_password": "b"},
        {"receiver": ""},
        {"colour": "red"},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        AlertmanagerSettings.model_validate({"url": URL, **wrong})
