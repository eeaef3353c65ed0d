"""What leaves for the tools: builds, deploys and measurements. Everything here may run twice, and does no harm by it.

Each start looks for its request id first, so what a dead process or a lost answer left behind is found and followed,
never started again.
"""

import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import aiohttp
from msgspec import Struct
from pydantic import JsonValue

from bot.amounts import amount
from bot.builds import answers, progress
from bot.builds.failures import Failures, Finding
from bot.builds.logs import Tail, read_on
from bot.builds.sending import Sent, start_once
from bot.catalog import Environment, Service, fill
from bot.deployments import messages, records
from bot.deployments.ledger import Ledger
from bot.deployments.plan import Release
from bot.deployments.records import Deployment
from bot.deployments.rules import State
from bot.deployments.verification import Look, Measured, Reading, read_value
from bot.errors import UserError
from bot.settings.services import Metric, Probe, Verification
from bot.watch import Hooks
from integrations.capabilities.builds import BuildRequest, BuildServer
from integrations.capabilities.deploys import Deployer, DeployRequest, Running
from integrations.capabilities.metrics import MetricsSource
from integrations.capabilities.runs import Run, RunRef, RunState, RunTracker
from integrations.errors import IntegrationError, NotFound, Unavailable

EXCERPT = 2500
LOG_EVERY = timedelta(seconds=30)


class RunEnd(Struct, frozen=True, kw_only=True):
    """How a run ended: `state` of the run, the tool's words, and what it made."""

    state: str
    words: str = ""
    url: str = ""
    artifact: str = ""
    digest: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it did what it was for."""
        return self.state == RunState.SUCCEEDED.value


class Effects:
    """Starts, follows and measures. `session` makes the client for probes; one for all, closed by `close`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._failures = Failures(ledger.parts.store, ledger.parts.clock)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the client for probes."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def start_build(self, deployment_id: str) -> Sent:
        """Start the build of a deployment, or find it."""
        deployment, service, _ = await self._load(deployment_id)
        if service.build is None:
            return Sent(code="no_build", words=f"{service.name} is not built any more")
        server = self._parts.toolbox.get(BuildServer, service.build.instance)
        request = BuildRequest(
            request_id=deployment.request_of("build"),
            job=service.build.job,
            project=service.repository.project,
            sha=deployment.sha,
            version=deployment.version,
            parameters=service.build.parameters,
            asked_at=deployment.created_at,
        )
        return await self._once(server, request, lambda: server.start_build(request))

    async def start_deploy(self, deployment_id: str) -> Sent:
        """Start putting the release on its place, or find it."""
        deployment, _, _ = await self._load(deployment_id)
        return await self._put(deployment, deployment.release, deployment.request_of("deploy"))

    async def find_deploy(self, deployment_id: str) -> Sent:
        """Find the deploy run of a deployment, without starting one."""
        deployment, _, environment = await self._load(deployment_id)
        deployer = self._parts.toolbox.get(Deployer, environment.deploy.instance)
        found = await deployer.find_run(deployment.request_of("deploy"), environment.deploy.job, deployment.created_at)
        return Sent(ref="" if found is None else str(found))

    async def start_rollback(self, deployment_id: str) -> Sent:
        """Start putting back what ran before, or find it."""
        deployment, _, _ = await self._load(deployment_id)
        return await self._put(deployment, deployment.previous, f"{deployment.id}/rollback")

    async def follow(self, deployment_id: str, what: str, ref: str) -> RunEnd:
        """Follow a run ("build", "deploy" or "rollback") to its end: stages to the card, excerpts to the thread.

        Raises:
            Unavailable: the tool has been silent for long; the run goes on.
        """
        deployment, service, _ = await self._load(deployment_id)
        where = RunRef.parse(ref)
        tracker = self._parts.toolbox.get(RunTracker, where.instance)
        following = _Following(self._ledger, deployment, what, _state_of(what))
        hooks = Hooks(
            cancelled=following.cancelled,
            changed=following.changed,
            logged=following.logged,
            silent=following.silent,
            not_ended=following.not_ended,
            log_offset=following.offset,
        )
        waited = progress.waited(_of_run(deployment), self._parts.clock.now())
        deadline = (deployment.started_at or deployment.state_since) + self._parts.longest_run + waited
        try:
            run = await self._parts.watch.follow(tracker, where, hooks, deadline=deadline)
        except NotFound as error:
            return RunEnd(
                state=RunState.FAILED.value, words=f"{where.instance} no longer knows the run: {error.message}"
            )
        why = await self._why(service.name, following, run, tracker)
        await following.ended(run, why)
        return RunEnd(
            state=run.state.value,
            words=why.cause if why is not None else run.reason,
            url=run.url,
            artifact=str(run.result.get("artifact", "")),
            digest=str(run.result.get("digest", "")),
        )

    async def _why(self, service: str, following: "_Following", run: Run, tracker: RunTracker) -> Finding | None:
        """Return why a run failed, None where it did not; what its tests did is kept."""
        if run.state is not RunState.FAILED:
            await self._failures.note_tests(service, run, tracker)
            return None
        with contextlib.suppress(IntegrationError):  # it is over whatever its log says
            await read_on(tracker, run.ref, following.log)
        return await self._failures.explain(service, run, tracker, following.log.text)

    async def running(self, deployment_id: str) -> Release | None:
        """Return what the place says runs there; None when it cannot say."""
        deployment, service, environment = await self._load(deployment_id)
        deployer = self._parts.toolbox.get(Deployer, environment.deploy.instance)
        try:
            found: Running | None = await deployer.get_running(
                environment.deploy.job, service.name, deployment.environment, deployment.target
            )
        except IntegrationError:
            return None
        if found is None:
            return Release()
        for known in (deployment.release, deployment.previous):
            if found.sha and found.sha == known.sha:
                return known
        return Release(sha=found.sha, version=found.version)

    async def look(self, deployment_id: str, number: int, wanted: int) -> Look:
        """Look once at all metrics and probes and show them on the card."""
        deployment, _, environment = await self._load(deployment_id)
        verification = environment.verify
        if deployment.state is not State.VERIFYING or verification is None:
            return Look(stopped=True)
        measured = [await self._measure(deployment, metric) for metric in verification.metrics]
        measured += [await self._probe(deployment, probe) for probe in verification.probes]
        look = Look(measured=tuple(measured))
        progress: dict[str, JsonValue] = {
            **deployment.progress,
            "look": number,
            "looks": wanted,
            "measured": [[one.reading.value, one.words] for one in measured],
        }
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            shown = await book.change(deployment, progress=progress)
        return look if shown is not None else Look(stopped=True)

    async def _put(self, deployment: Deployment, release: Release, request_id: str) -> Sent:
        service = self._parts.catalog().service(deployment.service)
        environment = service.environment(deployment.environment)
        deployer = self._parts.toolbox.get(Deployer, environment.deploy.instance)
        request = DeployRequest(
            request_id=request_id,
            job=environment.deploy.job,
            service=service.name,
            environment=environment.name,
            target=deployment.target,
            project=service.repository.project,
            sha=release.sha,
            version=release.version,
            fence=deployment.fence,
            artifact=release.artifact,
            digest=release.digest,
            parameters=environment.deploy.parameters,
            asked_at=deployment.created_at,
        )
        return await self._once(deployer, request, lambda: deployer.start_deploy(request))

    async def _once(
        self, tracker: RunTracker, request: BuildRequest | DeployRequest, start: Callable[[], Awaitable[RunRef]]
    ) -> Sent:
        since = request.asked_at or self._parts.clock.now()
        return await start_once(
            tracker, request.request_id, start, clock=self._parts.clock, job=request.job, since=since
        )

    async def _measure(self, deployment: Deployment, metric: Metric) -> Measured:
        names = {"version": _label(deployment.version)}
        expression = fill(metric.query, deployment.place, **names)
        value: float | None = None
        trouble = ""
        try:
            source = self._parts.toolbox.get(MetricsSource, metric.instance)
            samples = await source.query(expression)
            values = [sample.value for sample in samples]
            value = worst(values, metric)
            trouble = "" if values else "no data"
        except IntegrationError as error:
            trouble = f"{error.instance} does not answer" if isinstance(error, Unavailable) else error.message
        except UserError as error:
            trouble = str(error.text)
        reading = Reading.UNKNOWN if trouble else read_value(value, minimum=metric.min, maximum=metric.max)
        said = trouble or amount(value, metric.unit)
        words = f"{metric.name} {said} ({_limit(metric)})"
        return Measured(name=metric.name, reading=reading, words=words, value=None if trouble else value)

    async def _probe(self, deployment: Deployment, probe: Probe) -> Measured:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        url = fill(probe.url, deployment.place, version=deployment.version)
        timeout = aiohttp.ClientTimeout(total=probe.timeout.total_seconds())
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as answer:
                good = answer.status == probe.status
                words = f"probe {answer.status}" + ("" if good else f" (wanted {probe.status})")
        except TimeoutError:
            good, words = False, f"probe gave no answer in {probe.timeout.total_seconds():g} s"
        except aiohttp.ClientError as error:
            good, words = False, f"probe failed: {type(error).__name__}"
        return Measured(name="probe", reading=Reading.GOOD if good else Reading.BAD, words=words)

    async def _load(self, deployment_id: str) -> tuple[Deployment, Service, Environment]:
        async with self._parts.store.read() as conn:
            deployment = await records.get(conn, deployment_id)
        if deployment is None:
            raise LookupError(f"there is no deployment {deployment_id}")
        service = self._parts.catalog().service(deployment.service)
        return deployment, service, service.environment(deployment.environment)


class _Following:
    """Writes what is seen of one run: its stages into the row and the card, its log into the thread."""

    def __init__(self, ledger: Ledger, deployment: Deployment, what: str, state: State) -> None:
        self._ledger = ledger
        self._parts = ledger.parts
        self._deployment = deployment
        self._what = what
        self._state = state
        offsets = deployment.progress.get("log_offsets")
        known = offsets.get(what) if isinstance(offsets, dict) else None
        self.offset = known if isinstance(known, int) else 0
        self.log = Tail(self.offset)
        self._tail = ""
        self._posted_at: datetime | None = None

    async def cancelled(self) -> bool:
        """Tell whether somebody asked to end it; a rollback under way is not ended."""
        if self._state is State.ROLLING_BACK:
            return False
        async with self._parts.store.read() as conn:
            now = await records.get(conn, self._deployment.id)
        return now is None or now.cancel_at is not None

    async def changed(self, run: Run) -> None:
        """Show the run's stages."""
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            current = await records.get(tx.conn, self._deployment.id)
            if current is None or current.state is not self._state:
                return
            before = _of_run(current)
            if before.get("what") != self._what:
                before = {}
            told: dict[str, JsonValue] = {**progress.told(run, before, self._parts.clock.now()), "what": self._what}
            known = {action.id for action in progress.actions(before)}
            await answers.see(tx, str(run.ref), run.actions)
            moved = {f"{self._what}_run": str(run.ref)}  # a queue item becomes a build
            shown: dict[str, JsonValue] = {**current.progress, "run": told, "silent": ""}
            if run.actions and self._parts.links_only(run.ref.instance):
                shown["by_person"] = True
            changed = await book.change(current, progress=shown, **moved)
            if changed is not None and any(action.id not in known for action in run.actions):
                await book.ask_to_answer(changed, str(run.ref), run.actions[0].id)

    async def silent(self, since: datetime, instance: str) -> None:
        """Say on the card that the tool does not answer."""
        await self._write({"silent": f"{instance} has not answered since {since:%H:%M} UTC; looking on"})

    async def not_ended(self, why: str) -> None:
        """Say on the card that the tool does not end the run."""
        await self._write({"not_ended": f"it cannot be ended by Shipmate: {why}"})

    async def logged(self, text: str, next_offset: int) -> None:
        """Keep the newest of the log; post some of it now and then."""
        self._tail = (self._tail + text)[-EXCERPT:]
        self.log.add(text, next_offset)
        self.offset = next_offset
        now = self._parts.clock.now()
        self._posted_at = self._posted_at or now
        if now - self._posted_at >= LOG_EVERY:
            self._posted_at = now
            await self._post()

    async def ended(self, run: Run, why: Finding | None) -> None:
        """Show how it ended and post the end of its log; of a failure, the part that says why."""
        await self.changed(run)
        if why is not None and why.excerpts:
            self._tail = "\n\n".join(text for _, text in why.excerpts)
        await self._post()

    async def _post(self) -> None:
        if not self._tail.strip():
            return
        text, self._tail = self._tail, ""
        async with self._parts.store.write() as tx:
            current = await records.get(tx.conn, self._deployment.id)
            if current is None:
                return
            offsets = current.progress.get("log_offsets")
            known: dict[str, JsonValue] = dict(offsets) if isinstance(offsets, dict) else {}
            if known.get(self._what) == self.offset:
                return
            progress = {**current.progress, "log_offsets": {**known, self._what: self.offset}}
            await records.change(tx, current.id, [current.state], progress=progress)
            if current.channel is not None:
                await self._parts.outbox.post(
                    tx,
                    f"{current.id}/log/{self._what}/{current.generation}/{self.offset}",
                    current.channel,
                    messages.excerpt(self._what, text),
                    in_thread_of=current.id,
                )

    async def _write(self, told: dict[str, JsonValue]) -> None:
        async with self._parts.store.write() as tx, self._ledger.open(tx) as book:
            current = await records.get(tx.conn, self._deployment.id)
            if current is not None and current.state is self._state:
                await book.change(current, progress={**current.progress, **told})


def _of_run(deployment: Deployment) -> dict[str, JsonValue]:
    found = deployment.progress.get("run")
    return found if isinstance(found, dict) else {}


def worst(values: Sequence[float], metric: Metric) -> float | None:
    """Return the value that is nearest to breaking a limit of the metric; NaN only when there is nothing else."""
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return math.nan if values else None
    if metric.max is not None and (metric.min is None or max(numbers) > metric.max):
        return max(numbers)
    return min(numbers)


def looks_wanted(verification: Verification) -> int:
    """Return how often is looked within the window."""
    return max(1, round(verification.window / verification.interval))


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _limit(metric: Metric) -> str:
    if metric.max is not None and metric.min is not None:
        return f"limits {amount(metric.min, metric.unit)} and {amount(metric.max, metric.unit)}"
    limit = metric.max if metric.max is not None else metric.min
    return f"limit {amount(limit, metric.unit)}" if metric.max is not None else f"at least {amount(limit, metric.unit)}"


def _state_of(what: str) -> State:
    return {"build": State.PLANNING, "deploy": State.DEPLOYING, "rollback": State.ROLLING_BACK}[what]
