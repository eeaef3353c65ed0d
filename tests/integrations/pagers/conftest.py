"""Pagers over their stand-ins, and the bot's own receiver of webhooks before them."""

import contextlib
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.store import Store, Tx
from bot.webhooks import Hook, Webhooks, Wire
from integrations.contract import Resources, WebhookEvent
from integrations.registry import declared
from tests.servers.pagers import ntfy, pagerduty, receiver, smtp, twilio
from tests.servers.pagers.site import serving

NUMBER, TOPIC, MAILBOX = "+14155550123", "mia-7fG2", "mia@example.org"


class Front:
    """Shipmate's receiver of webhooks, and what it handed on."""

    def __init__(self, url: str, store: Store) -> None:
        self.url = url
        self.events: list[WebhookEvent] = []
        self._store = store
        self._hooks: list[Hook] = []

    def address(self, instance: str) -> str:
        """Return the address of an instance's webhook."""
        return f"{self.url}/hooks/{instance}"

    def listen(self, instance: str, settings: Any) -> None:
        """Take in the webhooks of an instance."""
        module = importlib.import_module(declared()[instance].webhook)
        self._hooks.append(Hook(instance, settings, cast(Wire, module)))

    async def receive(self, request: web.Request) -> web.Response:
        async def take(tx: Tx, event: WebhookEvent) -> None:
            self.events.append(event)

        handlers = {"page.answer": take, "page.delivery": take}
        return await Webhooks(self._store, SystemClock(), self._hooks, handlers).receive(request)


@pytest.fixture
async def front(tmp_path) -> AsyncIterator[Front]:
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", clock=SystemClock())
    box: list[Front] = []

    async def receive(request: web.Request) -> web.Response:
        return await box[0].receive(request)

    async with serving([web.post("/hooks/{instance}", receive)]) as url:
        box.append(Front(url, store))
        yield box[0]
    await store.close()


@pytest.fixture
async def pager(tmp_path) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """Return what connects a pager of a tool with these settings; it is named as the tool."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(tool: str, *, ca_file: str = "", **settings: Any) -> Any:
            integration = declared()[tool]
            module, _, name = integration.connect.partition(":")
            lent = Resources(state_dir=str(tmp_path), ca_file=ca_file)
            chosen = integration.settings.model_validate({"timeout": 60, **settings})
            made = await getattr(importlib.import_module(module), name)(tool, chosen, lent)
            made.chosen = chosen
            stack.push_async_callback(made.close)
            return made

        yield start


@pytest.fixture
async def ntfy_server() -> AsyncIterator[ntfy.NtfyStandIn]:
    stand_in = ntfy.NtfyStandIn()
    async with serving(stand_in.routes()) as url:
        stand_in.url = url
        yield stand_in


@pytest.fixture
async def twilio_server() -> AsyncIterator[twilio.TwilioStandIn]:
    stand_in = twilio.TwilioStandIn(datetime(2026, 11, 23, 2, 30, tzinfo=UTC))
    async with serving(stand_in.routes()) as url:
        stand_in.url = url
        yield stand_in


@pytest.fixture
async def pagerduty_server() -> AsyncIterator[pagerduty.PagerDutyStandIn]:
    stand_in = pagerduty.PagerDutyStandIn()
    async with serving(stand_in.routes()) as url:
        stand_in.url = url
        yield stand_in


@pytest.fixture
async def own_receiver() -> AsyncIterator[receiver.Receiver]:
    stand_in = receiver.Receiver()
    async with serving(stand_in.routes()) as url:
        stand_in.url = url
        yield stand_in


@pytest.fixture
async def mail_server() -> AsyncIterator[smtp.Letters]:
    async with smtp.smtp_server() as letters:
        yield letters


def twilio_settings(**more: Any) -> dict[str, Any]:
    """Return settings that the stand-in takes."""
    return {"account_sid": twilio.ACCOUNT, "auth_token": twilio.AUTH_TOKEN, "from_number": twilio.FROM, **more}
