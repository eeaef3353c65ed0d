"""What in Slack follows the schedules, in the running bot and in `shipmate check`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.settings import Settings
from bot.slack.connection import Connection, SlackError
from bot.slack.signs import Signs

if TYPE_CHECKING:
    from bot.app.composition import App

NAME = "on call in Slack"


def signs_of(settings: Callable[[], Settings], connection: Connection) -> Signs:
    """Return what in Slack says who is on call; the token is that of the settings in force."""

    def token() -> str:
        return settings().oncall.user_token.get_secret_value()

    return Signs(connection, token)


async def begin_following(app: "App") -> None:
    """Follow from now on what the settings in force say, and show in health how that goes."""
    if app.settings.oncall.followed:
        app.health.add(NAME, app.oncall.following.health)
    else:
        app.health.remove(NAME)
    await app.oncall.following.begin()


async def check_following(settings: Settings, connection: Connection, say: Callable[[str], None]) -> bool:
    """Say what keeps user groups from following, and return whether nothing does. Scopes for topics are the app's."""
    groups = {name: one.follow.usergroup for name, one in settings.oncall.schedules.items() if one.follow is not None}
    groups = {name: group for name, group in groups.items() if group}
    if not groups:
        return True
    signs = signs_of(lambda: settings, connection)
    wrong = await _token(signs)
    if wrong:
        say(f"FAILED   oncall: {wrong}")
    found = [await _group(signs, name, group, say) for name, group in groups.items()]
    return not wrong and all(found)


async def _token(signs: Signs) -> str:
    """Return what is wrong with the token of a person, "" where nothing is."""
    if not signs.edits_groups:
        return "a user group is to follow, and there is no oncall.user_token of a person who may edit it"
    try:
        missing = await signs.missing()
    except SlackError as error:
        return f"Slack does not take oncall.user_token: {error.failure.reason}"
    return f"oncall.user_token lacks the scope {', '.join(missing)}" if missing else ""


async def _group(signs: Signs, schedule: str, group: str, say: Callable[[str], None]) -> bool:
    try:
        members = await signs.members(group)
    except SlackError as error:
        say(f"FAILED   oncall {schedule}: user group {group} cannot be read: {error.failure.reason}")
        return False
    say(f"ok       oncall {schedule}: user group {group} follows it, {len(members)} in it now")
    return True
