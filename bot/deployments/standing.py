"""What stands on a place because its deployment succeeded: what the order of promotion asks for."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place, Service
from bot.deployments import records
from bot.deployments.rules import State


async def stands_with_success(conn: AsyncConnection, place: Place) -> str:
    """Return the commit that stands on a place because a deployment of it succeeded, "" where none does.

    After a rollback that is the commit it went back to, if that one had succeeded there before.
    """
    newest = await records.newest_ended(conn, place.service, place.environment, place.target)
    if newest is None:
        return ""
    if newest.state is State.SUCCEEDED:
        return newest.sha
    back = newest.previous.sha if newest.state is State.ROLLED_BACK else ""
    return back if back and await records.newest_success(conn, place, back) else ""


async def elsewhere(conn: AsyncConnection, service: Service, environment: str) -> dict[str, str]:
    """Return what stands with success on the other environments: "staging" or "staging/eu" to the commit."""
    found: dict[str, str] = {}
    for one in service.environments:
        for target in (one.targets or ("",)) if one.name != environment else ():
            sha = await stands_with_success(conn, Place(service.name, one.name, target))
            if sha:
                found["/".join(part for part in (one.name, target) if part)] = sha
    return found
