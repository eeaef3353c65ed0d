"""`shipmate demo`: put everything up, say what to try, take everything down."""

import asyncio
import contextlib
import secrets
import shutil
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot import logs
from bot.app import put_in_place, stop_local_places
from bot.clock import SystemClock
from bot.demo import repository
from bot.demo.configuration import Watchers, Workspace, keep_secrets, write
from bot.demo.guide import CHANNEL as START, MANIFEST as GUIDE, Guide
from bot.demo.steps import ALERTS, TOURS, Tour
from bot.demo.surroundings import alertmanager, customers, end, free_port, prometheus
from bot.sandbox import AppConfig, Sandbox, Seed
from bot.sandbox.seed import ChannelSeed
from bot.settings import Settings, load, read_environ
from bot.slack import manifest
from commands.registry import permissions, registry

Say = Callable[[str], None]
MARKER = ".shipmate-demo"
DEFAULT_PORT = 8055
READY_SECONDS = 60
QUICK_FAILURES = 5

FIRST = "1.4.1"  # runs everywhere when the demo begins

TRY = (
    "/deploy checkout@1.4.2 to staging",
    "/deploy checkout@1.4.2 to production",
    "/deploy checkout@1.5.0 to staging",
    "/where checkout",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for: the folder, the page's port (None: 8055 or a free one), a browser, which servers."""

    folder: Path
    port: int | None
    browser: bool
    prometheus: str
    alertmanager: str


async def run(wishes: Wishes, say: Say) -> int:
    """Run the demo until Ctrl-C or SIGTERM and return the exit status."""
    logs.configure(clock=SystemClock(), form="console", level="warning")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await asyncio.to_thread(_prepare, wishes.folder)
        async with _everything(wishes, say) as (page, bot):
            say(_welcome(page, wishes.folder))
            if wishes.browser:
                await asyncio.to_thread(webbrowser.open, page)
            ended = asyncio.create_task(bot.wait())
            await asyncio.wait({ended, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
            say("\nStopping …")
            return 0 if stop.is_set() else 1
    except (OSError, RuntimeError, TimeoutError) as error:
        say(f"shipmate demo: {error}")
        return 1


@contextlib.asynccontextmanager
async def _everything(wishes: Wishes, say: Say) -> AsyncIterator[tuple[str, "Bot"]]:
    places = {name: free_port() for name in ("staging", "production")}
    ports = {**places, "shipmate": free_port()}
    async with contextlib.AsyncExitStack() as stack:
        sandbox = Sandbox(_seed())
        await _listen(sandbox, wishes.port, say)
        stack.push_async_callback(sandbox.stop)
        watchers = await stack.enter_async_context(_watchers(wishes, ports, say))
        settings, config = await _configure(sandbox, wishes.folder, ports, watchers)
        stack.push_async_callback(stop_local_places, settings)
        await put_in_place(settings, FIRST)
        shoppers = asyncio.create_task(customers(places))
        stack.callback(shoppers.cancel)
        bot = Bot(config, wishes.folder / "shipmate.log", say)
        stack.push_async_callback(bot.stop)
        await bot.start(f"http://{settings.server.host}:{settings.server.port}/readyz")
        tours = [tour for tour in TOURS if tour is not ALERTS or watchers.alertmanager_url]
        await stack.enter_async_context(await _guide(sandbox, wishes.folder, tours))
        await _connected(sandbox)
        yield f"{sandbox.url}/#channel={START}", bot


@contextlib.asynccontextmanager
async def _watchers(wishes: Wishes, ports: Mapping[str, int], say: Say) -> AsyncIterator[Watchers]:
    """Run what watches the shop, as far as it is to be had on this machine; say in a line what is not."""
    places = {name: ports[name] for name in ("staging", "production")}
    async with contextlib.AsyncExitStack() as stack:
        program = wishes.prometheus or shutil.which("prometheus")
        if not program:
            say("No prometheus on PATH: deployments are verified by probes only; no /metrics and no alerts.")
            yield Watchers()
            return
        alerts, token = "", ""
        if teller := wishes.alertmanager or shutil.which("prometheus-alertmanager") or shutil.which("alertmanager"):
            token = keep_secrets(wishes.folder, webhook_token=secrets.token_hex(16))["webhook_token"]
            alerts = await stack.enter_async_context(
                alertmanager(
                    teller,
                    wishes.folder,
                    webhook=f"http://127.0.0.1:{ports['shipmate']}/hooks/alertmanager",
                    token_file=Path(token.removeprefix("file:")),
                )
            )
        else:
            say("No alertmanager on PATH: the demo goes on without alerts.")
        metrics = await stack.enter_async_context(prometheus(program, wishes.folder, places, alertmanager_url=alerts))
        yield Watchers(prometheus_url=metrics, alertmanager_url=alerts, webhook_token=token)


def _seed() -> Seed:
    """Return the workspace: the sandbox's own company, and first of all the channel of the tour."""
    company = Seed(hints=TRY)
    start = ChannelSeed(name=START, members=company.channels[0].members, topic="Three things to try, ten minutes")
    return company.model_copy(update={"channels": (start, *company.channels)})


async def _guide(sandbox: Sandbox, folder: Path, tours: Sequence[Tour]) -> Guide:
    """Install the second app; it is entered by the caller."""
    app = await sandbox.install(AppConfig(manifest=GUIDE))

    async def push() -> str:
        return await asyncio.to_thread(repository.push, folder / "checkout", now=SystemClock().now())

    return Guide(api_url=sandbox.api_url, bot_token=app.bot_token, app_token=app.app_token, push=push, tours=tours)


async def _connected(sandbox: Sandbox) -> None:
    """Wait until Shipmate has its socket: what is typed before would not reach it."""
    app = next(iter(sandbox.platform.apps.installed))  # Shipmate: it is installed first
    async with asyncio.timeout(READY_SECONDS):
        while not sandbox.platform.sockets.connected(app):  # noqa: ASYNC110 - at the start only
            await asyncio.sleep(0.05)


async def _listen(sandbox: Sandbox, port: int | None, say: Say) -> None:
    try:
        await sandbox.start(port=DEFAULT_PORT if port is None else port)
    except OSError:
        if port is not None:
            raise RuntimeError(f"port {port} is taken: choose another with PORT=") from None
        await sandbox.start(port=0)
        say(f"Port {DEFAULT_PORT} is taken; the page has another one this time.")


async def _configure(
    sandbox: Sandbox, folder: Path, ports: Mapping[str, int], watchers: Watchers
) -> tuple[Settings, Path]:
    tokens = {name: f"{prefix}-{secrets.token_hex(16)}" for name, prefix in (("bot", "xoxb"), ("app", "xapp-1"))}
    workspace = Workspace(
        api_url=sandbox.api_url,
        bot_token=tokens["bot"],
        app_token=tokens["app"],
        signing_secret=secrets.token_hex(16),
        people={user.name: (user.id, user.email) for user in sandbox.workspace.users.values() if user.email},
    )
    config = write(folder, workspace, ports=ports, watchers=watchers)
    settings = load(config, read_environ(), known_permissions=permissions(), known_commands=registry())
    await sandbox.install(
        AppConfig(
            manifest=manifest.build(settings, registry()),
            bot_token=workspace.bot_token,
            app_token=workspace.app_token,
            signing_secret=workspace.signing_secret,
        )
    )
    return settings, config


class Bot:
    """Shipmate itself, started by its own command line; started again when it dies, as a service manager would."""

    def __init__(self, config: Path, log: Path, say: Say) -> None:
        self._config = config
        self._log = log
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, ready: str) -> None:
        """Start it and wait until it says it is ready; raises RuntimeError with the end of its log otherwise."""
        await self._spawn()
        async with aiohttp.ClientSession() as session:
            for _ in range(READY_SECONDS * 10):
                if self._process is None or self._process.returncode is not None:
                    break
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with session.get(ready) as answer:
                        if answer.ok:
                            self._keeper = asyncio.create_task(self._keep())
                            return
                await asyncio.sleep(0.1)
        tail = self._log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"Shipmate did not become ready; {self._log} ends with:\n{tail}")

    async def wait(self) -> None:
        """Return when it has died too often to be started again."""
        if self._keeper is not None:
            await self._keeper

    async def stop(self) -> None:
        """End it, after it has handed over what runs."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is not None:
            await end(self._process, grace=20)

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "serve", "--config", str(self._config),
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    async def _keep(self) -> None:
        failures = 0
        while self._process is not None and failures < QUICK_FAILURES:
            started = asyncio.get_running_loop().time()
            status = await self._process.wait()
            lasted = asyncio.get_running_loop().time() - started
            failures = 0 if lasted > READY_SECONDS else failures + 1
            self._say(f"Shipmate ended ({status}); it is started again. Its log: {self._log}")
            await self._spawn()


def _prepare(folder: Path) -> None:
    """Empty the demo's folder and make the repository; a folder that is not the demo's is left alone."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise RuntimeError(f"{folder} is not empty and not a demo's folder: choose another with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text("This folder is emptied at each start of `shipmate demo`.\n")
    now = SystemClock().now()
    repository.build(folder / "checkout", now=now)
    repository.tire(folder / "checkout", now=now)


def _welcome(page: str, folder: Path) -> str:
    return f"""
  Shipmate's demo is up:  {page}

  Open the page: the pinned message in #{START} walks you through it. In short, in #checkout:
    1. {TRY[0]}        a release on its way; the card shows each stage
    2. {TRY[1]}     then press Approve as Ana, a release manager
    3. {TRY[2]}        a bad one: watch it being found out and rolled back

  The service's repository is {folder / "checkout"}: commit there, and /deploy checkout@main to staging
  Ctrl-C stops everything; only {folder} stays.
"""
