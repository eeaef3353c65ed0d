"""Groups whose message Slack refuses, since their channel was archived or Shipmate was taken out of it."""

import structlog

from bot.alerts import buttons, messages, records
from bot.alerts.parts import Parts
from bot.amounts import count
from bot.identity import Channel
from bot.reply import Buttons, Message, Paragraph, say
from integrations.errors import Unavailable

log = structlog.get_logger()


class Stranded:
    """Says in the channel of all others what cannot be said where it belongs; once for each group."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def tell(self) -> None:
        """Look for messages of open groups that Slack refuses, and tell of them elsewhere."""
        refused = {key.rpartition("/")[2]: reason for key, reason in await self._parts.outbox.parked()}
        for ident in [name for name in refused if name.startswith("A-")]:
            await self._tell(ident, refused[ident])

    async def _tell(self, ident: str, reason: str) -> None:
        async with self._parts.store.read() as conn:
            group = await records.find(conn, ident)
            firing = [one for one in (await records.alerts_of(conn, ident)).values() if one.episode.firing]
        if group is None or group.over or group.channel is None:
            return
        elsewhere = await self._elsewhere(group.channel)
        if elsewhere is None:
            log.error("alert.stranded", group=ident, channel=group.channel.channel, reason=reason)
            return
        title = f"{ident} {messages.title(group)}, {count(len(firing), 'alert')}"
        line = say("*{}* cannot be shown in its own channel: {}. /alert {} shows it.", title, reason[:200], ident)
        said = Message(
            summary=f"{title}, cannot be shown in its own channel: {reason[:100]}",
            parts=(Paragraph(line), Buttons(buttons.to_hold(group))),
        )
        async with self._parts.store.write() as tx:
            await self._parts.outbox.post(tx, f"{ident}/stranded", elsewhere, said, urgent=True)

    async def _elsewhere(self, shut: Channel) -> Channel | None:
        """Return the channel of all others, or that of announcements; None where both are the one that is shut."""
        settings = self._parts.settings()
        try:
            for name in (settings.alerts.channel, settings.slack.announce):
                found = await self._parts.channel_named(name) if name else None
                if found is not None and found != shut:
                    return found
        except Unavailable as error:
            log.warning("alert.channel_unknown", reason=error.message)
        return None
