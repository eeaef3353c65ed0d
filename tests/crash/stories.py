"""The stories that are told while Shipmate dies: each makes its town and is told again and again, by laps."""

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.demo.configuration import keep_secrets
from bot.demo.repository import behaviour
from tests.crash.life import LONG, WRITES, Life
from tests.road.crash_town import counted, quick, release
from tests.road.shop import ONE_MANAGER, STAFF, Shop, Wishes, git, shops
from tests.road.test_alerts import NOTIFIED, use_alertmanager
from tests.road.town import Json
from tests.servers.pagers.ntfy import TOKEN, NtfyStandIn
from tests.servers.pagers.site import serving

Change = Callable[[Json], None]


class Story:
    """A story in a town that is made for it and not started."""

    def __init__(self, life: Life) -> None:
        self.life = life

    async def tell(self, lap: int) -> None:
        """Tell it from its beginning to its end."""
        raise NotImplementedError


class Deployment(Story):
    """A good release goes out, approved; a bad one goes out, approved, and is rolled back by itself."""

    async def tell(self, lap: int) -> None:
        for version, how, end in ((f"good-{lap}", behaviour(), ": done"),
                                  (f"bad-{lap}", behaviour(failing=1.0), ": rolled back")):  # fmt: skip
            repository = self.life.folder / "checkout"
            await asyncio.to_thread(release, repository, version, how)
            if version.startswith("bad"):  # what comes after it does not hold its commits
                await asyncio.to_thread(git, repository, "reset", "--quiet", "--hard", "HEAD~1")
            title = f"checkout {version} → production"
            await self.life.wish("deploy", lambda v=version: self._ask(v))  # type: ignore[misc]
            await self.life.wish("approve", lambda t=title: self._approve(t))  # type: ignore[misc]
            await self.life.ends(title, end)
            await self.life.rest()

    async def _ask(self, version: str) -> Json:
        return await self.life.slash("mia", f"/deploy checkout@{version} to production")

    async def _approve(self, title: str) -> Json:
        card = await self.life.see(title, "waits for approval", "Approve", seconds=LONG)
        return await self.life.press("raj", card, "Approve")


class Alert(Story):
    """An alert pages one who does not come, then another who acknowledges on the telephone; then it is over.

    Pages to one person are a minute apart at least, so others are on duty in the next telling.
    """

    phones: NtfyStandIn
    token: str
    _body: Json

    async def tell(self, lap: int) -> None:
        self._body = json.loads(NOTIFIED.read_bytes())
        self._body["groupKey"] = f'{{}}:{{alertname="Lap{lap}"}}'
        self._body["groupLabels"]["alertname"] = self._body["commonLabels"]["alertname"] = f"Lap{lap}"
        for number, one in enumerate(self._body["alerts"]):
            one["labels"]["alertname"], one["fingerprint"] = f"Lap{lap}", f"{lap:08x}{number:08x}"
        severity, who = ("critical", "tom") if lap % 2 == 0 else ("page", "raj")
        for labels in (self._body["commonLabels"], *(one["labels"] for one in self._body["alerts"])):
            labels["severity"] = severity
        await self._notified()
        page = await self.life.until(lambda: self._paged(who, lap), f"{who} is paged", LONG)
        await self.life.until(lambda: self._pressed(page), "the telephone tells that he comes", LONG)
        await self.life.see(f"Lap{lap}", "On it: @", seconds=LONG)
        self._body["status"] = "resolved"
        for one in self._body["alerts"]:
            one |= {"status": "resolved", "endsAt": "2026-11-23T18:19:33.282815323Z"}
        await self._notified()
        await self.life.see(f"Lap{lap}", "*resolved*", seconds=LONG)

    async def _paged(self, who: str, lap: int) -> Json | None:
        return next((one for one in self.phones.shown(who) if f"Lap{lap}" in one["title"]), None)

    async def _pressed(self, page: Json) -> bool:
        with contextlib.suppress(OSError, aiohttp.ClientError):
            return await self.phones.press(page) < 300
        return False

    async def _notified(self) -> None:
        url = f"http://127.0.0.1:{self.life.ports['shipmate']}/hooks/alertmanager"

        async def told() -> bool:
            with contextlib.suppress(OSError, aiohttp.ClientError):  # killed in the middle of its answer: sent again
                headers = {"Authorization": f"Bearer {self.token}"}
                async with self.life.http.post(url, json=self._body, headers=headers) as answer:
                    return answer.status == 204
            return False

        await self.life.until(told, "Shipmate takes the notification", LONG)


class Release(Story):
    """A release is cut, goes to staging, and is promoted to production, approved."""

    async def tell(self, lap: int) -> None:
        life, shop, version = self.life, Shop(self.life, "books"), f"2.{lap}.0"
        await shop.commit(f"feat: sell book {lap}", {"VERSION": f"{version}\n"}, author="tom")
        await life.wish("release", lambda: shop.slash("mia", f"/release cut {{}} --version {version} --yes"))
        card = await life.see(f"release books {version}", "Runs on nowhere yet", channel="books", seconds=LONG)
        name = card["text"].split()[0]
        await life.wish("deploy", lambda: shop.press("mia", card, "Deploy to staging"))
        await life.ends(f"books {version} → staging", ": done")
        await life.wish("promote", lambda: shop.slash("tom", f"/promote {name} --yes"))
        await life.wish("approve", lambda: self._approve(version))
        await life.ends(f"books {version} → production", ": done")
        await life.see(name, "Runs on staging, production", channel="books", seconds=LONG)

    async def _approve(self, version: str) -> Json:
        title = f"books {version} → production"
        card = await self.life.see(title, "waits for approval", "Approve", channel="books", seconds=LONG)
        return await self.life.press("ana", card, "Approve")


@asynccontextmanager
async def deployment(folder: Path, also: Change) -> AsyncIterator[Story]:
    """Make the town of `Deployment`."""

    def change(settings: Json) -> None:
        quick(folder, settings)
        production = settings["services"]["checkout"]["environments"][1]
        url = production["verify"]["probes"][0]["url"].replace("/healthz", "/")
        production["verify"] |= {"probes": [{"url": url}], "failures_allowed": 0}
        also(settings)

    async with Life.build(folder, change=change, start=False) as life:
        yield Deployment(life)


@asynccontextmanager
async def alert(folder: Path, also: Change) -> AsyncIterator[Story]:
    """Make the town of `Alert`, with a server that carries messages to telephones."""
    phones, token = NtfyStandIn(), secrets.token_hex(16)

    def change(settings: Json) -> None:
        use_alertmanager(settings, folder, "http://127.0.0.1:1", token)
        hook = f"http://127.0.0.1:{settings['server']['port']}/hooks/phones"
        settings["integrations"]["phones"] = {
            "type": "ntfy", "url": phones.url, "webhook_url": hook,
            **keep_secrets(folder, token=TOKEN, webhook_secret=secrets.token_hex(16)),
        }  # fmt: skip

        def chain(first: str, second: str) -> list[Json]:
            return [{"notify": {"person": first}}, {"wait": "1s"}, {"notify": {"person": second}}, {"wait": "10m"}]

        way = {"default": ["push"], "important": ["push"]}
        people = {who: {"addresses": {"push": {"with": "phones", "to": who}}, **way} for who in STAFF}
        chains = {"primary": chain("mia", "tom"), "second": chain("ana", "raj")}
        severities = {"critical": "primary", "page": "second"}
        settings["paging"] = {"chains": chains, "people": people, "severities": severities}
        settings["permissions"].append({"allow": ["alert.*"], "to": ["release-managers"]})
        also(settings)

    async with serving(phones.routes()) as phones.url, Life.build(folder, change=change, start=False) as life:
        life.pages = lambda: [next(tag for tag in one["tags"] if tag.startswith("page-")) for one in phones.kept]
        story = Alert(life)
        story.phones, story.token = phones, token
        yield story


@asynccontextmanager
async def cut_and_promoted(folder: Path, also: Change) -> AsyncIterator[Story]:
    """Make the town of `Release`."""
    command = tuple(counted(folder, [sys.executable, "{release}/app.py", "{port}"]))
    books = Wishes(
        service={"build": {"with": "local", "job": "checkout"}, "releases": {"tag_prefix": ""}},
        production={"approvals": list(ONE_MANAGER)},
        own_repository=True,
        command=command,
    )

    def then(settings: Json) -> None:
        settings["slack"]["aliases"] += ["release", "promote"]
        settings["permissions"] += [{"allow": ["release.*"], "to": ["developers", "release-managers"]}]
        also(settings)

    async with Life.build(folder, change=shops({"books": books}, then), start=False) as life:
        await life.control("channels", name="books", members=[*STAFF, "shipmate"])
        yield Release(life)


@dataclass(frozen=True, kw_only=True)
class Told:
    """A story, and in which parts its points are tried: what another story has as well is tried there.

    A part is where its points are, by how that begins; an exclamation mark before it leaves those out.
    """

    town: Callable[[Path, Change], AbstractAsyncContextManager[Story]]
    parts: dict[str, tuple[str, ...]]

    def deadly(self, part: str) -> tuple[str, ...]:
        """Return the patterns of what is written and changed in a part, each when it has taken effect."""
        taken = [f"{where}{what}:after" for where in self.parts[part] if not where.startswith("!") for what in WRITES]
        return (*taken, *(f"{where}*" for where in self.parts[part] if where.startswith("!")))


STORIES: dict[str, Told] = {
    "deployment": Told(
        town=deployment,
        parts={
            "start": ("", "!say.", "!step.", "!flow "),
            "say": ("say.",),
            "plan": ("step.plan", "step.build"),
            "execute": ("step.execute", "step.deploy", "flow "),
            "back": ("step.verify", "step.rollback"),
        },
    ),
    "alert": Told(town=alert, parts={"page": ("", "!start > ", "!*leavers", "!say."), "say": ("say.",)}),
    "release": Told(town=cut_and_promoted, parts={"all": ("*release", "*promot")}),
}
