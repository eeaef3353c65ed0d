"""One town through all its deaths: what people do until it arrives, and how what is left is found sound or broken."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.crash.invariants import broken
from tests.crash.points import is_armed
from tests.crash.world import World, count, lines_of, read_store, read_tags, read_workspace
from tests.road.crash_town import CrashTown
from tests.road.town import Json

WRITES = (
    "* > commit *", "* > file *", "* > call P[OUA][STU]*", "* > call DELETE *", "* > frame*", "* > letter*",
    "* > process python*", "* > process integrations*", "* > process git [!cdlr]*",
)  # fmt: skip
"""What changes something here or outside; what only reads is left to `make crash`."""
OPEN = {
    "slack_outbox": "state IN ('waiting', 'sending', 'doubt')",
    "deliveries": "state = 'received'",
    "starts": "started_at IS NULL AND not_before IS NULL",
    "pages": "state IN ('waiting', 'sending')",
    "paging_errands": "1 = 1",
    "workflow_status": "status IN ('PENDING', 'ENQUEUED')",
}
"""The rows of things that are not done, by their table."""
LONG = 600.0
"""Seconds until what is killed tens of times on a busy machine must have happened."""
_MOST_LAPS = 6
_ARRIVES_LATE = 5.0


class Life(CrashTown):
    """A town whose people know only what Slack tells them, and repeat only what did not arrive."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.wishes: list[str] = []
        self.pages: Callable[[], list[str]] = list

    async def wish(self, command: str, deed: Callable[[], Awaitable[Json]]) -> None:
        """Do what a person does, again and again until it is acknowledged or known to be stored."""

        async def arrived() -> bool:
            await self.until(self._ready, "Shipmate is ready", LONG)
            had = await self.stored()
            with contextlib.suppress(AssertionError, aiohttp.ClientError):  # the button is gone, Slack cannot reach us
                if (await deed())["ok"]:
                    return True
            await self.until(self._ready, "Shipmate is ready", LONG)
            with contextlib.suppress(AssertionError):  # stored, and only the acknowledgement was lost
                await self.until(lambda: self._more_than(had), "it is stored", _ARRIVES_LATE)
                return True
            return False

        await self.until(arrived, f"{command} arrives", LONG)
        self.wishes.append(command)

    async def stored(self) -> int:
        """Return how many wishes are stored."""
        return await asyncio.to_thread(count, self.settings, "deliveries", "")

    async def _more_than(self, had: int) -> bool:
        return await self.stored() > had

    async def ends(self, title: str, said: str) -> Json:
        """Wait for the card of this title to say this, and return it."""

        async def ended() -> Json | None:
            for one in await self.messages(""):
                if one["text"].startswith("D-") and title in one["text"] and said in one["text"]:
                    return one
            return None

        found = await self.until(ended, f"{title}{said}", LONG)
        assert isinstance(found, dict)
        return found

    async def rest(self) -> None:
        """Wait until nothing is to be done any more."""

        async def idle() -> bool:
            await self._ready()
            left = [await asyncio.to_thread(count, self.settings, table, which) for table, which in OPEN.items()]
            return not any(left)

        await self.until(idle, "all is done and said", LONG)

    # ------------------------------------------------------------------------------------------------ what is left

    async def world(self) -> World:
        """Return all that is left, as data."""
        tables, workflows = await asyncio.to_thread(read_store, self.settings)
        status, audit = await self.shipmate("audit", "verify", "--config", str(self.folder / "shipmate.yaml"))
        running = {job: await self._answer(place["port"]) for job, place in self._places().items()}
        local = self.settings["integrations"]["local"]
        tags = [await read_tags(Path(repository)) for repository in local["repositories"].values()]
        return World(
            tables=tables,
            workflows=workflows,
            said=read_workspace(self.sandbox),
            wishes=tuple(self.wishes),
            builds=self.builds(),
            starts=lines_of(self.folder / "starts.log"),
            running=running,
            pages=self.pages(),
            tags={name: sha for each in tags for name, sha in each.items()},
            audit="" if status == 0 and audit.startswith("whole: ") else audit,
        )

    def _places(self) -> Json:
        places: Json = self.settings["integrations"]["local"]["places"]
        return places

    async def _answer(self, port: int) -> str:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async with self.http.get(f"http://127.0.0.1:{port}/version") as answer:
                return str((await answer.json())["version"])
        return ""

    async def sound(self) -> None:
        """Check every invariant; what is broken is told with what was killed.

        Raises:
            AssertionError: something is broken.
        """
        await self.rest()
        found = broken(await self.world())
        killed = "\n  ".join(self.points("killed"))
        assert not found, "\n".join([*found, f"killed at:\n  {killed}", f"folder: {self.folder}"])

    # ------------------------------------------------------------------------------------------------------ its deaths

    def unharmed(self, patterns: tuple[str, ...], since: int) -> set[str]:
        """Return the points reached after the first `since` ones that were to be deadly, and never were."""
        reached = set(self.points("reached")[since:])
        return {one for one in reached if is_armed(one, patterns)} - set(self.points("killed"))


async def dies_everywhere(life: Life, patterns: tuple[str, ...], tell: Callable[[int], Any]) -> set[str]:
    """Tell a story, killed once at each point that matches, until a telling spares none; return the points.

    A telling is `tell(lap)`. What died three times over one step is spared until the next telling; what happens beside
    the story, such as an hourly sweep, may not come again.
    """
    life.arm(*patterns)
    await life.start_to_be_killed()
    begun = 0
    for lap in range(_MOST_LAPS):
        begun = len(life.points("reached"))
        await tell(lap)
        await life.rest()
        if lap and not life.unharmed(patterns, begun):
            break
    left = life.unharmed(patterns, begun)
    assert not left, f"never killed at {sorted(left)}"
    await life.sound()
    return set(life.points("killed"))
