"""The adapter: what blocks runs in its threads, with a deadline; nothing here waits on the event loop."""

import asyncio
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from integrations.capabilities.builds import BuildJob, BuildRequest
from integrations.capabilities.deploys import DeployRequest, Running
from integrations.capabilities.links import Link, Preview
from integrations.capabilities.reports import TestReport
from integrations.capabilities.runs import LogChunk, Run, RunRef
from integrations.contract import Pong, Resources
from integrations.errors import BadReply, NotAuthenticated, NotFound, OutcomeUnknown, Unavailable
from integrations.jenkins import links
from integrations.jenkins.connection import Connection
from integrations.jenkins.jobs import Jobs
from integrations.jenkins.names import RunName, job_path
from integrations.jenkins.places import Bounds, Places
from integrations.jenkins.reports import get_report
from integrations.jenkins.runs import Runs
from integrations.jenkins.settings import JenkinsSettings
from integrations.jenkins.starts import Attempt, Starts
from integrations.threads import BoundedThreads

_T = TypeVar("_T")
_REQUESTS = 3  # a call asks several times; together they get as long as this many requests
_SLACK = 2.0  # seconds that a thread gets to give up by itself before it is given up
_LINE = 64


async def connect(instance: str, settings: JenkinsSettings, resources: Resources) -> "Jenkins":
    """Return the adapter of one instance; nothing is asked yet."""
    return Jenkins(instance, settings, resources)


class Jenkins:
    """BuildServer, Deployer, TestReports and LinkReader on one Jenkins."""

    def __init__(self, instance: str, settings: JenkinsSettings, resources: Resources) -> None:
        self._instance = instance
        self._settings = settings
        deadline = settings.timeout * _REQUESTS + _SLACK
        self._threads = BoundedThreads(instance, size=settings.threads, waiting=_LINE, deadline=deadline)
        self._connection = Connection(instance, settings, resources)
        secret = settings.token or settings.password
        secrets = [secret.get_secret_value()] if secret is not None else []
        parameter = settings.parameters.request_id
        self._places = Places(self._connection, parameter=parameter, history=settings.history)
        self._jobs = Jobs(self._connection)
        self._runs = Runs(self._connection, settings, self._places, secrets)
        self._starts = Starts(self._connection, settings, self._jobs, self._runs, self._places)
        self._starting: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    @property
    def instance(self) -> str:
        """The configured name of this instance."""
        return self._instance

    async def ping(self) -> Pong:
        """Return Jenkins' version and who we are to it. Raises: NotAuthenticated when it knows us as nobody."""

        def ask() -> Pong:
            answer = self._connection.ask("/api/json", {"tree": "quietingDown"})
            told = self._connection.read(answer.body)
            closing = isinstance(told, dict) and told.get("quietingDown")
            me = self._connection.get("/whoAmI", "name,anonymous")
            if not isinstance(me, dict) or "name" not in me:
                raise BadReply(self._instance, "the answer is not Jenkins': check `url`", excerpt=str(me))
            if me.get("anonymous"):
                raise NotAuthenticated(self._instance, "Jenkins knows us as anonymous: check `username` and `token`")
            version = answer.headers.get("x-jenkins", "")
            detail = f"{self._settings.url}{', about to shut down' if closing else ''}"
            return Pong(version=version, identity=str(me["name"]), detail=detail)

        return await self._call(ask)

    async def close(self) -> None:
        """Close connections and let the threads end."""
        self._threads.close()
        self._connection.close()

    # ------------------------------------------------------------------------------------------------- LinkReader

    def recognise(self, url: str) -> Link | None:
        """Return the build that a page of this Jenkins is about, None for every other address. Asks nobody."""
        return links.recognise(self._settings.url, url)

    async def preview(self, link: Link) -> Preview | None:
        """Return what is there, None when the build is gone or not ours to see."""
        try:
            return links.preview(link, await self.get_run(RunRef(self._instance, f"{link.project}#{link.key}")))
        except NotFound:
            return None

    # ------------------------------------------------------------------------------------------------- RunTracker

    async def get_run(self, ref: RunRef) -> Run:
        """Return the run as it stands; see RunTracker. Raises: NotFound when it was deleted or is forgotten."""
        return await self._call(lambda: self._runs.get(ref))

    async def find_run(self, request_id: str, job: str = "", since: datetime | None = None) -> RunRef | None:
        """Return the run of a request id: in the job where this process started it, else wherever it waits or runs.

        One that is over and was started by another process is looked for in `job`, or in the branches of it, as far
        back as `since`; without a job nothing in Jenkins leads to it.
        """

        def find() -> RunRef | None:
            name = self._places.named(request_id)
            for one in self._jobs.within(job) if job and name is None else ():
                wanted = RunName(one, request_id=request_id)
                if self._places.among_builds(wanted, Bounds(since)) is not None:
                    name = wanted
                    break
            return None if name is None else RunRef(self._instance, str(name))

        return await self._call(find)

    async def cancel_run(self, ref: RunRef) -> None:
        """Ask for the run's end, in the queue or at work; see RunTracker."""
        await self._call(lambda: self._runs.cancel(ref))

    async def read_log(self, ref: RunRef, offset: int = 0) -> LogChunk:
        """Return the console from `offset` on, as plain text; see RunTracker and integrations/jenkins/console.py."""
        return await self._call(lambda: self._runs.read_log(ref, offset))

    async def answer(self, ref: RunRef, action: str, parameters: Mapping[str, str]) -> None:
        """Let an input step go on; see RunTracker. Raises: Refused when none waits or a parameter does not fit."""
        await self._call(lambda: self._runs.answer(ref, action, parameters))

    # ------------------------------------------------------------------------------------------------- BuildServer

    async def start_build(self, request: BuildRequest) -> RunRef:
        """Start a build and return its reference; see BuildServer.

        Raises:
            OutcomeUnknown: it was sent and no answer came, and it is not to be found (yet).
            Refused: a parameter is unknown, of the wrong type or lacking; the job is disabled or a folder.
            NotFound: there is no such job; the message names near ones.
        """
        return await self._start(request.request_id, lambda attempt: self._starts.build(request, attempt))

    async def get_job(self, job: str) -> BuildJob:
        """Return a job by its path, or by its last part where that fits one alone; see BuildServer."""
        return await self._call(lambda: self._jobs.get(job).described())

    async def list_jobs(self, part: str = "", limit: int = 100) -> Sequence[str]:
        """Return full names of jobs that hold `part`; they may be some seconds old."""
        return await self._call(lambda: self._jobs.names(part, limit))

    async def list_builds(self, job: str, branch: str = "", limit: int = 20) -> Sequence[Run]:
        """Return builds of a job, newest first; see BuildServer. `branch` also chooses in a multibranch job."""
        return await self._call(lambda: self._runs.newest(self._jobs.get(job, branch), branch, limit))

    async def retry_build(self, ref: RunRef, request_id: str) -> RunRef:
        """Run a build that is over once more, with its parameters; see BuildServer."""
        return await self._start(request_id, lambda attempt: self._starts.retry(ref, request_id, attempt))

    # ---------------------------------------------------------------------------------------------------- Deployer

    async def start_deploy(self, request: DeployRequest) -> RunRef:
        """Start the deploy job; see Deployer.

        Raises:
            OutcomeUnknown: it was sent and no answer came, and it is not to be found (yet).
            Refused: the fence is older than one that the job has seen for this place; or as `start_build`.
        """
        return await self._start(request.request_id, lambda attempt: self._starts.deploy(request, attempt))

    async def get_running(self, job: str, service: str, environment: str, target: str) -> Running | None:
        """Return what the newest successful build of the deploy job put on the place.

        That is what Jenkins knows: whether it still runs, and is well, it cannot say (`healthy` is None).
        """
        return await self._call(lambda: self._starts.running(job, service, environment, target))

    # ------------------------------------------------------------------------------------------------- TestReports

    async def get_report(self, ref: RunRef) -> TestReport | None:
        """Return the JUnit report of a build, None when it has none (yet); see TestReports."""

        def ask() -> TestReport | None:
            name = self._runs.name_of(ref)
            found = self._places.find(name)
            if found is None or found.item is not None:
                return None
            path = f"{job_path(name.job)}/{found.number}"
            build = self._connection.get(path, "url")
            return get_report(self._connection, path, str(build.get("url") or ""))

        return await self._call(ask)

    # -------------------------------------------------------------------------------------------------------------

    async def _start(self, request_id: str, send: Callable[[Attempt], RunRef]) -> RunRef:
        """Start something: one at a time for a request id, and of unknown outcome when it was given up half-way."""
        lock = self._starting.setdefault(request_id, asyncio.Lock())
        attempt = Attempt()
        async with lock:
            try:
                return await self._call(lambda: send(attempt))
            except Unavailable as error:
                attempt.withdrawn = True
                if error is attempt.failure or not attempt.posted:
                    raise
                raise OutcomeUnknown(self._instance, error.message, request_id=request_id) from error
            finally:
                attempt.withdrawn = True

    async def _call(self, function: Callable[[], _T]) -> _T:
        """Run a blocking call, and make what Jenkins' JSON lacks a BadReply."""
        try:
            return await self._threads.run(function)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadReply(self._instance, f"the answer has another form: {error!r}") from error
