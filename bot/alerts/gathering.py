"""`Gathering`: decides whether a group that begins to fire has a message of its own, or is told of in a storm's.

It counts what begins in each channel, so that above a rate nobody can read, groups are gathered. What is grave keeps
its own message as far as Slack takes that many.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.alerts import records, storm_records
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.errors import UserError
from bot.store import Tx
from integrations.capabilities.matchers import all_match, read

SIGNAL = "alerts.storm"
WINDOW = timedelta(minutes=1)
MOST_OWN = 30
"""Grave groups with a message of their own in a minute of a storm: half of what Slack takes in a channel."""


class Gathering:
    """Knows which channel is meant for a group, and whether a storm is on there."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def address(self, group: Group) -> str:
        """Return the channel that is meant for a group, in the words of the configuration, "" for none."""
        return next(self._channels(group), "").removeprefix("#").lower()[:255]

    def _channels(self, group: Group) -> Iterator[str]:
        settings = self._parts.settings()
        labels = {**group.common, **group.labels}
        for route in settings.alerts.routes:
            if all_match([read(one) for one in route.matchers], labels):
                yield route.channel
        if group.service:
            try:
                service = self._parts.catalog().service(group.service)
            except UserError:
                service = None
            if service is not None and service.channel:
                yield service.channel
        yield from (name for name in (settings.alerts.channel, settings.slack.announce) if name)

    def is_grave(self, group: Group) -> bool:
        """Tell whether a group has a message of its own in a storm, too."""
        wanted = {one.lower() for one in self._parts.settings().alerts.storm.priority}
        return group.severity.lower() in wanted

    async def joins(self, tx: Tx, group: Group, now: datetime) -> str:
        """Return the storm that a group which begins to fire is gathered in, "" where it has a message of its own."""
        rate = self._parts.settings().alerts.storm.rate
        if not rate or not group.address:
            return ""
        storm = await storm_records.raging(tx.conn, group.address)
        if not storm:
            begun = await records.news_since(tx.conn, group.address, now - WINDOW, most=rate)
            if begun < rate:
                return ""
            storm = await storm_records.begin(tx, group.address, now)
            tx.wake(SIGNAL)
        if self.is_grave(group):
            own = await records.news_since(tx.conn, group.address, now - WINDOW, most=MOST_OWN, own=True)
            return storm if own >= MOST_OWN else ""
        return storm
