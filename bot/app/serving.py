"""`shipmate serve`: one process from its start to its end; signals, reload, and the small commands beside it."""

import asyncio
import fcntl
import gc
import signal
import sys
from pathlib import Path

import structlog

from bot import logs
from bot.app.composition import App
from bot.app.reload import reload
from bot.app.running import Running
from bot.app.tools import resources
from bot.clock import SystemClock
from bot.settings import Settings, warnings
from bot.store import Store, StoreMismatch, StoreUnavailable
from commands.registry import registry
from integrations.local.stop import stop_all

log = structlog.get_logger()


async def serve(settings: Settings, config: Path) -> int:
    """Run the bot until SIGTERM or SIGINT and return the exit status; SIGHUP reads the configuration again."""
    clock = SystemClock()
    masker = logs.Masker(logs.secrets_of(settings))
    logs.configure(clock=clock, form=settings.logs.format, level=settings.logs.level, masker=masker)
    commands = registry()
    for warning in warnings(settings):
        log.warning("configuration.warning", text=warning)
    stop = asyncio.Event()
    again = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    try:
        with alone(settings):
            store = await Store.open(settings.database_url, clock=clock)
            app = App(settings, store, clock, commands)
            running = Running(app)
            running.keeping.ended = stop.set
            try:
                await running.start()
                gc.freeze()  # what is there now stays: no later collection looks through it
                gc.enable()
                await _until(stop, again, app, config, masker)
            finally:
                await running.stop()
            if app.restoring.outrun:
                sys.stderr.write(f"shipmate serve: {app.restoring.outrun}\n")
                return 1
    except (StoreUnavailable, StoreMismatch, OSError, ValueError) as error:
        log.critical("shipmate.not_started", reason=str(error))
        sys.stderr.write(f"shipmate serve: {error}\n")
        return 1
    return 0


async def _until(stop: asyncio.Event, again: asyncio.Event, app: App, config: Path, masker: logs.Masker) -> None:
    ending = asyncio.create_task(stop.wait())
    while not stop.is_set():
        reading = asyncio.create_task(again.wait())
        await asyncio.wait({ending, reading}, return_when=asyncio.FIRST_COMPLETED)
        if again.is_set() and not stop.is_set():
            again.clear()
            await reload(app, config, masker)
        reading.cancel()


class alone:  # noqa: N801 - reads as a statement: with alone(settings)
    """Holds the state folder for this process where the store is a file: two bots on one file would fight.

    Raises:
        OSError: another process holds it.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.state_dir / "shipmate.lock" if settings.on_sqlite else None

    def __enter__(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            message = f"another Shipmate runs on {self._path.parent}: stop it, or use PostgreSQL for several replicas"
            raise OSError(message) from error

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._file.close()


async def stop_local_places(settings: Settings) -> None:
    """End the services and runs that `local` instances left on this machine: for the end of a demo or a test."""
    await asyncio.to_thread(stop_all, Path(resources(settings).state_dir))
