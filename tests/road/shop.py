"""Further services of a town, each with a channel and places of its own, so that tests of one town stay apart.

`Shops({"books": Wishes(...)})` is the `change` of `Town.build`; `shop(town, "books")` is what a test works with.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.demo.repository import AUTHORS
from bot.demo.surroundings import free_port
from tests.road.town import SECONDS, Json, Town, buttons, words

STAFF = ("mia", "tom", "ana", "raj")
ONE_MANAGER: tuple[Json, ...] = ({"count": 1, "from": ["release-managers"]},)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How a service differs from the plain one: staging without rules, production with one release manager.

    `staging` and `production` are put over the environments' settings, `service` over the service's;
    `own_repository` gives it a copy of the repository that a test may commit to.
    """

    staging: Mapping[str, Any] = field(default_factory=dict)
    production: Mapping[str, Any] = field(default_factory=dict)
    service: Mapping[str, Any] = field(default_factory=dict)
    own_repository: bool = False
    command: tuple[str, ...] = ()


PLAIN = Wishes()


def shops(wanted: Mapping[str, Wishes], then: Callable[[Json], None] | None = None) -> Callable[[Json], None]:
    """Return the change of a town's configuration that opens these services; `then` may change it further."""

    def change(settings: Json) -> None:
        for name, wishes in wanted.items():
            _open(settings, name, wishes)
        if then is not None:
            then(settings)

    return change


@asynccontextmanager
async def town_with(folder: Path, wanted: Mapping[str, Wishes], then: Callable[[Json], None] | None = None):
    """Build and start a town with these services, and a channel of the same name for each."""
    async with Town.build(folder, change=shops(wanted, then), start=False) as town:
        for name in wanted:
            await town.control("channels", name=name, members=[*STAFF, "shipmate"])
        await town.start()
        yield town


class Shop:
    """One service of a town, and what people do in its channel."""

    def __init__(self, town: Town, name: str) -> None:
        self.town = town
        self.name = name

    @property
    def repository(self) -> Path:
        """Where its commits are."""
        project = self.town.settings["services"][self.name]["repository"]["project"]
        return Path(self.town.settings["integrations"]["local"]["repositories"][project])

    async def slash(self, user: str, text: str) -> Json:
        """Type a slash command in the service's channel; {} stands for its name."""
        return await self.town.slash(user, text.replace("{}", self.name), self.name)

    async def mention(self, user: str, text: str, thread_ts: str = "") -> Json:
        """Write to the bot in the service's channel; {} stands for its name."""
        return await self.town.mention(user, text.replace("{}", self.name), self.name, thread_ts)

    async def see(self, *parts: str, viewer: str = "", seconds: float = SECONDS) -> Json:
        """Wait for a message in the service's channel."""
        filled = (part.replace("{}", self.name) for part in parts)
        return await self.town.see(*filled, channel=self.name, viewer=viewer, seconds=seconds)

    async def card(self, version: str, environment: str, *parts: str, back: bool = False) -> Json:
        """Wait for the card of a deployment that holds these words, and return it."""
        title = f"{self.name} {'back to ' if back else ''}{version} → {environment}"

        async def there() -> Json | None:
            found = [
                message
                for message in await self.town.messages(self.name)
                if message.get("bot_id")
                and message["text"].startswith("D-")
                and f"*{message['text'].split()[0]} · " in words(message)
                and title in message["text"]
                and not message.get("ephemeral_to")
                and message.get("thread_ts", message["ts"]) == message["ts"]
                and all(part in words(message) for part in parts)
            ]
            return found[-1] if found else None

        found = await self.town.until(there, f"the card of {title} with {parts}")
        assert isinstance(found, dict)
        return found

    async def told(self, user: str, *parts: str) -> Json:
        """Wait for an answer that only this person sees, and return it."""
        person = self.town.sandbox.workspace.user(user, "user")

        async def there() -> Json | None:
            found = [
                message
                for message in await self.town.messages(self.name)
                if message.get("ephemeral_to") == person.id
                and all(part.replace("{}", self.name) in words(message) for part in parts)
            ]
            return found[-1] if found else None

        found = await self.town.until(there, f"an answer to {user} with {parts}")
        assert isinstance(found, dict)
        return found

    async def besides(self, card: Json, *parts: str) -> Json:
        """Wait for a message other than the card that holds these words, and return it: an edit notifies nobody."""

        async def there() -> Json | None:
            found = [
                message
                for message in await self.town.messages(self.name)
                if message["ts"] != card["ts"] and all(part in words(message) for part in parts)
            ]
            return found[-1] if found else None

        found = await self.town.until(there, f"a message besides the card with {parts}")
        assert isinstance(found, dict)
        return found

    async def direct(self, user: str, *parts: str) -> Json:
        """Wait for a direct message to this person, and return it."""
        person = self.town.sandbox.workspace.user(user, "user")

        async def there() -> Json | None:
            state = await self.town.state()
            found = [
                message
                for channel in state["channels"]
                if channel["is_im"] and person.id in channel["members"]
                for message in channel["messages"]
                if all(part.replace("{}", self.name) in words(message) for part in parts)
            ]
            return found[-1] if found else None

        found = await self.town.until(there, f"a direct message to {user} with {parts}")
        assert isinstance(found, dict)
        return found

    async def press(self, user: str, message: Json, label: str) -> Json:
        """Press a button."""
        return await self.town.press(user, message, label)

    async def runs(self, environment: str) -> str:
        """Return the version that really answers on a place, "" when nothing does."""
        places = self.town.settings["integrations"]["local"]["places"]
        url = f"http://127.0.0.1:{places[f'{self.name}/{environment}']['port']}/version"
        try:
            async with self.town.http.get(url) as answer:
                return str((await answer.json())["version"])
        except (aiohttp.ClientError, OSError):
            return ""

    def rollouts(self, environment: str) -> list[str]:
        """Return the versions that were really put on a place, oldest first, one entry for each time."""
        folder = self.town.folder / "state" / "integrations" / "local" / "runs"
        asked = []
        for path in sorted(folder.glob("*/request.json"), key=lambda path: path.stat().st_mtime_ns):
            request = json.loads(path.read_text())
            if (request.get("service"), request.get("environment")) == (self.name, environment):
                asked.append(str(request["version"]))
        return asked

    async def ask(self, version: str, environment: str = "production", *, user: str = "mia") -> Json:
        """Ask for a deployment that needs approval, and return the card that waits for it."""
        await self.slash(user, f"/deploy {{}}@{version} to {environment}")
        return await self.card(version, environment, "waits for approval")

    async def deploy(self, version: str, environment: str = "staging", *, user: str = "mia", by: str = "") -> Json:
        """Bring a version to an environment and return the finished card; `by` approves it."""
        if by:
            await self.press(by, await self.ask(version, environment, user=user), "Approve")
        else:
            await self.slash(user, f"/deploy {{}}@{version} to {environment}")
        card = await self.card(version, environment, ": done")
        assert await self.runs(environment) == version
        return card

    async def staged(self, *versions: str) -> None:
        """Bring versions through staging to production, approved by raj."""
        for version in versions:
            await self.deploy(version)
            await self.deploy(version, "production", by="raj")

    async def git(self, *argv: str, author: str = "mia", stdin: str | None = None) -> str:
        """Run git in the service's repository as a person, and return what it says."""
        return await asyncio.to_thread(git, self.repository, *argv, author=author, stdin=stdin)

    async def commit(self, message: str, files: Mapping[str, str], *, author: str = "mia", tag: str = "") -> str:
        """Commit these files on the branch that is checked out, tag it, and return its full SHA."""
        for name, text in files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        await self.git("add", "--all")
        await self.git("commit", "--quiet", "--allow-empty", "--message", message, author=author)
        if tag:
            await self.git("tag", tag)
        return await self.git("rev-parse", "HEAD")

    async def release(self, version: str, message: str = "", *, author: str = "mia", **files: str) -> str:
        """Commit and tag a version that can be deployed, and return its full SHA."""
        return await self.commit(
            message or f"Release {version}", {"VERSION": f"{version}\n", **files}, author=author, tag=version
        )


def git(folder: Path, *argv: str, author: str = "mia", stdin: str | None = None) -> str:
    """Run git in a folder as a person, with no settings of the machine, and return what it says."""
    name, email = AUTHORS[author]
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", name), ("EMAIL", email))}  # fmt: skip
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "PATH": os.defpath}
    done = subprocess.run(
        ["git", "-C", str(folder), *argv],
        capture_output=True, text=True, check=False, input=stdin, env={**quiet, **who},
    )  # fmt: skip
    assert done.returncode == 0, f"git {argv}: {done.stderr}"
    return done.stdout.strip()


def answer(outcome: Json) -> Json:
    """Return the message that a slash command was answered with in its acknowledgement."""
    assert outcome.get("posted"), f"no answer in the acknowledgement: {outcome}"
    posted: Json = outcome["posted"]
    return {"blocks": [], **posted}


def pressable(message: Json, label: str) -> bool:
    """Tell whether a message has a button of this label."""
    return label in buttons(message)


def _open(settings: Json, name: str, wishes: Wishes) -> None:
    local = settings["integrations"]["local"]
    project = "checkout"
    if wishes.own_repository:
        project = name
        folder = Path(local["repositories"]["checkout"])
        shutil.copytree(folder, folder.parent / name)
        local["repositories"][name] = str(folder.parent / name)
    environments = []
    for environment in ("staging", "production"):
        port = free_port()
        local["places"][f"{name}/{environment}"] = {
            "port": port,
            "command": list(wishes.command) or [sys.executable, "{release}/app.py", "{port}"],
            "version_path": "/version",
            "ready_timeout": 30,
            "stop_timeout": 3,
            "probe_interval": 0.1,
        }
        own = dict(wishes.staging if environment == "staging" else wishes.production)
        plain: Json = {
            "name": environment,
            "deploy": {"with": "local", "job": f"{name}/{environment}"},
            **({} if environment == "staging" else {"promote_from": "staging", "approvals": list(ONE_MANAGER)}),
        }
        merged = {key: value for key, value in {**plain, **own}.items() if value is not None}
        environments.append(_with_port(merged, port))
    settings["services"][name] = {
        "channel": name,
        "owners": ["developers"],
        "repository": {"with": "local", "project": project, "default_branch": "main"},
        "tickets": {"pattern": r"PAY-\d+", "url": "https://tickets.acme.example/browse/{}"},
        **wishes.service,
        "environments": environments,
    }


def _with_port(thing: Any, port: int) -> Any:
    """Return settings with the place's own port put into addresses that ask for it."""
    if isinstance(thing, dict):
        return {key: _with_port(value, port) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [_with_port(value, port) for value in thing]
    return thing.replace("%PORT%", str(port)) if isinstance(thing, str) else thing
