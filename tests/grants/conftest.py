"""A quay to lend at: the real store, audit, outbox, web server and road of commands; people and the tool in memory."""

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.audit import Audit, Entry
from bot.catalog import Catalog
from bot.clock import SystemClock
from bot.command import Invocation, Resource, Trigger, World
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher, Incomplete
from bot.errors import Degraded
from bot.grants.grants import Grants, Lending, Purpose
from bot.grants.housekeeping import Housekeeping
from bot.grants.linking import Linking
from bot.grants.page import ConnectPages
from bot.identity import Channel, Person
from bot.permissions import Permissions
from bot.reply import Button, Buttons, Message, Reply
from bot.reviews.reviews import Reviews
from bot.settings import Settings
from bot.slack import codec
from bot.slack.outbox import Outbox
from bot.slack.records import outbox as outbox_rows
from bot.store import Store, metadata
from bot.toolbox import Toolbox
from bot.vault import Vault
from bot.web import Web
from commands.registry import registry
from tests.fakes.forge import FakeForge
from tests.integrations.repository import RealHistory

TEAM = "T1"
PUBLIC = "https://shipmate.example/bot"
MIA, TOM = Person(TEAM, "U1MIA"), Person(TEAM, "U1TOM")
SETTINGS: dict[str, Any] = {
    "people": {"mia": {"slack": "U1MIA"}, "tom": {"slack": "U1TOM"}},
    "permissions": [{"allow": ["*"], "to": ["everyone"]}],
    "environments": {"staging": {}},
    "services": {
        name: {
            "repository": {"with": "forge", "project": f"shop/{name}"},
            "environments": [{"name": "staging", "deploy": {"with": "forge", "job": "x"}}],
        }
        for name in ("checkout", "search")
    },
}


def key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


class HandClock(SystemClock):
    """A clock that a test moves on; a pause on it takes no time and moves nothing."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        await super().sleep(0)

    def pass_by(self, **length: float) -> None:
        self.moment += timedelta(**length)


class Crew:
    """People as Slack would have them. `silent` stands for a Slack that does not answer."""

    def __init__(self) -> None:
        self.mail = {MIA: "mia@example.org", TOM: "tom@example.org"}
        self.gone: set[Person] = set()
        self.accounts: dict[tuple[Person, str], str] = {}
        self.silent = False

    async def in_good_standing(self, person: Person) -> bool:
        if self.silent:
            raise Degraded("person_unknown", "Slack does not say who you are.")
        return person in self.mail and person not in self.gone

    async def addresses(self, person: Person) -> frozenset[str]:
        return frozenset({self.mail[person]})

    async def email(self, person: Person) -> str:
        if self.silent:
            raise Degraded("person_unknown", "Slack does not say who you are.")
        return self.mail[person]

    async def name(self, person: Person) -> str:
        return {MIA: "Mia", TOM: "Tom <b>"}[person]

    def account(self, person: Person, instance: str) -> str:
        return self.accounts.get((person, instance), "")


class Quay:
    """One process. Another one on the same store is another replica, or the next process after a crash."""

    def __init__(
        self, store: Store, clock: HandClock, forge: FakeForge, crew: Crew, keys: Sequence[SecretStr], public: str
    ) -> None:
        self.store, self.clock, self.forge, self.crew = store, clock, forge, crew
        settings = self.settings = Settings.model_validate(SETTINGS)
        self.audit = Audit(store, clock)
        self.toolbox = Toolbox()
        self.toolbox.add(forge)
        self.lending = Lending(
            store=store,
            clock=clock,
            audit=self.audit,
            outbox=Outbox(store, clock),
            toolbox=self.toolbox,
            vault=Vault(keys),
            people=crew,
            public_url=public,
        )
        self.grants = Grants(self.lending)
        self.linking = Linking(self.lending, self.grants)
        self.housekeeping = Housekeeping(self.lending, self.grants)
        self.permissions = Permissions(settings, clock)
        self.permissions.set_home(TEAM)
        catalog = Catalog(settings)
        self.reviews = Reviews(
            catalog=lambda: catalog,
            toolbox=self.toolbox,
            grants=self.grants,
            permissions=self.permissions,
            clock=clock,
        )
        self.world = World(catalog, self.toolbox, self.permissions, self.grants, self.linking, self.reviews)
        self.dispatcher = Dispatcher(
            registry=registry(),
            permissions=self.permissions,
            audit=self.audit,
            deliveries=Deliveries(store, clock, "p1"),
            store=store,
            world=self.world,
            clock=clock,
            replier=_unheard,
        )
        self.web = Web(_ready)
        self._ids = itertools.count(1)

    async def open(self) -> None:
        await self.web.start("127.0.0.1", 0, ConnectPages(self.linking, self.lending.public_url).routes())

    async def ask(self, who: Person, text: str = "", **fields: Any) -> Reply:
        """Go the whole road, as what is typed or (with `command`, `args`) pressed does."""
        values: dict[str, Any] = {
            "delivery_id": f"d{next(self._ids)}",
            "trigger": Trigger.SLASH if text else Trigger.BUTTON,
            "person": who,
            "at": self.clock.now(),
            "text": text,
            "channel": Channel(TEAM, "C1"),
        }
        invocation = Invocation(**{**values, **fields})
        parsed = self.dispatcher.parse(invocation)
        assert not isinstance(parsed, Incomplete), f"{text} is not complete: {parsed.missing}"
        return await self.dispatcher.answer(invocation, parsed)

    async def press(self, who: Person, message: Message, label: str, **fields: Any) -> Reply:
        button = buttons(message)[label]
        assert button.command, f"{label} is a link"
        return await self.ask(who, command=button.command, args=button.args, **fields)

    async def link_of(self, who: Person) -> str:
        """Ask for a link and return its address."""
        (button,) = (one for one in buttons(await self.ask(who, "connect forge")).values() if one.url)
        return button.url

    async def connect(self, who: Person, username: str) -> "Browser":
        """Link an account from the question to the last press."""
        browser = Browser(self)
        await browser.get(await self.link_of(who))
        await browser.get(self.forge.sign_in(browser.location, username))
        await browser.answer("yes")
        assert "Connected" in browser.text, browser.text
        return browser

    async def use(self, who: Person, subject: str = "shop/checkout!1") -> str:
        """Act as somebody and return the user name that the tool saw."""
        purpose = Purpose(
            action="mr approve",
            what="approve it",
            subject=subject,
            resource=Resource("checkout"),
            request_id="d0",
        )
        account = await self.grants.act(who, "forge", purpose, self.forge.whose)
        return account.username

    async def entries(self, action: str) -> list[Entry]:
        """Return the audit entries of an action, oldest first, the whole log proved."""
        assert (await self.audit.verify()).ok
        return [entry for entry in reversed(await self.audit.recent()) if entry.action == action]

    async def told(self, who: Person) -> list[Message]:
        """Return the direct messages to somebody."""
        query = sa.select(outbox_rows).where(outbox_rows.c.person == who, outbox_rows.c.kind == "direct")
        async with self.store.read() as conn:
            rows = (await conn.execute(query.order_by(outbox_rows.c.id))).all()
        return [codec.load(row.payload["message"]) for row in rows]

    async def everything_stored(self) -> str:
        """Return all rows of all tables as one text."""
        found = []
        async with self.store.read() as conn:
            for table in metadata.sorted_tables:
                found += [str(tuple(row)) for row in await conn.execute(sa.select(table))]
        return "\n".join(found)


class Browser:
    """Somebody's browser: keeps cookies, follows nothing by itself, reads the page and presses its buttons."""

    def __init__(self, quay: Quay) -> None:
        self._quay = quay
        self.cookies: dict[str, str] = {}
        self.cookie = ""
        self.status = 0
        self.text = ""
        self.location = ""
        self.headers: dict[str, str] = {}

    async def get(self, url: str) -> None:
        await self._send("GET", url)

    async def answer(self, value: str, *, origin: str = "https://shipmate.example", form: str = "") -> None:
        """Press a button of the form that is shown."""
        action = re.search(r'<form method="post" action="([^"]+)"', self.text)
        hidden = re.search(r'name="form" value="([^"]+)"', self.text)
        assert action, f"no form: {self.text}"
        assert hidden
        data = {"form": form or hidden[1], "answer": value}
        await self._send("POST", f"https://shipmate.example{action[1]}", data=data, headers={"Origin": origin})

    async def _send(self, method: str, url: str, **more: Any) -> None:
        assert url.startswith(PUBLIC), url
        here = f"http://127.0.0.1:{self._quay.web.port}{url.removeprefix(PUBLIC)}"
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **more.pop("headers", {})}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, here, allow_redirects=False, headers=headers, **more) as got,
        ):
            self.status, self.text = got.status, await got.text()
            self.location = got.headers.get("Location", "")
            self.headers = dict(got.headers)
            for line in got.headers.getall("Set-Cookie", []):
                self.cookie = line
                for name, morsel in SimpleCookie(line).items():
                    self.cookies[name] = morsel.value
                    if not morsel.value:
                        del self.cookies[name]

    @property
    def words(self) -> str:
        """The page as it is read."""
        body = self.text.partition("</style>")[2]
        return unescape(re.sub(r"<[^>]+>", " ", body))


def buttons(message: Message) -> dict[str, Button]:
    """Return a message's buttons by label."""
    return {button.label: button for part in message.parts if isinstance(part, Buttons) for button in part.buttons}


def words(message: Message) -> str:
    """Return all text of a message."""
    return "\n".join(str(getattr(part, "text", getattr(part, "rows", ""))) for part in message.parts)


async def _unheard(*_: object) -> None:
    raise AssertionError("nothing here ends a stored delivery")


async def _ready() -> str:
    return ""


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def crew() -> Crew:
    return Crew()


@pytest.fixture
def forge(clock: HandClock) -> FakeForge:
    made = FakeForge(now=clock.now)
    made.add_account("mia", "mia@example.org", name="Mia M.")
    made.add_account("tom", "tom@example.org", name="<i>Tom</i>")
    return made


@pytest.fixture
async def store(tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def keys() -> list[SecretStr]:
    return [key()]


@pytest.fixture
async def quay(
    store: Store, clock: HandClock, forge: FakeForge, crew: Crew, keys: list[SecretStr]
) -> AsyncIterator[Quay]:
    made = Quay(store, clock, forge, crew, keys, PUBLIC)
    await made.open()
    yield made
    await made.web.stop()


@pytest.fixture
def real_history(tmp_path: Path) -> RealHistory:
    """Real repositories in a folder of the test."""
    return RealHistory(tmp_path / "repositories")
