"""A local Slack workspace that any Slack app can be pointed at.

Speaks Slack's Web API, Socket Mode and signed HTTP delivery, shows the workspace on a page at `/`, and lets tests do
what people do over a control API under `/_sandbox/`. It needs nothing of the project it is shipped with.
"""

from bot.sandbox.apps import App, AppConfig
from bot.sandbox.errors import ControlError, ManifestError, SeedError, StateError
from bot.sandbox.options import Options
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.seed import Seed
from bot.sandbox.workspace import Workspace

__all__ = [
    "App",
    "AppConfig",
    "ControlError",
    "ManifestError",
    "Options",
    "Sandbox",
    "Seed",
    "SeedError",
    "StateError",
    "Workspace",
]
