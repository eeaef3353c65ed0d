"""Slack's app manifest, as far as a workspace acts on it.

Reference: https://docs.slack.dev/reference/app-manifest
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.sandbox.errors import ManifestError

RESERVED_COMMANDS = frozenset(
    (
        "/active",
        "/archive",
        "/apps",
        "/away",
        "/call",
        "/collapse",
        "/dm",
        "/dnd",
        "/expand",
        "/feed",
        "/feedback",
        "/huddle",
        "/invite",
        "/invite_people",
        "/join",
        "/keys",
        "/kick",
        "/leave",
        "/list",
        "/me",
        "/msg",
        "/mute",
        "/open",
        "/part",
        "/prefs",
        "/rename",
        "/remind",
        "/remove",
        "/search",
        "/shortcuts",
        "/shrug",
        "/star",
        "/status",
        "/topic",
        "/unarchive",
        "/who",
    )
)
"""Slack's built-in commands, which no app may take (https://slack.com/help/articles/201259356)."""

MAX_COMMANDS = 50
MAX_SHORTCUTS = 10
_MAX_NAME = 35
_MAX_COMMAND = 32
_MAX_DESCRIPTION = 2000
_MAX_USAGE_HINT = 1000
_MAX_CALLBACK = 255
_MAX_EVENTS = 100
_MAX_SCOPES = 255
_MAX_DOMAINS = 5
_MAX_REDIRECTS = 1000
_COMMAND = re.compile(r"/[^\s/A-Z]+\Z")
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+\Z|localhost\Z")
_DISPLAY_NAME = re.compile(r"[\w .-]{1,80}\Z")

SECTIONS = frozenset(
    (
        "_metadata",
        "display_information",
        "features",
        "oauth_config",
        "settings",
        "functions",
        "datastores",
        "types",
        "workflows",
        "outgoing_domains",
        "app_directory",
        "metadata_events",
        "external_auth_providers",
    )
)


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command an app declares."""

    command: str
    description: str
    usage_hint: str = ""
    url: str = ""
    should_escape: bool = False


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A global or message shortcut an app declares; `type` is `global` or `message`."""

    name: str
    type: str
    callback_id: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an app asks for: its name, commands, shortcuts, scopes, events, and where it wants to be called."""

    name: str
    bot_name: str
    description: str = ""
    commands: tuple[Command, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    scopes: frozenset[str] = frozenset()
    user_scopes: frozenset[str] = frozenset()
    redirect_urls: tuple[str, ...] = ()
    rotates_tokens: bool = False
    is_assistant: bool = False
    bot_events: frozenset[str] = frozenset()
    socket_mode: bool = False
    is_interactive: bool = False
    home_tab: bool = False
    events_url: str = ""
    interactivity_url: str = ""
    options_url: str = ""
    unfurl_domains: frozenset[str] = frozenset()


class _Reader:
    """Walks a decoded manifest and collects what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[dict[str, str]] = []

    def problem(self, pointer: str, message: str) -> None:
        self.problems.append({"message": message, "pointer": pointer})

    def section(self, parent: Mapping[str, object], key: str, pointer: str) -> Mapping[str, object]:
        value = parent.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.problem(f"{pointer}/{key}", "must be an object")
        return {}

    def text(self, parent: Mapping[str, object], key: str, pointer: str, limit: int, *, required: bool = False) -> str:
        value = parent.get(key, "")
        if not isinstance(value, str):
            self.problem(f"{pointer}/{key}", "must be a string")
            return ""
        if required and not value:
            self.problem(f"{pointer}/{key}", f"missing required field: {key}")
        if len(value) > limit:
            self.problem(f"{pointer}/{key}", f"must be less than {limit + 1} characters")
        return value

    def flag(self, parent: Mapping[str, object], key: str, pointer: str) -> bool:
        value = parent.get(key, False)
        if not isinstance(value, bool):
            self.problem(f"{pointer}/{key}", "must be true or false")
        return bool(value)

    def items(self, parent: Mapping[str, object], key: str, pointer: str, limit: int) -> list[object]:
        value = parent.get(key, [])
        if not isinstance(value, list):
            self.problem(f"{pointer}/{key}", "must be an array")
            return []
        if len(value) > limit:
            self.problem(f"{pointer}/{key}", f"no more than {limit} items allowed")
        return value

    def strings(self, parent: Mapping[str, object], key: str, pointer: str, limit: int) -> frozenset[str]:
        values = self.items(parent, key, pointer, limit)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.problem(f"{pointer}/{key}/{index}", "must be a string")
        return frozenset(value for value in values if isinstance(value, str))

    def objects(
        self, parent: Mapping[str, object], key: str, pointer: str, limit: int
    ) -> list[tuple[str, Mapping[str, object]]]:
        found: list[tuple[str, Mapping[str, object]]] = []
        for index, value in enumerate(self.items(parent, key, pointer, limit)):
            where = f"{pointer}/{key}/{index}"
            if isinstance(value, Mapping):
                found.append((where, value))
            else:
                self.problem(where, "must be an object")
        return found


def read_manifest(data: Mapping[str, object]) -> Manifest:
    """Read a decoded manifest; raises `ManifestError` with every problem found.

    Reserved command names are refused here, as Slack does when an app is made.
    """
    reader = _Reader()
    for key in data:
        if key not in SECTIONS:
            reader.problem(f"/{key}", f"invalid additional property: {key}")
    display = reader.section(data, "display_information", "")
    features = reader.section(data, "features", "")
    settings = reader.section(data, "settings", "")
    events = reader.section(settings, "event_subscriptions", "/settings")
    interactivity = reader.section(settings, "interactivity", "/settings")
    oauth = reader.section(data, "oauth_config", "")
    scopes = reader.section(oauth, "scopes", "/oauth_config")
    home = reader.section(features, "app_home", "/features")
    name = reader.text(display, "name", "/display_information", _MAX_NAME, required=True)
    bot_name = (
        reader.text(reader.section(features, "bot_user", "/features"), "display_name", "/features/bot_user", 80) or name
    )
    if bot_name and not _DISPLAY_NAME.match(bot_name):
        reader.problem("/features/bot_user/display_name", "may hold letters, digits, spaces and - _ . only")
    manifest = Manifest(
        name=name,
        bot_name=bot_name,
        description=reader.text(display, "description", "/display_information", 140),
        commands=_commands(reader, features),
        shortcuts=_shortcuts(reader, features),
        scopes=reader.strings(scopes, "bot", "/oauth_config/scopes", _MAX_SCOPES),
        user_scopes=reader.strings(scopes, "user", "/oauth_config/scopes", _MAX_SCOPES),
        redirect_urls=_redirects(reader, oauth),
        rotates_tokens=reader.flag(settings, "token_rotation_enabled", "/settings"),
        is_assistant=bool({"assistant_view", "agent_view"} & set(features)),
        bot_events=reader.strings(events, "bot_events", "/settings/event_subscriptions", _MAX_EVENTS),
        socket_mode=reader.flag(settings, "socket_mode_enabled", "/settings"),
        is_interactive=reader.flag(interactivity, "is_enabled", "/settings/interactivity"),
        home_tab=reader.flag(home, "home_tab_enabled", "/features/app_home"),
        events_url=reader.text(events, "request_url", "/settings/event_subscriptions", 3000),
        interactivity_url=reader.text(interactivity, "request_url", "/settings/interactivity", 3000),
        options_url=reader.text(interactivity, "message_menu_options_url", "/settings/interactivity", 3000),
        unfurl_domains=_domains(reader, features),
    )
    if reader.problems:
        raise ManifestError(reader.problems)
    return manifest


def unreachable(manifest: Manifest) -> list[dict[str, str]]:
    """Return what Slack could not deliver: everything needs a URL unless the app uses Socket Mode.

    A sandbox that is given a request URL beside the manifest does not mind
    (https://docs.slack.dev/reference/methods/apps.manifest.validate).
    """
    if manifest.socket_mode:
        return []
    problems: list[dict[str, str]] = []
    if manifest.bot_events and not manifest.events_url:
        message = "Event Subscription requires either Request URL or Socket Mode Enabled"
        problems.append({"message": message, "pointer": "/settings/event_subscriptions"})
    if (manifest.is_interactive or manifest.shortcuts) and not manifest.interactivity_url:
        problems.append({"message": "Interactivity requires a Request URL", "pointer": "/settings/interactivity"})
    for index, command in enumerate(manifest.commands):
        if not command.url:
            where = f"/features/slash_commands/{index}/url"
            problems.append({"message": f"{command.command} requires a URL or Socket Mode Enabled", "pointer": where})
    return problems


def _commands(reader: _Reader, features: Mapping[str, object]) -> tuple[Command, ...]:
    commands: dict[str, Command] = {}
    for pointer, entry in reader.objects(features, "slash_commands", "/features", MAX_COMMANDS):
        name = reader.text(entry, "command", pointer, _MAX_COMMAND, required=True)
        where = f"{pointer}/command"
        if name and not _COMMAND.match(name):
            reader.problem(where, f"{name!r} must begin with / and have no spaces or capitals after it")
        if name in RESERVED_COMMANDS:
            reader.problem(where, f"{name} is a reserved command name of Slack; choose another")
        if name in commands:
            reader.problem(where, f"{name} is declared twice")
        commands[name] = Command(
            command=name,
            description=reader.text(entry, "description", pointer, _MAX_DESCRIPTION, required=True),
            usage_hint=reader.text(entry, "usage_hint", pointer, _MAX_USAGE_HINT),
            url=reader.text(entry, "url", pointer, 3000),
            should_escape=reader.flag(entry, "should_escape", pointer),
        )
    return tuple(commands.values())


def _domains(reader: _Reader, features: Mapping[str, object]) -> frozenset[str]:
    """Return the domains whose links the app unfurls (https://docs.slack.dev/reference/app-manifest#features)."""
    domains = reader.strings(features, "unfurl_domains", "/features", _MAX_DOMAINS)
    for domain in sorted(domains):
        if not _DOMAIN.match(domain):
            reader.problem("/features/unfurl_domains", f"{domain!r} is no domain: no scheme, no path, no port")
    return domains


def _redirects(reader: _Reader, oauth: Mapping[str, object]) -> tuple[str, ...]:
    """Return where people may be sent after they allowed the app.

    Reference: https://docs.slack.dev/reference/app-manifest#oauth-config; local addresses may be plain HTTP here.
    """
    urls = tuple(sorted(reader.strings(oauth, "redirect_urls", "/oauth_config", _MAX_REDIRECTS)))
    for url in urls:
        if not url.startswith(("https://", "http://")):
            reader.problem("/oauth_config/redirect_urls", f"{url!r} is no URL: it must begin with https://")
    return urls


def _shortcuts(reader: _Reader, features: Mapping[str, object]) -> tuple[Shortcut, ...]:
    shortcuts: list[Shortcut] = []
    for pointer, entry in reader.objects(features, "shortcuts", "/features", MAX_SHORTCUTS):
        kind = reader.text(entry, "type", pointer, 10, required=True)
        if kind not in {"global", "message"}:
            reader.problem(f"{pointer}/type", "must be global or message")
        shortcuts.append(
            Shortcut(
                name=reader.text(entry, "name", pointer, 24, required=True),
                type=kind,
                callback_id=reader.text(entry, "callback_id", pointer, _MAX_CALLBACK, required=True),
                description=reader.text(entry, "description", pointer, 150),
            )
        )
    return tuple(shortcuts)
