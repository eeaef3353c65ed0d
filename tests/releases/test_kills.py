"""kill -9 at every step of a release: built once, tagged once, released once, and the card ends right."""

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


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_at_every_step(tmp_path: Path):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.releases.child", str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await child.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    assert child.returncode == 0, err.decode()[-3000:]
    end = json.loads(next(line for line in reversed(out.decode().splitlines()) if line[:1] == "{"))
    killed = (tmp_path / "killed.log").read_text().splitlines()
    assert int((tmp_path / "lives").read_text()) == len(killed) + 1
    assert {line.split()[0] for line in killed} == {
        "release.begin", "release.build", "release.sent", "release.follow", "release.built", "release.tag",
        "release.tagged", "release.publish", "release.end",
    }  # fmt: skip
    assert (end["state"], end["audit"]) == ("cut", True)
    assert "R-1 release checkout 1.5.0: cut" in end["card"]
    assert end["posted"] == ["post/R-1/notes"]
    assert len(Disk("builds", tmp_path / "builds.log").started()) == 1
    made = [json.loads(line) for line in (tmp_path / "host.log").read_text().splitlines()]
    assert [(one["what"], one["name"]) for one in made] == [("tag", "v1.5.0"), ("release", "v1.5.0")]
