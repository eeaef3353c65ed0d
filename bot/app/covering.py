"""`shipmate check` of schedules: gaps, calendars, and people on call who are unknown or deactivated, in 30 days."""

from collections.abc import Callable
from datetime import timedelta

from bot.app.following import check_following, signs_of
from bot.app.oncall import fetch
from bot.audit import Audit
from bot.catalog import Catalog
from bot.clock import Clock
from bot.identity import Channel, Person
from bot.oncall import messages
from bot.oncall.oncall import OnCall
from bot.oncall.parts import Parts
from bot.oncall.rules import Plan
from bot.permissions import Permissions
from bot.settings import Settings
from bot.slack.connection import Connection, SlackError
from bot.slack.directory import Directory
from bot.slack.outbox import Outbox
from bot.store import Store, StoreMismatch, StoreUnavailable

AHEAD = timedelta(days=30)
_MOST = 10


async def check_schedules(settings: Settings, clock: Clock, connection: Connection, say: Callable[[str], None]) -> bool:
    """Say what is wrong with each schedule, and return whether everybody who will be on call can be."""
    if not settings.oncall.schedules:
        return True
    try:
        store = await Store.open(settings.database_url, clock=clock)
    except (StoreMismatch, StoreUnavailable, ValueError):
        return True  # what is wrong with the store is said of the store
    try:
        oncall = _oncall(settings, clock, connection, store)
        found = [await _check(oncall, name, settings, clock, say) for name in oncall.schedules()]
        found.append(await check_following(settings, connection, say))
    finally:
        await store.close()
    return all(found)


def problems(plan: Plan, name_of: Callable[[Person], str], gone: tuple[Person, ...], clock: Clock) -> list[str]:
    """Return who cannot be on call within 30 days, with the time in the schedule's zone."""
    now = clock.now()
    found: list[str] = []
    for span in plan.spans(now, now + AHEAD):
        at = f"on call from {messages.wall(span.begins, plan.zone)} to {messages.wall(span.ends, plan.zone)}"
        found += [f"{name} is nobody I know, but {at}" for name in span.unknown]
        found += [f"@{name_of(one)} is deactivated in Slack, but {at}" for one in span.people if one in gone]
    return found


async def _check(oncall: OnCall, name: str, settings: Settings, clock: Clock, say: Callable[[str], None]) -> bool:
    schedule = settings.oncall.schedules[name]
    for calendar in schedule.calendars:
        await oncall.feeds.read(name, calendar)
    plan = await oncall.plan(name)
    if plan is None:
        return True
    now = clock.now()
    gone = await oncall.gone(person for span in plan.spans(now, now + AHEAD) for person in span.people)
    wrong = problems(plan, oncall.name_of, gone, clock)
    for line in _some(wrong):
        say(f"FAILED   oncall {name}: {line} ({plan.zone})")
    for line in plan.warnings:
        say(f"warning  oncall {name}: {line}")
    gaps = [
        f"nobody is on call from {messages.wall(gap.begins, plan.zone)} to {messages.wall(gap.ends, plan.zone)}"
        for gap in plan.gaps(now, now + AHEAD)
    ]
    for line in _some(gaps):
        say(f"warning  oncall {name}: {line} ({plan.zone})")
    if not wrong and not gaps and not plan.warnings:
        say(f"ok       oncall {name}: somebody is on call at every moment of 30 days")
    return not wrong


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _MOST else [*lines[:_MOST], f"and {len(lines) - _MOST} more"]


def _oncall(settings: Settings, clock: Clock, connection: Connection, store: Store) -> OnCall:
    permissions = Permissions(settings, clock)
    identity = connection.identity
    if identity is not None:
        permissions.set_home(identity.team, identity.enterprise)
    directory, catalog = Directory(connection, clock), Catalog(settings)

    async def is_active(person: Person) -> bool | None:
        try:
            return await directory.standing(person)
        except SlackError as error:
            return False if error.failure.reason == "user_not_found" else None

    async def channel_named(_name: str) -> Channel | None:
        return None

    async def zone_of(_person: Person) -> str:
        return ""

    return OnCall(
        Parts(
            store=store,
            clock=clock,
            audit=Audit(store, clock),
            outbox=Outbox(store, clock),
            permissions=permissions,
            settings=lambda: settings,
            catalog=lambda: catalog,
            channel_named=channel_named,
            zone_of=zone_of,
            is_active=is_active,
            fetch=lambda url, etag: fetch(settings, url, etag),
            signs=signs_of(lambda: settings, connection),
        )
    )
