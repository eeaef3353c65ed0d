"""A local Slack workspace that any Slack app can be pointed at.

Speaks Slack's Web API, Socket Mode and signed HTTP delivery, shows the workspace on a page at `/`, and lets tests do
what people do over a control API under `/_sandbox/`. It needs nothing of the project it is shipped with.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.apps import App, AppConfig
    from bot.sandbox.errors import ControlError, ManifestError, SeedError, StateError
    from bot.sandbox.options import Options
    from bot.sandbox.running import RunningWorkspace
    from bot.sandbox.sandbox import Sandbox
    from bot.sandbox.seed import Seed
    from bot.sandbox.workspace import Workspace

__all__ = [
    "App",
    "AppConfig",
    "ControlError",
    "ManifestError",
    "Options",
    "RunningWorkspace",
    "Sandbox",
    "Seed",
    "SeedError",
    "StateError",
    "Workspace",
]

_HOMES = {
    "App": "apps",
    "AppConfig": "apps",
    "ControlError": "errors",
    "ManifestError": "errors",
    "Options": "options",
    "RunningWorkspace": "running",
    "Sandbox": "sandbox",
    "Seed": "seed",
    "SeedError": "errors",
    "StateError": "errors",
    "Workspace": "workspace",
}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what is asked for when it is asked for: pytest loads this package in every run of every project."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
