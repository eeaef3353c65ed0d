"""POST /api/do: one command with a bearer token, under the same rules and in the same audit log as in Slack.

The body is JSON: {"text": "deploy checkout@1.4.2 to staging", "request_id": "…"}. The answer is one JSON object, or
with `?wait=1` or a command's own --wait one a line: the answer, then each change of what it started, the last with
"final": true. A change is stored before it is run; the same `request_id` again never runs it twice and gets the same
answer, so that a client whose connection broke, or whose server was killed, simply asks again.
"""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import structlog
from aiohttp import web
from msgspec import Struct

from bot import arguments
from bot.arguments import Incomplete
from bot.clock import Clock
from bot.command import Effect, Invocation, Trigger
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.errors import Degraded, UserError
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.refusals import deactivated, incomplete
from bot.reply import Button, Message, Reply
from bot.settings.tokens import Terminal as TerminalSettings, Token
from bot.store import StoreUnavailable, Tx
from bot.terminal.plain import render
from bot.terminal.tokens import MARK, Tokens

BODY_LIMIT: Final = 64 * 1024
PATIENCE: Final = 60.0
"""Seconds that an answer is waited for before the client is told to ask again."""

_LOOK_AGAIN = 1.0
_JWT_DOTS = 2
_HEARTBEAT = 15.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")

Answer = Mapping[str, Any]
Follow = Callable[[str], AsyncIterator[Message]]
"""(subject) -> its message whenever it changes, until it ended; the last is a `Reply` with a code if it ended badly."""


class Bearer(Struct, frozen=True, kw_only=True):
    """Who is at the door: `name` is what requests of theirs are told apart by, `via` what they were known by."""

    name: str
    person: Person
    title: str
    via: str
    guest: bool = False


class Standing(Struct, frozen=True, kw_only=True):
    """How somebody stands in Slack; neither is known while Slack does not answer."""

    guest: bool = False
    gone: bool = False


StandingOf = Callable[[Person], Awaitable[Standing]]
"""Tells how somebody stands, soon: a terminal works while Slack is away."""


async def _in_good_standing(_person: Person) -> Standing:
    return Standing()


class SignedIn(Protocol):
    """People who signed in at the identity provider, in a terminal."""

    async def of(self, token: str) -> Bearer | None:
        """Return whose ID token this is, None where it is nobody's of ours. Raises: Degraded, Refused."""
        ...

    def offer(self) -> Mapping[str, Any]:
        """Return what a client needs to sign somebody in: issuer, client and scopes; nothing where it is off."""
        ...


log = structlog.get_logger()


class Terminal:
    """The door for people and service accounts with a token, and for people who signed in."""

    def __init__(self, settings: TerminalSettings, deliveries: Deliveries, clock: Clock) -> None:
        self.tokens = Tokens(settings, deliveries.store, clock)
        self.signed_in: SignedIn | None = None
        self.standing: StandingOf = _in_good_standing
        self._deliveries = deliveries
        self._clock = clock
        self._dispatcher: Dispatcher | None = None
        self._follow: Follow | None = None
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    def routes(self, dispatcher: Dispatcher, follow: Follow | None = None) -> list[web.RouteDef]:
        """Return the routes for the bot's web server; `follow` is what `?wait=1` follows subjects with."""
        self._dispatcher = dispatcher
        self._follow = follow
        return [web.post("/api/do", self._serve), web.get("/api/identity", self._offer, allow_head=False)]

    async def keep(self, tx: Tx, invocation: Invocation, reply: Reply) -> None:
        """Keep an answer in `tx` with its delivery, and wake who waits for it: the terminal's `Replier`."""
        answer = self._answer(reply)
        await self._deliveries.keep_answer(tx, invocation.delivery_id, answer)
        tx.after_commit(lambda: self._wake(invocation.delivery_id, answer))

    def _wake(self, ident: str, answer: Answer) -> None:
        waiter = self._waiting.get(ident)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            dispatcher, invocation = await self._read(request)
            answer, wait = await self._do(dispatcher, invocation)
        except _Rejected as error:
            return _failed(error.status, error.code, str(error))
        except StoreUnavailable as error:
            return _failed(503, error.code, str(error))
        if (wait or request.query.get("wait") in {"1", "true", "yes"}) and self._follow is not None:
            return await self._stream(request, answer, self._follow)
        return web.json_response(answer)

    async def _read(self, request: web.Request) -> tuple[Dispatcher, Invocation]:
        dispatcher = self._dispatcher
        bearer = await self._bearer(_shown(request.headers.get("Authorization", "")), dispatcher)
        if bearer is None:
            log.warning("terminal_token_refused", remote=request.remote)
            raise _Rejected(401, "bad_token", "This token opens nothing: ask whoever runs Shipmate for one.")
        body = await request.read()
        if len(body) > BODY_LIMIT:
            raise _Rejected(413, "too_long", f"The body is longer than {BODY_LIMIT} bytes.")
        text, request_id = _wish(body)
        if dispatcher is None:
            raise _not_ready()
        standing = await self.standing(bearer.person)
        if standing.gone:
            error = deactivated()
            raise _Rejected(403, error.code, str(error.text))
        return dispatcher, Invocation(
            delivery_id=f"terminal/{bearer.name}/{request_id}",
            trigger=Trigger.TERMINAL,
            person=bearer.person,
            person_name=bearer.title,
            at=self._clock.now(),
            text=text,
            ours=bearer.person.team == ACCOUNT_TEAM or dispatcher.permissions.is_ours(bearer.person),
            guest=bearer.guest or standing.guest,
            via=bearer.via,
        )

    async def _bearer(self, shown: str, dispatcher: Dispatcher | None) -> Bearer | None:
        """Return who shows this: by a token of the configuration, or signed in at the identity provider."""
        token = self.tokens.of(shown)
        if token is not None:
            person = _person(token, dispatcher)
            if person is None:
                raise _not_ready()
            await self.tokens.note(token)
            title = token.person or token.account
            return Bearer(name=token.name, person=person, title=title, via=f"{MARK}{token.name}")
        if self.signed_in is None or shown.count(".") != _JWT_DOTS:
            return None
        try:
            return await self.signed_in.of(shown)
        except Degraded as error:
            raise _Rejected(503, error.code, str(error.text)) from error
        except UserError as error:
            raise _Rejected(401, error.code, str(error.text)) from error

    async def _offer(self, _request: web.Request) -> web.Response:
        return web.json_response(self.signed_in.offer() if self.signed_in is not None else {})

    async def _do(self, dispatcher: Dispatcher, invocation: Invocation) -> tuple[Answer, bool]:
        """Return the answer, and whether the command itself was told to `--wait`."""
        try:
            parsed = dispatcher.parse(invocation)
        except UserError as error:
            return self._answer(error.reply(), kind="usage"), False
        if isinstance(parsed, Incomplete):
            return self._answer(incomplete(parsed, invocation.trigger), kind="usage"), False
        wait = getattr(parsed.args, "wait", False) is True
        if parsed.command.effect is Effect.CHANGE:
            return await self._change(dispatcher, invocation), wait
        return self._answer(await dispatcher.answer(invocation, parsed)), wait

    async def _change(self, dispatcher: Dispatcher, invocation: Invocation) -> Answer:
        """Store it, then wait for its answer: from this process at once, from another one by looking."""
        ident = invocation.delivery_id
        waiter = self._waiting.setdefault(ident, asyncio.get_running_loop().create_future())
        try:
            await dispatcher.accept(invocation)
            deadline = asyncio.get_running_loop().time() + PATIENCE
            while not waiter.done():
                kept = await self._deliveries.answer_of(ident)
                if kept is not None:
                    return kept
                if asyncio.get_running_loop().time() > deadline:
                    return _STILL_RUNNING
                await asyncio.wait({waiter}, timeout=_LOOK_AGAIN)
            return waiter.result()
        finally:
            self._waiting.pop(ident, None)

    async def _stream(self, request: web.Request, answer: Answer, follow: Follow) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        subject = str(answer["subject"])
        if not answer["ok"] or not subject:
            await _send(response, {**answer, "final": True})
            return response
        await _send(response, {**answer, "final": False})
        async for message in _with_pauses(follow(subject)):
            if message is None:
                await response.write(b"\n")  # keeps proxies from closing, and finds out who went away
                continue
            answer = {**self._answer(message), "subject": subject}
            await _send(response, {**answer, "final": False})
        await _send(response, {**answer, "final": True})
        return response

    def _answer(self, message: Message, kind: str = "") -> dict[str, Any]:
        code = message.code if isinstance(message, Reply) else ""
        subject = message.subject if isinstance(message, Reply) else ""
        kind = kind or ("refused" if code else "done")
        text = render(message, self._typed)
        return {
            "ok": not code,
            "kind": kind,
            "code": code,
            "text": text,
            "summary": message.summary,
            "subject": subject,
        }

    def _typed(self, button: Button) -> str:
        """Return what to type for a button."""
        command = self._dispatcher.registry.get(button.command) if self._dispatcher else None
        if command is None:
            return ""
        try:
            args = arguments.build(command, button.args)
        except UserError:
            return ""
        words = arguments.usage(command) if isinstance(args, Incomplete) else arguments.line(command, args)
        return f"shipmate do '{words}'" if "'" not in words else f'shipmate do "{words}"'


def _shown(header: str) -> str:
    """Return the bearer token of a header, "" where there is none."""
    scheme, _, shown = header.partition(" ")
    return shown.strip() if scheme.casefold() == "bearer" else ""


def _person(token: Token, dispatcher: Dispatcher | None) -> Person | None:
    if token.account:
        return Person(team=ACCOUNT_TEAM, user=token.account)
    return dispatcher.permissions.person(token.person) if dispatcher is not None else None


def _not_ready() -> "_Rejected":
    return _Rejected(503, "not_ready", "Shipmate does not know its Slack workspace yet. Try again in a moment.")


_STILL_RUNNING: Final = {
    "ok": True,
    "kind": "pending",
    "code": "",
    "text": "It is stored and still being worked on. Ask again with the same request_id.",
    "summary": "It is stored and still being worked on.",
    "subject": "",
}


class _Rejected(Exception):
    """The request is not one that we answer; `status` is HTTP's."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def _wish(body: bytes) -> tuple[str, str]:
    """Return the text and the request id of a body."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Rejected(400, "bad_request", f"The body is not JSON: {error}") from None
    text = values.get("text") if isinstance(values, dict) else None
    if not isinstance(text, str):
        raise _Rejected(400, "bad_request", 'The body must be {"text": "the command"}.')
    request_id = values.get("request_id") or uuid.uuid4().hex
    if not isinstance(request_id, str) or _REQUEST_ID.match(request_id) is None:
        raise _Rejected(400, "bad_request", "request_id must be 8 to 64 letters, digits, hyphens or underscores.")
    return text, request_id


def _failed(status: int, code: str, text: str) -> web.Response:
    values = {"ok": False, "kind": "failed", "code": code, "text": text, "summary": text, "subject": ""}
    return web.json_response(values, status=status)


async def _send(response: web.StreamResponse, values: Answer) -> None:
    await response.write(json.dumps(values).encode() + b"\n")


async def _with_pauses(messages: AsyncIterator[Message]) -> AsyncIterator[Message | None]:
    """Yield the messages, and None whenever there was none for a while."""
    while True:
        coming = asyncio.ensure_future(anext(messages, None))
        try:
            while not (await asyncio.wait({coming}, timeout=_HEARTBEAT))[0]:
                yield None
        finally:
            coming.cancel()
        message = coming.result()
        if message is None:
            return
        yield message
