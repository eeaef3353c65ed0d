"""A town to test in: a local workspace, a Git repository, places that run it, and Shipmate as a process of its own.

Tests enter by the front door, as people do (the workspace's control API), and look at what came out: messages,
what really runs on a place, how often something was built, the audit log. Shipmate can be killed and started again.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from bot.app import stop_local_places
from bot.demo import repository
from bot.demo.configuration import keep_secrets
from bot.demo.surroundings import end, free_port
from bot.sandbox import AppConfig, Options, Sandbox, Seed
from bot.sandbox.apps import App
from bot.settings import load
from bot.slack import manifest
from commands.registry import registry
from tests.road.reading import Json, buttons, elements, words

__all__ = ["Json", "Town", "buttons", "elements", "words"]

ROOT = Path(__file__).parents[2]
SECONDS = 90.0


class Town:
    """Everything one test needs. `async with Town.build(folder) as town:` starts it; `town.start()` starts Shipmate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sandbox = Sandbox(Seed(), Options(trigger_lifetime=SECONDS))  # no test fails by the clock
        self.ports: dict[str, int] = {}
        self.settings: Json = {}
        self.process: asyncio.subprocess.Process | None = None
        self.app: App
        self.token = secrets.token_hex(16)
        self.secrets: dict[str, Any] = {
            "bot_token": f"xoxb-{secrets.token_hex(12)}",
            "app_token": f"xapp-1-{secrets.token_hex(12)}",
            "signing_secret": secrets.token_hex(16),
        }
        self._http: aiohttp.ClientSession | None = None

    # ------------------------------------------------------------------------------------------------ building it

    @classmethod
    @contextlib.asynccontextmanager
    async def build(
        cls, folder: Path, *, change: Callable[[Json], None] | None = None, start: bool = True
    ) -> AsyncIterator[Self]:
        """Build a town in `folder`; `change` edits the configuration before it is written."""
        town = cls(folder)
        async with contextlib.AsyncExitStack() as stack:
            town._http = await stack.enter_async_context(
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
            )
            await town.sandbox.start()
            stack.push_async_callback(town.sandbox.stop)
            if not (folder / "checkout").exists():
                await asyncio.to_thread(repository.build, folder / "checkout", now=datetime.now(UTC))
            await town.configure(change)
            stack.push_async_callback(town.close)
            if start:
                await town.start()
            yield town

    async def configure(self, change: Callable[[Json], None] | None = None) -> None:
        """Write the configuration and install the app in the workspace."""
        self.ports = {name: free_port() for name in ("staging", "production", "shipmate")}
        self.settings = self._settings()
        if change is not None:
            change(self.settings)
        path = self.folder / "shipmate.yaml"
        path.write_text(yaml.safe_dump(self.settings, sort_keys=False))
        loaded = load(path, dict(os.environ))
        mode = self.settings["slack"]["mode"]
        # Over HTTP the address is proved when the app runs: see `start`.
        self.app = self.sandbox.platform.apps.install(
            AppConfig(manifest=manifest.build(loaded, registry()), mode=mode, **self.secrets)
        )

    def _settings(self) -> Json:
        people = {u.name: u for u in self.sandbox.workspace.users.values() if u.email}
        jobs = {f"checkout/{name}": self.ports[name] for name in ("staging", "production")}
        built = [sys.executable, "-c", _BUILD, str(self.folder / "builds.log")]
        return {
            "state_dir": str(self.folder / "state"),
            "server": {"host": "127.0.0.1", "port": self.ports["shipmate"]},
            "logs": {"format": "console", "level": "info"},
            "slack": {
                "mode": "socket",
                "api_url": self.sandbox.api_url,
                **keep_secrets(self.folder, **self.secrets),
                "aliases": ["rollback", "where", "deploys", "lock", "unlock", "metrics"],
                "announce": "releases",
                "gather": "0s",  # each is told at once: what tests wait for
            },
            "people": {name: {"slack": one.id, "emails": [one.email]} for name, one in people.items()},
            "groups": {"developers": ["mia", "tom"], "release-managers": ["ana", "raj"]},
            "permissions": [dict(grant) for grant in PERMISSIONS],
            "terminal": {
                "tokens": [{"name": "mia-laptop", "person": "mia", **keep_secrets(self.folder, secret=self.token)}]
            },
            "integrations": {
                "local": {
                    "type": "local",
                    "repositories": {"checkout": str(self.folder / "checkout")},
                    "builds": {"checkout": {"command": built, "timeout": 60}},
                    "places": {
                        job: {
                            "port": port,
                            "command": [sys.executable, "{release}/app.py", "{port}"],
                            "version_path": "/version",
                            "ready_timeout": 20,
                            "stop_timeout": 3,
                            "probe_interval": 0.1,
                        }
                        for job, port in jobs.items()
                    },
                }
            },
            "environments": {"staging": {}, "production": {"production_like": True}},
            "services": {"checkout": self._checkout()},
        }

    def _checkout(self) -> Json:
        def verify(name: str) -> Json:
            probe = {"url": f"http://127.0.0.1:{self.ports[name]}/healthz"}
            return {"window": "1s", "interval": "200ms", "probes": [probe], "failures_allowed": 1}

        return {
            "channel": "checkout",
            "owners": ["developers"],
            "repository": {"with": "local", "project": "checkout", "default_branch": "main"},
            "tickets": {"pattern": r"PAY-\d+", "url": "https://tickets.acme.example/browse/{}"},
            "build": {"with": "local", "job": "checkout"},
            "environments": [
                {
                    "name": "staging",
                    "aliases": ["stage"],
                    "deploy": {"with": "local", "job": "checkout/staging"},
                    "rollback": "automatic",
                    "verify": verify("staging"),
                },
                {
                    "name": "production",
                    "aliases": ["prod"],
                    "deploy": {"with": "local", "job": "checkout/production"},
                    "promote_from": "staging",
                    "approvals": [{"count": 1, "from": ["release-managers"]}],
                    "rollback": "automatic",
                    "verify": verify("production"),
                },
            ],
        }

    # ------------------------------------------------------------------------------------------- Shipmate's process

    @property
    def log(self) -> str:
        """What Shipmate has logged so far."""
        path = self.folder / "shipmate.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start Shipmate and wait until it is ready."""
        with (self.folder / "shipmate.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "serve", "--config", str(self.folder / "shipmate.yaml"),
                stdout=log, stderr=log, cwd=ROOT, start_new_session=True, env={**os.environ, **(env or {})},
            )  # fmt: skip
        await self.until(self._ready, "Shipmate is ready")
        await self.sandbox.verify(self.app)
        if self.settings["slack"]["mode"] == "socket" and not self.sandbox.platform.absence.is_away:
            await self.until(self._connected, "Shipmate is connected to the workspace")

    async def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, f"Shipmate ended:\n{self.log[-4000:]}"
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with self.http.get(f"http://127.0.0.1:{self.ports['shipmate']}/readyz") as answer:
                return answer.ok
        return False

    async def _connected(self) -> bool:
        return self.sandbox.platform.sockets.connected(self.app.id) > 0

    async def kill(self) -> None:
        """Kill Shipmate as a power cut would."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """Ask Shipmate to end (SIGTERM) and return its exit status."""
        assert self.process is not None
        await end(self.process, grace=30)
        return self.process.returncode or 0

    async def close(self) -> None:
        """Stop Shipmate and what runs on the places."""
        if self.process is not None:
            await end(self.process, grace=20)
        await stop_local_places(load(self.folder / "shipmate.yaml", dict(os.environ)))

    # ---------------------------------------------------------------------------------------------- what people do

    @property
    def http(self) -> aiohttp.ClientSession:
        assert self._http is not None
        return self._http

    async def control(self, name: str, /, **fields: Any) -> Json:
        """Do something in the workspace; fails the test on a refusal of the control API."""
        async with self.http.post(f"{self.sandbox.url}/_sandbox/{name}", json=fields) as answer:
            body: Json = await answer.json()
        assert answer.ok, f"{name} {fields}: {body}"
        return body

    async def slash(self, user: str, text: str, channel: str = "checkout") -> Json:
        """Type a slash command, such as "/deploy checkout to staging"."""
        command, _, words = text.partition(" ")
        return await self.control("commands", user=user, channel=channel, command=command, text=words)

    async def mention(self, user: str, text: str, channel: str = "checkout", thread_ts: str = "") -> Json:
        """Write "@shipmate …"."""
        app = next(iter(self.sandbox.platform.apps.installed.values()))
        more = {"thread_ts": thread_ts} if thread_ts else {}
        return await self.control("messages", user=user, channel=channel, text=f"<@{app.bot_user_id}> {text}", **more)

    async def press(self, user: str, message: Json, label: str) -> Json:
        """Press the button of this label on a message, or choose it in the message's overflow menu."""
        for block, element in elements(message):
            place = {"channel": message["channel"], "ts": message["ts"], "block_id": block["block_id"]}
            if element["type"] == "button" and element["text"]["text"] == label:
                return await self.control("actions", user=user, action_id=element["action_id"], **place)
            for option in element.get("options", ()):
                if element["type"] == "overflow" and option["text"]["text"] == label:
                    return await self.control(
                        "actions", user=user, action_id=element["action_id"], value=option["value"], **place
                    )
        raise AssertionError(f"no button {label!r} on {words(message)!r}: {buttons(message)}")

    async def submit(self, user: str, values: Mapping[str, Any]) -> Json:
        """Fill in the modal that is open for a person, by the names of its inputs, and submit it."""
        view = await self.modal(user)
        filled: dict[str, dict[str, Any]] = {}
        for block in view["blocks"]:
            if block["type"] == "input" and block["block_id"] in values:
                filled[block["block_id"]] = {block["element"]["action_id"]: values[block["block_id"]]}
        assert len(filled) == len(values), (
            f"{sorted(values)} are not all in {[b.get('block_id') for b in view['blocks']]}"
        )
        return await self.control("views", user=user, view_id=view["id"], values=filled)

    async def modal(self, user: str) -> Json:
        """Return the modal that is open for a person, once it has inputs."""
        person = self.sandbox.workspace.user(user, "user")

        async def there() -> Json | None:
            views = (await self.state())["views"]
            mine = [v for v in views if v["user"] == person.id and any(b["type"] == "input" for b in v["blocks"])]
            return mine[-1] if mine else None

        found = await self.until(there, f"a modal for {user}")
        assert isinstance(found, dict)
        return found

    # ---------------------------------------------------------------------------------------------- what came out

    async def state(self, viewer: str = "") -> Json:
        """Return the workspace, whole or as one person sees it."""
        query = f"?viewer={viewer}" if viewer else ""
        async with self.http.get(f"{self.sandbox.url}/_sandbox/state{query}") as answer:
            body: Json = await answer.json()
        return body

    async def messages(self, channel: str = "checkout", viewer: str = "") -> list[Json]:
        """Return the messages of a channel (or of everywhere, with channel ""), oldest first."""
        return [
            message
            for one in (await self.state(viewer))["channels"]
            if channel in {"", one["name"]}
            for message in one["messages"]
        ]

    async def see(self, *parts: str, channel: str = "checkout", viewer: str = "", seconds: float = SECONDS) -> Json:
        """Wait for a message that holds all of these words, and return it (the newest one)."""

        async def there() -> Json | None:
            found = [m for m in await self.messages(channel, viewer) if all(part in words(m) for part in parts)]
            return found[-1] if found else None

        found = await self.until(there, f"a message with {parts}", seconds)
        assert isinstance(found, dict)
        return found

    async def until(self, condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Wait until `condition()` (awaited) is true, and return what it gave."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if found := await condition():
                        return found
                    await asyncio.sleep(0.05)
        except TimeoutError:
            newest = sorted(await self.messages(""), key=lambda message: str(message["ts"]))[-20:]
            seen = "\n".join(f"  - {words(m)!r}" for m in newest)
            raise AssertionError(f"never: {what}\nmessages:\n{seen}\nlog:\n{self.log[-3000:]}") from None

    async def runs(self, environment: str) -> str:
        """Return the version that really answers on a place, "" when nothing does."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with self.http.get(f"http://127.0.0.1:{self.ports[environment]}/version") as answer:
                return str((await answer.json())["version"])
        return ""

    def builds(self) -> list[str]:
        """Return the commits that were really built, one entry per build."""
        path = self.folder / "builds.log"
        return path.read_text().split() if path.exists() else []

    async def shipmate(self, *argv: str) -> tuple[int, str]:
        """Run Shipmate's command line and return its exit status and what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *argv, cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "SHIPMATE_TOKEN": self.token,
                 "SHIPMATE_URL": f"http://127.0.0.1:{self.ports['shipmate']}"},
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def deploy(self, version: str, environment: str = "staging", *, approver: str = "ana") -> Json:
        """Bring a version to an environment the ordinary way and return the finished card."""
        await self.slash("mia", f"/deploy checkout@{version} to {environment}")
        if environment == "production":
            card = await self.see(version, "production", "Approve")
            await self.press(approver, card, "Approve")
        card = await self.see(version, environment, "done")
        assert await self.runs(environment) == version
        return card


PERMISSIONS: Sequence[Json] = [
    {"allow": ["deployment.read", "metrics.read"], "to": ["everyone"]},
    {
        "allow": ["deployment.start", "deployment.cancel", "deployment.rollback", "lock.take", "lock.release"],
        "to": ["developers", "release-managers"],
    },
    {"allow": ["deployment.approve", "lock.break"], "to": ["release-managers"]},
]

_BUILD = """
import json, os, sys, tarfile
with open(sys.argv[1], "a") as log:
    log.write(os.environ["SHIPMATE_SHA"] + "\\n")
with tarfile.open("checkout.tar", "w") as archive:
    for name in sorted(os.listdir(".")):
        if name not in {".git", "checkout.tar"}:
            archive.add(name)
with open(os.environ["SHIPMATE_RESULT"], "w") as result:
    json.dump({"artifact": "checkout.tar"}, result)
"""
