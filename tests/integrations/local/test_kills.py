"""The bot is killed while it starts a build: who comes after finds the run, and it was built exactly once."""

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from integrations.capabilities.runs import RunState
from tests.integrations.contract.test_runs import build
from tests.integrations.waiting import ended, eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "moment",
    [
        "before the claim",
        "after the claim",
        "the runner has no job yet",
        "the runner has its job",
        "running",
    ],
)
async def test_a_build_runs_once_whenever_its_parent_is_killed(
    connect_local, real_history, state_dir, tmp_path, moment
):
    sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
    gate = f"while [ ! -e {tmp_path}/gate ]; do sleep 0.02; done"
    made = 'echo \'{"artifact": "a.txt"}\' > "$SHIPMATE_RESULT"'
    settings = {"builds": {"job": {"command": ["sh", "-c", f"echo begun >> {tmp_path}/begun; {gate}; {made}"]}}}
    told = {
        "moment": moment, "sha": sha, "state": str(state_dir),
        "settings": {**settings, "root": str(real_history.root)},
    }  # fmt: skip
    parent = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "tests.integrations.local.parent", json.dumps(told)], check=False
    )
    assert parent.returncode == -signal.SIGKILL

    after = await connect_local(**settings)
    if moment == "running":
        found = await after.find_run("r-1")
        assert found is not None
        assert (await after.get_run(found)).state is RunState.RUNNING
    if moment in {"before the claim", "after the claim", "the runner has no job yet"}:
        assert await after.find_run("r-1") is None
    ref = await after.start_build(build("r-1", "job", sha))
    assert ref == await after.find_run("r-1")

    async def begun() -> bool:
        return bool((tmp_path / "begun").exists())

    assert await eventually(begun)
    (tmp_path / "gate").touch()
    run = await ended(after, ref)
    assert run.state is RunState.SUCCEEDED
    assert (tmp_path / "begun").read_text() == "begun\n"
    assert ref == await after.start_build(build("r-1", "job", sha))
    assert (tmp_path / "begun").read_text() == "begun\n"


async def test_a_run_that_was_claimed_and_never_started_waits_and_can_be_cancelled(
    connect_local, real_history, state_dir
):
    sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
    settings = {"builds": {"job": {"command": ["true"]}}}
    told = {
        "moment": "after the claim", "sha": sha, "state": str(state_dir),
        "settings": {**settings, "root": str(real_history.root)},
    }  # fmt: skip
    await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "tests.integrations.local.parent", json.dumps(told)], check=False
    )
    after = await connect_local(**settings)
    (folder,) = (state_dir / "local" / "runs").glob("*/request.json")
    ref = type(await after.start_build(build("r-2", "job", sha)))("local", folder.parent.name)
    assert (await after.get_run(ref)).state is RunState.QUEUED
    await after.cancel_run(ref)
    assert (await after.get_run(ref)).state is RunState.CANCELLED
    assert ref == await after.start_build(build("r-1", "job", sha))
    assert (await ended(after, ref)).state is RunState.CANCELLED
