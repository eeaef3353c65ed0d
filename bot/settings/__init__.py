"""The configuration: `shipmate.yaml`, the files it includes, and the environment, read once.

Every mistake is reported at once, with file, line, path and a suggestion; secrets stand in no file.
"""

from bot.settings.loading import load, needs_restart, read_environ, reload, warnings
from bot.settings.mistakes import Mistake, SettingsError
from bot.settings.model import (
    EnvironmentKind,
    GrantSettings,
    GroupSettings,
    Instance,
    Network,
    PersonEntry,
    Server,
    Settings,
    Slack,
)
from bot.settings.schema import json_schema
from bot.settings.services import EnvironmentSettings, ServiceSettings, Verification
from bot.settings.tokens import Terminal, Token
from bot.settings.values import format_duration, parse_duration

__all__ = [
    "EnvironmentKind",
    "EnvironmentSettings",
    "GrantSettings",
    "GroupSettings",
    "Instance",
    "Mistake",
    "Network",
    "PersonEntry",
    "Server",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "Slack",
    "Terminal",
    "Token",
    "Verification",
    "format_duration",
    "json_schema",
    "load",
    "needs_restart",
    "parse_duration",
    "read_environ",
    "reload",
    "warnings",
]
