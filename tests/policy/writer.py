"""A process that writes audit entries until it is killed: `python -m tests.policy.writer URL NAME [COUNT]`."""

import asyncio
import sys

from bot.audit import Audit
from bot.clock import SystemClock
from bot.command import Resource
from bot.identity import Person
from bot.logs import configure
from bot.store import Store


async def main(url: str, name: str, count: int) -> None:
    clock = SystemClock()
    configure(clock=clock, level="error")
    store = await Store.open(url, clock=clock)
    audit = Audit(store, clock)

    async def write(lane: int) -> None:
        number = 0
        while not count or number < count:
            number += 1
            async with store.write() as tx:
                await audit.record(
                    tx,
                    actor=Person("T1", name),
                    action="test.write",
                    outcome="allowed",
                    resource=Resource("checkout", "staging"),
                    subject=f"{name}-{lane}-{number}",
                    data={"number": number, "text": "x" * 200},
                )
            sys.stdout.write(f"{name}-{lane}-{number}\n")
            sys.stdout.flush()

    await asyncio.gather(*(write(lane) for lane in range(3)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0))
