"""A parent that starts a build and is killed at a chosen moment: `parent.py <what to do, as JSON>`.

The moment is reached in the real code: a function of it is let through, or stopped, by SIGKILL to this process.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from integrations.contract import Resources
from integrations.local import runs
from integrations.local.client import connect
from integrations.local.job import Job
from integrations.local.settings import LocalSettings
from tests.integrations.contract.test_runs import build


def die(*_: object, **__: object) -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def claim_and_die(*arguments: Any, _claim: Callable[..., object] = runs.claim) -> None:
    """Claim the run's folder, then die."""
    _claim(*arguments)
    die()


async def feed_and_die(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Give the runner its job, then die."""
    assert process.stdin is not None
    process.stdin.write(data)
    await process.stdin.drain()
    process.stdin.close()
    die()


# Each moment is a function of the real code that is replaced, and by what.
MOMENTS: dict[str, tuple[object, str, Callable[..., object]]] = {
    "before the claim": (runs, "claim", die),
    "after the claim": (runs, "claim", claim_and_die),
    "the runner has no job yet": (Job, "dump", die),
    "the runner has its job": (asyncio.subprocess.Process, "communicate", feed_and_die),
}


async def main() -> None:
    told = json.loads(sys.argv[1])
    local = await connect("local", LocalSettings.model_validate(told["settings"]), Resources(state_dir=told["state"]))
    if told["moment"] in MOMENTS:
        setattr(*MOMENTS[told["moment"]])
    await local.start_build(build("r-1", "job", told["sha"]))
    if told["moment"] == "running":
        die()


if __name__ == "__main__":
    asyncio.run(main())
