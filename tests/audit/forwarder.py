"""A process that writes entries and brings them to a file until it is killed.

`python -m tests.audit.forwarder URL FILE`. It says the number of every entry that it wrote.
"""

import asyncio
import sys
from pathlib import Path

from bot.audit import Audit
from bot.audit.forwarding import Forwarder
from bot.audit.sinks import FileSink
from bot.clock import SystemClock
from bot.command import Resource
from bot.identity import Person
from bot.logs import configure
from bot.store import Store


async def main(url: str, path: str) -> None:
    clock = SystemClock()
    configure(clock=clock, level="error")
    store = await Store.open(url, clock=clock)
    audit = Audit(store, clock)
    forwarder = Forwarder("file", FileSink(Path(path)), audit=audit, owner="same")
    forwarder.start()
    while True:
        async with store.write() as tx:
            await audit.record(tx, actor=Person("T1", "U1"), action="a", outcome="o", resource=Resource())
        sys.stdout.write(f"{(await audit.recent(limit=1))[0].number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
