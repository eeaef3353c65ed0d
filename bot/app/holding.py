"""What freezes are made of, in the running bot."""

from typing import TYPE_CHECKING

from bot.freezes.parts import Parts
from bot.identity import Person
from bot.slack.connection import SlackError

if TYPE_CHECKING:
    from bot.app.composition import App


def freeze_parts(app: "App") -> Parts:
    """Return the parts of freezes; settings and catalog are asked each time, so that a reload is seen at once."""

    async def zone_of(person: Person) -> str:
        try:
            return (await app.slack.directory.info(person)).tz
        except SlackError:
            return ""

    return Parts(
        store=app.store,
        clock=app.clock,
        audit=app.audit,
        outbox=app.slack.outbox,
        permissions=app.permissions,
        settings=lambda: app.settings,
        catalog=lambda: app.catalog,
        channel_of=app.channel_of,
        zone_of=zone_of,
    )
