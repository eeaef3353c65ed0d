"""kill -9 at every step: the deployment ends once, nothing is built or deployed twice, the card ends right."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.deployments.disk import Disk

ROOT = Path(__file__).parents[2]
BUILT_AND_DEPLOYED, ROLLED_BACK = "D-1001", "D-1004"


async def lives(folder: Path) -> dict[str, object]:
    """Live until the end, however often it is killed on the way, and return what is said of it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.deployments.child", str(folder), BUILT_AND_DEPLOYED, ROLLED_BACK,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await child.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    assert child.returncode == 0, err.decode()[-3000:]
    said: dict[str, object] = json.loads(
        next(line for line in reversed(out.decode().splitlines()) if line[:1] == "{")
    )  # not a log line
    return said


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_at_every_step(tmp_path: Path):
    """The tools here do twice what they are told twice: those of the road's crash tests would hide it.

    Killed between what a step did and its record, which is where it could happen; the road's tests kill elsewhere,
    and on PostgreSQL.
    """
    end = await lives(tmp_path)
    killed = (tmp_path / "killed.log").read_text().splitlines()
    assert int((tmp_path / "lives").read_text()) == len(killed) + 1
    names = {line.split()[1] for line in killed}
    assert {
        "build.start",
        "build.end",
        "plan.end",
        "deploy.start",
        "deploy.follow",
        "verify.end",
        "rollback.start",
    } <= names
    assert (end["state"], end["audit"]) == ("rolled_back", True)
    assert "runs *v1.4.0* again" in str(end["card"])
    builds = [one["request_id"] for one in Disk("builds", tmp_path / "builds.log").started()]
    deploys = [one["request_id"] for one in Disk("deploys", tmp_path / "deploys.log").started()]
    assert builds == ["D-1001/build", "D-1003/build"]
    assert deploys == ["D-1001/deploy", "D-1002/deploy", "D-1003/deploy", "D-1004/deploy", "D-1004/rollback"]
