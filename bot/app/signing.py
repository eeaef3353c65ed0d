"""Signing in, put together: the provider, whose subjects are whose, and what approvals are about."""

from typing import TYPE_CHECKING

from bot.approvals.records import Approval
from bot.clock import Clock
from bot.deployments.deployments import Deployments
from bot.deployments.rules import State
from bot.errors import BadInput, Degraded
from bot.grants.people import SlackPeople
from bot.health import Check, Health
from bot.permissions import Permissions
from bot.settings import Settings
from bot.signin.bearers import Bearers
from bot.signin.groups import ToldGroups
from bot.signin.persons import Persons
from bot.signin.provider import Provider
from bot.signin.signing import About, AboutOf, Parts, Signing

if TYPE_CHECKING:
    from bot.app.composition import App


def provider_check(settings: Settings, clock: Clock) -> Check:
    """Return what asks the identity provider how it is."""
    provider = Provider(lambda: settings, clock)

    async def check() -> Health:
        try:
            return Health(ok=True, detail=await provider.ping())
        except Degraded as error:
            return Health(ok=False, detail=str(error.text))

    return check


def provider_of(app: "App") -> Provider:
    """Return the identity provider of the configuration; one that is not configured is asked nothing."""
    return Provider(lambda: app.settings, app.clock)


def persons_of(app: "App") -> Persons:
    """Return who knows which subject is which person."""
    return Persons(
        store=app.store,
        clock=app.clock,
        audit=app.audit,
        permissions=app.permissions,
        people=SlackPeople(app.slack.directory, app.permissions),
        settings=lambda: app.settings.identity,
    )


def bearers_of(app: "App") -> Bearers:
    """Return who is known in a terminal by an ID token."""
    return Bearers(app.signing.provider, app.signing.persons, app.permissions)


def about_deployments(deployments: Deployments, permissions: Permissions) -> AboutOf:
    """Return what finds out what an approval of a deployment is about."""

    async def about(approval: Approval) -> About | None:
        try:
            deployment = await deployments.decisions.get(approval.subject)
        except BadInput:
            return None
        if deployment.state is not State.AWAITING_APPROVAL or deployment.approval_id != approval.id:
            return None
        return About(
            title=f"Approve {deployment.title}?",
            facts={
                "Deployment": f"{deployment.id}, asked for by {permissions.name_of(deployment.requested_by)}",
                "Place": str(deployment.place),
                "Version": f"{deployment.version}, commit {deployment.sha}",
                "Artifact": deployment.digest,
                "Plan": approval.digest,
            },
        )

    return about


def signing_of(app: "App") -> Signing:
    """Return the sign-ins, and have clicks on bound approvals led there."""
    signing = Signing(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            approvals=app.approvals,
            provider=provider_of(app),
            persons=persons_of(app),
            about=about_deployments(app.deployments, app.permissions),
            public_url=app.settings.server.public_url,
        )
    )
    app.approvals.on_unproven = signing.lead
    app.permissions.set_claims(ToldGroups(app.store, app.clock, lambda: app.settings))
    return signing
