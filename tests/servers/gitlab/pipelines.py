"""Routes of the stand-in: pipelines and jobs. They move on when somebody looks, as far as no test holds them."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.servers.gitlab.faults import refusal
from tests.servers.gitlab.server import SERVER, GitLabServer
from tests.servers.gitlab.state import FINAL, Deployment, Job, Pipeline, Project, User

routes = web.RouteTableDef()
_BASE = "/api/v4/projects/{id}/pipelines"


def create(
    server: GitLabServer,
    project: Project,
    ref: str,
    sha: str,
    variables: Mapping[str, str],
    *,
    user: User,
    source: str = "api",
    tag: bool = False,
) -> Pipeline:
    """Make a pipeline of the project's jobs."""
    now = server.time.text()
    made = Pipeline(
        server.new_id(), len(project.pipelines) + 1, project, ref, sha, user, dict(variables), now, now, source, tag
    )
    specs = project.ci(variables) if callable(project.ci) else project.ci
    made.jobs = [Job(server.new_id(), spec, made, created_at=now, outcome=spec.outcome) for spec in specs]
    project.pipelines.append(made)
    return made


def advance(server: GitLabServer, pipeline: Pipeline) -> None:
    """Let a pipeline get as far as its jobs, the runners and the test allow."""
    stages = dict.fromkeys(job.spec.stage for job in pipeline.jobs)
    for stage in stages:
        jobs = [job for job in pipeline.jobs if job.spec.stage == stage]
        for job in jobs:
            _move(server, job)
        if any(job.status not in {"success", "skipped"} and not job.spec.allow_failure for job in jobs):
            break
    if "failed" in {job.status for job in pipeline.jobs if not job.spec.allow_failure}:
        for job in pipeline.jobs:
            if job.status == "created":
                job.status = "skipped"
    started = [job.started_at for job in pipeline.jobs if job.started_at]
    pipeline.started_at = pipeline.started_at or (min(started) if started else None)
    if pipeline.status in FINAL and pipeline.finished_at is None:
        pipeline.finished_at = server.time.text()
    if pipeline.told != pipeline.status:
        pipeline.told = pipeline.status
        pipeline.updated_at = server.time.text()
        server.deliveries.pipeline(pipeline)


def _move(server: GitLabServer, job: Job) -> None:
    if job.status == "created":
        job.status = "manual" if job.spec.manual else "pending"
    if job.status == "pending" and not server.runners_held:
        job.status, job.started_at, job.trace = "running", server.time.text(), job.spec.trace
        server.deliveries.job(job)
        if job.spec.triggers:
            other = server.project_at(job.spec.triggers)
            job.downstream = create(
                server, other, "main", job.pipeline.sha, {}, user=job.pipeline.user, source="pipeline"
            )
    if job.status == "running" and job.outcome is not None:
        job.status, job.finished_at = job.outcome, server.time.text()
        server.deliveries.job(job)
        if job.spec.environment:
            _deployed(server, job)


def _deployed(server: GitLabServer, job: Job) -> None:
    project, pipeline = job.pipeline.project, job.pipeline
    now = server.time.text()
    deployment = Deployment(
        server.new_id(), len(project.deployments) + 1, job.spec.environment, pipeline.sha, pipeline.ref, pipeline.tag,
        job.status, pipeline.user, now, now, job,
    )  # fmt: skip
    project.deployments.append(deployment)
    server.deliveries.deployment(project, deployment)


async def _pipeline(request: web.Request) -> Pipeline:
    server = request.app[SERVER]
    project = await server.project(request)
    for pipeline in project.pipelines:
        if str(pipeline.id) == request.match_info["pipeline"]:
            advance(server, pipeline)
            return pipeline
    raise refusal(404, "404 Not found")


async def _job(request: web.Request) -> Job:
    project = await request.app[SERVER].project(request)
    for pipeline in project.pipelines:
        for job in pipeline.jobs:
            if str(job.id) == request.match_info["job"]:
                return job
    raise refusal(404, "404 Not found")


@routes.get(_BASE)
async def pipelines(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    if not project.ci_enabled:
        raise refusal(403, "403 Forbidden")
    found = project.pipelines[::-1]
    for name in ("ref", "sha", "source"):
        if name in request.query:
            found = [one for one in found if getattr(one, name) == request.query[name]]
    for one in found:
        advance(server, one)
    return server.page(request, [server.show.pipeline(one, whole=False) for one in found])


@routes.post("/api/v4/projects/{id}/pipeline")
async def start(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    project = await server.project(request)
    asked: dict[str, Any] = await request.json()
    variables = {one["key"]: one["value"] for one in asked.get("variables", ())}
    branches = await server.repositories.refs(project.repository, "heads")
    tags = await server.repositories.refs(project.repository, "tags")
    sha = branches.get(asked["ref"]) or tags.get(asked["ref"])
    if not project.ci_enabled:
        raise refusal(403, "403 Forbidden")
    if sha is None:
        raise refusal(400, {"base": ["Reference not found"]})
    if project.ci_refusal:
        raise refusal(400, {"base": [project.ci_refusal]})
    made = create(
        server, project, asked["ref"], sha, variables, user=server.asker(request).user, tag=asked["ref"] in tags
    )
    return web.json_response(server.show.pipeline(made), status=201)


@routes.get(_BASE + r"/{pipeline:\d+}")
async def pipeline(request: web.Request) -> web.Response:
    return web.json_response(request.app[SERVER].show.pipeline(await _pipeline(request)))


@routes.get(_BASE + r"/{pipeline:\d+}/variables")
async def variables(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = await _pipeline(request)
    if found.user is not server.asker(request).user:
        raise refusal(403, "403 Forbidden")
    shown = [
        {"variable_type": "env_var", "key": key, "value": value, "raw": False} for key, value in found.variables.items()
    ]
    return web.json_response(shown)


@routes.get(_BASE + r"/{pipeline:\d+}/jobs")
async def jobs(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = [job for job in (await _pipeline(request)).jobs if not job.spec.triggers]
    return server.page(request, [server.show.job(job) for job in reversed(found)])


@routes.get(_BASE + r"/{pipeline:\d+}/bridges")
async def bridges(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = [job for job in (await _pipeline(request)).jobs if job.spec.triggers]
    return server.page(request, [server.show.bridge(job) for job in found])


@routes.post(_BASE + r"/{pipeline:\d+}/cancel")
async def cancel(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = await _pipeline(request)
    if found.status not in FINAL:
        found.canceled, found.canceled_by = True, server.asker(request).user.username
        for job in found.jobs:
            if job.status not in FINAL:
                job.status, job.finished_at = "canceled", server.time.text() if job.started_at else None
        advance(server, found)
    return web.json_response(server.show.pipeline(found))


@routes.get(_BASE + r"/{pipeline:\d+}/test_report")
async def test_report(request: web.Request) -> web.Response:
    found = await _pipeline(request)
    suites: list[dict[str, Any]] = []
    for job in found.jobs:
        if job.spec.report and job.status in FINAL:
            states = [case["status"] for case in job.spec.report]
            suites.append(
                {
                    "name": job.spec.name, "total_time": sum(float(case["execution_time"]) for case in job.spec.report),
                    "total_count": len(states), "success_count": states.count("success"),
                    "failed_count": states.count("failed"), "skipped_count": states.count("skipped"),
                    "error_count": states.count("error"), "suite_error": None, "test_cases": list(job.spec.report),
                }
            )  # fmt: skip
    counts = ("total_time", "total_count", "success_count", "failed_count", "skipped_count", "error_count")
    totals = {name: sum(suite[name] for suite in suites) for name in counts}
    return web.json_response(totals | {"test_suites": suites})


@routes.get(r"/api/v4/projects/{id}/jobs/{job:\d+}")
async def job(request: web.Request) -> web.Response:
    return web.json_response(request.app[SERVER].show.job(await _job(request)))


@routes.get(r"/api/v4/projects/{id}/jobs/{job:\d+}/trace")
async def trace(request: web.Request) -> web.StreamResponse:
    """Answer with the whole trace, as GitLab does; with a part of it where the test says that a proxy would."""
    found = await _job(request)
    if not request.app[SERVER].ranges:
        return web.Response(body=found.trace, content_type="text/plain")
    start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if start >= len(found.trace):
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(found.trace)}"})
    spread = {"Content-Range": f"bytes {start}-{len(found.trace) - 1}/{len(found.trace)}"}
    return web.Response(status=206, body=found.trace[start:], content_type="text/plain", headers=spread)


@routes.get(r"/api/v4/projects/{id}/jobs/{job:\d+}/artifacts/{path:.+}")
async def artifact(request: web.Request) -> web.Response:
    found = await _job(request)
    content = found.spec.artifacts.get(request.match_info["path"])
    if content is None or found.status != "success":
        raise refusal(404, "404 Not found")
    return web.Response(body=content, content_type="application/octet-stream")


@routes.post(r"/api/v4/projects/{id}/jobs/{job:\d+}/play")
async def play(request: web.Request) -> web.Response:
    server = request.app[SERVER]
    found = await _job(request)
    if found.status != "manual":
        raise refusal(400, "400 Bad request - Unplayable Job")
    player = server.asker(request).user.username
    if found.spec.players is not None and player not in found.spec.players:
        raise refusal(403, "403 Forbidden")
    found.played_by = player
    asked = await request.json() if request.can_read_body else {}
    found.played_with = {one["key"]: one["value"] for one in (asked or {}).get("job_variables_attributes", ())}
    found.status = "pending"
    found.pipeline.finished_at = None
    found.pipeline.updated_at = server.time.text()
    advance(server, found.pipeline)
    return web.json_response(server.show.job(found))
