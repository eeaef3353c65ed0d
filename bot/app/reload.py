"""SIGHUP: read the configuration again. A bad file leaves the old one in force and says so."""

import asyncio
from pathlib import Path

import structlog

from bot import logs, settings as settings_module
from bot.app.composition import App
from bot.audit import SHIPMATE
from bot.command import Resource
from bot.locks.rules import Scope
from bot.reply import Headline, Message, Note, code, say
from bot.settings import SettingsError
from bot.slack.connection import SlackError
from commands.registry import permissions, registry

log = structlog.get_logger()
RIGHTS = ("people", "groups", "permissions", "terminal")


async def reload(app: App, config: Path, masker: logs.Masker) -> bool:
    """Put the file's settings in force and return True; tell in the log, and for rights in the channel and the audit.

    A file with mistakes changes nothing.
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
    app.put_in_force(new)
    if old.freezes != new.freezes:
        await app.freezes.opened(Scope())
    changed = [name for name in RIGHTS if getattr(old, name) != getattr(new, name)]
    log.info("configuration.reloaded", rights_changed=changed, needs_restart=restart)
    if changed:
        await _record(app, changed, await _commit(config.parent))
    if restart:
        await _tell(app, "The configuration was read again. Some of it counts after a restart.", ", ".join(restart))
    return True


async def _record(app: App, changed: list[str], commit: str) -> None:
    async with app.store.write() as tx:
        entry = await app.audit.record(
            tx,
            actor=SHIPMATE,
            action="configuration.reloaded",
            outcome="succeeded",
            resource=Resource(),
            data={"changed": changed, "commit": commit},
        )
    await _tell(app, f"Rights have changed: {', '.join(changed)}.", f"commit {commit or 'unknown'}", key=entry)


async def _tell(app: App, summary: str, detail: str, *, key: str = "") -> None:
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
        await app.slack.outbox.post(tx, f"reload/{key or app.clock.now().isoformat()}", channel, message)


async def _commit(folder: Path) -> str:
    """Return the Git commit of the configuration's folder, "" where it is not under Git."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "-C", str(folder), "rev-parse", "HEAD",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return ""
    output, _ = await process.communicate()
    return output.decode().strip()
