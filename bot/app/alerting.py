"""Alerts in the running bot: what they are made of."""

from typing import TYPE_CHECKING

from bot.alerts.alerts import Alerts
from bot.alerts.parts import Parts
from bot.identity import Channel, Person
from bot.slack.connection import SlackError
from integrations.errors import Unavailable

if TYPE_CHECKING:
    from bot.app.composition import App


def alerts_of(app: "App") -> Alerts:
    """Return the alerts; settings and catalog are asked each time, so that a reload is seen at once."""

    async def zone_of(person: Person) -> str:
        try:
            return (await app.slack.directory.info(person)).tz
        except SlackError:
            return ""

    async def channel_named(name: str) -> Channel | None:
        try:
            return await app.slack.directory.find_channel(name)
        except SlackError as error:
            raise Unavailable("slack", error.failure.reason) from error

    return Alerts(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            toolbox=app.toolbox,
            settings=lambda: app.settings,
            catalog=lambda: app.catalog,
            channel_of=app.channel_of,
            channel_named=channel_named,
            zone_of=zone_of,
            charts=app.charts,
            paging=app.paging,
        )
    )
