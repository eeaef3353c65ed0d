"""The contracts of RunTracker, BuildServer and Deployer."""

from datetime import UTC, datetime
from typing import Protocol

import pytest

from integrations.capabilities.builds import BuildServer
from integrations.capabilities.deploys import Deployer
from integrations.capabilities.runs import RunRef, RunState, RunTracker
from integrations.contract import Adapter
from integrations.errors import NotFound, Refused
from tests.integrations.waiting import ended, log_of


class Work(Protocol):
    """What the suites need of whatever starts work: three jobs, and a count of what was really done.

    `succeeds` prints "one" and "two" and succeeds, `fails` prints "it broke" and fails, `waits` goes on until
    `release`. A tool that others use as well calls jobs and requests otherwise: `job` and `request` say how.
    """

    tracker: RunTracker
    unknown: RunRef
    sha: str

    def job(self, name: str) -> str:
        """Return what the tool calls a job; of "" what the names of all three begin with."""
        return name

    def request(self, name: str) -> str:
        """Return the request id that `start` makes of a name."""
        return name

    async def start(self, request: str, job: str, *, fence: int = 1) -> RunRef:
        """Start a job for a request, both by their names here."""
        ...

    async def another(self) -> RunTracker:
        """Return the tracker as another process has it, which knows nothing of this one."""
        return self.tracker

    async def release(self, ref: RunRef) -> None: ...

    async def effects(self, request: str) -> int:
        """Return how often the work of a request was begun."""
        ...


class RunTrackerContract:
    """Derive from it and override `work`."""

    @pytest.fixture
    def work(self) -> Work:
        raise NotImplementedError

    async def test_is_an_adapter_that_answers(self, work):
        assert isinstance(work.tracker, Adapter)
        assert isinstance(work.tracker, RunTracker)
        assert (await work.tracker.ping()).version
        await work.tracker.close()

    async def test_a_run_that_succeeds(self, work):
        ref = await work.start("r-1", "succeeds")
        run = await ended(work.tracker, ref)
        assert (RunState.SUCCEEDED, "", ref) == (run.state, run.reason, run.ref)
        assert run.queued_at is not None
        assert run.started_at is not None
        assert run.ended_at is not None
        assert run.queued_at <= run.started_at <= run.ended_at
        assert "one\ntwo\n" in await log_of(work.tracker, ref)

    async def test_a_run_that_fails_says_why(self, work):
        run = await ended(work.tracker, await work.start("r-1", "fails"))
        assert run.state is RunState.FAILED
        assert "it broke" in run.reason

    async def test_a_run_goes_on_until_it_ends(self, work):
        ref = await work.start("r-1", "waits")
        assert not (await work.tracker.get_run(ref)).state.final
        assert (await work.tracker.read_log(ref)).more
        await work.release(ref)
        assert (await ended(work.tracker, ref)).state is RunState.SUCCEEDED
        assert not (await work.tracker.read_log(ref, 10**9)).more

    async def test_a_log_read_in_pieces_is_the_log(self, work):
        ref = await work.start("r-1", "succeeds")
        await ended(work.tracker, ref)
        whole = await log_of(work.tracker, ref)
        first = await work.tracker.read_log(ref)
        rest = await work.tracker.read_log(ref, first.next_offset)
        assert whole == first.text + rest.text
        assert rest.text == ""
        assert rest.next_offset == first.next_offset

    async def test_the_same_request_is_the_same_run(self, work):
        ref = await work.start("r-1", "succeeds")
        assert ref == await work.start("r-1", "succeeds")
        await ended(work.tracker, ref)
        assert ref == await work.start("r-1", "succeeds")
        assert await work.effects("r-1") == 1
        assert ref != await work.start("r-2", "succeeds")

    async def test_a_run_is_found_by_its_request(self, work):
        assert await work.tracker.find_run(work.request("r-1")) is None
        ref = await work.start("r-1", "waits")
        assert ref == await work.tracker.find_run(work.request("r-1"))
        assert await work.tracker.find_run(work.request("r-2")) is None
        await work.tracker.cancel_run(ref)
        await ended(work.tracker, ref)
        assert ref == await work.tracker.find_run(work.request("r-1"))

    async def test_another_process_finds_a_run_that_is_over_in_its_job(self, work):
        since, job = datetime.now(UTC), work.job("succeeds")
        ref = await work.start("r-1", "succeeds")
        await ended(work.tracker, ref)
        other = await work.another()
        assert ref == await other.find_run(work.request("r-1"), job, since)
        assert await other.find_run(work.request("r-2"), job, since) is None

    async def test_a_cancelled_run_ends(self, work):
        ref = await work.start("r-1", "waits")
        await work.tracker.cancel_run(ref)
        await work.tracker.cancel_run(ref)
        assert (await ended(work.tracker, ref)).state is RunState.CANCELLED

    async def test_a_run_that_is_over_cannot_be_cancelled_and_that_is_no_error(self, work):
        ref = await work.start("r-1", "succeeds")
        run = await ended(work.tracker, ref)
        await work.tracker.cancel_run(ref)
        assert run == await work.tracker.get_run(ref)

    async def test_an_unknown_run_is_not_found(self, work):
        for ref in (work.unknown, RunRef(work.unknown.instance, "../../etc"), RunRef("elsewhere", "1")):
            with pytest.raises(NotFound):
                await work.tracker.get_run(ref)
            with pytest.raises(NotFound):
                await work.tracker.cancel_run(ref)
            with pytest.raises(NotFound):
                await work.tracker.read_log(ref)

    async def test_an_action_that_nobody_waits_for_is_refused(self, work):
        ref = await work.start("r-1", "waits")
        with pytest.raises(Refused):
            await work.tracker.answer(ref, "promote", {})
        await work.tracker.cancel_run(ref)
        await ended(work.tracker, ref)

    async def test_a_reference_survives_being_written_down(self, work):
        ref = await work.start("r-1", "succeeds")
        assert RunRef.parse(str(ref)) == ref
        assert (await ended(work.tracker, RunRef.parse(str(ref)))).state is RunState.SUCCEEDED


class BuildServerContract(RunTrackerContract):
    """RunTracker, and what a build makes."""

    async def test_is_a_build_server(self, work):
        assert isinstance(work.tracker, BuildServer)

    async def test_a_build_that_succeeded_names_its_artifact_and_digest(self, work):
        run = await ended(work.tracker, await work.start("r-1", "succeeds"))
        assert run.result["artifact"]
        algorithm, _, digest = run.result["digest"].partition(":")
        assert (algorithm, len(digest)) == ("sha256", 64)

    async def test_a_job_is_known_by_name(self, work):
        name = work.job("succeeds")
        assert (await work.tracker.get_job(name)).name == name
        assert {name, work.job("fails")} <= set(await work.tracker.list_jobs(work.job("")))
        assert await work.tracker.list_jobs(name[1:-1]) == [name]
        for call in (work.tracker.get_job, work.tracker.list_builds):
            with pytest.raises(NotFound):
                await call("no-such-job")

    async def test_builds_are_listed_newest_first(self, work):
        assert await work.tracker.list_builds(work.job("succeeds")) == []
        started = [await work.start(f"r-{number}", "succeeds") for number in (1, 2, 3)]
        for ref in started:
            await ended(work.tracker, ref)
        await ended(work.tracker, await work.start("r-4", "fails"))
        listed = await work.tracker.list_builds(work.job("succeeds"))
        assert [run.ref for run in listed] == started[::-1]
        assert all(run.state is RunState.SUCCEEDED for run in listed)
        assert [run.ref for run in await work.tracker.list_builds(work.job("succeeds"), limit=1)] == started[2:]

    async def test_a_build_that_is_over_is_run_once_more(self, work):
        first = await work.start("r-1", "fails")
        await ended(work.tracker, first)
        again = await work.tracker.retry_build(first, work.request("r-2"))
        assert again != first
        assert again == await work.tracker.retry_build(first, work.request("r-2"))
        assert again == await work.tracker.find_run(work.request("r-2"))
        assert (await ended(work.tracker, again)).state is RunState.FAILED
        assert await work.effects("r-1") + await work.effects("r-2") == 2

    async def test_a_build_that_goes_on_is_not_run_once_more(self, work):
        ref = await work.start("r-1", "waits")
        with pytest.raises(Refused):
            await work.tracker.retry_build(ref, work.request("r-2"))
        assert await work.tracker.find_run(work.request("r-2")) is None
        await work.tracker.cancel_run(ref)
        await ended(work.tracker, ref)


class DeployerContract(RunTrackerContract):
    """RunTracker, fences, and what runs. The work's requests put commit 1, 2 … on one place per job."""

    async def test_is_a_deployer(self, work):
        assert isinstance(work.tracker, Deployer)

    async def test_a_claim_that_is_older_than_one_seen_is_refused(self, work):
        await ended(work.tracker, await work.start("r-1", "succeeds", fence=7))
        with pytest.raises(Refused):
            await work.start("r-2", "succeeds", fence=6)
        assert await work.tracker.find_run(work.request("r-2")) is None
        await ended(work.tracker, await work.start("r-3", "succeeds", fence=8))
        assert await work.effects("r-2") == 0
        assert await work.effects("r-3") == 1

    async def test_a_request_that_was_carried_out_is_found_again_also_when_its_claim_is_old(self, work):
        ref = await work.start("r-1", "succeeds", fence=1)
        await ended(work.tracker, ref)
        await ended(work.tracker, await work.start("r-2", "succeeds", fence=2))
        assert ref == await work.start("r-1", "succeeds", fence=1)
        assert await work.effects("r-1") == 1

    async def test_what_was_deployed_runs(self, work):
        assert await work.tracker.get_running(work.job("succeeds"), "shop", "staging", "") is None
        await ended(work.tracker, await work.start("r-1", "succeeds"))
        running = await work.tracker.get_running(work.job("succeeds"), "shop", "staging", "")
        assert running is not None
        assert (work.sha, work.request("r-1")) == (running.sha, running.version)
        assert running.since is not None

    async def test_what_failed_does_not_replace_what_runs(self, work):
        await ended(work.tracker, await work.start("r-1", "fails"))
        assert await work.tracker.get_running(work.job("fails"), "shop", "staging", "") is None
