"""kill -9 at every step of what people wait for: nobody is forgotten, nothing is said or done twice."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.alerts.child import STEPS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_at_every_step_of_a_reminder_and_of_a_silence_until_recovery(tmp_path: Path):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.alerts.child", str(tmp_path),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await child.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    assert child.returncode == 0, err.decode()[-3000:]
    end = json.loads(next(line for line in reversed(out.decode().splitlines()) if line[:1] == "{"))
    killed = {line.split()[1] for line in (tmp_path / "killed.log").read_text().splitlines()}
    assert killed == STEPS
    assert end["fell"] == ["A-1"]
    assert end["ended"] == ["A-1"]
    assert end["asked"] == 2, "the question, and that nobody is on it any more"
    assert end["silences"] == 1
    assert end["audit"]
