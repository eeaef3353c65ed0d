"""Runs of `local`: real commands that fail, hang, flood, leak and leave things behind."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from integrations.capabilities.runs import RunState
from integrations.errors import NotFound, Refused
from tests.integrations.contract.test_runs import build, deploy
from tests.integrations.waiting import ended, eventually, log_of

MADE = 'echo \'{"artifact": "a.txt"}\' > "$SHIPMATE_RESULT"'


@pytest.fixture
def sha(real_history):
    return real_history.commit("shop", "First", files={"a.txt": b"1", "sub/run.sh": b"echo sub"})


@pytest.fixture
def run_script(connect_local, sha):
    """Return what builds with a shell script and returns (adapter, reference)."""

    async def start(script: str, *, recipe: dict[str, object] | None = None, **settings: object):
        builds = {"job": {"command": ["sh", "-c", script], **(recipe or {})}}
        local = await connect_local(builds=builds, **settings)
        return local, await local.start_build(build("r-1", "job", sha))

    return start


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def number_in(file: Path) -> int:
    return int(file.read_text() or 0) if file.exists() else 0


async def pid_in(file: Path) -> int:
    async def look() -> int:
        return number_in(file)

    return await eventually(look)


async def wait_gone(pid: int) -> None:
    async def look() -> bool:
        return gone(pid)

    assert await eventually(look)


async def test_a_run_over_its_deadline_ends_with_all_it_started(run_script, tmp_path):
    script = f"sleep 300 & echo $! > {tmp_path}/pid.tmp; mv {tmp_path}/pid.tmp {tmp_path}/pid; sleep 300"
    local, ref = await run_script(script, recipe={"timeout": 0.5})
    run = await ended(local, ref)
    assert (run.state, run.reason) == (RunState.FAILED, "timed out after 0.5 s")
    await wait_gone(await pid_in(tmp_path / "pid"))


async def test_a_cancelled_run_that_ignores_it_is_killed_with_all_it_started(run_script, tmp_path):
    script = (
        f"trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/pid.tmp; mv {tmp_path}/pid.tmp {tmp_path}/pid; "
        "while :; do sleep 0.05; done'"
    )
    local, ref = await run_script(script, stop_grace=0.2)
    pid = await pid_in(tmp_path / "pid")
    await local.cancel_run(ref)
    assert (await ended(local, ref)).state is RunState.CANCELLED
    await wait_gone(pid)


async def test_what_a_command_leaves_running_is_ended_with_it(run_script, tmp_path):
    local, ref = await run_script(f"sleep 300 & echo $! > {tmp_path}/pid; {MADE}")
    assert (await ended(local, ref)).state is RunState.SUCCEEDED
    await wait_gone(await pid_in(tmp_path / "pid"))


async def test_a_runner_that_was_killed_leaves_a_failed_run_and_nothing_running(run_script, state_dir, tmp_path):
    local, ref = await run_script(
        f"echo ::stage compile; echo $$ > {tmp_path}/pid.tmp; mv {tmp_path}/pid.tmp {tmp_path}/pid; sleep 300"
    )
    pid = await pid_in(tmp_path / "pid")
    started = json.loads((state_dir / "local" / "runs" / ref.id / "started.json").read_text())
    assert (await local.get_run(ref)).state is RunState.RUNNING
    os.kill(started["pid"], signal.SIGKILL)
    run = await ended(local, ref)
    assert (run.state, run.reason) == (RunState.FAILED, "the process is gone without a result")
    assert {stage.state for stage in run.stages} <= {RunState.FAILED}
    await wait_gone(pid)
    assert await local.start_build(build("r-1", "job", run_sha(state_dir, ref))) == ref
    assert (await local.get_run(ref)).state is RunState.FAILED


def run_sha(state_dir: Path, ref) -> str:
    sha: str = json.loads((state_dir / "local" / "runs" / ref.id / "request.json").read_text())["sha"]
    return sha


async def test_a_flood_stays_within_its_bound_with_head_and_tail(run_script, state_dir):
    script = f"echo first; yes flood | head -c 18000000; echo last; {MADE}"
    local, ref = await run_script(script, log_limit=65536)
    assert (await ended(local, ref)).state is RunState.SUCCEEDED
    output = state_dir / "local" / "runs" / ref.id / "output"
    assert sum(file.stat().st_size for file in output.iterdir()) <= 65536 + 16384
    text = await log_of(local, ref)
    assert text.startswith("first\nflood\n")
    assert text.endswith("flood\nlast\n")
    assert "bytes left out" in text


async def test_secrets_are_masked_in_log_reason_stage_and_result(run_script):
    script = (
        "printf hun; sleep 0.1; echo ter22; echo token=abc; echo ::stage hunter22; echo $KEY; "
        'echo \'{"artifact": "a.txt", "note": "hunter22"}\' > "$SHIPMATE_RESULT"'
    )
    local, ref = await run_script(
        script, recipe={"env": {"KEY": "of-the-job"}}, secrets=["hunter22"], mask=[r"token=(\S+)"]
    )
    run = await ended(local, ref)
    assert run.result["note"] == "***"
    assert [stage.name for stage in run.stages] == ["***"]
    assert await log_of(local, ref) == "***\ntoken=***\n***\n", "the stage's line is for the runner"


async def test_no_secret_is_on_disk(run_script, state_dir):
    local, ref = await run_script(f"echo $KEY; {MADE}", recipe={"env": {"KEY": "of-the-job"}}, secrets=["hunter22"])
    await ended(local, ref)
    for file in state_dir.rglob("*"):
        if file.is_file():
            assert b"of-the-job" not in file.read_bytes()
            assert b"hunter22" not in file.read_bytes()


async def test_a_command_sees_nothing_of_our_environment(run_script, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-for-builds")
    local, ref = await run_script(f"env; {MADE}")
    await ended(local, ref)
    log = await log_of(local, ref)
    assert "xoxb" not in log
    assert "SHIPMATE_VERSION=r-1" in log


async def test_a_command_finds_the_commit_in_its_folder(run_script):
    local, ref = await run_script(f"cat a.txt; sh sub/run.sh; {MADE}")
    run = await ended(local, ref)
    assert await log_of(local, ref) == "1sub\n"
    assert run.result["artifact"] == "a.txt"


async def test_stages_are_announced_by_lines(run_script):
    local, ref = await run_script("echo ::stage compile; echo ::stage test; echo it broke; exit 7")
    run = await ended(local, ref)
    assert [(stage.name, stage.state) for stage in run.stages] == [
        ("compile", RunState.SUCCEEDED),
        ("test", RunState.FAILED),
    ]
    assert all(stage.started_at and stage.ended_at for stage in run.stages)
    assert run.reason == "ended with status 7: it broke"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("true", "wrote no"),
        ("echo '[1]' > $SHIPMATE_RESULT", "no JSON object"),
        ("echo 'x' > $SHIPMATE_RESULT", "no JSON object"),
        ("head -c 100000 /dev/zero > $SHIPMATE_RESULT", "over 65536 bytes"),
        ('echo \'{"artifact": "none"}\' > $SHIPMATE_RESULT', "no such file"),
        ('echo \'{"artifact": "a.txt", "digest": "sha256:0"}\' > $SHIPMATE_RESULT', "but it is sha256:"),
        ("kill -9 $$", "SIGKILL"),
    ],
)
async def test_a_build_that_does_not_make_what_it_should_fails_and_says_why(run_script, script, reason):
    local, ref = await run_script(script)
    run = await ended(local, ref)
    assert run.state is RunState.FAILED
    assert reason in run.reason
    assert not run.result


async def test_a_command_that_is_not_there_fails(connect_local, sha):
    local = await connect_local(builds={"job": {"command": ["/no/such/program"]}})
    run = await ended(local, await local.start_build(build("r-1", "job", sha)))
    assert run.state is RunState.FAILED
    assert "/no/such/program cannot be started" in run.reason


async def test_output_that_is_no_text_is_shown_as_far_as_it_goes(run_script):
    local, ref = await run_script(f"printf 'a\\377\\000b\\n'; {MADE}")
    await ended(local, ref)
    assert await log_of(local, ref) == "a�\0b\n"


async def test_many_who_start_one_request_start_one_run(connect_local, sha, tmp_path):
    builds = {"job": {"command": ["sh", "-c", f"echo x >> {tmp_path}/begun; {MADE}"]}}
    adapters = [await connect_local(builds=builds) for _ in range(3)]
    refs = await asyncio.gather(*(local.start_build(build("r-1", "job", sha)) for local in adapters * 3))
    assert len(set(refs)) == 1
    assert (await ended(adapters[0], refs[0])).state is RunState.SUCCEEDED
    assert (tmp_path / "begun").read_text() == "x\n"


async def test_a_request_id_of_a_build_cannot_be_used_for_a_deploy(connect_local, sha):
    local = await connect_local(builds={"job": {}}, deploys={"to": {"command": ["true"]}})
    ref = await local.start_build(build("r-1", "job", sha))
    await ended(local, ref)
    with pytest.raises(Refused):
        await local.start_deploy(deploy("r-1", "to", sha, 1))


async def test_unknown_jobs_projects_and_commits_are_not_found_and_claim_nothing(connect_local, sha):
    local = await connect_local(builds={"job": {}})
    for request in (build("r-1", "other", sha), build("r-1", "job", "0" * 40)):
        with pytest.raises(NotFound):
            await local.start_build(request)
    with pytest.raises(NotFound):
        await local.start_deploy(deploy("r-2", "nowhere", sha, 1))
    assert await local.find_run("r-1") is None


async def test_the_build_that_needs_no_tool_makes_the_same_artifact_of_the_same_commit(connect_local, sha):
    local = await connect_local(builds={"job": {}})
    first = await ended(local, await local.start_build(build("r-1", "job", sha)))
    second = await ended(local, await local.start_build(build("r-2", "job", sha)))
    assert first.result["artifact"] == f"shop-r-1-{sha[:12]}.tar"
    assert first.result["digest"] == second.result["digest"]


async def test_old_runs_are_dropped_and_running_ones_are_kept(connect_local, sha):
    builds = {"quick": {}, "slow": {"command": ["sleep", "300"]}}
    local = await connect_local(builds=builds)
    slow = await local.start_build(build("slow", "slow", sha))
    refs = [await local.start_build(build(f"r-{number}", "quick", sha)) for number in range(12)]
    for ref in refs:
        await ended(local, ref)
    again = await connect_local(builds=builds, keep_runs=10)
    left = [number for number in range(12) if await again.find_run(f"r-{number}")]
    assert len(left) == 10
    assert (await again.get_run(slow)).state is RunState.RUNNING
