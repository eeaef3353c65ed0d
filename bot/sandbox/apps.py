"""Installed apps: who they are, their tokens, and what they were granted."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from bot.sandbox.errors import Json, ManifestError
from bot.sandbox.ids import new_secret, stable_id
from bot.sandbox.manifest import Command, Manifest, read_manifest
from bot.sandbox.people import User, pictures
from bot.sandbox.tokens import Caller, Token
from bot.sandbox.workspace import Workspace

CONFIGURATION_TOKEN = "xoxe.xoxp-1-sandbox"  # noqa: S105 - known to everybody, and good for this workspace alone
"""The app configuration token that `apps.manifest.validate` takes."""

_BOT_IMAGES = (36, 48, 72)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppConfig:
    """How to install an app: its manifest (Slack's JSON, decoded) and, where they should not be made up, its secrets.

    `mode` wins over the manifest's `socket_mode_enabled`; `request_url` wins over every URL of the manifest. A
    `distributed` app is known but not installed: somebody has to allow it on the page of `/oauth/v2/authorize`.
    `channels` (names or ids) are those it is in at first; None means every channel that wants apps.
    """

    manifest: Mapping[str, object]
    mode: Literal["socket", "http"] | None = None
    bot_token: str | None = None
    app_token: str | None = None
    signing_secret: str | None = None
    request_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    distributed: bool = False
    channels: tuple[str, ...] | None = None


@dataclass(slots=True)
class App:
    """An app as installed in the workspace.

    `tokens` are those beside `bot_token` and `app_token`: of people, and of bots that rotate theirs.
    """

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
    client_id: str = ""
    client_secret: str = ""
    revoked: set[str] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    granted: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Return the app's display name."""
        return self.manifest.name

    @property
    def scopes(self) -> frozenset[str]:
        """Return what the bot token may do: what was allowed, or all that the manifest asks for."""
        return self.manifest.scopes if self.granted is None else self.granted

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

    def bot(self, base_url: str, *, is_deleted: bool = False) -> Json:
        """Return the bot object of `bots.info` (https://docs.slack.dev/reference/methods/bots.info)."""
        return {
            "id": self.bot_id,
            "deleted": is_deleted,
            "name": self.name,
            "updated": 0,
            "app_id": self.id,
            "user_id": self.bot_user_id,
            "icons": pictures(base_url, self.bot_id, _BOT_IMAGES),
        }

    def caller(self, token: str) -> Caller | None:
        """Return who calls with this token; None when it is not one of this app's."""
        if _same(token, self.bot_token):
            return Caller("bot", token, self, self.bot_user_id, self.scopes)
        if _same(token, self.app_token):
            return Caller("app", token, self, self.bot_user_id, frozenset(("connections:write",)))
        kept = self.tokens.get(token)
        if kept is None:
            return None
        return Caller(kept.kind, token, self, kept.user, kept.scopes, kept.expires)


class Apps:
    """The apps of a workspace, by id: `installed`, and `known` for those that were never or are no more installed."""

    def __init__(self, workspace: Workspace) -> None:
        """Start with none."""
        self._workspace = workspace
        self.installed: dict[str, App] = {}
        self.known: dict[str, App] = {}

    def install(self, config: AppConfig) -> App:
        """Install an app, make its bot user and invite it where the workspace wants apps.

        Installing one of the same name again replaces its manifest and keeps its ids and tokens unless new ones are
        given. Raises `ManifestError` with every problem of the manifest.
        """
        manifest = read_manifest(config.manifest)
        mode = config.mode or ("socket" if manifest.socket_mode else "http")
        ident = stable_id("A", self._workspace.team.domain, manifest.name)
        old = self.installed.get(ident) or self.known.get(ident)
        self._check(config, manifest, mode, old)
        user = self._workspace.users.get(old.bot_user_id) if old else None
        if user is None:
            user = self._bot_user(manifest, ident)
        app = _app(config, manifest, mode, ident, user, old)
        if config.distributed and ident not in self.installed:
            self.known[ident] = app
            user.deleted = True
        else:
            self.enter(app)
        return app

    def _check(self, config: AppConfig, manifest: Manifest, mode: str, old: App | None) -> None:
        """Refuse what cannot be installed before anything is made for it."""
        url = (
            config.request_url or (old.request_url if old else "") or manifest.events_url or manifest.interactivity_url
        )
        if mode == "http" and not url:
            _refuse("/settings", "HTTP mode needs a request URL: pass request_url or declare URLs in the manifest")
        for name in config.channels or ():
            if self._workspace.find_channel(name) is None:
                _refuse("/channels", f"there is no channel {name}; name channels of the workspace")

    def enter(self, app: App) -> None:
        """Put an app into the workspace: its bot user works, and is in every channel that wants apps."""
        self.known.pop(app.id, None)
        is_new = app.id not in self.installed
        self.installed[app.id] = app
        user = self._workspace.users[app.bot_user_id]
        user.deleted = False
        wanted = self._workspace.app_channels if app.channels is None else app.channels
        for channel in (self._workspace.find_channel(ident) for ident in wanted) if is_new else ():
            if channel is not None and user.id not in channel.members:
                channel.members.append(user.id)
        self._workspace.changes.publish("app", app_id=app.id)

    def remove(self, app: App) -> None:
        """Take an app out of the workspace: its tokens end, its bot user is deactivated and leaves every channel."""
        self.installed.pop(app.id, None)
        app.revoked |= {app.bot_token, *app.tokens}
        app.tokens.clear()
        self.known[app.id] = app
        user = self._workspace.users[app.bot_user_id]
        user.deleted = True
        for channel in self._workspace.channels.values():
            if user.id in channel.members and not channel.is_im:
                channel.members.remove(user.id)
        self._workspace.changes.publish("app", app_id=app.id)

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
            enterprise=workspace.team.enterprise,
            updated=int(workspace.clock()),
        )
        return workspace.add_user(user)

    def caller(self, token: str) -> Caller | None:
        """Return who calls with this token, also with one that was revoked; None for one nobody was given."""
        if not token:
            return None
        if _same(token, CONFIGURATION_TOKEN):
            return Caller("configuration", token, None, "", frozenset())
        for app in (*self.installed.values(), *self.known.values()):
            found = app.caller(token)
            if found is None and token in app.revoked:
                found = Caller("bot", token, app, app.bot_user_id, frozenset())
            if found is not None:
                return found
        return None

    def by_token(self, token: str) -> App | None:
        """Return the app this bot or app-level token belongs to."""
        caller = self.caller(token)
        return caller.app if caller else None

    def by_client(self, client_id: str) -> App | None:
        """Return the app with this client id, installed or not."""
        everything = (*self.installed.values(), *self.known.values())
        return next((app for app in everything if client_id and app.client_id == client_id), None)

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


def _app(
    config: AppConfig,
    manifest: Manifest,
    mode: Literal["socket", "http"],
    ident: str,
    user: User,
    old: App | None,
) -> App:
    """Return the app with the secrets it is given, had, or gets."""
    return App(
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
        client_id=config.client_id or (old.client_id if old else f"{_digits()}.{_digits()}"),
        client_secret=config.client_secret or (old.client_secret if old else new_secret(32)),
        channels=config.channels,
        tokens=old.tokens if old else {},
    )


def _same(one: str, other: str) -> bool:
    return bool(other) and secrets.compare_digest(one.encode(), other.encode())


def _digits() -> str:
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def _refuse(pointer: str, message: str) -> NoReturn:
    raise ManifestError([{"message": message, "pointer": pointer}])
