"""What each domain is made of, in the running bot.

Settings and catalog are asked each time, so that a reload is seen at once.
"""

from functools import partial
from typing import TYPE_CHECKING

from bot import logs
from bot.activity.activity import Parts as ActivityParts
from bot.alerts.troubles import troubles
from bot.app.evidence import keys_of
from bot.approvals.delegations import Delegations
from bot.builds.parts import Parts as BuildParts
from bot.deployments.parts import Parts as DeploymentParts
from bot.evidence import Bundles
from bot.freezes.parts import Parts as FreezeParts
from bot.grants.grants import Lending
from bot.grants.people import SlackPeople
from bot.grants.runs import RunsByPerson
from bot.identity import Person
from bot.locks.locks import Locks
from bot.notices.notices import Notices
from bot.releases.parts import Parts as ReleaseParts
from bot.releases.releases import Releases
from bot.reviews.reminders import Reminders
from bot.reviews.reviews import Reviews
from bot.slack.connection import SlackError
from bot.vault import Vault

if TYPE_CHECKING:
    from bot.app.composition import App


def locks_of(app: "App") -> Locks:
    """Return the locks."""
    return Locks(
        store=app.store,
        clock=app.clock,
        audit=app.audit,
        outbox=app.slack.outbox,
        name_of=app.permissions.name_of,
    )


def freeze_parts(app: "App") -> FreezeParts:
    """Return the parts of freezes; settings and catalog are asked each time, so that a reload is seen at once."""
    return FreezeParts(
        store=app.store,
        clock=app.clock,
        audit=app.audit,
        outbox=app.slack.outbox,
        permissions=app.permissions,
        settings=lambda: app.settings,
        catalog=lambda: app.catalog,
        toolbox=app.toolbox,
        channel_of=app.channel_of,
        zone_of=partial(zone_of, app),
        troubles=troubles,
    )


def notices_of(app: "App") -> Notices:
    """Return what holds direct messages back as people want, known to the outbox."""
    made = Notices(app.store, app.clock, app.slack.outbox, partial(zone_of, app), lambda: app.settings.slack.gather)
    app.slack.outbox.holder = made
    return made


async def zone_of(app: "App", person: Person) -> str:
    """Return a person's time zone as Slack has it, "" while it does not say."""
    try:
        return (await app.slack.directory.info(person)).tz
    except SlackError:
        return ""


def delegations_of(app: "App") -> Delegations:
    """Return the rights to approve that people lend each other, known to approvals and to who may do what."""
    made = Delegations(
        store=app.store,
        clock=app.clock,
        permissions=app.permissions,
        audit=app.audit,
        outbox=app.slack.outbox,
        zone_of=partial(zone_of, app),
    )
    app.approvals.delegations = made
    app.permissions.set_lent(made.groups_lent_to)
    return made


async def addresses_of(app: "App", person: Person) -> frozenset[str]:
    """Return the addresses that Slack and linked accounts have of a person now, by which an author is known.

    Raises:
        SlackError: Slack does not say.
    """
    directory = app.slack.directory
    await directory.standing(person)  # asks anew: an address may have changed since
    email = (await directory.info(person)).email
    linked = {one.account.email for one in await app.grants.of_person(person) if one.account is not None}
    return frozenset(address for address in {email, *linked} if address)


def deployment_parts(app: "App") -> DeploymentParts:
    """Return the parts of deployments."""
    return DeploymentParts(
        store=app.store,
        clock=app.clock,
        catalog=lambda: app.catalog,
        toolbox=app.toolbox,
        permissions=app.permissions,
        audit=app.audit,
        outbox=app.slack.outbox,
        approvals=app.approvals,
        locks=app.locks,
        freezes=app.freezes,
        watch=app.watch,
        channel_of=app.channel_of,
        link_of=app.slack.link_of,
        links_only=lambda instance: app.builds.by_link_alone(instance),  # noqa: PLW0108 - builds are made later
    )


def lending_of(app: "App") -> Lending:
    """Return what the grants of people are made of."""
    return Lending(
        store=app.store,
        clock=app.clock,
        audit=app.audit,
        outbox=app.slack.outbox,
        toolbox=app.toolbox,
        vault=Vault(app.settings.encryption_keys),
        people=SlackPeople(app.slack.directory, app.permissions),
        public_url=app.settings.server.public_url,
    )


def build_parts(app: "App") -> BuildParts:
    """Return the parts of builds."""
    return BuildParts(
        store=app.store,
        clock=app.clock,
        catalog=lambda: app.catalog,
        toolbox=app.toolbox,
        permissions=app.permissions,
        audit=app.audit,
        outbox=app.slack.outbox,
        watch=app.watch,
        vault=app.vault,
        channel_of=app.channel_of,
        by_person=RunsByPerson(app.grants, app.toolbox),
    )


def reviews_of(app: "App") -> Reviews:
    """Return the reviews of merge requests."""
    return Reviews(
        catalog=lambda: app.catalog,
        toolbox=app.toolbox,
        grants=app.grants,
        permissions=app.permissions,
        clock=app.clock,
    )


def reminders_of(app: "App") -> Reminders:
    """Return the reminders of reviews that wait."""
    return Reminders(
        store=app.store,
        clock=app.clock,
        catalog=lambda: app.catalog,
        reviews=app.reviews,
        outbox=app.slack.outbox,
        channel_of=app.channel_of,
    )


def releases_of(app: "App") -> Releases:
    """Return the releases, put above deployments."""
    return Releases(
        ReleaseParts(
            store=app.store,
            clock=app.clock,
            catalog=lambda: app.catalog,
            toolbox=app.toolbox,
            permissions=app.permissions,
            audit=app.audit,
            outbox=app.slack.outbox,
            watch=app.watch,
            deployments=app.deployments,
            failures=app.builds.failures,
            channel_of=app.channel_of,
            emails_of=partial(addresses_of, app),
        )
    )


def activity_parts(app: "App") -> ActivityParts:
    """Return the parts of what channels hear of a repository."""
    return ActivityParts(
        store=app.store,
        clock=app.clock,
        catalog=lambda: app.catalog,
        toolbox=app.toolbox,
        outbox=app.slack.outbox,
        failures=app.builds.failures,
        channel_of=app.channel_of,
    )


def bundles_of(app: "App") -> Bundles:
    """Return what makes evidence."""
    return Bundles(
        store=app.store,
        toolbox=app.toolbox,
        name_of=app.permissions.name_of,
        masker=logs.Masker(logs.secrets_of(app.settings)),
        keys=lambda: keys_of(app.settings),
    )
