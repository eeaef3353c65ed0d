"""GitLab's JSON to our types. Pure; a field that is missing raises KeyError, which the caller makes a BadReply.

The entities: https://docs.gitlab.com/api/api_resources/
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from integrations.capabilities.git import Author, Check, CheckState, Commit
from integrations.capabilities.issues import Issue
from integrations.capabilities.merge_requests import MergeRequest, MergeState
from integrations.capabilities.runs import Downstream, ManualAction, RunRef, RunStage, RunState

Json = Mapping[str, Any]

_CO_AUTHOR = re.compile(r"co-authored-by:\s*(?P<name>.*?)\s*<(?P<email>[^<>]*)>\s*", re.IGNORECASE)
_MERGE_STATES: Final = {"opened": MergeState.OPEN, "locked": MergeState.OPEN, "merged": MergeState.MERGED}
# https://docs.gitlab.com/api/pipelines/ and /jobs/: what is in neither set below runs
_STATES: Final = {
    "success": RunState.SUCCEEDED,
    "failed": RunState.FAILED,
    "canceled": RunState.CANCELLED,
    "skipped": RunState.CANCELLED,
    "created": RunState.QUEUED,
    "waiting_for_resource": RunState.QUEUED,
    "waiting_for_callback": RunState.QUEUED,
    "preparing": RunState.QUEUED,
    "pending": RunState.QUEUED,
    "scheduled": RunState.QUEUED,
    "running": RunState.RUNNING,
    "canceling": RunState.RUNNING,
    "manual": RunState.RUNNING,
}
_CHECKS: Final = {"success": CheckState.PASSED, "skipped": CheckState.PASSED} | dict.fromkeys(
    ("failed", "canceled"), CheckState.FAILED
)
# detailed_merge_status: https://docs.gitlab.com/api/merge_requests/#merge-status
_OBSTACLES: Final = {
    "mergeable": None,
    "blocked_status": "another merge request blocks it",
    "merge_request_blocked": "another merge request blocks it",
    "broken_status": "it cannot be merged into its target branch",
    "ci_must_pass": "its pipeline must pass first",
    "ci_still_running": "its pipeline is still running",
    "commits_status": "its source branch is missing or has no commits",
    "conflict": "it conflicts with its target branch",
    "discussions_not_resolved": "discussions are not resolved",
    "draft_status": "it is a draft",
    "external_status_checks": "external status checks have not passed",
    "status_checks_must_pass": "external status checks have not passed",
    "jira_association_missing": "its title or description names no Jira issue",
    "locked_paths": "paths it changes are locked",
    "locked_lfs_files": "files it changes are locked",
    "merge_time": "it may be merged only later",
    "need_rebase": "its source branch must be rebased",
    "not_approved": "approvals are missing",
    "not_open": "it is not open",
    "policies_denied": "a policy denies it",
    "requested_changes": "a reviewer requests changes",
    "security_policy_violations": "it violates a security policy",
    "security_policy_pipeline_check": "a pipeline that a security policy wants has not passed",
    "title_not_matching": "its title does not have the form that the project wants",
    "title_regex": "its title does not have the form that the project wants",
}
_FINDING_OUT: Final = {"unchecked", "checking", "preparing", "approvals_syncing", "cannot_be_merged_recheck"}


def moment(text: object) -> datetime | None:
    """Return the moment of an ISO 8601 text, None of nothing."""
    return datetime.fromisoformat(str(text)) if text else None


def state_of(status: object) -> RunState:
    """Return where a pipeline or job of this status stands. Raises: KeyError for one we do not know."""
    return _STATES[str(status)]


def commit_of(one: Json) -> Commit:
    """Return a commit; co-authors are those of trailers in the last paragraph of its message."""
    message = str(one["message"]).rstrip("\n")
    trailers = map(_CO_AUTHOR.fullmatch, message.rsplit("\n\n", 1)[-1].splitlines())
    return Commit(
        sha=str(one["id"]),
        title=message.split("\n", 1)[0],
        message=message,
        author=Author(name=str(one["author_name"]), email=str(one["author_email"])),
        authored_at=datetime.fromisoformat(str(one["authored_date"])),
        co_authors=tuple(Author(name=found["name"], email=found["email"]) for found in trailers if found is not None),
        url=str(one.get("web_url") or ""),
    )


def check_of(one: Json) -> Check:
    """Return a commit status; one that waits, also for a person, is pending."""
    state = _CHECKS.get(str(one["status"]), CheckState.PENDING)
    return Check(name=str(one["name"]), state=state, url=str(one.get("target_url") or ""))


def stage_of(job: Json) -> RunStage:
    """Return a job as a stage of its pipeline."""
    return RunStage(
        name=str(job["name"]),
        state=state_of(job["status"]),
        started_at=moment(job.get("started_at")),
        ended_at=moment(job.get("finished_at")),
        url=str(job.get("web_url") or ""),
    )


def action_of(job: Json) -> ManualAction:
    """Return a manual job as an action. GitLab does not tell which variables it looks at."""
    return ManualAction(
        id=str(job["id"]),
        label=str(job["name"]),
        text=f"Start the job {job['name']} of the stage {job['stage']}",
        url=str(job.get("web_url") or ""),
    )


def downstream_of(instance: str, bridge: Json) -> Downstream:
    """Return the pipeline that a trigger job started, as far as it has."""
    pipeline = bridge.get("downstream_pipeline")
    if not pipeline:
        return Downstream(title=str(bridge["name"]), state=state_of(bridge["status"]))
    ref = RunRef(instance, f"{pipeline['project_id']}/{pipeline['id']}") if pipeline.get("project_id") else None
    return Downstream(
        title=str(bridge["name"]),
        state=state_of(pipeline["status"]),
        url=str(pipeline.get("web_url") or ""),
        ref=ref,
    )


def merge_request_of(project: str, one: Json, approvals: Json | None = None) -> MergeRequest:
    """Return a merge request, with its approvals where they are known."""
    pipeline = one.get("head_pipeline") or one.get("pipeline")
    merge_state = _MERGE_STATES.get(str(one["state"]), MergeState.CLOSED)
    finding_out = str(one.get("detailed_merge_status") or "") in _FINDING_OUT
    return MergeRequest(
        project=project,
        number=int(one["iid"]),
        title=str(one["title"]),
        url=str(one["web_url"]),
        state=merge_state,
        author=_username(one.get("author")),
        source=str(one["source_branch"]),
        target=str(one["target_branch"]),
        sha=str(one.get("sha") or ""),
        draft=bool(one.get("draft", one.get("work_in_progress", False))),
        conflicts=None if finding_out else one.get("has_conflicts"),
        pipeline=state_of(pipeline["status"]) if pipeline else None,
        obstacles=() if merge_state is not MergeState.OPEN else obstacles_of(one),
        reviewers=tuple(map(_username, one.get("reviewers") or ())),
        approved_by=tuple(_username(by["user"]) for by in (approvals or {}).get("approved_by") or ()),
        approvals_left=None if approvals is None else approvals.get("approvals_left"),
        labels=tuple(map(str, one.get("labels") or ())),
        created_at=moment(one.get("created_at")),
        updated_at=moment(one.get("updated_at")),
        merge_sha=_merged_as(one) if merge_state is MergeState.MERGED else "",
        merged_by=_username(one.get("merge_user") or one.get("merged_by")),
    )


def _merged_as(one: Json) -> str:
    """Return the commit that a merge made; one by fast-forward makes none, and is the head itself."""
    return str(one.get("merge_commit_sha") or one.get("squash_commit_sha") or one.get("sha") or "")


def obstacles_of(one: Json) -> Sequence[str] | None:
    """Return why a merge request cannot be merged now, None while GitLab is still finding out."""
    status = str(one.get("detailed_merge_status") or "mergeable")
    if status in _FINDING_OUT:
        return None
    words = _OBSTACLES.get(status, status.replace("_", " "))
    return () if words is None else (words,)


def issue_of(project: str, one: Json) -> Issue:
    """Return an issue."""
    return Issue(
        project=project,
        key=str(one["iid"]),
        title=str(one["title"]),
        url=str(one["web_url"]),
        is_open=one["state"] == "opened",
        assignees=tuple(map(_username, one.get("assignees") or ())),
        labels=tuple(map(str, one.get("labels") or ())),
        author=_username(one.get("author")),
        created_at=moment(one.get("created_at")),
        updated_at=moment(one.get("updated_at")),
    )


def _username(user: Json | None) -> str:
    return str(user["username"]) if user else ""
