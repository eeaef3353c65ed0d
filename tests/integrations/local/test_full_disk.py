"""The disk of `local` is full: what was begun goes on with room or fails plainly; nothing untrue is told."""

import shlex
import sys

import pytest

from integrations.capabilities.runs import RunState
from integrations.contract import Resources
from integrations.errors import Unavailable
from integrations.local.client import connect
from integrations.local.settings import LocalSettings
from integrations.local.stop import stop_all
from tests.integrations.contract.test_runs import build, deploy
from tests.integrations.local.test_places import JOB, SERVER, port
from tests.integrations.waiting import ended, eventually

__all__ = ["port"]
FILL = "dd if=/dev/zero of={} bs=1M 2>/dev/null; dd if=/dev/zero of={} bs=512 oflag=append conv=notrunc 2>/dev/null; "


@pytest.fixture
def fill(small_disk):
    """Return the words of a shell that leave no room on the disk."""
    ballast = shlex.quote(str(small_disk.ballast))
    return FILL.format(ballast, ballast)


@pytest.fixture
def on_disk(real_history, small_disk):
    """Return what connects a `local` whose state is on the small disk; what runs there ends with the test."""
    state = small_disk.folder / "state"

    async def start(**settings):
        chosen = LocalSettings.model_validate({"root": real_history.root, "stop_grace": 1, **settings})
        return await connect("local", chosen, Resources(state_dir=str(state)))

    yield start
    stop_all(state, deadline=5)


async def test_a_run_that_fills_the_disk_ends_as_it_ended(on_disk, small_disk, real_history, fill):
    """Its end cannot be written for want of room: it is not over before it can, and then it says what was so."""
    sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
    made = small_disk.folder.parent / "made"
    local = await on_disk(deploys={"job": {"command": ["sh", "-c", f"{fill} touch {made}"]}})
    ref = await local.start_deploy(deploy("r-1", "job", sha, 1))

    async def done():
        return made.exists()

    await eventually(done)
    small_disk.fill()
    assert not (await local.get_run(ref)).state.final
    small_disk.free()
    run = await ended(local, ref)
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    now = await local.get_running("job", "shop", "staging", "")
    assert now is not None
    assert now.sha == sha


async def test_a_service_that_fills_the_disk_is_seen_once_there_is_room(on_disk, small_disk, real_history, fill, port):
    """Neither the supervisor nor the rollout dies of it, and no old status is told meanwhile."""
    server = [sys.executable, "{release}/server.py", "{port}"]
    place = {
        "port": port,
        "command": ["sh", "-c", f'if [ "$1" = v2 ]; then {fill} fi; shift; exec "$@"', "start", "{version}", *server],
        "version_path": "/version",
        "probe_interval": 0.1,
        "ready_timeout": 60,
        "env": {"PYTHONDONTWRITEBYTECODE": "1"},
    }
    local = await on_disk(places={JOB: place})
    first, second = (
        real_history.commit("shop", version, files={"server.py": SERVER, "answer": version.encode()})
        for version in ("v1", "v2")
    )
    ref = await local.start_deploy(deploy("v1", JOB, first, 1))
    assert (await ended(local, ref)).state is RunState.SUCCEEDED
    ref = await local.start_deploy(deploy("v2", JOB, second, 2))

    async def full():
        return small_disk.ballast.exists() and not await told(local, "v1")

    await eventually(full)
    small_disk.free()
    assert (await ended(local, ref)).state is RunState.SUCCEEDED
    now = await local.get_running(JOB, "shop", "staging", "")
    assert now is not None
    assert (now.sha, now.healthy) == (second, True)


async def told(local, version):
    """Return whether this version is what is said to run."""
    try:
        now = await local.get_running(JOB, "shop", "staging", "")
    except Unavailable:
        return False
    return now is not None and now.version == version


async def test_what_finds_no_room_to_begin_says_so_and_begins_later(on_disk, small_disk, real_history):
    """The same request, once there is room, is one run."""
    sha = real_history.commit("shop", "First", files={"a.txt": b"1"})
    local = await on_disk(builds={"shop": {}})
    small_disk.fill()
    with pytest.raises(Unavailable, match="No space left"):
        await local.start_build(build("r-1", "shop", sha))
    small_disk.free()
    ref = await local.start_build(build("r-1", "shop", sha))
    assert (await ended(local, ref)).state is RunState.SUCCEEDED
