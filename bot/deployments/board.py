"""`Board`: what was deployed where, written back to the Git host, so that people see it there, too.

Nothing waits for it and nothing fails with it: the record is ours, the host's page is a copy.
"""

from collections.abc import Awaitable
from typing import NamedTuple

import structlog

from bot.catalog import Environment, Service
from bot.deployments import records
from bot.deployments.parts import Parts
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.errors import UserError
from bot.store import Tx
from bot.store.starts import want
from integrations.capabilities.delivery import Delivered, DeliveryBoard, DeliveryNote
from integrations.capabilities.git import CheckState
from integrations.errors import IntegrationError, OutcomeUnknown, Unavailable

SHOW = "board.show.v1"
CHECK = "board.check.v1"
_SHORT = 7
_SHOWN = {
    State.DEPLOYING: Delivered.RUNNING,
    State.SUCCEEDED: Delivered.SUCCEEDED,
    State.FAILED: Delivered.FAILED,
    State.ROLLED_BACK: Delivered.FAILED,
    State.ROLLBACK_FAILED: Delivered.FAILED,
    State.CANCELLED: Delivered.CANCELLED,
    State.VOID: Delivered.CANCELLED,
}
_CHECKS = {
    Delivered.RUNNING: CheckState.PENDING,
    Delivered.SUCCEEDED: CheckState.PASSED,
    Delivered.FAILED: CheckState.FAILED,
    Delivered.CANCELLED: CheckState.FAILED,
}
_SAID = {
    State.DEPLOYING: "{} is being deployed",
    State.SUCCEEDED: "{} is deployed",
    State.FAILED: "{} failed",
    State.ROLLED_BACK: "{} was rolled back",
    State.ROLLBACK_FAILED: "{} failed, and so did rolling it back",
    State.CANCELLED: "{} was cancelled",
    State.VOID: "{} was cancelled",
}

log = structlog.get_logger()


class _Standing(NamedTuple):
    """A deployment as it stands, and the host that is told."""

    deployment: Deployment
    service: Service
    host: DeliveryBoard


class Board:
    """Writes deployments back."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def moved(self, tx: Tx, deployment: Deployment) -> None:
        """Have the host told of where a deployment stands now, if it shows deployments and does not know itself."""
        if deployment.state not in _SHOWN or not deployment.fence:  # it never came so far as to have its place
            return
        try:
            service = self._parts.catalog().service(deployment.service)
            environment = service.environment(deployment.environment)
        except UserError:
            return  # it left the configuration meanwhile
        host = self._host(service, environment)
        if host is not None:
            key = f"{deployment.fence}/{deployment.attempt}/{deployment.state.value}"
            await want(tx, f"{deployment.id}/board/{key}", SHOW, deployment.id)
            if host.check_name:
                await want(tx, f"{deployment.id}/check/{key}", CHECK, deployment.id)

    async def show(self, deployment_id: str) -> None:
        """Write a deployment as it stands now.

        Raises:
            Unavailable: the host does not answer; the same again looks first.
        """
        standing = await self._standing(deployment_id)
        if standing is None:
            return
        deployment, service, host = standing
        place = "/".join(part for part in (deployment.environment, deployment.target) if part)
        notes = [_note(deployment.id, service, place, deployment.release, _SHOWN[deployment.state])]
        if deployment.state is State.ROLLED_BACK and deployment.previous.sha:
            again = f"{deployment.id}/back"
            notes.append(_note(again, service, place, deployment.previous, Delivered.SUCCEEDED))
        for note in notes:
            await self._tell(note.deployment, host.show_deployment(note))

    async def check(self, deployment_id: str) -> None:
        """Write how the deployed commit fares, with a link to the card.

        Raises:
            Unavailable: the host does not answer; the same again looks first.
        """
        standing = await self._standing(deployment_id)
        if standing is None or not standing.host.check_name:
            return
        deployment, service, host = standing
        name = host.check_name
        for word in ("service", "environment", "target"):
            name = name.replace(f"{{{word}}}", str(getattr(deployment, word)))
        said = host.set_check(
            service.repository.project,
            deployment.sha,
            name.strip("/"),
            _CHECKS[_SHOWN[deployment.state]],
            f"{deployment.id}: {_SAID[deployment.state].format(deployment.version or deployment.sha[:_SHORT])}",
            await self._parts.link_of(deployment.id),
        )
        await self._tell(deployment.id, said)

    async def _standing(self, deployment_id: str) -> _Standing | None:
        """Return a deployment that is to be shown as it stands now, and where; None when it is not any more."""
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
        if deployment is None or deployment.state not in _SHOWN:
            return None
        try:
            service = self._parts.catalog().service(deployment.service)
            host = self._host(service, service.environment(deployment.environment))
        except UserError:
            return None  # it left the configuration meanwhile
        return None if host is None else _Standing(deployment, service, host)

    async def _tell(self, deployment: str, said: Awaitable[None]) -> None:
        """Wait for what the host is told. A host that says no holds nothing up; one that is silent is told again."""
        try:
            await said
        except OutcomeUnknown as error:
            raise Unavailable(error.instance, error.message) from error  # the next call looks first
        except Unavailable:
            raise
        except IntegrationError as error:
            log.warning("board.refused", deployment=deployment, instance=error.instance, error=str(error))

    def _host(self, service: Service, environment: Environment) -> DeliveryBoard | None:
        """Return the Git host where it is to be told: one that deploys itself knows already."""
        instance = service.repository.instance
        if environment.deploy.instance == instance:
            return None
        try:
            return self._parts.toolbox.get(DeliveryBoard, instance)
        except UserError:
            return None


def _note(ident: str, service: Service, place: str, release: Release, state: Delivered) -> DeliveryNote:
    named = release.version and not release.sha.startswith(release.version)
    return DeliveryNote(
        deployment=ident,
        project=service.repository.project,
        environment=place,
        sha=release.sha,
        ref=release.version if named else release.sha,
        state=state,
        is_tag=bool(named),
    )
