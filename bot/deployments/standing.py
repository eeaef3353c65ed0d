"""What stands on a place because its deployment succeeded: what the order of promotion asks for."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.catalog import Place, Service
from bot.deployments import records


async def elsewhere(conn: AsyncConnection, service: Service, environment: str) -> dict[str, str]:
    """Return what stands with success on the other environments: "staging" or "staging/eu" to the commit."""
    found: dict[str, str] = {}
    for one in service.environments:
        for target in (one.targets or ("",)) if one.name != environment else ():
            sha = await records.stands_with_success(conn, Place(service.name, one.name, target))
            if sha:
                found["/".join(part for part in (one.name, target) if part)] = sha
    return found
