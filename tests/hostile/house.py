"""A whole Shipmate in this process, with every door open: what Slack, tools, browsers and terminals can reach."""

import base64
import contextlib
import hashlib
import hmac
import io
import itertools
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import aiohttp
import sqlalchemy as sa
import structlog
import yaml
from msgspec import Struct
from yarl import URL

from bot import logs
from bot.app.composition import App
from bot.app.running import Running
from bot.clock import SystemClock
from bot.demo.surroundings import free_port
from bot.sandbox import AppConfig, Options, Sandbox, Seed
from bot.settings import load
from bot.slack import manifest
from bot.store import Store
from commands.registry import registry
from integrations.twilio import wire as twilio

NOBODY: Final = "http://127.0.0.1:1"
PATIENCE: Final = aiohttp.ClientTimeout(total=90)
SECRETS: Final[Mapping[str, str]] = {
    name: f"canary-{name.lower().replace('_', '-')}-5e1f"
    for name in (
        "GITLAB_TOKEN", "GITLAB_HOOK", "GITLAB_OAUTH", "JENKINS_TOKEN", "JENKINS_HOOK", "ALERTS_HOOK", "NTFY_TOKEN",
        "NTFY_HOOK", "TWILIO_TOKEN", "TWILIO_KEY", "PAGERDUTY_KEY", "PAGERDUTY_HOOK", "WEBHOOK_SECRET", "OIDC_SECRET",
        "SIGNING_SECRET", "TERMINAL_MIA", "TERMINAL_CI", "SMTP_PASSWORD", "PROMETHEUS_TOKEN", "HEARTBEAT",
    )
} | {"PAGERDUTY_KEY": "c4n4ry0000000000000000pagerdutyx", "UNUSED": "canary-of-the-environment-5e1f"}  # fmt: skip
BOT_TOKEN, APP_TOKEN = "xoxb-1-2-canary5e1fbottoken", "xapp-1-A1-canary5e1fapptoken"
"""Every secret that a configuration can hold, each known again wherever it comes out."""


class Answer(Struct, frozen=True):
    """What a door answered."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class House:
    """One Shipmate over HTTP, its workspace and its log."""

    app: App
    sandbox: Sandbox
    http: aiohttp.ClientSession
    log: io.StringIO
    folder: Path
    counting: str = field(default="", repr=False)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.app.web.port}"

    def number(self) -> int:
        """Return a number that was not used before: for ids that deliveries are told apart by."""
        return next(self.numbers)

    def somebody(self) -> tuple[str, str, str]:
        """Return the team, a person of it, and a channel that they are in."""
        user, channel = self.sandbox.workspace.user("mia", "user"), self.sandbox.workspace.find_channel("checkout")
        assert channel is not None
        return user.team_id, user.id, channel.id

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """Ask a door anything."""
        address = URL(f"{self.url}{path}", encoded=True)
        async with self.http.request(method, address, allow_redirects=False, **more) as answer:
            return Answer(answer.status, await answer.text(errors="replace"), dict(answer.headers))

    async def hook(self, instance: str, body: bytes, path: str = "", **headers: str) -> Answer:
        """Deliver a webhook that is signed as the tool does; `headers` are put over those."""
        path = path or f"/hooks/{instance}"
        signed = {**SIGNED[instance](body, path), **headers}
        return await self.ask("POST", path, data=io.BytesIO(body), headers={k: v for k, v in signed.items() if v})

    async def slack(self, body: bytes, **headers: str) -> Answer:
        """Deliver what Slack would, signed."""
        signed = {**slack_headers(body), **headers}
        return await self.ask("POST", "/slack/events", data=io.BytesIO(body), headers=signed)

    async def do(self, body: bytes, token: str = SECRETS["TERMINAL_MIA"]) -> Answer:
        """Ask at the terminal's door."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self.ask("POST", "/api/do", data=io.BytesIO(body), headers=headers)

    async def rows(self) -> dict[str, int]:
        """Return how many rows each table holds."""
        async with self.app.store.read() as conn:
            if not self.counting:
                named = "SELECT name FROM sqlite_master WHERE type = 'table'"
                names = [row[0] for row in (await conn.execute(sa.text(named))).all()]
                self.counting = " UNION ALL ".join(f"SELECT '{one}', count(*) FROM \"{one}\"" for one in names)  # noqa: S608
            return {row[0]: int(row[1]) for row in (await conn.execute(sa.text(self.counting))).all()}

    def tracebacks(self) -> list[str]:
        """Return the events of the log that hold a traceback, and forget what was logged."""
        lines = self.log.getvalue().splitlines()
        self.log.seek(0)
        self.log.truncate()
        return [line for line in lines if "Traceback (most recent call last)" in line]


def slack_headers(body: bytes, *, secret: str = SECRETS["SIGNING_SECRET"], at: str = "") -> dict[str, str]:
    """Return the headers with which Slack signs a body.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    stamp = at or str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def _hmac(name: str, body: bytes) -> str:
    return hmac.new(SECRETS[name].encode(), body, hashlib.sha256).hexdigest()


def standard(body: bytes, ident: str = "", at: str = "", secret: str = SECRETS["WEBHOOK_SECRET"]) -> dict[str, str]:
    """Return the headers of Standard Webhooks.

    Source: https://github.com/standard-webhooks/standard-webhooks
    """
    ident, at = ident or f"msg_{time.monotonic_ns()}", at or str(int(time.time()))
    digest = hmac.new(secret.encode(), f"{ident}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": ident,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _twilio(body: bytes, path: str) -> dict[str, str]:
    query = path.partition("?")[1] + path.partition("?")[2]
    form = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    told = twilio.signature(SECRETS["TWILIO_TOKEN"], f"https://shipmate.example.org/hooks/phone{query}", form)
    return {"X-Twilio-Signature": told, "Content-Type": "application/x-www-form-urlencoded"}


SIGNED: Final = {
    "gitlab": lambda _body, _path: {"X-Gitlab-Token": SECRETS["GITLAB_HOOK"]},
    "signing": lambda body, _path: standard(body, secret=SECRETS["GITLAB_HOOK"]),
    "jenkins": lambda body, _path: {"X-Shipmate-Signature": f"sha256={_hmac('JENKINS_HOOK', body)}"},
    "am": lambda _body, _path: {"Authorization": f"Bearer {SECRETS['ALERTS_HOOK']}"},
    "am2": lambda _body, _path: {
        "Authorization": "Basic " + base64.b64encode(f"am:{SECRETS['ALERTS_HOOK']}".encode()).decode()
    },
    "ntfy": lambda body, _path: {"X-Shipmate-Token": _hmac("NTFY_HOOK", body)},
    "phone": _twilio,
    "pd": lambda body, _path: {"X-PagerDuty-Signature": f"v1={_hmac('PAGERDUTY_HOOK', body)}"},
    "post": lambda body, _path: standard(body),
}
"""How each instance's deliveries are signed: (body, path) -> headers."""


def settings(folder: Path, sandbox: Sandbox) -> dict[str, Any]:
    """Return a configuration with every tool in it that calls us, and every secret there is."""
    people = {u.name: u for u in sandbox.workspace.users.values() if u.email}
    ours = "https://shipmate.example.org"
    return {
        "state_dir": str(folder / "state"),
        "server": {"host": "127.0.0.1", "port": 0, "public_url": ours},
        "slack": {
            "mode": "http",
            "api_url": sandbox.api_url,
            "bot_token": "${BOT_TOKEN}",
            "signing_secret": "${SIGNING_SECRET}",
            "aliases": ["where", "deploys", "lock"],
            "announce": "releases",
            "gather": "0s",
        },
        "people": {name: {"slack": one.id, "emails": [one.email]} for name, one in people.items()},
        "groups": {"developers": ["mia", "tom"]},
        "permissions": [{"allow": ["*"], "to": ["everyone"]}],
        "terminal": {
            "tokens": [
                {"name": "mia-laptop", "person": "mia", "secret": "${TERMINAL_MIA}"},
                {"name": "ci", "account": "ci", "secret": "${TERMINAL_CI}"},
            ]
        },
        "identity": {"issuer": f"{NOBODY}/realm", "client_id": "shipmate", "client_secret": "${OIDC_SECRET}"},
        "alerts": {"channel": "alerts"},
        "integrations": tools(ours),
        "heartbeat": {"url": f"{NOBODY}/ping/${{HEARTBEAT}}"},
        "environments": {"staging": {}, "production": {"production_like": True}},
        "services": {
            "checkout": {
                "channel": "checkout",
                "owners": ["developers"],
                "repository": {"with": "gitlab", "project": "acme/checkout", "default_branch": "main"},
                "build": {"with": "jenkins", "job": "checkout"},
                "environments": [
                    {"name": "staging", "deploy": {"with": "jenkins", "job": "checkout-staging"}},
                    {"name": "production", "deploy": {"with": "jenkins", "job": "checkout-production"}},
                ],
            }
        },
    }  # fmt: skip


def tools(ours: str) -> dict[str, Any]:
    """Return every tool that calls us or is called with a secret; none of them is there."""
    return {
        "gitlab": {
            "type": "gitlab", "url": NOBODY, "token": "${GITLAB_TOKEN}", "webhook_token": "${GITLAB_HOOK}",
            "oauth_client_id": "shipmate", "oauth_client_secret": "${GITLAB_OAUTH}", "timeout": 1,
        },
        "signing": {
            "type": "gitlab", "url": NOBODY, "token": "${GITLAB_TOKEN}",
            "webhook_signing_token": "${GITLAB_HOOK}", "timeout": 1,
        },
        "jenkins": {
            "type": "jenkins", "url": NOBODY, "username": "bot", "token": "${JENKINS_TOKEN}",
            "webhook_secret": "${JENKINS_HOOK}", "timeout": 1,
        },
        "am": {"type": "alertmanager", "url": NOBODY, "webhook_token": "${ALERTS_HOOK}", "timeout": 1},
        "am2": {
            "type": "alertmanager", "url": NOBODY, "webhook_username": "am", "webhook_password": "${ALERTS_HOOK}",
            "timeout": 1,
        },
        "ntfy": {
            "type": "ntfy", "url": NOBODY, "token": "${NTFY_TOKEN}", "webhook_url": f"{ours}/hooks/ntfy",
            "webhook_secret": "${NTFY_HOOK}", "timeout": 1,
        },
        "phone": {
            "type": "twilio", "url": NOBODY, "account_sid": "AC1", "auth_token": "${TWILIO_TOKEN}",
            "api_key": "SK1", "api_secret": "${TWILIO_KEY}", "from_number": "+15005550006",
            "webhook_url": f"{ours}/hooks/phone", "timeout": 1,
        },
        "pd": {
            "type": "pagerduty", "url": NOBODY, "routing_key": "${PAGERDUTY_KEY}",
            "webhook_secret": "${PAGERDUTY_HOOK}", "timeout": 1,
        },
        "post": {"type": "webhook", "urls": [NOBODY], "secret": "${WEBHOOK_SECRET}", "timeout": 1},
        "mail": {
            "type": "smtp", "host": "127.0.0.1", "port": 1, "username": "bot", "password": "${SMTP_PASSWORD}",
            "sender": "bot@example.org", "timeout": 1,
        },
        "prom": {"type": "prometheus", "url": NOBODY, "token": "${PROMETHEUS_TOKEN}", "timeout": 1},
    }  # fmt: skip


@contextlib.contextmanager
def logged(masker: logs.Masker) -> Iterator[io.StringIO]:
    """Have the process log as `serve` does, into what is yielded; afterwards all is as before."""
    root = logging.getLogger()
    handlers, level, stream = list(root.handlers), root.level, io.StringIO()
    logs.configure(clock=SystemClock(), stream=stream, masker=masker)
    structlog.configure(cache_logger_on_first_use=False)  # else loggers of modules keep this stream for ever
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


@contextlib.asynccontextmanager
async def open_house(folder: Path, tools_at: str = NOBODY) -> AsyncIterator[House]:
    """Bring everything up in `folder`, with every tool at this address."""
    sandbox = Sandbox(Seed(), Options(trigger_lifetime=90))
    async with contextlib.AsyncExitStack() as stack:
        await sandbox.start()
        stack.push_async_callback(sandbox.stop)
        path = folder / "shipmate.yaml"
        path.write_text(yaml.safe_dump(settings(folder, sandbox)).replace(NOBODY, tools_at))
        found = load(path, {**SECRETS, "BOT_TOKEN": BOT_TOKEN})
        sandbox.platform.apps.install(
            AppConfig(
                manifest=manifest.build(found, registry()),
                mode="http",
                request_url=f"http://127.0.0.1:{free_port()}/",
                bot_token=BOT_TOKEN,
                app_token=APP_TOKEN,
                signing_secret=SECRETS["SIGNING_SECRET"],
            )
        )
        log = stack.enter_context(logged(logs.Masker(logs.secrets_of(found))))
        store = await Store.open(found.database_url, clock=SystemClock())
        app = App(found, store, SystemClock(), registry())
        running = Running(app)
        await running.start()
        stack.push_async_callback(running.stop, grace=1.0)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=PATIENCE))
        yield House(app, sandbox, http, log, folder)


def as_json(value: object) -> bytes:
    """Return JSON as a sender writes it, halves of characters included."""
    return json.dumps(value).encode()
