"""On call in the running bot: what it is made of."""

from functools import partial
from typing import TYPE_CHECKING

from bot.app.parts import zone_of
from bot.identity import Channel
from bot.oncall.oncall import OnCall
from bot.oncall.parts import Parts
from bot.slack.connection import SlackError
from integrations.errors import Unavailable

if TYPE_CHECKING:
    from bot.app.composition import App


def oncall_of(app: "App") -> OnCall:
    """Return who is on call; settings and catalog are asked each time, so that a reload is seen at once."""

    async def channel_named(name: str) -> Channel | None:
        try:
            return await app.slack.directory.find_channel(name)
        except SlackError as error:
            raise Unavailable("slack", error.failure.reason) from error

    return OnCall(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            settings=lambda: app.settings,
            catalog=lambda: app.catalog,
            channel_named=channel_named,
            zone_of=partial(zone_of, app),
        )
    )
