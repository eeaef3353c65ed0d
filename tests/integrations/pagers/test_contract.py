"""Every pager keeps the same contract: over a real SMTP server, and stand-ins of the rest."""

import pytest

from integrations.capabilities.paging import Way
from tests.fakes.pagers import FakePager
from tests.integrations.contract.paging import PagingContract, Target
from tests.integrations.pagers.conftest import MAILBOX, NUMBER, TOPIC, twilio_settings
from tests.servers.pagers import ntfy, pagerduty, receiver


class TestFake(PagingContract):
    """The pager in memory that the tests of paging use."""

    @pytest.fixture
    def target(self):
        fake = FakePager("fake", ways={Way.PUSH})
        return Target(
            pager=fake,
            way=Way.PUSH,
            to=TOPIC,
            wrong=(),
            arrived=lambda: [f"{one.page.title}\n{one.page.text}" for one in fake.taken],
            askable=True,
            dedups=False,
        )


class TestNtfy(PagingContract):
    @pytest.fixture
    async def target(self, pager, ntfy_server):
        return Target(
            pager=await pager("ntfy", url=ntfy_server.url, token=ntfy.TOKEN),
            way=Way.PUSH,
            to=TOPIC,
            wrong=("no topic/../v1", "ü", "x" * 65),
            arrived=lambda: [f"{one['title']}\n{one['message']}" for one in ntfy_server.shown(TOPIC)],
            askable=True,
            dedups=True,
        )


class TestOldNtfy(PagingContract):
    """A server before 2.16: it knows no sequences, so that a message sent twice is there twice."""

    @pytest.fixture
    async def target(self, pager, ntfy_server):
        ntfy_server.sequences = False
        return Target(
            pager=await pager("ntfy", url=ntfy_server.url, token=ntfy.TOKEN),
            way=Way.PUSH,
            to=TOPIC,
            wrong=("mia/other",),
            arrived=lambda: [f"{one['title']}\n{one['message']}" for one in ntfy_server.shown(TOPIC)],
            askable=True,
            dedups=False,
        )


class TestTwilioCalls(PagingContract):
    @pytest.fixture
    async def target(self, pager, twilio_server):
        return Target(
            pager=await pager("twilio", url=twilio_server.url, ways=["call"], **twilio_settings()),
            way=Way.CALL,
            to=NUMBER,
            wrong=("+1", "4155550123", "sip:mia@example.org"),
            arrived=lambda: [twilio_server.asked[one["sid"]]["Twiml"] for one in twilio_server.calls],
            askable=True,
            dedups=False,
        )


class TestTwilioMessages(PagingContract):
    @pytest.fixture
    async def target(self, pager, twilio_server):
        return Target(
            pager=await pager("twilio", url=twilio_server.url, ways=["sms"], **twilio_settings()),
            way=Way.SMS,
            to=NUMBER,
            wrong=("+1", "mia"),
            arrived=lambda: [one["body"] for one in twilio_server.messages],
            askable=True,
            dedups=False,
        )


class TestPagerDuty(PagingContract):
    @pytest.fixture
    async def target(self, pager, pagerduty_server):
        def triggered() -> list[str]:
            found = {}
            for one in pagerduty_server.events:
                if one["event_action"] == "trigger":
                    found[one["dedup_key"]] = one["payload"]["summary"]
            return list(found.values())

        return Target(
            pager=await pager("pagerduty", url=pagerduty_server.url),
            way=Way.EVENT,
            to=pagerduty.ROUTING_KEY,
            wrong=("short", "PLH1HKV", "R0UT1NGKEY0F0URSTANDIN0000000002"),
            arrived=triggered,
            askable=False,
            dedups=True,
        )


class TestWebhook(PagingContract):
    @pytest.fixture
    async def target(self, pager, own_receiver):
        url = own_receiver.url
        return Target(
            pager=await pager("webhook", urls=[f"{url}/pages"], secret=receiver.SECRET),
            way=Way.WEBHOOK,
            to=f"{url}/pages/mia",
            wrong=(f"{url}/other", f"{url}/pages/../admin", "https://169.254.169.254/pages", f"{url}/pages/nobody"),
            arrived=lambda: [f"{one['title']}" for one in own_receiver.taken.values() if one["type"] == "page"],
            askable=False,
            dedups=True,
        )


class TestSmtp(PagingContract):
    @pytest.fixture
    async def target(self, pager, mail_server):
        mail_server.refuse = {"gone@example.org": "550 5.1.1 <gone@example.org> is not known here"}
        settings = {"host": "127.0.0.1", "port": mail_server.port, "security": "none", "sender": "bot@example.org"}
        return Target(
            pager=await pager("smtp", **settings),
            way=Way.EMAIL,
            to=MAILBOX,
            wrong=("mia", "mia@example.org\r\nBcc: eve@example.org", "gone@example.org"),
            arrived=lambda: [f"{one['subject']}\n{one.get_content()}" for one in mail_server.received],
            askable=False,
            dedups=False,
        )
