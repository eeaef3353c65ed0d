"""The stand-in's front: addresses, logins, crumbs, and what each address answers."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from tests.servers.jenkins import pages, workflow
from tests.servers.jenkins.builds import Build, Script
from tests.servers.jenkins.creation import create_item
from tests.servers.jenkins.executor import Executor
from tests.servers.jenkins.faults import Faults
from tests.servers.jenkins.jobs import Job, ParameterDefinition
from tests.servers.jenkins.logins import Logins
from tests.servers.jenkins.notification import Notifier
from tests.servers.jenkins.queue import Cause, Node, QueueItem
from tests.servers.jenkins.tree import Bean, beans, export, parse

_BUILD, _CANCEL = "hudson.model.Item.Build", "hudson.model.Item.Cancel"


@dataclass(frozen=True)
class Seen:
    """A request that came: method, path with query, form fields."""

    method: str
    path: str
    form: dict[str, str] = field(default_factory=dict)


class JenkinsServer:
    """A Jenkins on a free port of this machine. Settings: `public_url` as Jenkins says its own addresses, if another.

    Control it by `add_job`, `job`, `executor` (queue, nodes, `held`, `quiet_period`), `faults`, `forbid`,
    `begin_restart`/`end_restart`, `forget_queue_items`, `delete_build`, `notify`. `requests` is what came.
    """

    def __init__(self, *, quiet_period: float = 0.0, public_url: str = "", prefix: str = "", port: int = 0) -> None:
        self.logins = Logins()
        self.username, self.token, self.password = self.logins.username, self.logins.token, self.logins.password
        self.prefix = prefix
        self.jobs: dict[str, Job] = {}
        self.scripts: dict[str, Script] = {}  # of jobs that are made over HTTP, by name
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.executor = Executor(quiet_period=quiet_period)
        self.notifier = Notifier()
        self.executor.on_phase.append(self.notifier.tell)
        self.restarting = False
        self.report_plugin = self.pipeline_plugins = True
        self._forbidden: set[tuple[str, str]] = set()
        self._port = port
        self._public_url = public_url
        self._runner: web.AppRunner | None = None
        self.url = ""

    # ------------------------------------------------------------------------------------------------- up and down

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}{self.prefix}"

    async def stop(self) -> None:
        """End all builds and close."""
        self.faults.release()
        await self.executor.close()
        await self.notifier.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    @property
    def root(self) -> str:
        """Its own address as Jenkins says it."""
        return self._public_url or self.url

    # ------------------------------------------------------------------------------------------------ what tests do

    def add_job(
        self,
        name: str,
        *,
        kind: str = "freestyle",
        parameters: Sequence[ParameterDefinition] = (),
        script: Script | None = None,
        concurrent: bool | None = None,
        **fields: Any,
    ) -> Job:
        """Add a job and the folders on its way; a `name` with `%2F` in it is a branch as Jenkins names it."""
        jobs, parent = self.jobs, None
        *folders, last = name.split("/")
        for folder in folders:
            parent = jobs.setdefault(folder, Job(self.root, folder, "folder", parent))
            jobs = parent.jobs
        together = kind == "pipeline" if concurrent is None else concurrent
        job = Job(self.root, last, kind, parent, tuple(parameters), script, concurrent=together, **fields)
        jobs[last] = job
        return job

    def job(self, name: str) -> Job:
        """Return a job by its full name."""
        return next(job for top in self.jobs.values() for job in top.all() if job.full_name == name)

    def forbid(self, name: str, permission: str = _BUILD) -> None:
        """Take a permission on a job from everybody; without `Item.Read` nobody knows that the job exists."""
        self._forbidden.add((name, permission))

    def begin_restart(self) -> None:
        """Answer everything with the page that asks to wait. Freestyle builds do not survive it, pipelines do."""
        self.restarting = True
        for top in self.jobs.values():
            for job in top.all():
                if job.kind == "freestyle" and job.running is not None:
                    running = job.running
                    if running.task is not None:
                        running.task.cancel()
                    running.finish("ABORTED")

    def end_restart(self) -> None:
        """Be there again."""
        self.restarting = False

    def forget_queue_items(self) -> None:
        """Forget the items that left the queue, as Jenkins does after five minutes."""
        for item in list(self.executor.items.values()):
            if item.left:
                del self.executor.items[item.id]

    def delete_build(self, build: Build) -> None:
        """Delete a build."""
        del build.job.builds[build.number]

    def started(self, job: str, **values: str) -> int:
        """Return how many builds of a job began with these values of parameters."""
        wanted = values.items()
        return sum(all(build.values.get(k) == v for k, v in wanted) for build in self.job(job).builds.values())

    # --------------------------------------------------------------------------------------------------- receiving

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        form: dict[str, str] = {}
        if request.method == "POST" and "xml" not in request.content_type:
            form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append(Seen(request.method, request.path_qs, form))
        fault = self.faults.take(f"{request.method} {request.path}")
        if fault is None:
            return await self._answer(request)
        response: web.StreamResponse | None = None
        if fault.after or not (fault.status or fault.drop):
            if fault.gate is not None and not fault.after:
                await fault.gate.wait()
            response = await self._answer(request)
        if fault.gate is not None:
            await fault.gate.wait()
        if fault.drop:
            if request.transport is not None:
                request.transport.abort()
            raise asyncio.CancelledError
        if fault.status:
            return fault.response()
        assert response is not None
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.restarting:
            return pages.starting()
        path = request.rel_url.raw_path.removeprefix(self.prefix)
        user, with_password, refusal = self.logins.who(request, path)
        if refusal is not None:
            return refusal
        if path in {"/crumbIssuer/api/json", "/crumbIssuer/api/python"}:
            return self.logins.crumb(request, user)
        if request.method == "POST" and with_password and not self.logins.crumb_is_good(request, user):
            return pages.plain_error(403, "No valid crumb was included in the request", path)
        segments = [unquote(segment) for segment in path.strip("/").split("/") if segment]
        try:
            return await self._route(request, user, segments)
        except web.HTTPNotFound:
            return pages.plain_error(404, "Not Found", path)

    # ----------------------------------------------------------------------------------------------------- routing

    async def _route(self, request: web.Request, user: str, segments: list[str]) -> web.StreamResponse:
        jobs, job = self.jobs, None
        while len(segments) > 1 and segments[0] == "job":
            job = jobs.get(segments[1])
            if job is None or job.hidden or self._denied(job, "hudson.model.Item.Read"):
                raise web.HTTPNotFound
            jobs, segments = job.jobs, segments[2:]
        what = "/".join(segments)
        if what == "createItem" and request.method == "POST":
            return create_item(self, job, request.query.get("name", ""), await request.text())
        if job is None:
            return self._top(request, user, what)
        if segments and re.fullmatch(r"\d+|lastBuild|lastSuccessfulBuild", segments[0]):
            return await self._build(request, user, job, segments)
        return await self._job(request, user, job, what)

    def _top(self, request: web.Request, user: str, what: str) -> web.Response:
        if what == "queue/cancelItem" and request.method == "POST":
            item = self.executor.items.get(int(request.query.get("id", "0")))
            if item is not None and not item.left:
                self.executor.cancel(item)
            return web.Response(status=204)
        if what in {"quietDown", "cancelQuietDown"} and request.method == "POST":
            self.executor.quieting_down = what == "quietDown"
            self.executor.maintain()
            return pages.moved(f"{self.root}/")
        if found := re.fullmatch(r"queue/item/(\d+)/api/json", what):
            item = self.executor.items.get(int(found[1]))
            if item is None:
                raise web.HTTPNotFound
            return self._json(request, item.bean())
        beans = {
            "api/json": self._root,
            "whoAmI/api/json": lambda: _whoami(user),
            "queue/api/json": self._queue,
            "computer/api/json": self._computers,
        }
        if what not in beans:
            raise web.HTTPNotFound
        return self._json(request, beans[what]())

    async def _job(self, request: web.Request, user: str, job: Job, what: str) -> web.Response:
        if what == "api/json":
            return self._json(request, job.bean())
        if what == "config.xml":
            return web.Response(body=job.config.encode(), content_type="application/xml")
        if what == "wfapi/runs" and job.kind == "pipeline" and self.pipeline_plugins:
            return pages.json([workflow.describe(build) for build in job.newest()], stamped=False)
        if request.method == "POST" and what in {"build", "buildWithParameters"} and not job.is_folder:
            return await self._start(request, user, job, what)
        if request.method == "POST" and what == "doDelete":
            del (job.parent.jobs if job.parent else self.jobs)[job.name]
            return pages.moved(f"{self.root}/")
        if request.method == "POST" and what in {"disable", "enable"}:
            job.disabled = what == "disable"
            return pages.moved(job.url)
        raise web.HTTPNotFound

    async def _start(self, request: web.Request, user: str, job: Job, what: str) -> web.Response:
        if self._denied(job, _BUILD):
            return pages.forbidden(user, _BUILD, request.path)
        if job.disabled:
            return pages.not_buildable(job.full_display_name)
        if what == "build" and job.parameters:
            return pages.plain_error(400, "Nothing is submitted", request.path)
        if what == "buildWithParameters" and not job.parameters:
            return pages.own_error(500)
        given = {name: str(value) for name, value in {**request.query, **await request.post()}.items()}
        try:
            values = {p.name: p.convert(given[p.name]) if p.name in given else p.default for p in job.parameters}
        except ValueError:
            return pages.own_error(500)
        delay = re.match(r"\d+", request.query.get("delay", ""))
        item = self.executor.schedule(job, values, Cause(user=user), float(delay[0]) if delay else None)
        return web.Response(status=201, headers={"Location": f"{self.root}/queue/item/{item.id}/"})

    async def _build(self, request: web.Request, user: str, job: Job, segments: list[str]) -> web.StreamResponse:
        build = _find(job, segments[0])
        rest, what = segments[1:], "/".join(segments[1:])
        if request.method == "POST":
            return await self._do(request, user, build, rest)
        if what == "api/json":
            return self._json(request, build.bean())
        if what in {"logText/progressiveText", "consoleText"}:
            return await self._console(request, build, what)
        if job.kind == "pipeline" and self.pipeline_plugins and what.startswith("wfapi/"):
            shown: Any = workflow.describe(build) if what == "wfapi/describe" else workflow.pending(build)
            return pages.json(shown, stamped=False)
        return self._kept(request, build, rest)

    async def _do(self, request: web.Request, user: str, build: Build, rest: list[str]) -> web.Response:
        if rest == ["stop"]:
            if self._denied(build.job, _CANCEL):
                return pages.forbidden(user, _CANCEL, request.path)
            self.executor.stop(build, user)
            return pages.moved(build.url)
        if rest[:1] == ["input"]:
            return await workflow.answer(build, rest, request, user)
        raise web.HTTPNotFound

    def _kept(self, request: web.Request, build: Build, rest: list[str]) -> web.Response:
        if rest == ["testReport", "api", "json"] and build.report is not None:
            report = build.report
            return self._json(request, Bean("hudson.tasks.junit.TestResult", lambda: beans(report)))
        if rest[:1] == ["artifact"] and "/".join(rest[1:]) in build.files:
            return web.Response(body=build.files["/".join(rest[1:])], content_type="application/octet-stream")
        raise web.HTTPNotFound

    async def _console(self, request: web.Request, build: Build, what: str) -> web.StreamResponse:
        progressive = what != "consoleText"
        size, start = build.console.size, int(request.query.get("start", "0")) if progressive else 0
        response = web.StreamResponse(headers={"Content-Type": "text/plain;charset=utf-8"})
        if progressive:
            response.headers["X-Text-Size"] = str(size)
            if build.building:
                response.headers["X-More-Data"] = "true"
        await response.prepare(request)
        # A start beyond the end begins anew, as for a log that was rotated.
        with contextlib.suppress(ConnectionError):
            for piece in build.console.shown(0 if start > size else start, crlf=progressive):
                await response.write(piece)
        return response

    def _json(self, request: web.Request, bean: Bean) -> web.Response:
        tree = request.query.get("tree")
        try:
            return pages.json(export(bean, parse(tree) if tree else None))
        except ValueError:
            return pages.own_error(500)

    def _denied(self, job: Job, permission: str) -> bool:
        return (job.full_name, permission) in self._forbidden

    # ---------------------------------------------------------------------------------------------------- top beans

    def _root(self) -> Bean:
        view = Bean("hudson.model.AllView", lambda: {"name": "all", "url": f"{self.root}/"})
        shown: dict[str, Any] = {
            "assignedLabels": [Bean("", lambda: {"name": "master"})],
            "mode": "NORMAL",
            "nodeDescription": "the master Jenkins node",
            "nodeName": "",
            "numExecutors": self.executor.nodes[0].executors,
            "description": None,
            "jobs": [job.bean() for job in self.jobs.values() if not job.hidden],
            "overallLoad": Bean("", dict),
            "primaryView": view,
            "quietingDown": self.executor.quieting_down,
            "slaveAgentPort": 0,
            "unlabeledLoad": Bean("jenkins.model.UnlabeledLoadStatistics", dict),
            "url": self._public_url or None,
            "useCrumbs": True,
            "useSecurity": True,
            "views": [view],
        }
        return Bean("hudson.model.Hudson", lambda: shown)

    def _queue(self) -> Bean:
        items: list[QueueItem] = self.executor.waiting()
        return Bean("hudson.model.Queue", lambda: {"discoverableItems": [], "items": [item.bean() for item in items]})

    def _computers(self) -> Bean:
        jobs = [job for top in self.jobs.values() for job in top.all()]
        running = [build for job in jobs for build in job.builds.values() if build.building]
        nodes: list[Node] = self.executor.nodes

        def first() -> dict[str, Any]:
            bean = nodes[0].bean()
            return {**bean.fields(), "executors": [_executor(build) for build in running]}

        computers = [Bean("hudson.model.Hudson$MasterComputer", first, None, ("executors",))]
        shown: dict[str, Any] = {
            "busyExecutors": len(running),
            "computer": [*computers, *(node.bean() for node in nodes[1:])],
            "displayName": "Nodes",
            "totalExecutors": sum(node.executors for node in nodes if not node.reason),
        }
        return Bean("hudson.model.ComputerSet", lambda: shown)


def _find(job: Job, name: str) -> Build:
    newest = job.newest()
    if name == "lastSuccessfulBuild":
        newest = [build for build in newest if build.result in {"SUCCESS", "UNSTABLE"}]
    found = job.builds.get(int(name)) if name.isdigit() else next(iter(newest), None)
    if found is None:
        raise web.HTTPNotFound
    return found


def _executor(build: Build) -> Bean:
    return Bean("", lambda: {"currentExecutable": build.bean()})


def _whoami(user: str) -> Bean:
    shown = {"anonymous": False, "authenticated": True, "authorities": ["authenticated"], "name": user}
    return Bean("hudson.security.WhoAmI", lambda: shown)
