"""The REST API of pipelines: stages and steps that wait for input (plugins pipeline-rest-api, pipeline-input-step)."""

import json
from typing import Any

from aiohttp import web

from tests.servers.jenkins import pages
from tests.servers.jenkins.builds import Build, Input, Stage


def describe(build: Build) -> dict[str, Any]:
    """Return a run with its stages."""
    paused = bool(build.inputs)
    links: dict[str, Any] = {"self": {"href": f"{build.path}wfapi/describe"}}
    if paused:
        for name in ("pendingInputActions", "nextPendingInputAction"):
            links[name] = {"href": f"{build.path}wfapi/{name}"}
    status = {"FAILURE": "FAILED"}.get(build.result or "", build.result) or "IN_PROGRESS"
    ended = build.ended or max([build.began, *(stage.ended for stage in build.stages)])
    return {
        "_links": links,
        "id": str(build.number),
        "name": f"#{build.number}",
        "status": "PAUSED_PENDING_INPUT" if paused else status,
        "startTimeMillis": build.began,
        "endTimeMillis": ended,
        "durationMillis": ended - build.began,
        "queueDurationMillis": max(build.began - build.item.since, 0),
        "pauseDurationMillis": 0,
        "stages": [_stage(build, stage) for stage in build.stages],
    }


def _stage(build: Build, stage: Stage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "_links": {"self": {"href": f"{build.path}execution/node/{stage.id}/wfapi/describe"}},
        "id": stage.id,
        "name": stage.name,
        "execNode": "",
        "status": stage.status,
        "startTimeMillis": stage.began,
        "durationMillis": max(stage.ended - stage.began, 0),
        "pauseDurationMillis": 0,
    }
    if stage.status in {"ABORTED", "FAILED"}:
        kind = "org.jenkinsci.plugins.workflow.steps.FlowInterruptedException"
        shown["error"] = {
            "message": stage.error,
            "type": kind if stage.status == "ABORTED" else "hudson.AbortException",
        }
    return shown


def pending(build: Build) -> list[dict[str, Any]]:
    """Return the steps that wait."""
    return [_input(build, waiting) for waiting in build.inputs.values()]


def _input(build: Build, waiting: Input) -> dict[str, Any]:
    inputs = []
    for one in waiting.parameters:
        definition: dict[str, Any] = {"defaultVal": one.default}
        if one.kind == "Choice":
            definition["choices"] = list(one.choices)
        shown = {"type": f"{one.kind}ParameterDefinition", "name": one.name, "definition": definition}
        inputs.append(shown | ({"description": one.description} if one.description else {}))
    return {
        "id": waiting.id,
        "proceedText": waiting.ok,
        "message": waiting.message,
        "inputs": inputs,
        "proceedUrl": f"{build.path}wfapi/inputSubmit?inputId={waiting.id}",
        "abortUrl": f"{build.path}input/{waiting.id}/abort",
        "redirectApprovalUrl": f"{build.path}input/",
    }


async def answer(build: Build, rest: list[str], request: web.Request, user: str) -> web.Response:
    """Submit or abort a step that waits: `input/<id>/submit`, `proceedEmpty`, `abort`."""
    waiting = build.inputs.get(rest[1]) if len(rest) > 1 else None
    if waiting is None or len(rest) != 3:
        return pages.plain_error(404, "Not Found", request.path)
    if rest[2] == "abort":
        del build.inputs[waiting.id]
        build.aborted_by = user
        build.say(f"Rejected by {user}")
        waiting.answered.set_result(None)
        return web.Response()
    form = await request.post()
    given = json.loads(str(form.get("json") or "{}")).get("parameter", [])
    values = {one["name"]: one["value"] for one in (given if isinstance(given, list) else [given])}
    if rest[2] == "proceedEmpty" and waiting.parameters:
        return pages.own_error(500)
    if rest[2] == "submit" and "proceed" not in form:
        return pages.own_error(400, "neither proceed nor abort was submitted")
    try:
        chosen = {p.name: p.convert(str(values[p.name])) if p.name in values else p.default for p in waiting.parameters}
    except ValueError:
        return pages.own_error(500)
    del build.inputs[waiting.id]
    build.say(f"Approved by {user}")
    waiting.answered.set_result(chosen)
    return pages.moved(f"{build.url}console") if rest[2] == "submit" else web.Response()
