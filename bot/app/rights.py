"""Who holds what beside the configuration, in the running bot."""

from typing import TYPE_CHECKING

from bot.access.access import Access, Parts
from bot.app.amending import announced_in
from bot.identity import Channel
from bot.policy.policy import FORCE
from bot.registry import OPEN

if TYPE_CHECKING:
    from bot.app.composition import App


def access_of(app: "App") -> Access:
    """Return the rights that people ask for."""

    async def channel_of(service: str) -> Channel | None:
        known = {one.name: one for one in app.catalog.services()}
        if service in known:
            return await app.channel_of(known[service], None)
        return await announced_in(app)

    return Access(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            catalog=lambda: app.catalog,
            known={one.permission for one in app.registry.values()} - {OPEN} | {FORCE},
            channel_of=channel_of,
        )
    )
