"""A process that runs the tests' workflows until it is killed: `python -m tests.engine.run STORE ENGINE`."""

import asyncio
import sys

from bot.clock import SystemClock
from bot.engine import Engine
from bot.store import Store
from tests.engine import stories


async def main() -> None:
    """Say `ready`, and run what is wanted."""
    clock = SystemClock()
    store = await Store.open(sys.argv[1], clock=clock)
    await stories.make_tables(store)
    await Engine.launch(store, clock=clock, engine_url=sys.argv[2], on_parked=stories.parked)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main())
