"""`shipmate check`: ask every configured system and Slack how they are, and say what is missing."""

from collections.abc import Callable

from bot.app.amending import foretell
from bot.app.covering import check_schedules
from bot.app.signing import provider_check
from bot.app.tokens import ending
from bot.app.tools import Tools
from bot.clock import Clock
from bot.health import Check, Health, HealthChecks
from bot.settings import Settings
from bot.signin.signing import callback_url as sign_in_callback
from bot.slack import checking
from bot.slack.connection import Connection, SlackError
from bot.slack.directory import Directory
from bot.store import Store, StoreMismatch
from bot.store.generation import held
from bot.toolbox import Toolbox
from commands.registry import registry
from integrations.capabilities.persons import PersonalAccess

Say = Callable[[str], None]
DEADLINE = 15.0


async def check(settings: Settings, clock: Clock, say: Say) -> int:
    """Say a line for each system and return 0 when all are well, 1 otherwise."""
    registry()  # declares every table
    health = HealthChecks(clock)
    toolbox = Toolbox()
    tools = Tools(settings, toolbox, health, clock)
    connection = Connection(
        token=settings.slack.bot_token.get_secret_value(), api_url=settings.slack.api_url, clock=clock
    )
    await connection.open()
    health.add("store", lambda: _store(settings, clock))
    health.add("slack", lambda: checking.check(settings, clock))
    if settings.identity.issuer:
        health.add("identity", provider_check(settings, clock))
    for group, entry in settings.groups.items():
        if entry.usergroup:
            health.add(f"group {group}", _usergroup(Directory(connection, clock), entry.usergroup))
    try:
        await tools.connect()
        found = await health.ask(DEADLINE)
        covered = await check_schedules(settings, clock, connection, say)
        able = sorted(name for name, one in toolbox.adapters().items() if isinstance(one, PersonalAccess))
    finally:
        await tools.close()
        await connection.close()
    width = max(map(len, found))
    for name, one in found.items():
        say(f"{'ok' if one.ok else 'FAILED':<8} {name:<{width}}  {one.detail}".rstrip())
    await foretell(settings, clock, say)
    for name in able if settings.server.public_url else ():
        say(f"note     {name}: the redirect URI of its OAuth application is {callback_url(settings, name)}")
    if settings.identity.issuer:
        say(f"note     identity: the redirect URI of its client is {sign_in_callback(settings.server.public_url)}")
        say("note     identity: browsers come back there, so /sign-in/ must be reachable for them, in Socket Mode too")
    for line in ending(settings, clock):
        say(f"note     {line}")
    return 0 if all(one.ok for one in found.values()) and covered else 1


def callback_url(settings: Settings, instance: str) -> str:
    """Return where a tool sends a browser back to after somebody signed in there."""
    return f"{settings.server.public_url.rstrip('/')}/connect/{instance}/callback"


async def _store(settings: Settings, clock: Clock) -> Health:
    try:
        store = await Store.open(settings.database_url, clock=clock)
    except (StoreMismatch, ValueError) as error:
        return Health(ok=False, detail=str(error))
    try:
        hold = await held(store)
    finally:
        await store.close()
    if hold is not None:
        return Health(ok=False, detail=f"held after a restore: {hold.why}", since=hold.at)
    return Health(ok=True, detail=store.dialect)


def _usergroup(directory: Directory, ident: str) -> Check:
    async def check() -> Health:
        try:
            members = await directory.members(ident, fresh=True)
            locked = await directory.locked(ident)
        except SlackError as error:
            return Health(ok=False, detail=f"user group {ident} cannot be read: {error.failure.reason}")
        if not locked:
            advice = "let only admins edit user groups in Slack's settings, or list the people here"
            return Health(ok=False, detail=f"members can edit user group {ident}, so it counts for nothing: {advice}")
        return Health(ok=True, detail=f"user group {ident}, {len(members)} people")

    return check
