"""On call in the running bot: what it is made of."""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.alerts import records as alert_records, silence_records
from bot.app.following import signs_of
from bot.app.parts import zone_of
from bot.app.tools import resources
from bot.deployments import records as deployment_records
from bot.health import Health
from bot.identity import Channel, Person
from bot.oncall.calendars import MOST_BYTES, Copy
from bot.oncall.changes import Section
from bot.oncall.oncall import OnCall
from bot.oncall.parts import Parts
from bot.reply import Markup, Note, Paragraph, Part, joined, moment, say
from bot.settings import Settings
from bot.slack.connection import SlackError
from integrations.capabilities.alerts import Matcher
from integrations.capabilities.matchers import matches, written
from integrations.errors import Unavailable

if TYPE_CHECKING:
    from bot.app.composition import App

_MOST = 10
_LONGEST_MARK = 255
_NOBODY = "user_not_found"


def oncall_of(app: "App") -> OnCall:
    """Return who is on call; settings and catalog are asked each time, so that a reload is seen at once."""

    async def channel_named(name: str) -> Channel | None:
        try:
            return await app.slack.directory.find_channel(name)
        except SlackError as error:
            raise Unavailable("slack", error.failure.reason) from error

    async def is_active(person: Person) -> bool | None:
        try:
            return await app.is_member(person)
        except SlackError as error:
            return False if error.failure.reason == _NOBODY else None

    made = OnCall(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            settings=lambda: app.settings,
            catalog=lambda: app.catalog,
            channel_named=channel_named,
            zone_of=partial(zone_of, app),
            is_active=is_active,
            fetch=lambda url, etag: fetch(app.settings, url, etag),
            signs=signs_of(lambda: app.settings, app.slack.connection),
        )
    )
    made.changes.sections += sections(app)
    app.permissions.set_on_call(made.certain)
    return made


def sections(app: "App") -> list[Section]:
    """Return what is open, as who takes over is told: alerts, silences and deployments."""
    return [partial(_alerts, app), partial(_silences, app), partial(_deployments, app)]


def follow_calendars(app: "App") -> None:
    """Read calendars again and again where some are configured, and have `/shipmate health` tell of them."""

    async def health() -> Health:
        wrong = await app.oncall.feeds.problems()
        return Health(ok=not wrong, detail="; ".join(wrong) or "read")

    if any(one.calendars for one in app.settings.oncall.schedules.values()):
        app.oncall.feeds.start()
        app.health.add("calendars", health)
    else:
        app.health.remove("calendars")


async def fetch(settings: Settings, url: str, etag: str) -> Copy:
    """Return what is at an address, bounded, unless it is what has this mark; no error names the address.

    No redirect is followed. Raises: IntegrationError.
    """
    from integrations.http import NOT_MODIFIED, HttpClient  # noqa: PLC0415 - costs only where there are calendars

    client = HttpClient("calendar", resources(settings), timeout=20.0, max_bytes=MOST_BYTES, words=lambda _body: "")
    try:
        answer = await client.ask("GET", url, headers={"If-None-Match": etag} if etag else {})
        told = answer.headers.get("etag", "")
        fits = len(told) <= _LONGEST_MARK and told.isascii() and told.isprintable()
        return Copy(None if answer.status == NOT_MODIFIED else answer.body, told if fits else "")
    finally:
        await client.close()


async def _alerts(app: "App", services: Collection[str]) -> Sequence[Part]:
    async with app.store.read() as conn:
        found = [one for one in await alert_records.open_groups(conn) if one.service in services]
    lines = [say("{} {} of {}: {}", one.id, one.name, one.service, one.state.value) for one in found]
    return _section("Open alerts", lines)


async def _silences(app: "App", services: Collection[str]) -> Sequence[Part]:
    label = app.settings.alerts.service_label

    def concerns(silence: silence_records.Quiet) -> bool:
        """Tell whether it may keep alerts of these services quiet: nothing in it says that they are others'."""
        about = [one for one in silence.matchers if one.name == label]
        return any(all(_may_match(one, {label: service}) for one in about) for service in services)

    async with app.store.read() as conn:
        found = [one for one in await silence_records.standing(conn) if concerns(one)]
    lines = [say("{} until {}: {}", one.id, moment(one.ends_at, day=True), written(one.matchers)) for one in found]
    return _section("Silences", lines)


async def _deployments(app: "App", services: Collection[str]) -> Sequence[Part]:
    async with app.store.read() as conn:
        found = [one for one in await deployment_records.unfinished(conn) if one.service in services]
    return _section("Deployments under way", [say("{} {}", one.id, one.title) for one in found])


def _may_match(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    try:
        return matches(matcher, labels)
    except re.error:  # an expression of Alertmanager's own language
        return True


def _section(title: str, lines: Sequence[Markup]) -> Sequence[Part]:
    if not lines:
        return (Note(say("{}: none.", title)),)
    more = [say("…{} more", len(lines) - _MOST)] if len(lines) > _MOST else []
    return (Paragraph(say("*{}*\n{}", title, joined("\n", [*lines[:_MOST], *more]))),)
