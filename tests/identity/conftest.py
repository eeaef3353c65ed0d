"""A desk to approve at: the deployment road, Shipmate's web server, and a real identity provider to sign in at."""

import copy
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app.signing import about_deployments
from bot.audit import Entry
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.errors import Degraded
from bot.identity import Person
from bot.signin.groups import ToldGroups
from bot.signin.page import SignInPages
from bot.signin.persons import Persons
from bot.signin.provider import Provider
from bot.signin.signing import Parts, Signing
from bot.web import Web
from tests.deployments.rig import ANA, CONFIG, MIA, RAJ, TEAM, TOM, ZOE, Rig, up
from tests.identity.browser import CALLBACK, PUBLIC, Browser
from tests.identity.program import CLIENT, SECRET, TERMINAL, Program, running

MAIL = {MIA: "mia@example.org", TOM: "tom@example.org", ANA: "ana@example.org", RAJ: "raj@example.org"}


class Crew:
    """People as Slack would have them. `silent` stands for a Slack that does not answer."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.mail = dict(MAIL)
        self.silent = False

    async def in_good_standing(self, person: Person) -> bool:
        return person in self.mail

    async def addresses(self, person: Person) -> frozenset[str]:
        if self.silent:
            raise Degraded("person_unknown", "Slack does not say who you are.")
        return frozenset({self.mail[person]} if person in self.mail else ())

    async def email(self, person: Person) -> str:
        return self.mail.get(person, "")

    async def name(self, person: Person) -> str:
        return self._rig.permissions.name_of(person)

    def account(self, person: Person, instance: str) -> str:
        return self._rig.permissions.account_of(person, instance)


class Desk:
    """One process. Another on the same store is another replica, or the next process after a crash."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.crew = Crew(rig)
        self.provider = Provider(lambda: rig.settings, rig.clock)
        self.persons = Persons(
            store=rig.store,
            clock=rig.clock,
            audit=rig.audit,
            permissions=rig.permissions,
            people=self.crew,
            settings=lambda: rig.settings.identity,
        )
        self.signing = Signing(
            Parts(
                store=rig.store,
                clock=rig.clock,
                audit=rig.audit,
                outbox=rig.outbox,
                approvals=rig.approvals,
                provider=self.provider,
                persons=self.persons,
                about=about_deployments(rig.deployments, rig.permissions),
                public_url=PUBLIC,
            )
        )
        rig.approvals.on_unproven = self.signing.lead
        rig.permissions.set_claims(ToldGroups(rig.store, rig.clock, lambda: rig.settings))
        rig.world.add(self.signing)
        self.web = Web(_ready)

    async def open(self) -> None:
        await self.web.start("127.0.0.1", 0, SignInPages(self.signing, PUBLIC).routes())

    def browser(self) -> Browser:
        return Browser(self.web.port)

    async def asked(self, version: str = "1.4.1", to: str = "production", who: Person = MIA) -> Deployment:
        """Ask for a deployment that waits for approval."""
        reply = await self.rig.run(who, f"deploy checkout@{version} to {to}")
        return await self.rig.reaches(reply.subject, State.AWAITING_APPROVAL)

    async def click(self, who: Person, deployment: Deployment) -> str:
        """Press Approve, and return the link that comes instead of a counted vote."""
        error = await self.rig.refused(who, command="approve", deployment=deployment.id, plan=deployment.plan_digest)
        assert error.code == "sign_in_needed", error.code
        (button,) = error.moves
        assert button.url.startswith(f"{PUBLIC}/sign-in?state=")
        return button.url

    async def proven(self, who: Person, deployment: Deployment, login: str) -> Browser:
        """Press Approve, follow the link and sign in: the page that asks is shown."""
        browser = self.browser()
        await browser.go(await self.click(who, deployment))
        await browser.sign_in(login)
        return browser

    async def votes(self, deployment: Deployment) -> int:
        """Return how many votes are counted, the whole audit log proved."""
        assert (await self.rig.audit.verify()).ok
        async with self.rig.store.read() as conn:
            standing = await self.rig.approvals.get(conn, deployment.approval_id)
        assert standing is not None
        return len(standing.approval.votes)

    async def entries(self, action: str) -> list[Entry]:
        """Return the audit entries of an action, oldest first."""
        return [entry for entry in reversed(await self.rig.audit.recent()) if entry.action == action]


async def _ready() -> str:
    return ""


def configuration(secret: Path, issuer: str, **identity: Any) -> dict[str, Any]:
    """Return a configuration in which production needs a sign-in and no promotion; `identity` is put over its own."""
    config: dict[str, Any] = copy.deepcopy(CONFIG)
    for person in config["people"].values():
        del person["emails"]
    config["server"] = {"public_url": PUBLIC}
    config["identity"] = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": f"file:{secret}",
        "scopes": ["openid", "email", "profile", "groups"],
        "terminal_client_id": TERMINAL,
        "required_for": ["production_like"],
        **identity,
    }
    production = config["services"]["checkout"]["environments"][1]
    production["promote_from"] = None
    return config


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """The provider, as its own program."""
    with running(CALLBACK) as program:
        yield program


Opener = Callable[..., Any]


@pytest.fixture
def desk_with(tmp_path: Path, program: Program) -> Opener:
    """Return what opens a desk with other settings of identity, or a `change` of the whole configuration."""

    @asynccontextmanager
    async def opened(
        *, change: Callable[[dict[str, Any]], None] | None = None, url: str = "", **identity: Any
    ) -> AsyncIterator[Desk]:
        secret = tmp_path / "client-secret"
        secret.write_text(SECRET)
        config = configuration(secret, **{"issuer": program.issuer, **identity})
        if change is not None:
            change(config)
        async with up(tmp_path, config=config, url=url) as rig:
            rig.history()
            desk = Desk(rig)
            await desk.open()
            yield desk
            await desk.web.stop()

    return opened


@pytest.fixture
async def desk(desk_with: Opener) -> AsyncIterator[Desk]:
    async with desk_with() as opened:
        yield opened


__all__ = ["ANA", "MIA", "RAJ", "TEAM", "TOM", "ZOE"]
