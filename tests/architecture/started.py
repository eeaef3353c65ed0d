"""Start Shipmate in this process, have it answer one command, and write down what that loaded: `started.py FOLDER`.

It is a program of its own, because the tests' process has everything imported. Slack is a closed port: Shipmate starts
without it and tries again; the command comes through the dispatcher, as a terminal's would.
"""

import asyncio
import gc
import json
import sys
from dataclasses import is_dataclass
from pathlib import Path

from pydantic import BaseModel

import bot.__main__  # noqa: F401 - where `shipmate serve` begins
from bot.app.composition import App
from bot.app.running import Running
from bot.clock import SystemClock
from bot.command import Invocation, Trigger
from bot.identity import Person
from bot.settings import load
from bot.store import Store
from commands.registry import permissions, registry

CONFIGURATION = """
state_dir: {folder}/state
server: {{host: 127.0.0.1, port: 0}}
slack: {{mode: socket, api_url: "http://127.0.0.1:9/api/", bot_token: "file:{folder}/secret",
  app_token: "file:{folder}/secret", signing_secret: "file:{folder}/secret"}}
people: {{mia: {{slack: U1, emails: [mia@example.org]}}}}
groups: {{developers: [mia]}}
permissions: [{{allow: ["*"], to: [developers]}}]
integrations:
  local: {{type: local, repositories: {{checkout: {folder}}}, deploys: {{checkout/staging: {{command: ["true"]}}}}}}
environments: {{staging: {{}}}}
services:
  checkout:
    repository: {{with: local, project: checkout}}
    environments: [{{name: staging, deploy: {{with: local, job: checkout/staging}}}}]
"""


async def answer(folder: Path) -> None:
    """Bring Shipmate up, ask for help, take it down."""
    settings = load(folder / "shipmate.yaml", {}, known_permissions=permissions(), known_commands=registry())
    clock = SystemClock()
    store = await Store.open(settings.database_url, clock=clock)
    app = App(settings, store, clock, registry())
    running = Running(app)
    try:
        await running.start()
        asked = Invocation(
            delivery_id="1", trigger=Trigger.TERMINAL, person=Person("T1", "U1"), at=clock.now(), text="help"
        )
        reply = await app.dispatcher.answer(asked, app.dispatcher.parse(asked))
        assert not reply.code, reply
        (folder / "loaded.json").write_text(json.dumps(loaded()))
    finally:
        await running.stop(grace=0)


def loaded() -> dict[str, object]:
    """Return the modules that are loaded, and the classes of ours that cost something to declare."""
    classes = [one for one in gc.get_objects() if isinstance(one, type) and _ours(getattr(one, "__module__", ""))]
    models = {one for one in classes if issubclass(one, BaseModel)}
    return {
        "modules": sorted(sys.modules),
        "validators": sorted(one.__qualname__ for one in models if one.__pydantic_complete__),
        "compiled": sorted({f"{one.__module__}.{one.__qualname__}" for one in classes if _compiled(one)}),
    }


def _ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in {"bot", "commands", "integrations"}


def _compiled(one: type) -> bool:
    """Tell whether `dataclass` had methods compiled for this class alone."""
    return is_dataclass(one) and one.__dataclass_params__.init  # type: ignore[attr-defined]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    (place / "secret").write_text("xoxb-of-nobody-at-all-0123456789abcdef")
    (place / "shipmate.yaml").write_text(CONFIGURATION.format(folder=place))
    asyncio.run(answer(place))
