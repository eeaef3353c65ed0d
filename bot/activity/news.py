"""`News`: what people do in a repository, told to the service's channel where it wants that; told from events alone.

A merge request has one message that is edited in place; what is said about it goes into its thread.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from bot.activity import messages
from bot.activity.activity import Activity, Parts
from bot.catalog import Environment, Service
from bot.deployments.records import deployments
from bot.deployments.rules import ENDED
from bot.identity import Channel
from bot.slack.live import card_key
from bot.slack.records import outbox
from bot.store import Tx
from bot.webhooks import EventHandler
from integrations.contract import WebhookEvent

OURS_FOR: Final = timedelta(hours=1)
"""How long after the last move of a deployment of ours a tool's word of the same commit is taken for it."""
_OVER: Final = {"merged", "closed"}
_STANDINGS: Final = {"opened": "open", "reopened": "open", "updated": "open", "merged": "merged", "closed": "closed"}


class News:
    """Tells channels of merge requests, issues, tags, and of deployments that somebody else made."""

    def __init__(self, parts: Parts, activity: Activity) -> None:
        self._parts = parts
        self._activity = activity

    @property
    def handlers(self) -> Mapping[str, EventHandler]:
        """Return what takes in which kind of event."""
        standings = dict.fromkeys(("opened", "reopened", "updated", "approved", "unapproved", "closed"), self.reviewed)
        issues = dict.fromkeys(("opened", "reopened", "closed"), self.issued)
        return {
            **{f"merge_request.{kind}": handler for kind, handler in standings.items()},
            **{f"issue.{kind}": handler for kind, handler in issues.items()},
            "merge_request.merged": self.merged,
            "push": self._activity.pushed,
            "tag": self.tagged,
            "note": self.noted,
            "deployment.changed": self.deployed,
        }

    async def merged(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell of a merge, and that the merge request is over."""
        await self._activity.merged(tx, event)
        await self.reviewed(tx, event)

    async def reviewed(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell how a merge request stands: a message when it is opened, edited after that; approvals in its thread."""
        service = self._service_of(event)
        channel = await self._heard(service, wanted=service is not None and service.news.reviews)
        if service is None or channel is None:
            return
        subject = _review(event)
        what = event.kind.partition(".")[2]
        over = await _is_over(tx, subject)
        if over is None and what not in {"opened", "reopened"}:
            return  # it was opened before anybody listened
        late = (over is not None and what == "opened") or (over is True and what == "updated")
        if what in _STANDINGS and not late:
            card = messages.review(service.name, event, _STANDINGS[what])
            await self._parts.outbox.show(tx, subject, channel, card, final=what in _OVER)
        said = messages.said_of_review(event, what)
        if said is not None:
            await self._parts.outbox.post(tx, f"{subject}/{event.id}", channel, said, in_thread_of=subject)

    async def noted(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell what somebody said about a merge request, in its thread."""
        service = self._service_of(event)
        channel = await self._heard(service, wanted=service is not None and service.news.reviews)
        subject = _review(event)
        if channel is None or event.data.get("on") != "MergeRequest":
            return
        if await _is_over(tx, subject) is not None:
            key = f"{subject}/{event.id}"
            await self._parts.outbox.post(tx, key, channel, messages.note(event), in_thread_of=subject)

    async def issued(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell of an issue that was opened, opened again or closed."""
        project = str(event.data.get("project") or "")
        for service in self._parts.catalog().services():
            kept = service.issues.instance == event.instance and _is(project, service.issues.project)
            channel = await self._heard(service, wanted=kept and service.news.issues)
            if channel is not None:
                message = messages.issue(service.name, event)
                await self._parts.outbox.post(tx, f"issue/{event.instance}/{event.id}", channel, message)
                return

    async def tagged(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell of a new tag, with a button that deploys it."""
        service = self._service_of(event)
        channel = await self._heard(service, wanted=service is not None and service.news.tags)
        if service is not None and channel is not None and not event.data.get("deleted"):
            message = messages.tag(service.name, event)
            await self._parts.outbox.post(tx, f"tag/{event.instance}/{event.id}", channel, message)

    async def deployed(self, tx: Tx, event: WebhookEvent) -> None:
        """Tell of a deployment that the tool made and Shipmate did not: what runs is not what was recorded then."""
        service = self._service_of(event)
        if service is None or event.data.get("state") != "success":
            return
        environment = _environment(service, str(event.data.get("environment") or ""))
        if environment is None or await self._is_ours(tx, service, environment, str(event.data.get("sha") or "")):
            return
        channel = await self._heard(service, wanted=service.news.deployments)
        if channel is not None:
            message = messages.deployed(service.name, environment.name, event)
            await self._parts.outbox.post(tx, f"deployed/{event.instance}/{event.ref}", channel, message)

    async def _is_ours(self, tx: Tx, service: Service, environment: Environment, sha: str) -> bool:
        since = self._parts.clock.now() - OURS_FOR
        statement = sa.select(deployments.c.id).where(
            deployments.c.service == service.name,
            deployments.c.environment == environment.name,
            sa.or_(deployments.c.sha == sha, deployments.c.previous_sha == sha),
            sa.or_(deployments.c.state_since >= since, deployments.c.state.not_in([one.value for one in ENDED])),
        )
        return (await tx.conn.execute(statement.limit(1))).first() is not None

    async def _heard(self, service: Service | None, *, wanted: bool) -> Channel | None:
        """Return the channel of a service that wants to hear something."""
        return await self._parts.channel_of(service, None) if service is not None and wanted else None

    def _service_of(self, event: WebhookEvent) -> Service | None:
        project = str(event.data.get("project") or "")
        found = (one for one in self._parts.catalog().services() if one.lives_at(event.instance, project))
        return next(found, None)


async def _is_over(tx: Tx, subject: str) -> bool | None:
    """Tell whether the message of a merge request says that it is over, None where it has no message."""
    statement = sa.select(outbox.c.final).where(outbox.c.key == card_key(subject))
    final: bool | None = (await tx.conn.execute(statement)).scalar_one_or_none()
    return final


def _review(event: WebhookEvent) -> str:
    return f"review/{hashlib.sha256(f'{event.instance} {event.ref}'.encode()).hexdigest()[:24]}"


def _is(path: str, project: str) -> bool:
    told, known = path.lower(), project.lower()
    return told == known or told.endswith(f"/{known}")


def _environment(service: Service, name: str) -> Environment | None:
    """Return the environment that the tool's name of a place means: production, production/eu, shop/production."""
    parts = name.lower().split("/")
    return next((one for one in service.environments if one.name.lower() in parts), None)
