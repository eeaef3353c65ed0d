"""Jenkins' JSON of builds, queue items, stages and steps that wait, to our types. Pure.

The formats: the exported beans at `…/api/` of any Jenkins, and
https://github.com/jenkinsci/pipeline-stage-view-plugin/tree/master/rest-api for `wfapi`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from integrations.capabilities.runs import Artifact, ManualAction, Run, RunRef, RunStage, RunState
from integrations.http import read_json
from integrations.jenkins.parameters import of_input, written
from integrations.jenkins.settings import ParameterNames

_ACTIONS = (
    "actions[parameters[name,value],causes[shortDescription,upstreamProject,upstreamBuild],"
    "lastBuiltRevision[SHA1,branch[name]],triggeredBuilds[url,number,building,result,fullDisplayName]]"
)
LISTED = f"number,url,building,result,timestamp,duration,queueId,fullDisplayName,displayName,description,{_ACTIONS}"
BUILD = f"{LISTED},artifacts[fileName,relativePath]"
ITEM = "id,why,stuck,inQueueSince,cancelled,executable[number,url],task[name,url],actions[parameters[name,value]]"
_RESULTS = {"SUCCESS": RunState.SUCCEEDED, "ABORTED": RunState.CANCELLED}
_STAGES = {
    "SUCCESS": RunState.SUCCEEDED,
    "IN_PROGRESS": RunState.RUNNING,
    "PAUSED_PENDING_INPUT": RunState.RUNNING,
    "ABORTED": RunState.CANCELLED,
    "NOT_EXECUTED": RunState.CANCELLED,
    "QUEUED": RunState.QUEUED,
}
_WORKFLOW = "WorkflowRun"
_DIGEST = re.compile(r"(\S+)@(sha256:[0-9a-f]{64})\b")


def is_pipeline(build: Mapping[str, Any]) -> bool:
    """Tell whether a build has stages and may wait for input."""
    return str(build.get("_class", "")).endswith(_WORKFLOW)


def state_of(build: Mapping[str, Any]) -> RunState:
    """Return where a build stands. One that is unstable counts as failed; a result set early does not end it."""
    if build.get("building") or build.get("result") is None:
        return RunState.RUNNING
    return _RESULTS.get(str(build["result"]), RunState.FAILED)


def parameters_of(subject: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a build or queue item; a password has no value to be seen and is left out."""
    found = [one for action in subject.get("actions") or () for one in action.get("parameters") or ()]
    return {str(one["name"]): written(one["value"]) for one in found if one.get("name") and "value" in one}


def run_of(build: Mapping[str, Any], ref: RunRef, names: ParameterNames) -> Run:
    """Return a build as a run, without what other requests tell of it."""
    given = parameters_of(build)
    state = state_of(build)
    started = _moment(build.get("timestamp"))
    branch, sha = _revision(build)
    return Run(
        ref=ref,
        state=state,
        title=str(build.get("fullDisplayName") or ref.id),
        url=str(build.get("url") or ""),
        queued_at=started,
        started_at=started,
        ended_at=_moment(build["timestamp"] + build["duration"]) if state.final else None,
        number=f"#{build['number']}",
        branch=given.get(names.branch) or branch,
        sha=given.get(names.sha) or sha,
        artifacts=tuple(_artifacts(build)),
    )


def queued_run(item: Mapping[str, Any], ref: RunRef) -> Run:
    """Return a queue item as a run that waits, or that was cancelled before it began."""
    cancelled = bool(item.get("cancelled"))
    why = str(item.get("why") or "")
    if item.get("stuck"):
        why = f"stuck in the queue: {why}"
    task = item.get("task") or {}
    return Run(
        ref=ref,
        state=RunState.CANCELLED if cancelled else RunState.QUEUED,
        title=ref.id.partition("@")[0],
        url=str(task.get("url") or ""),
        reason="cancelled in the queue" if cancelled else why,
        queued_at=_moment(item.get("inQueueSince")),
    )


def stages_of(described: Mapping[str, Any], build_url: str) -> tuple[RunStage, ...]:
    """Return the stages of `wfapi/describe`, in the order in which they began."""
    stages = []
    for one in described.get("stages") or ():
        state = _STAGES.get(str(one.get("status")), RunState.FAILED)
        start, duration = one.get("startTimeMillis"), one.get("durationMillis") or 0
        stages.append(
            RunStage(
                name=str(one.get("name") or ""),
                state=state,
                started_at=_moment(start),
                ended_at=_moment(start + duration) if start and state.final else None,
                url=f"{build_url}execution/node/{one['id']}/log/" if build_url and one.get("id") else "",
            )
        )
    return tuple(stages)


def stage_error(described: Mapping[str, Any]) -> str:
    """Return which stage failed first and what Jenkins says of it, "" where none did."""
    for one in described.get("stages") or ():
        if one.get("status") == "FAILED":
            words = (one.get("error") or {}).get("message") or ""
            return f"stage {one.get('name')}: {words}".rstrip(": ")
    return ""


def actions_of(pending: Sequence[Mapping[str, Any]], build_url: str) -> tuple[ManualAction, ...]:
    """Return the input steps of `wfapi/pendingInputActions`."""
    return tuple(
        ManualAction(
            id=str(one["id"]),
            label=str(one.get("proceedText") or "Proceed"),
            text=str(one.get("message") or ""),
            parameters=of_input(one.get("inputs") or ()),
            url=f"{build_url}input/" if build_url else "",
        )
        for one in pending
    )


def cancelled_by(build: Mapping[str, Any]) -> str:
    """Return who or what aborted a build, in Jenkins' words."""
    for action in build.get("actions") or ():
        if str(action.get("_class", "")).endswith("InterruptedBuildAction"):
            return "; ".join(str(cause.get("shortDescription") or "") for cause in action.get("causes") or ())
    return "aborted"


def upstream_of(build: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Return the builds (job, number) that a build says it was started by."""
    causes = [cause for action in build.get("actions") or () for cause in action.get("causes") or ()]
    return {(str(one["upstreamProject"]), int(one["upstreamBuild"])) for one in causes if one.get("upstreamProject")}


def triggered_by(build: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the builds that the Parameterized Trigger plugin notes in a build."""
    return [one for action in build.get("actions") or () for one in action.get("triggeredBuilds") or () if one]


def result_path(build: Mapping[str, Any], file: str) -> str:
    """Return where a build has archived the file that says what it made, "" if it has none."""
    for one in build.get("artifacts") or ():
        if one.get("fileName") == file:
            return str(one["relativePath"])
    return ""


def result_of(build: Mapping[str, Any], file: bytes | None) -> dict[str, str]:
    """Return what a build made: from its archived file, else from `name@sha256:…` in its description.

    Raises:
        ValueError: the file is no JSON object of texts.
    """
    if file is not None:
        told = read_json(file)
        if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
            raise ValueError("a JSON object of texts is expected")
        return dict(told)
    found = _DIGEST.search(str(build.get("description") or ""))
    return {"artifact": found[1], "digest": found[2]} if found else {}


def _artifacts(build: Mapping[str, Any]) -> list[Artifact]:
    base = str(build.get("url") or "")
    paths = [str(one["relativePath"]) for one in build.get("artifacts") or ()]
    return [Artifact(name=path, url=f"{base}artifact/{path}") for path in paths]


def _revision(build: Mapping[str, Any]) -> tuple[str, str]:
    for action in build.get("actions") or ():
        revision = action.get("lastBuiltRevision")
        if revision:
            branches = [str(one.get("name") or "") for one in revision.get("branch") or ()]
            name = branches[0] if branches else ""
            return re.sub(r"^(refs/(remotes/[^/]+|heads)/|origin/)", "", name), str(revision.get("SHA1") or "")
    return "", ""


def _moment(milliseconds: object) -> datetime | None:
    if not isinstance(milliseconds, int | float) or not milliseconds:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def submission(values: Mapping[str, str], proceed: str) -> dict[str, str]:
    """Return the form that lets an input step go on."""
    given = [{"name": name, "value": value} for name, value in values.items()]
    return {"json": json.dumps({"parameter": given}), "proceed": proceed}
