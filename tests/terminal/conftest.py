"""A real web server with the terminal's door, and the client that asks it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.reply import Message
from bot.settings.tokens import Terminal as TerminalSettings, Token
from bot.terminal import Terminal, ask
from bot.web import Web
from tests.dispatch.conftest import (  # noqa: F401 - fixtures are found by name
    HandClock,
    Yard,
    clock,
    either_store,
    log_lines,
    open_yard,
    store,
    yard,
)

MIAS = "mia-has-a-long-secret"
CIS = "the-secret-of-the-pipeline"
TOKENS = TerminalSettings(
    tokens=(
        Token(name="mia-laptop", person="mia", secret=SecretStr(MIAS)),
        Token(name="ci", account="ci", secret=SecretStr(CIS)),
    )
)


@dataclass
class Door:
    """The server's side and a client."""

    yard: Yard
    terminal: Terminal
    web: Web
    said: list[str] = field(default_factory=list)
    cards: asyncio.Queue[Message | None] = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web.port}"

    async def follow(self, _subject: str) -> AsyncIterator[Message]:
        while (card := await self.cards.get()) is not None:
            yield card

    async def do(self, text: str, token: str = MIAS, **options: Any) -> int:
        return await ask(text, url=self.url, token=token, say=self.said.append, pause=nothing, **options)

    async def post(self, body: Any, token: str = MIAS, **options: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"}
        kind = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/api/do", headers=headers, **kind, **options) as response,
        ):
            return response.status, await response.json()


async def nothing(_seconds: float) -> None:
    """Do not wait between attempts."""


async def ready() -> str:
    return ""


@pytest.fixture
async def door(yard: Yard) -> AsyncIterator[Door]:  # noqa: F811 - the fixture
    terminal = Terminal(TOKENS, yard.deliveries, yard.clock)
    yard.dispatcher._replier = terminal.keep
    yard.dispatcher.why_not = terminal.tokens.why_not
    opened = Door(yard, terminal, Web(ready))
    await opened.web.start("127.0.0.1", 0, terminal.routes(yard.dispatcher, opened.follow))
    yield opened
    await opened.web.stop()


@pytest.fixture
def door_clock() -> HandClock:
    return HandClock()
