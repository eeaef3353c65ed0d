"""`Board`: what was deployed where, written back to the Git host, so that people see it there, too.

Nothing waits for it and nothing fails with it: the record is ours, the host's page is a copy.
"""

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
from integrations.errors import IntegrationError, OutcomeUnknown, Unavailable

SHOW = "board.show.v1"
_SHORT = 7
_SHOWN = {
    State.DEPLOYING: Delivered.RUNNING,
    State.SUCCEEDED: Delivered.SUCCEEDED,
    State.FAILED: Delivered.FAILED,
    State.ROLLED_BACK: Delivered.FAILED,
    State.ROLLBACK_FAILED: Delivered.FAILED,
}

log = structlog.get_logger()


class Board:
    """Writes deployments back."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def moved(self, tx: Tx, deployment: Deployment) -> None:
        """Have the host told of where a deployment stands now, if it shows deployments and does not know itself."""
        if deployment.state not in _SHOWN or (deployment.state is State.FAILED and not deployment.deploy_run):
            return
        try:
            service = self._parts.catalog().service(deployment.service)
            environment = service.environment(deployment.environment)
        except UserError:
            return  # it left the configuration meanwhile
        if self._host(service, environment) is not None:
            key = f"{deployment.id}/board/{deployment.fence}/{deployment.attempt}/{deployment.state.value}"
            await want(tx, key, SHOW, deployment.id)

    async def show(self, deployment_id: str) -> None:
        """Write a deployment as it stands now.

        Raises:
            Unavailable: the host does not answer; the same again looks first.
        """
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
        state = None if deployment is None else _SHOWN.get(deployment.state)
        if deployment is None or state is None:
            return
        service = self._parts.catalog().service(deployment.service)
        environment = service.environment(deployment.environment)
        host = self._host(service, environment)
        if host is None:
            return
        place = "/".join(part for part in (environment.name, deployment.target) if part)
        notes = [_note(deployment.id, service, place, deployment.release, state)]
        if deployment.state is State.ROLLED_BACK and deployment.previous.sha:
            again = f"{deployment.id}/back"
            notes.append(_note(again, service, place, deployment.previous, Delivered.SUCCEEDED))
        for note in notes:
            try:
                await host.show_deployment(note)
            except OutcomeUnknown as error:
                raise Unavailable(error.instance, error.message) from error  # the next call looks first
            except Unavailable:
                raise
            except IntegrationError as error:
                log.warning("board.refused", deployment=note.deployment, instance=error.instance, error=str(error))

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
