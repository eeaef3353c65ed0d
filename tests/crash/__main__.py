"""`make crash`: every point of every story, before and after, on SQLite and PostgreSQL, and rounds by chance.

`python -m tests.crash every [--story S] [--phase before|after] [--only PATTERN] [--database sqlite|postgresql]` kills
once at each point, reads as well; `--only` makes one point deadly, to find out which death broke something.
`python -m tests.crash rounds [--rounds 200] [--seed N]` kills at points drawn by chance; a seed repeats its rounds.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.crash.life import Life, dies_everywhere
from tests.crash.stories import STORIES, Story
from tests.road.town import Json
from tests.servers.postgres import PostgresServer

PHASES = ("before", "after")
DATABASES = ("sqlite", "postgresql")
ROUNDS = 200
_MOST_DEATHS = 3
_LAPS_OF_A_TOWN = 10


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name in ("every", "rounds"):
        kind = kinds.add_parser(name)
        kind.add_argument("--story", choices=list(STORIES), action="append")
        kind.add_argument("--database", choices=DATABASES, action="append")
    kinds.choices["every"].add_argument("--phase", choices=PHASES, action="append")
    kinds.choices["every"].add_argument("--only", metavar="PATTERN", default="* > *")
    kinds.choices["rounds"].add_argument("--rounds", type=int, default=ROUNDS)
    kinds.choices["rounds"].add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    asked = parser.parse_args()
    with closing(Databases(asked.database or DATABASES)) as databases:
        run = every if asked.kind == "every" else rounds
        return asyncio.run(run(asked, databases))


class Databases:
    """Where towns keep their rows, by the kind of database that was asked for."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = tuple(kinds)
        self._server = PostgresServer() if "postgresql" in kinds else None

    def settings(self, kind: str) -> Json:
        """Return the settings of an empty database of this kind."""
        return {"database": self._server.create_database()} if kind == "postgresql" and self._server else {}

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.close()


@asynccontextmanager
async def town(name: str, also: Json) -> AsyncIterator[Story]:
    """Make the town of a story in a folder that is kept only where something is broken."""
    folder = Path(tempfile.mkdtemp(prefix=f"crash-{name}-"))
    async with STORIES[name].town(folder, lambda settings: settings.update(also)) as story:
        yield story
    shutil.rmtree(folder, ignore_errors=True)


async def every(asked: argparse.Namespace, databases: Databases) -> int:
    """Kill once at each point; return 0 when all was sound."""
    bad = 0
    for kind in databases.kinds:
        for name in asked.story or STORIES:
            for phase in asked.phase or PHASES:
                begun, what = time.monotonic(), f"{name}, {phase}, {kind}"
                try:
                    async with town(name, databases.settings(kind)) as story:
                        killed = await dies_everywhere(story.life, (f"{asked.only}:{phase}",), story.tell)
                except AssertionError as error:
                    bad += 1
                    _say(f"BROKEN {what}: {error}")
                else:
                    _say(f"sound  {what}: killed at {len(killed)} points in {time.monotonic() - begun:.0f} s")
    return 1 if bad else 0


async def rounds(asked: argparse.Namespace, databases: Databases) -> int:
    """Kill by chance in many tellings; return 0 when all was sound."""
    _say(f"{asked.rounds} rounds, SEED={asked.seed}")
    draw = random.Random(asked.seed)  # noqa: S311 -- so that a seed repeats its rounds
    left, bad, deaths = asked.rounds, 0, 0
    while left:
        kind, name = draw.choice(databases.kinds), draw.choice(asked.story or list(STORIES))
        laps = min(left, _LAPS_OF_A_TOWN)
        left -= laps
        try:
            async with town(name, databases.settings(kind)) as story:
                deaths += await _rounds_of_a_town(story, laps, draw)
        except AssertionError as error:
            bad += 1
            _say(f"BROKEN {name}, {kind}, SEED={asked.seed}: {error}")
        else:
            _say(
                f"sound  {name}, {kind}: {laps} rounds; {asked.rounds - left} of {asked.rounds}, {deaths} deaths so far"
            )
    return 1 if bad else 0


async def _rounds_of_a_town(story: Story, laps: int, draw: random.Random) -> int:
    """Tell a story without a death, to learn its points, then again and again with some that are drawn; count them."""
    life: Life = story.life
    life.arm()
    await life.start_to_be_killed()
    await story.tell(0)
    await life.rest()
    deaths = 0
    for lap in range(1, laps + 1):
        points = sorted({one for one in life.points("reached") if " > " in one and "[" not in one})
        life.arm(*draw.sample(points, k=min(len(points), draw.randint(1, _MOST_DEATHS))))
        await story.tell(lap)
        await life.sound()
        deaths += len(life.points("killed"))
        (life.crashes / "killed").unlink(missing_ok=True)
    return deaths


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
