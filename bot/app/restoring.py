"""What notices a restored database in the running bot, and the loop that keeps its generation."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.app.rights import announced_in
from bot.endings import end
from bot.repeating import Repeating
from bot.restoring.parts import Parts
from bot.restoring.restoring import Restoring
from bot.settings import Settings
from bot.store import StoreUnavailable
from bot.store.generation import Generation, Outrun

if TYPE_CHECKING:
    from bot.app.composition import App

log = structlog.get_logger()


def restoring_of(app: "App", engine_url: Callable[[Settings], str]) -> Restoring:
    """Return what holds a restored database, known to dispatch."""
    made = Restoring(
        Parts(
            store=app.store,
            generation=Generation(app.store, app.settings.state_dir),
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            toolbox=app.toolbox,
            catalog=lambda: app.catalog,
            deployments=app.deployments,
            builds=app.builds,
            releases=app.releases,
            locks=app.locks,
            paging=app.paging,
            name_of=app.permissions.name_of,
            announce_in=partial(announced_in, app),
            engine_url=engine_url(app.settings),
        )
    )
    app.dispatcher.hold_back = made.hold_back
    return made


class Keeping:
    """Looks after the generation while Shipmate runs, and goes on once a hold is over.

    `ended` is called when this process may not go on: somebody put another database in the place of ours.
    """

    def __init__(self, app: "App", go_on: Callable[[], Awaitable[None]]) -> None:
        self._app = app
        self._go_on = go_on
        self._waiting: asyncio.Task[None] | None = None
        restoring = app.restoring
        self._repeating = Repeating("generation", restoring.look, app.clock, pause=restoring.pause)
        self.ended: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin."""
        self._repeating.start()
        self._waiting = asyncio.create_task(self._wait(), name="restore-hold")

    async def stop_waiting(self) -> None:
        """Go on with nothing more. The first to be ended: what it was about to begin is ended by whoever follows."""
        await end([self._waiting])
        self._waiting = None

    async def stop(self) -> None:
        """End, with a last generation: a copy that was made before is older than that."""
        await self._repeating.stop()
        await self.stop_waiting()
        restoring = self._app.restoring
        if restoring.hold is None and not restoring.outrun:
            try:
                await restoring.raise_it()
            except (StoreUnavailable, Outrun) as error:
                log.warning("generation.not_raised", reason=str(error))

    async def _wait(self) -> None:
        restoring = self._app.restoring
        while True:
            await restoring.over.wait()
            restoring.over.clear()
            if restoring.outrun:
                self.ended()
                return
            try:
                await self._go_on()
            except Exception:
                log.critical("shipmate.cannot_go_on", exc_info=True)
                restoring.outrun = "what was held could not be begun"
                self.ended()
                raise
