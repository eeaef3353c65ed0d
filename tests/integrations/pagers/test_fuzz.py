"""Whatever comes to a pager's webhook: believed only when signed, and never more than a bad reply."""

import json
from importlib import import_module
from urllib.parse import urlencode

import pytest
from hypothesis import given, strategies as st
from pydantic import SecretStr

from integrations.contract import PATH
from integrations.errors import BadReply
from integrations.ntfy.settings import NtfySettings
from integrations.pagerduty.settings import PagerDutySettings
from integrations.twilio.settings import TwilioSettings
from integrations.webhook.settings import WebhookSettings
from tests.integrations.pagers.conftest import twilio_settings

URL = "https://shipmate.example.org/hooks/x"
SETTINGS = {
    "ntfy": NtfySettings(webhook_url=URL, webhook_secret=SecretStr("s3cret")),
    "pagerduty": PagerDutySettings(webhook_secret=SecretStr("s3cret")),
    "twilio": TwilioSettings.model_validate(twilio_settings(webhook_url=URL)),
    "webhook": WebhookSettings(urls=(URL,), secret=SecretStr("s3cret-s3cret-s3cret")),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["incident.acknowledged", "acknowledged"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "event_type", "id", "agent", "type", "data", "page", "topic", "delivery"]), inner
        )
    ),
    max_leaves=12,
)
FORM = st.lists(
    st.tuples(
        st.sampled_from(
            ["CallSid", "CallStatus", "Digits", "MessageSid", "Body", "MessageStatus", "From", "AnsweredBy"]
        ),
        st.text(max_size=20),
    )
)
BODY = st.binary() | JSON.map(lambda one: json.dumps(one).encode())
HEADERS = st.dictionaries(
    st.sampled_from(
        [PATH, "X-Twilio-Signature", "X-PagerDuty-Signature", "X-Shipmate-Token", "webhook-id", "webhook-timestamp"]
    ),
    st.text(),
)


@pytest.mark.parametrize("tool", sorted(SETTINGS))
@given(headers=HEADERS, body=BODY)
def test_nothing_unsigned_is_believed_and_nothing_breaks(tool, headers, body):
    wire = import_module(f"integrations.{tool}.wire")
    assert wire.verify(SETTINGS[tool], headers, body) is False
    try:
        events = wire.parse(tool, headers, body)
    except BadReply:
        return
    for event in events:
        assert len(event.id) <= 255
        assert event.kind in {"page.answer", "page.delivery"}
        str(event).encode()
        assert "\0" not in str(event.data)


@given(headers=HEADERS, form=FORM)
def test_forms_of_any_kind_break_nothing(headers, form):
    wire = import_module("integrations.twilio.wire")
    body = urlencode(form, errors="replace").encode()
    try:
        for event in wire.parse("twilio", headers, body):
            str(event).encode()
    except BadReply:
        pass
    assert wire.reply(headers, body)[0] == "text/xml"
