"""A whole Shipmate for the benchmarks, in this process, beside a local workspace."""

import asyncio
import contextlib
import gc
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from measuring import ROOT, SECRET

sys.path.insert(0, str(ROOT))

from bot import logs
from bot.app.composition import App
from bot.app.running import Running
from bot.clock import SystemClock
from bot.command import Call, Effect, NoArgs, command
from bot.demo import repository
from bot.demo.configuration import keep_secrets
from bot.deployments import places
from bot.registry import Registry
from bot.reply import Reply, text
from bot.sandbox import AppConfig, Sandbox
from bot.settings import load
from bot.slack import manifest
from bot.store import Store
from commands.registry import COMMANDS, registry

Json = dict[str, Any]


TERMINAL_TOKEN = "benchmark-terminal-token-01"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a benchmark's configuration is like: how many services, where their cards go, what deploys them."""

    mode: str = "http"
    port: int = 0
    services: int = 10
    channel: str = "checkout"
    deploy: tuple[str, ...] = ("/bin/true",)


def settings_of(folder: Path, sandbox: Sandbox, shape: Shape) -> Path:
    """Write a configuration and return its path: services on two environments, production with an approval."""
    people = {user.name: user for user in sandbox.workspace.users.values() if user.email}
    nothing = {"command": list(shape.deploy)}
    names = [f"svc{n}" for n in range(shape.services)]
    secrets = {"bot_token": "xoxb-benchmark-0001", "app_token": "xapp-1-benchmark-01", "signing_secret": SECRET}
    terminal = keep_secrets(folder, terminal=TERMINAL_TOKEN)["terminal"]
    config: Json = {
        "state_dir": str(folder / "state"),
        "server": {"host": "127.0.0.1", "port": shape.port, "public_url": "https://shipmate.example.org"},
        "logs": {"level": "warning"},
        "slack": {
            "mode": shape.mode,
            "api_url": sandbox.api_url,
            "aliases": ["where"],
            **keep_secrets(folder, **secrets),
        },
        "terminal": {"tokens": [{"name": "benchmark", "person": "mia", "secret": terminal}]},
        "people": {name: {"slack": user.id, "emails": [user.email]} for name, user in people.items()},
        "groups": {"developers": ["mia", "tom"], "release-managers": ["ana", "raj"]},
        "permissions": [{"allow": ["*"], "to": ["developers", "release-managers"]}],
        "integrations": {
            "local": {
                "type": "local",
                "repositories": {"checkout": str(folder / "checkout")},
                "deploys": {f"{name}/{where}": nothing for name in names for where in ("staging", "production")},
            }
        },
        "environments": {"staging": {}, "production": {"production_like": True}},
        "services": {
            name: {
                "channel": shape.channel,
                "repository": {"with": "local", "project": "checkout"},
                "environments": [
                    {
                        "name": where,
                        "deploy": {"with": "local", "job": f"{name}/{where}"},
                        "approvals": [] if where == "staging" else [{"count": 1, "from": ["release-managers"]}],
                    }
                    for where in ("staging", "production")
                ],
            }
            for name in names
        },
    }
    path = folder / "shipmate.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def more_commands(count: int) -> Registry:
    """Return the real commands and so many others that there are `count`."""

    async def answer(call: Call, args: NoArgs) -> Reply:
        """Answer."""
        return text("ok")

    extra = [
        command(f"extra{number}", permission="extra.read", effect=Effect.READ)(answer)
        for number in range(max(0, count - len(COMMANDS)))
    ]
    return Registry((*COMMANDS, *extra)) if count >= len(COMMANDS) else registry()


@contextlib.asynccontextmanager
async def workspace(folder: Path, shape: Shape) -> AsyncIterator[tuple[Sandbox, Path]]:
    """Start a local workspace, make the repository, write the configuration and install the app."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sandbox = Sandbox()
    await sandbox.start()
    try:
        repository.build(folder / "checkout", now=SystemClock().now())
        config = settings_of(folder, sandbox, shape)
        settings = load(config, dict(os.environ))
        built = manifest.build(settings, registry())
        if shape.mode == "http":  # requests come from the benchmark, not from the workspace
            built["settings"]["socket_mode_enabled"] = True
            built["settings"]["event_subscriptions"].pop("request_url", None)
        await sandbox.install(
            AppConfig(
                manifest=built,
                mode="socket",
                bot_token="xoxb-benchmark-0001",
                app_token="xapp-1-benchmark-01",
                signing_secret=SECRET,
            )
        )
        yield sandbox, config
    finally:
        await sandbox.stop()


@contextlib.asynccontextmanager
async def running(
    folder: Path, *, commands: int = 0, shape: Shape = Shape(), level: str = "warning", registry: Registry | None = None
) -> AsyncIterator[tuple[App, Sandbox]]:
    """Run Shipmate in this process with so many commands, or with those of `registry`, beside a workspace."""
    async with (
        workspace(folder, shape) as (sandbox, config),
        shipmate(config, registry or more_commands(commands), level=level) as app,
    ):
        yield app, sandbox


@contextlib.asynccontextmanager
async def shipmate(config: Path, registry: Registry, *, level: str = "warning") -> AsyncIterator[App]:
    """Run Shipmate in this process with a configuration that is written already."""
    settings = load(config, dict(os.environ))
    logs.configure(clock=SystemClock(), level=level)
    store = await Store.open(settings.database_url, clock=SystemClock())
    app = App(settings, store, SystemClock(), registry)
    running = Running(app)
    await running.start()
    gc.collect()
    gc.freeze()  # as `shipmate serve` does
    try:
        yield app
    finally:
        await running.stop(grace=1)


@contextlib.asynccontextmanager
async def serving(config: Path, port: int) -> AsyncIterator[int]:
    """Run `shipmate serve` and give its pid once it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", "--config", str(config), cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(90):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.ok:
                            break
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def facts_of(app: App, sandbox: Sandbox) -> Json:
    """Return what who sends requests has to know: the URL and ids."""
    channel = next(one for one in sandbox.workspace.channels.values() if one.name == "checkout")
    return {
        "url": f"http://127.0.0.1:{app.web.port}/slack/events",
        "user": sandbox.workspace.user("mia", "user").id,
        "team": sandbox.workspace.team.id,
        "channel": channel.id,
    }


async def bare_query(app: App, *, times: int = 500, at_once: int = 1) -> float:
    """Return the CPU in µs of the query behind `/where`, run alone on the same store, so many at a time."""

    async def once() -> None:
        async with app.store.read() as conn:
            await places.facts(conn, now=app.clock.now(), service="svc1")

    async def some(number: int) -> None:
        for _ in range(number // at_once):
            await once()

    await some(50)
    began = time.process_time()
    await asyncio.gather(*(some(times) for _ in range(at_once)))
    return (time.process_time() - began) / (times // at_once * at_once) * 1e6
