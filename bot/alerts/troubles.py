"""Alert groups as freezes see them: troubles of services."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alerts import messages, records
from bot.alerts.records import Group
from bot.alerts.rules import State
from bot.freezes.troubles import Trouble


async def troubles(conn: AsyncConnection) -> Sequence[Trouble]:
    """Return the groups that freezes may follow: of a service of the catalog, not over, and not kept quiet."""
    return [_trouble(one) for one in await records.open_groups(conn) if troubling(one)]


def troubling(group: Group) -> bool:
    """Tell whether a group keeps deployments off its service where a freeze follows it."""
    return bool(group.service) and group.state not in {State.RESOLVED, State.SILENCED}


def _trouble(group: Group) -> Trouble:
    return Trouble(
        name=group.id,
        title=messages.title(group),
        service=group.service,
        environment=group.environment,
        labels={**group.labels, **group.common},
        since=group.opened_at,
    )
