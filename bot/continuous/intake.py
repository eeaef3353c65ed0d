"""`Intake`: events of tools that may mean a new commit for a place; each is a row before anything is done about it.

An event is a hint: it may be late, repeated, or come after a newer one. What goes is what the branch holds when it is
looked at.
"""

from collections.abc import Mapping

import structlog
from pydantic import JsonValue

from bot.catalog import Environment, Service
from bot.continuous.continuous import Continuous
from bot.continuous.parts import Parts
from bot.store import Tx
from bot.webhooks import EventHandler
from integrations.contract import WebhookEvent

log = structlog.get_logger()


class Intake:
    """Takes events in, in the transaction that notes that they were seen."""

    def __init__(self, parts: Parts, continuous: Continuous) -> None:
        self._parts = parts
        self._continuous = continuous

    @property
    def handlers(self) -> Mapping[str, EventHandler]:
        """Return what takes in which kind of event."""
        return {"push": self.pushed, "run.finished": self.ran}

    async def pushed(self, tx: Tx, event: WebhookEvent) -> None:
        """Have the places looked at that a push to this branch concerns."""
        service = self._service_of(event)
        branch, sha = str(event.data.get("name") or ""), str(event.data.get("sha") or "")
        if service is None or event.data.get("deleted"):
            return
        cause = _cause(event, "push", branch, sha)
        for environment in service.environments:
            on = environment.continuous
            if on is not None and (on.branch or service.repository.default_branch) == branch:
                await self._look(tx, service, environment, cause)

    async def ran(self, tx: Tx, event: WebhookEvent) -> None:
        """Have the places looked at where a commit goes once it is green, now that a pipeline or build is over."""
        service = self._service_of(event)
        if service is None:
            return
        cause = _cause(event, "green", str(event.data.get("branch") or ""), str(event.data.get("sha") or ""))
        for environment in service.environments:
            on = environment.continuous
            if on is not None and (on.on == "green" or environment.checks):
                await self._look(tx, service, environment, cause)

    async def _look(self, tx: Tx, service: Service, environment: Environment, cause: Mapping[str, JsonValue]) -> None:
        for place in self._parts.catalog().places(service.name):
            if place.environment == environment.name and self._continuous.is_on(place):
                await self._continuous.want_look(tx, place, cause)

    def _service_of(self, event: WebhookEvent) -> Service | None:
        project, job = str(event.data.get("project") or ""), str(event.data.get("job") or "")
        for service in self._parts.catalog().services():
            if service.lives_at(event.instance, project) if project else service.builds_at(event.instance, job):
                return service
        return None


def _cause(event: WebhookEvent, kind: str, branch: str, sha: str) -> dict[str, JsonValue]:
    """Return what is kept of an event, for the record: by which delivery of which tool."""
    return {
        "event": kind,
        "instance": event.instance,
        "delivery": event.id,
        "branch": branch,
        "sha": sha,
        "user": str(event.data.get("user") or ""),
    }
