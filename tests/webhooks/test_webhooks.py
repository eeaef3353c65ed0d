"""Webhooks: only what is genuine gets in, and each event once."""

import hmac
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application
from pydantic import BaseModel, SecretStr
from yarl import URL

from bot.clock import SystemClock
from bot.store import Store, Tx
from bot.webhooks import BODY_LIMIT, Hook, Webhooks
from integrations.contract import PATH, WebhookEvent
from integrations.errors import BadReply


class Secret(BaseModel):
    token: SecretStr


class TokenWire:
    """A tool that sends a token in a header and JSON in the body."""

    def verify(self, settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
        assert isinstance(settings, Secret)
        return hmac.compare_digest(headers.get("X-Token", ""), settings.token.get_secret_value())

    def parse(self, instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
        try:
            return [WebhookEvent(instance=instance, **event) for event in json.loads(body)]
        except ValueError as error:
            raise BadReply(instance, "not JSON", excerpt=body.decode(errors="replace")) from error


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path}/store.db", clock=SystemClock())
    yield store
    await store.close()


@pytest.fixture
async def taken() -> list[WebhookEvent]:
    return []


@pytest.fixture
async def url(store: Store, taken: list[WebhookEvent]) -> AsyncIterator[str]:
    async def finished(tx: Tx, event: WebhookEvent) -> None:
        if event.ref == "break" and not any(e.ref == "break" for e in taken):
            taken.append(event)
            raise ValueError
        taken.append(event)

    hooks = [Hook("ci", Secret(token=SecretStr("s3cret")), TokenWire())]
    app = Application(client_max_size=BODY_LIMIT)
    app.add_routes(Webhooks(store, SystemClock(), hooks, {"run.finished": finished}).routes())
    async with TestServer(app) as server:
        yield str(server.make_url("/hooks/ci"))


async def post(url: str, body: object, token: str = "s3cret") -> int:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=io.BytesIO(data), headers={"X-Token": token}) as answer,
    ):
        return answer.status


EVENT = {"kind": "run.finished", "id": "1", "ref": "ci:7"}


async def test_a_genuine_event_reaches_its_domain_once_though_sent_twice(url: str, taken: list[WebhookEvent]) -> None:
    assert [await post(url, [EVENT]), await post(url, [EVENT])] == [204, 204]
    assert [event.ref for event in taken] == ["ci:7"]


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        ([EVENT], "wrong", 401),
        ([EVENT], "", 401),
        (b"<html>", "s3cret", 400),
        (b"x" * (BODY_LIMIT + 1), "s3cret", 413),
        ([{**EVENT, "kind": "weather"}], "s3cret", 204),
    ],
    ids=["wrong token", "no token", "no JSON", "too long", "a kind nobody handles"],
)
async def test_everything_else_stays_out(url: str, taken: list[WebhookEvent], body, token, status) -> None:
    assert await post(url, body, token) == status
    assert taken == []


async def test_an_unknown_instance_is_not_found(url: str) -> None:
    assert await post(url.replace("/ci", "/other"), [EVENT]) == 404


async def test_an_event_that_broke_on_our_side_is_taken_when_sent_again(url: str, taken: list[WebhookEvent]) -> None:
    broken = {**EVENT, "id": "2", "ref": "break"}
    assert [await post(url, [broken]), await post(url, [broken])] == [500, 204]
    assert [event.ref for event in taken] == ["break", "break"]


class TalkingWire(TokenWire):
    """A tool that signs the address it calls, and does as it is answered."""

    def verify(self, settings: BaseModel, headers: Mapping[str, str], body: bytes) -> bool:
        return super().verify(settings, headers, body) and headers[PATH] == "/hooks/phone?page=a%2Fb"

    def reply(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        return "text/xml", f"<Response>{headers[PATH]}</Response>"


async def test_a_tool_that_reads_its_answer_gets_one_and_its_address_is_told_as_it_was_sent(store: Store) -> None:
    hooks = [Hook("phone", Secret(token=SecretStr("s3cret")), TalkingWire())]
    app = Application()
    app.add_routes(Webhooks(store, SystemClock(), hooks, {}).routes())
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        address = URL(f"{server.make_url('/')}hooks/phone?page=a%2Fb", encoded=True)
        async with session.post(address, data=b"[]", headers={"X-Token": "s3cret"}) as answer:
            assert (answer.status, answer.content_type) == (200, "text/xml")
            assert await answer.text() == "<Response>/hooks/phone?page=a%2Fb</Response>"
        forged = {"X-Token": "s3cret", "path": "/hooks/phone?page=a%2Fb"}
        async with session.post(server.make_url("/hooks/phone"), data=b"[]", headers=forged) as answer:
            assert answer.status == 401
