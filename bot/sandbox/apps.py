"""Installed apps: who they are, their tokens, and what they were granted."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from bot.sandbox.errors import ManifestError
from bot.sandbox.ids import new_secret, stable_id
from bot.sandbox.manifest import Command, Manifest, read_manifest
from bot.sandbox.model import User
from bot.sandbox.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class AppConfig:
    """How to install an app: its manifest (Slack's JSON, decoded) and, where they should not be made up, its secrets.

    `mode` wins over the manifest's `socket_mode_enabled`; `request_url` wins over every URL of the manifest.
    """

    manifest: Mapping[str, object]
    mode: Literal["socket", "http"] | None = None
    bot_token: str | None = None
    app_token: str | None = None
    signing_secret: str | None = None
    request_url: str | None = None


@dataclass(slots=True)
class App:
    """An app as installed in the workspace."""

    id: str
    manifest: Manifest
    mode: Literal["socket", "http"]
    bot_id: str
    bot_user_id: str
    bot_token: str
    app_token: str
    signing_secret: str
    verification_token: str
    request_url: str = ""
    revoked: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Return the app's display name."""
        return self.manifest.name

    def command(self, name: str) -> Command | None:
        """Return the declared command of this name (with its slash)."""
        return next((command for command in self.manifest.commands if command.command == name), None)

    def url_for(self, kind: str, command: Command | None = None, *, is_options: bool = False) -> str:
        """Return where this kind of delivery goes in HTTP mode; empty when the manifest names no URL."""
        if self.request_url:
            return self.request_url
        manifest = self.manifest
        if kind == "slash_commands":
            return command.url if command else ""
        if kind == "events_api":
            return manifest.events_url
        return (manifest.options_url if is_options else "") or manifest.interactivity_url


class Apps:
    """The apps of a workspace, by id."""

    def __init__(self, workspace: Workspace) -> None:
        """Start with none."""
        self._workspace = workspace
        self.installed: dict[str, App] = {}

    def install(self, config: AppConfig) -> App:
        """Install an app, make its bot user and invite it where the workspace wants apps.

        Installing one of the same name again replaces its manifest and keeps its ids and tokens unless new ones are
        given. Raises `ManifestError` with every problem of the manifest.
        """
        manifest = read_manifest(config.manifest)
        mode = config.mode or ("socket" if manifest.socket_mode else "http")
        domain = self._workspace.team.domain
        ident = stable_id("A", domain, manifest.name)
        old = self.installed.get(ident)
        user = self._workspace.users[old.bot_user_id] if old else self._bot_user(manifest, ident)
        app = App(
            id=ident,
            manifest=manifest,
            mode=mode,
            bot_id=user.bot_id,
            bot_user_id=user.id,
            bot_token=config.bot_token or (old.bot_token if old else f"xoxb-{_digits()}-{_digits()}-{new_secret(24)}"),
            app_token=config.app_token or (old.app_token if old else f"xapp-1-{ident}-{_digits()}-{new_secret(64)}"),
            signing_secret=config.signing_secret or (old.signing_secret if old else new_secret(32)),
            verification_token=old.verification_token if old else new_secret(24),
            request_url=config.request_url or (old.request_url if old else ""),
        )
        if mode == "http" and not app.request_url and not (manifest.events_url or manifest.interactivity_url):
            _refuse("/settings", "HTTP mode needs a request URL: pass request_url or declare URLs in the manifest")
        self.installed[ident] = app
        self._workspace.changes.publish("app", app_id=ident)
        return app

    def _bot_user(self, manifest: Manifest, app_id: str) -> User:
        workspace = self._workspace
        name = manifest.bot_name.lower().replace(" ", "_")
        domain = workspace.team.domain
        if workspace.find_user(name) is not None:
            _refuse("/features/bot_user/display_name", f"the name {name} is taken in this workspace; choose another")
        user = User(
            id=stable_id("U", domain, "app", manifest.name),
            name=name,
            real_name=manifest.bot_name,
            team_id=workspace.team.id,
            email="",
            is_bot=True,
            bot_id=stable_id("B", domain, manifest.name),
            app_id=app_id,
        )
        workspace.add_user(user)
        for channel in workspace.app_channels:
            workspace.channels[channel].members.append(user.id)
        return user

    def by_token(self, token: str) -> App | None:
        """Return the app this bot or app-level token belongs to."""
        for app in self.installed.values():
            if token and (
                secrets.compare_digest(token.encode(), app.bot_token.encode())
                or secrets.compare_digest(token.encode(), app.app_token.encode())
            ):
                return app
        return None

    def by_command(self, name: str) -> tuple[App, Command] | None:
        """Return the app that declares this command; of two, the one installed last wins, as in Slack."""
        for app in reversed(self.installed.values()):
            if command := app.command(name):
                return app, command
        return None

    def by_callback(self, callback_id: str, kind: str) -> App | None:
        """Return the app that declares a shortcut of this kind (`global` or `message`) under this callback id."""
        for app in self.installed.values():
            if any(s.callback_id == callback_id and s.type == kind for s in app.manifest.shortcuts):
                return app
        return None


def _digits() -> str:
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def _refuse(pointer: str, message: str) -> NoReturn:
    raise ManifestError([{"message": message, "pointer": pointer}])
