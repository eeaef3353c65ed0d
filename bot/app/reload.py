"""SIGHUP: read the configuration again. A bad file leaves the old one in force and says so."""

from pathlib import Path

import structlog

from bot import logs, settings as settings_module
from bot.app.composition import App
from bot.reply import Headline, Message, Note, code, say
from bot.settings import SettingsError
from bot.slack.connection import SlackError
from bot.store import StoreUnavailable
from commands.registry import permissions, registry

log = structlog.get_logger()


async def reload(app: App, config: Path, masker: logs.Masker) -> bool:
    """Put the file's settings in force and return True; tell in the log.

    A file with mistakes changes nothing, nor does one that cannot be recorded now: send SIGHUP again.
    """
    old = app.settings
    try:
        new = settings_module.load(
            config, settings_module.read_environ(), known_permissions=permissions(), known_commands=registry()
        )
    except SettingsError as error:
        log.warning("configuration.refused", mistakes=[str(one) for one in error.mistakes])
        await _tell(app, "The new configuration has mistakes; the old one stays in force.", str(error)[:2500])
        return False
    masker.replace([*logs.secrets_of(old), *logs.secrets_of(new)])
    restart = settings_module.needs_restart(old, new)
    try:
        await app.policy.take(new)
    except (StoreUnavailable, ValueError) as error:
        log.warning("configuration.not_in_force", reason=str(error))
        return False
    app.slack.take_tokens(new)
    log.info("configuration.reloaded", needs_restart=restart)
    if restart:
        await _tell(app, "The configuration was read again. Some of it counts after a restart.", ", ".join(restart))
    return True


async def _tell(app: App, summary: str, detail: str) -> None:
    """Post to the channel for announcements, if there is one."""
    channel = None
    if app.settings.slack.announce:
        try:
            channel = await app.slack.directory.find_channel(app.settings.slack.announce.removeprefix("#"))
        except SlackError as error:
            log.warning("announcement.unsent", reason=error.failure.reason)
    if channel is None:
        return
    message = Message(summary=summary, parts=(Headline(say("{}", summary)), Note(code(detail))))
    async with app.store.write() as tx:
        await app.slack.outbox.post(tx, f"reload/{app.clock.now().isoformat()}", channel, message)
