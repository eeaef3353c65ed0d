"""Pagers' services down, slow, refusing, redirecting: told apart, with no secret and no address in what is said."""

import asyncio
import datetime as dt
import ipaddress
import json
import socket
import ssl
from urllib.parse import unquote_plus

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from integrations.capabilities.paging import Delivery, Way
from integrations.errors import (
    BadReply,
    IntegrationError,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from integrations.http import masked
from integrations.ntfy.settings import NtfySettings
from integrations.smtp.settings import SmtpSettings
from integrations.twilio.settings import TwilioSettings
from integrations.webhook.settings import WebhookSettings
from tests.integrations.contract.paging import PAGE
from tests.integrations.pagers.conftest import MAILBOX, NUMBER, TOPIC, twilio_settings
from tests.servers.pagers import ntfy, pagerduty, receiver, smtp, twilio
from tests.servers.pagers.site import serving

TOOLS = {
    "ntfy": (Way.PUSH, TOPIC, lambda url: {"url": url, "token": ntfy.TOKEN}),
    "twilio": (Way.SMS, NUMBER, lambda url: {"url": url, **twilio_settings()}),
    "pagerduty": (Way.EVENT, pagerduty.ROUTING_KEY, lambda url: {"url": url}),
    "webhook": (Way.WEBHOOK, "", lambda url: {"urls": [url], "secret": receiver.SECRET}),
}
SECRETS = (ntfy.TOKEN, twilio.AUTH_TOKEN, receiver.SECRET, TOPIC, NUMBER, NUMBER[1:], pagerduty.ROUTING_KEY)


@pytest.fixture(params=sorted(TOOLS))
def tool(request) -> str:
    return str(request.param)


@pytest.fixture
async def broken(tool, pager):
    """Return what starts a server that answers all as told, and pages there; returns the error."""
    way, to, settings = TOOLS[tool]

    async def page(handler, tls=None, **more) -> IntegrationError:
        async with serving([web.route("*", "/{path:.*}", handler)], tls) as url:
            made = await pager(tool, **{**settings(url), **more})
            with pytest.raises(IntegrationError) as raised:
                await made.page(way, to or f"{url}/secret-path-of-mia", PAGE)
            told = f"{raised.value} {raised.value!r} {getattr(raised.value, 'excerpt', '')}"
            for secret in (*SECRETS, "secret-path"):
                assert secret not in told
            return raised.value

    return page


async def echo(request: web.Request) -> str:
    """Return a body in each tool's form of a failure, which repeats all that it was sent, as some do."""
    sent = " ".join([request.headers.get("Authorization", ""), await request.text()])
    told = f"no, because of {request.url} {unquote_plus(sent)}"
    return json.dumps({"code": 21211, "error": told, "message": told, "errors": [told]})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, NotAuthenticated),
        (403, NotPermitted),
        (404, NotFound),
        (413, Refused),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_a_refusal_is_told_apart_and_repeats_nothing(broken, status, error):
    async def handler(request):
        return web.Response(status=status, text=await echo(request))

    assert type(await broken(handler)) is error


async def test_what_is_no_answer_of_the_tool_is_a_bad_reply(broken, tool):
    async def handler(_):
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    if tool != "webhook":  # a receiver need say nothing
        assert type(await broken(handler)) is BadReply

    async def refusing(_):
        return web.Response(status=418, text="<html>teapot</html>", content_type="text/html")

    assert type(await broken(refusing)) is BadReply


async def test_a_redirect_is_not_followed(broken):
    asked = []

    async def handler(request):
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": f"{request.url.origin()}/elsewhere"})

    assert type(await broken(handler)) is BadReply
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("after", "wait"),
    [("7", 7.0), ("soon", 5.0), ("Mon, 23 Nov 2026 02:31:30 GMT", 90.0), ("99999999", 3600.0)],
)
async def test_being_asked_to_slow_down_says_for_how_long(broken, after, wait):
    async def handler(_):
        return web.Response(status=429, headers={"Retry-After": after, "Date": "Mon, 23 Nov 2026 02:30:00 GMT"})

    error = await broken(handler)
    assert isinstance(error, RateLimited)
    assert error.retry_after == wait


async def test_what_was_sent_and_not_answered_is_unknown_unless_it_may_be_sent_again(broken, tool):
    over = asyncio.Event()
    wanted = Unavailable if tool == "pagerduty" else OutcomeUnknown

    async def silent(_):
        await over.wait()
        return web.Response()

    async def hang_up(request):
        request.transport.close()
        return web.Response()

    async def lost(_):
        return web.Response(status=504)

    for handler, timeout in ((silent, 0.2), (hang_up, 60), (lost, 60)):
        error = await broken(handler, timeout=timeout)
        assert type(error) is wanted
        if isinstance(error, OutcomeUnknown):
            assert error.request_id == PAGE.id
    over.set()


async def test_an_answer_without_end_is_not_read(broken):
    async def handler(_):
        return web.Response(body=b"[" + b" " * 4096)

    assert type(await broken(handler, max_bytes=1024)) is BadReply


async def test_one_that_is_not_there_got_nothing(pager):
    for name, (way, to, settings) in TOOLS.items():
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            made = await pager(name, **settings(url))
            with pytest.raises(Unavailable, match="cannot be reached") as raised:
                await made.page(way, to or f"{url}/mia", PAGE)
            assert url not in str(raised.value)


async def test_one_that_is_never_reached_got_nothing(pager):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()  # and speaks no TLS, nor anything else
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
        for name, (way, to, settings) in TOOLS.items():
            made = await pager(name, **settings(url), timeout=0.4)
            with pytest.raises(Unavailable, match=r"cannot be reached within 0\.2 s"):
                await made.page(way, to or f"{url}/mia", PAGE)


# ---------------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Return the file of a self-signed certificate of 127.0.0.1, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return str(path), context


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(broken, certificate):
    async def handler(_):
        return web.Response()

    error = await broken(handler, certificate[1])
    assert type(error) is Unavailable
    assert "certificate is not trusted" in str(error)


async def test_the_bots_private_authority_is_believed(pager, certificate):
    stand_in = ntfy.NtfyStandIn()
    async with serving(stand_in.routes(), certificate[1]) as url:
        made = await pager("ntfy", url=url, token=ntfy.TOKEN, ca_file=certificate[0])
        assert (await made.page(Way.PUSH, TOPIC, PAGE)).delivery is Delivery.QUEUED


# --------------------------------------------------------------------------------------------------------------- SMTP


def mailer(letters, **more):
    return {"host": "127.0.0.1", "port": letters.port, "security": "none", "sender": "bot@example.org", **more}


async def test_an_email_names_its_page_and_whom_it_is_from(pager, mail_server):
    made = await pager("smtp", **mailer(mail_server, reply_to="oncall@example.org"))
    receipts = [await made.page(Way.EMAIL, MAILBOX, PAGE) for _ in range(2)]
    first, second = mail_server.received
    assert {first["message-id"], second["message-id"], *(one.ref for one in receipts)} == {receipts[0].ref}
    assert first["subject"] == "A-7 checkout: error rate is high"
    assert (first["reply-to"], first["auto-submitted"], first["importance"]) == (
        "oncall@example.org",
        "auto-generated",
        "high",
    )
    assert first["x-envelope"] == f"bot@example.org {MAILBOX}"
    assert PAGE.url in first.get_content()
    assert "2026-11-23 02:30 UTC" in first.get_content()
    assert receipts[0].delivery is Delivery.QUEUED


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (f"550 5.1.1 <{MAILBOX}>: no such person", Refused),
        (f"450 4.2.0 <{MAILBOX}>: greylisted, come back", Unavailable),
    ],
)
async def test_a_recipient_that_is_refused_is_told_by_kind_and_not_named(pager, mail_server, answer, error):
    mail_server.refuse = {MAILBOX: answer}
    made = await pager("smtp", **mailer(mail_server))
    with pytest.raises(error) as raised:
        await made.page(Way.EMAIL, MAILBOX, PAGE)
    assert type(raised.value) is error
    assert answer[:3] in str(raised.value)
    assert MAILBOX not in str(raised.value)
    assert mail_server.received == []


async def test_an_email_that_was_handed_over_without_an_answer_is_unknown(pager, mail_server):
    mail_server.hang_up = True
    made = await pager("smtp", **mailer(mail_server))
    with pytest.raises(OutcomeUnknown) as raised:
        await made.page(Way.EMAIL, MAILBOX, PAGE)
    assert raised.value.request_id == PAGE.id
    mail_server.hang_up, mail_server.hold = False, asyncio.Event()
    slow = await pager("smtp", **mailer(mail_server, timeout=0.5))
    with pytest.raises(OutcomeUnknown):
        await slow.page(Way.EMAIL, MAILBOX, PAGE)
    assert len(mail_server.received) == 2


async def test_a_mail_server_that_is_not_there_or_says_nothing_got_nothing(pager, mail_server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        made = await pager("smtp", **{**mailer(mail_server), "port": taken.getsockname()[1]})
        with pytest.raises(Unavailable, match="cannot be reached"):
            await made.page(Way.EMAIL, MAILBOX, PAGE)
        taken.listen()
        made = await pager("smtp", **{**mailer(mail_server, timeout=0.2), "port": taken.getsockname()[1]})
        with pytest.raises(Unavailable, match=r"no answer within 0\.2 s"):
            await made.page(Way.EMAIL, MAILBOX, PAGE)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_it_signs_in_over_tls_and_only_there(pager, certificate, security):
    async with smtp.smtp_server(certificate[1], authenticate=True, at_once=security == "tls") as letters:
        known = {"username": smtp.USERNAME, "password": smtp.PASSWORD, "security": security}
        made = await pager("smtp", ca_file=certificate[0], **mailer(letters, **known))
        assert (await made.ping()).identity == smtp.USERNAME
        await made.page(Way.EMAIL, MAILBOX, PAGE)
        assert len(letters.received) == 1
        wrong = await pager("smtp", ca_file=certificate[0], **mailer(letters, **{**known, "password": "guessed-it"}))
        with pytest.raises(NotAuthenticated) as raised:
            await wrong.page(Way.EMAIL, MAILBOX, PAGE)
        assert "guessed-it" not in str(raised.value)
        stranger = await pager("smtp", **mailer(letters, **known))
        with pytest.raises(Unavailable, match="certificate is not trusted"):
            await stranger.page(Way.EMAIL, MAILBOX, PAGE)
        assert len(letters.received) == 1


async def test_a_server_that_cannot_be_safe_is_not_written_to(pager, mail_server, certificate):
    made = await pager("smtp", **mailer(mail_server, security="starttls"))
    with pytest.raises(Refused, match="offers no STARTTLS"):
        await made.page(Way.EMAIL, MAILBOX, PAGE)
    assert mail_server.received == []
    async with smtp.smtp_server(certificate[1]) as open_to_all:
        known = {"username": smtp.USERNAME, "password": smtp.PASSWORD, "security": "starttls"}
        made = await pager("smtp", ca_file=certificate[0], **mailer(open_to_all, **known))
        with pytest.raises(Refused, match="offers no sign-in"):
            await made.page(Way.EMAIL, MAILBOX, PAGE)


# ----------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (NtfySettings, {"token": "x", "username": "a", "password": "b"}, "not both"),
        (NtfySettings, {"webhook_url": "https://x.example.org"}, "belong together"),
        (NtfySettings, {"url": "https://a:b@ntfy.example.org"}, "credentials"),
        (NtfySettings, {"url": "ntfy.example.org"}, "no address"),
        (SmtpSettings, {"host": "m", "sender": "a@b.org", "username": "a"}, "belong together"),
        (SmtpSettings, {"host": "m", "sender": "Bot <a@b.org>"}, "no address of a mailbox"),
        (
            SmtpSettings,
            {"host": "m", "sender": "a@b.org", "username": "a", "password": "b", "security": "none"},
            "unencrypted",
        ),
        (TwilioSettings, {"account_sid": "AC1", "auth_token": "t"}, "from_number"),
        (TwilioSettings, {"account_sid": "AC1", "auth_token": "t", "from_number": "0151 2345"}, "no telephone number"),
        (TwilioSettings, {**twilio_settings(), "ways": ["push"]}, "call, sms or both"),
        (TwilioSettings, {**twilio_settings(), "ways": []}, "call, sms or both"),
        (TwilioSettings, {**twilio_settings(), "api_key": "SK1"}, "belong together"),
        (WebhookSettings, {"urls": [], "secret": "x" * 16}, "at least 1"),
        (WebhookSettings, {"urls": ["https://x.example.org"], "secret": "short"}, "16 characters"),
    ],
)
def test_settings_that_cannot_work_say_why(model, settings, words):
    with pytest.raises(ValidationError, match=words):
        model.model_validate(settings)


def test_what_is_hidden_is_hidden_in_any_case():
    assert masked("call 14155550123 of MIA@example.org", ["+14155550123", "mia@EXAMPLE.org", "", "a"]) == "call … of …"
    assert masked("İMIA and mia", ["mia"]) == "İMIA and …"
