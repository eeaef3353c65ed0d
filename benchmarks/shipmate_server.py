"""Shipmate, whole, in HTTP mode with COMMANDS commands: `shipmate_server.py FOLDER COMMANDS`.

It runs against a local workspace of its own. Prints JSON: the URL, ids, and the CPU in µs of the one query behind
`/where` run alone.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import town


async def main(folder: Path, commands: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with town.running(folder, commands=commands) as facts:
        print(json.dumps(facts), flush=True)
        await stop.wait()


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
