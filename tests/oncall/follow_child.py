"""A bot that kills itself while it brings a shift to Slack: `python -m tests.oncall.follow_child FOLDER API_URL POINT`.

POINT is `wished` (the change is told, Slack not asked yet), `read` (before Slack is written) or `written` (after, and
before that is noted).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from bot.slack.signs import Signs
from tests.oncall.rig import up


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(folder: Path, api_url: str, point: str) -> None:
    """Tell of the shift of the configuration there and follow it, to the point of death."""
    write = Signs.set_members

    async def last(self: Signs, group: str, users: Collection[str]) -> None:
        if point == "written":
            await write(self, group, users)
        die()

    setattr(Signs, "set_members", last)  # noqa: B010 - mypy takes no assignment to a method
    schedules: dict[str, Any] = yaml.safe_load((folder / "schedules.yaml").read_text())
    token = (folder / "user-token").read_text()
    async with up(folder, engine=False, schedules=schedules, token=token, api_url=api_url) as rig:
        await rig.slack.open()
        look = await rig.oncall.changes.look("primary")
        async with rig.store.write() as tx:
            await rig.oncall.changes.tell(tx, "primary", look)
        if point == "wished":
            die()
        await rig.oncall.following.follow_due()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
