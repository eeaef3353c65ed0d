"""Who holds what beside the configuration, and who left, in the running bot."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from bot.access.access import Access, Parts
from bot.deliveries import Deliveries
from bot.identity import Channel, Person
from bot.leavers import workflow as leaver_workflow
from bot.leavers.leavers import Leavers, Parts as LeaverParts
from bot.leavers.records import Why
from bot.leavers.sweeping import Sweeping
from bot.policy.policy import FORCE
from bot.registry import OPEN
from bot.settings import Settings
from bot.slack.connection import SlackError
from bot.slack.directory import PersonInfo
from bot.terminal import Standing, Terminal

if TYPE_CHECKING:
    from bot.app.composition import App

log = structlog.get_logger()

_PATIENCE = 2.0
"""Seconds that a terminal waits for Slack to tell about who asks."""


async def announced_in(app: "App") -> Channel | None:
    """Return the channel of announcements, None without one. Raises: SlackError when Slack does not tell."""
    name = app.settings.slack.announce
    return await app.slack.directory.find_channel(name.removeprefix("#")) if name else None


def access_of(app: "App") -> Access:
    """Return the rights that people ask for."""
    return Access(
        Parts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            permissions=app.permissions,
            catalog=lambda: app.catalog,
            known={one.permission for one in app.registry.values()} - {OPEN} | {FORCE},
            channel_of=lambda service: _channel_of(app, service),
        )
    )


def leavers_of(app: "App") -> Leavers:
    """Return those who left, and have permissions and locks know of them."""

    async def deactivated(person: Person) -> bool:
        if not app.permissions.is_ours(person):
            return False
        try:
            return (await app.slack.directory.info(person)).deactivated
        except SlackError:
            return False  # a team works in a terminal while Slack is away

    async def told(info: PersonInfo) -> None:
        if info.ours and info.deactivated:
            await leavers.leave(info.person)
        elif info.ours:
            await leavers.back(info.person)

    leavers = Leavers(
        LeaverParts(
            store=app.store,
            clock=app.clock,
            audit=app.audit,
            outbox=app.slack.outbox,
            access=app.access,
            name_of=app.permissions.name_of,
            deactivated=deactivated,
            channel_of=lambda service: _channel_of(app, service),
        )
    )
    app.permissions.set_leavers(leavers.gone, leavers.has_left)
    app.locks.ownerless = leavers.ownerless
    app.slack.on_person.append(told)
    return leavers


def sweeping_of(app: "App") -> Sweeping:
    """Return the hourly look for people who left; those with a token are looked at, too."""

    def with_tokens() -> Iterator[Person]:
        for token in app.settings.terminal.tokens:
            person = app.permissions.person(token.person) if token.person else None
            if person is not None:
                yield person

    return Sweeping(app.leavers, app.store, app.clock, with_tokens)


async def standing_of(app: "App", person: Person) -> Standing:
    """Return how somebody stands in Slack, soon: whoever it does not tell of is taken for being there."""
    if not app.permissions.is_ours(person):
        return Standing()
    gone = app.leavers.gone(person)
    info = app.slack.directory.known(person.user)
    if info is None and app.slack.connection.trouble is None:
        with contextlib.suppress(SlackError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                info = await app.slack.directory.info(person)
    return Standing(gone=gone) if info is None else Standing(guest=info.guest, gone=gone or info.deactivated)


def terminal_of(app: "App", deliveries: Deliveries) -> Terminal:
    """Return the terminal's door, which lets guests in as guests, and nobody who left."""
    made = Terminal(app.settings.terminal, deliveries, app.clock)
    made.standing = partial(standing_of, app)
    return made


async def begin_leavers(app: "App") -> None:
    """Know who left, and look for who left meanwhile."""
    sweeping = sweeping_of(app)
    leaver_workflow.bind(sweeping)
    await app.leavers.load()
    await sweeping.begin()


async def taken_out(app: "App", before: Mapping[str, Any], settings: Settings) -> None:
    """Hand over what is of people whom a configuration names no more; those it names again are back.

    `before` is the policy that was in force. It is done before the new one is recorded, so that a crash loses nothing.
    """
    named = {one.slack for one in settings.people.values() if one.slack}
    for reference in sorted({one.get("slack", "") for one in before["people"].values()} - named - {""}):
        person = app.permissions.resolve(reference)
        if person is not None:
            await app.leavers.leave(person, Why.CONFIGURATION)
    for reference in sorted(named):
        person = app.permissions.resolve(reference)
        if person is not None:
            await app.leavers.back(person, Why.CONFIGURATION)


async def _channel_of(app: "App", service: str) -> Channel | None:
    known = {one.name: one for one in app.catalog.services()}
    found = await app.channel_of(known[service], None) if service in known else None
    try:
        return found or await announced_in(app)
    except SlackError as error:
        log.warning("channel.unknown", channel=app.settings.slack.announce, reason=error.failure.reason)
        return None
