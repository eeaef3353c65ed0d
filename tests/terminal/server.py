"""A process with the road and the terminal's door, for tests that kill it: `python -m tests.terminal.server`.

Arguments: the database, the port (0 for any), and where to die: run, effect, finish, kept, or never.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

import sqlalchemy as sa
from msgspec.structs import replace

from bot.audit import Audit
from bot.catalog import Catalog
from bot.clock import SystemClock
from bot.command import Call, Invocation, World
from bot.deliveries import Deliveries
from bot.dispatch import Dispatcher
from bot.permissions import Permissions
from bot.registry import Registry
from bot.reply import Reply
from bot.settings import Settings
from bot.starter import Starter
from bot.store import Store, Tx
from bot.terminal import Terminal
from bot.web import Web
from tests.dispatch.commands import Notes, deploy, own
from tests.dispatch.conftest import SETTINGS, TEAM
from tests.terminal.conftest import TOKENS, ready


def die() -> None:
    """End without any chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


async def serve(database: Path, port: int, where: str) -> None:
    """Serve until SIGTERM."""
    clock = SystemClock()
    settings = Settings.model_validate(SETTINGS)
    store = await Store.open(f"sqlite:///{database}", clock=clock)
    async with store.write() as tx:
        await tx.conn.run_sync(own.create_all)
    permissions = Permissions(settings, clock)
    permissions.set_home(TEAM)
    deliveries = Deliveries(store, clock, f"process-{os.getpid()}")
    terminal = Terminal(TOKENS, deliveries, clock)

    async def deadly(call: Call, args: object) -> Reply:
        if where == "run":
            die()
        reply = await deploy.handler(call, args)
        if where == "effect":
            die()
        return reply

    async def keep(tx: Tx, invocation: Invocation, reply: Reply) -> None:
        if where == "kept":
            tx.after_commit(die)
        await terminal.keep(tx, invocation, reply)
        if where == "finish":
            die()

    dispatcher = Dispatcher(
        registry=Registry((replace(deploy, handler=deadly),)),
        permissions=permissions,
        audit=Audit(store, clock),
        deliveries=deliveries,
        store=store,
        world=World(store, Notes(), Catalog(settings)),
        clock=clock,
        replier=keep,
    )
    starter = Starter(deliveries, dispatcher, clock=clock)
    web = Web(ready)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await starter.start()
    await web.start("127.0.0.1", port, terminal.routes(dispatcher))
    sys.stdout.write(f"port {web.port}\n")
    sys.stdout.flush()
    await stopped.wait()
    await web.stop()
    await starter.stop()
    async with store.read() as conn:
        count = (await conn.execute(sa.text("SELECT count(*) FROM test_deploys"))).scalar_one()
    verdict = await Audit(store, clock).verify()
    await store.close()
    sys.stdout.write(f"deployed {count}, audit {verdict.ok}\n")


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
