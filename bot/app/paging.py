"""Paging in the running bot: what it is made of."""

import asyncio
from typing import TYPE_CHECKING

from bot.command import Invocation
from bot.identity import Person
from bot.paging.paging import Paging
from bot.paging.parts import Parts
from bot.slack.connection import SlackError

if TYPE_CHECKING:
    from bot.app.composition import App

_ASK_SECONDS = 1.0


def paging_of(app: "App", owner: str) -> Paging:
    """Return paging; settings, catalog and who is on call are asked each time."""

    async def on_call(schedule: str) -> tuple[Person, ...]:
        shift = await app.oncall.now(schedule)
        return () if shift is None else shift.people

    async def gone(person: Person) -> bool:
        """Tell whether somebody has left; where Slack does not tell that soon, they have not."""
        if app.leavers.gone(person):
            return True
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                return (await app.slack.directory.info(person)).deactivated
        except (SlackError, TimeoutError):
            return False

    async def submit(invocation: Invocation) -> bool:
        return await app.dispatcher.accept(invocation)

    return Paging(
        Parts(
            store=app.store,
            clock=app.clock,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            toolbox=app.toolbox,
            settings=lambda: app.settings,
            catalog=lambda: app.catalog,
            on_call=on_call,
            gone=gone,
            link_of=app.slack.link_of,
            submit=submit,
            owner=owner,
        )
    )
