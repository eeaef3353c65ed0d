"""A rig of builds at a stand-in for GitLab, by the real adapter, and people who have signed in there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
from cryptography.fernet import Fernet
from msgspec.structs import replace
from pydantic import SecretStr

from bot.builds.builds import Builds
from bot.builds.records import Build
from bot.grants import records
from bot.grants.grants import Grants, Lending
from bot.grants.linking import Linking
from bot.grants.records import Kept
from bot.grants.runs import RunsByPerson
from bot.identity import Person
from bot.reply import Button, Buttons
from bot.vault import Vault
from integrations.contract import Resources
from integrations.gitlab.client import GitLab, connect
from integrations.gitlab.settings import GitLabSettings
from tests.builds.rig import Rig, up
from tests.integrations.repository import RealHistory
from tests.servers.gitlab import pipelines
from tests.servers.gitlab.server import GitLabServer, running
from tests.servers.gitlab.state import MAINTAINER, JobSpec, Pipeline, Project

REDIRECT = "https://shipmate.example/connect/builds/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # of RFC 7636 appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
PEOPLE = ("mia", "tom", "ana")


class SlackNames:
    """People as Slack has them."""

    async def in_good_standing(self, person: Person) -> bool:
        return bool(person)

    async def addresses(self, person: Person) -> frozenset[str]:
        return frozenset({await self.email(person)})

    async def email(self, person: Person) -> str:
        return f"{person.user.removeprefix('U0').lower()}@example.org"

    async def name(self, person: Person) -> str:
        return person.user

    def account(self, person: Person, instance: str) -> str:
        return ""


class Yard:
    """One Shipmate whose builds are pipelines, and the GitLab that runs them."""

    def __init__(self, rig: Rig, server: GitLabServer, project: Project, tool: GitLab, sha: str) -> None:
        self.rig, self.server, self.project, self.tool, self.sha = rig, server, project, tool, sha
        self.lending = Lending(
            store=rig.store,
            clock=rig.clock,
            audit=rig.audit,
            outbox=rig.outbox,
            toolbox=rig.toolbox,
            vault=Vault([SecretStr(Fernet.generate_key().decode())]),
            people=SlackNames(),
            public_url="https://shipmate.example",
        )
        self.grants = Grants(self.lending)
        builds = Builds(replace(rig.build_parts(), by_person=RunsByPerson(self.grants, rig.toolbox)))
        builds.answers.finders["D-"] = rig.deployments.waiting
        builds.bind()
        for part in (builds, self.grants, Linking(self.lending, self.grants)):
            rig.world.add(part)

    async def lend(self, person: Person, username: str) -> None:
        """Let somebody have signed in at GitLab and lent a grant."""
        url = self.tool.sign_in_url(REDIRECT, "state", CHALLENGE)
        cookies = SimpleCookie({"user": username})
        async with (
            aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        grant = replace(await self.tool.redeem(code, REDIRECT, VERIFIER), expires_at=None)
        account = await self.tool.whose(grant)
        kept = Kept(
            person=person,
            instance="builds",
            account_id=account.id,
            sealed=records.seal(self.lending.vault, person, "builds", grant, account),
            version=1,
            ending="",
            linked_at=self.rig.clock.now(),
            used_at=None,
        )
        async with self.rig.store.write() as tx:
            await records.keep(tx, kept)

    def pipeline(self, *jobs: JobSpec, by: str = "shipmate", **variables: str) -> Pipeline:
        """Let somebody have started a pipeline of these jobs."""
        self.project.ci = jobs
        user = self.server.users[by]
        return pipelines.create(self.server, self.project, "main", self.sha, variables, user=user)

    async def watched(self, person: Person) -> Build:
        """Watch the newest pipeline, and wait until what is known of it is kept."""
        subject = (await self.rig.run(person, "build watch checkout")).subject

        async def there() -> Build | None:
            now = await self.rig.build(subject)
            return now if now.progress.get("state") else None

        async def why() -> str:
            return str(await self.rig.build(subject))

        found: Build = await self.rig.until(there, why)
        return found

    async def used(self) -> list[tuple[str, str]]:
        """Return what grants were used for, by which account, the oldest first."""
        entries = [entry for entry in reversed(await self.rig.audit.recent()) if entry.action == "grant.used"]
        return [(str(entry.data["for"]), str(entry.data["account"])) for entry in entries]

    async def buttons(self, subject: str) -> dict[str, Button]:
        """Return the buttons of a card."""
        card = await self.rig.card(subject)
        return {one.label: one for part in card.parts if isinstance(part, Buttons) for one in part.buttons}


@asynccontextmanager
async def yard(
    folder: Path, history: RealHistory, *, may: Sequence[str] = (), oauth: bool = True
) -> AsyncIterator[Yard]:
    """Make one. `may` is what Shipmate's own token may; without `oauth` nobody can sign in."""
    async with up(folder) as rig, running(history.root) as server:
        sha = history.commit("checkout", "First", files={"a.txt": b"1"})
        history.branch("checkout", "main", sha)
        for name in PEOPLE:
            server.add_user(name, public_email=f"{name}@example.org")
        project = server.add_project("team/checkout", dict.fromkeys(("shipmate", *PEOPLE), MAINTAINER))
        server.applications["shipmate-app"] = {"secret": "", "redirect_uris": {REDIRECT}}
        settings = {"url": server.url, "token": "glpat-shipmate", "group": "team", "timeout": 30, "own_token_may": may}
        if oauth:
            settings["oauth_client_id"] = "shipmate-app"
        tool = await connect("builds", GitLabSettings.model_validate(settings), Resources(state_dir=str(folder)))
        rig.toolbox.add(tool)
        try:
            yield Yard(rig, server, project, tool, sha)
        finally:
            await tool.close()
