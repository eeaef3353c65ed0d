"""kill -9 at every step of being asked again: nothing is lost, nothing is said or sent twice."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.deployments.disk import Disk
from tests.deployments.rig import ANA

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_at_every_step_of_being_asked_again(tmp_path: Path):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.approvals.child", str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await child.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    assert child.returncode == 0, err.decode()[-3000:]
    end = json.loads(next(line for line in reversed(out.decode().splitlines()) if line[:1] == "{"))
    before, after = (
        {line.split()[1] for line in (tmp_path / name).read_text().splitlines()}
        for name in ("killed-before.log", "killed.log")
    )
    assert {"build.start", "build.end", "plan.survey", "plan.end"} <= before & after, "of both plans"
    assert {"execute.check", "execute.checked", "deploy.start", "deploy.end"} <= after
    assert (end["state"], end["generation"], end["audit"]) == ("succeeded", 2, True)
    assert end["approvals"] == ["void", "approved"]
    assert end["asked_again"] == 1
    assert end["posts"] == ["post/D-1001/ask/1", "post/D-1001/ask/2"]
    asked = [f"direct/D-1001/ask/{number}/{ANA.key}" for number in (1, 2)]
    assert end["told"] == asked, "who had approved is told once that it is void: with the new question"
    deploys = Disk("deploys", tmp_path / "deploys.log").started()
    assert [one["request_id"] for one in deploys] == ["D-1001/deploy/2"]
    builds = Disk("builds", tmp_path / "builds.log").started()
    assert [one["request_id"] for one in builds] == ["D-1001/build", "D-1001/build/2"]
    assert deploys[0]["sha"] == builds[1]["sha"] != builds[0]["sha"]
