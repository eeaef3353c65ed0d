"""Shipmate, whole, with COMMANDS commands: `shipmate_server.py FOLDER|CONFIGURATION COMMANDS [LOG_LEVEL]`.

With a folder it is in HTTP mode beside a local workspace of its own, and prints JSON: the URL and ids. At each SIGUSR1
it prints the CPU in µs of the one query behind `/where` run alone, a moment's average. With a configuration it joins
the workspace that is named there, and prints that it runs.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import town


async def join(config: Path, commands: int, level: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with town.shipmate(config, town.more_commands(commands), level=level):
        print("running", flush=True)
        await stop.wait()


async def main(folder: Path, commands: int, level: str) -> None:
    if folder.is_file():
        await join(folder, commands, level)
        return
    stop, ask = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, ask.set)
    async with town.running(folder, commands=commands, level=level) as (app, sandbox):
        print(json.dumps(town.facts_of(app, sandbox)), flush=True)

        async def tell() -> None:
            while True:
                await ask.wait()
                ask.clear()
                print(await town.bare_query(app), await town.bare_query(app, at_once=4), flush=True)

        telling = asyncio.create_task(tell())
        await stop.wait()
        telling.cancel()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "warning"))
