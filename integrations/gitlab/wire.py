"""GitLab's webhooks: verify, and turn them into events of ours. Pure.

https://docs.gitlab.com/user/project/integrations/webhook_events/. A project says in its hook's settings what it tells.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from integrations.contract import WebhookEvent
from integrations.errors import BadReply
from integrations.gitlab.settings import GitLabSettings
from integrations.gitlab.values import state_of
from integrations.http import MISREAD, read_json, same, storable

_ZERO = "0" * 40
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # of what tells no time
_SIGNING_PREFIX = "whsec_"
_MOST_COMMITS = 20
_MOST_TEXT = 2000
_ACTIONS: Final = {
    "open": "opened",
    "reopen": "reopened",
    "close": "closed",
    "update": "updated",
    "merge": "merged",
    "approved": "approved",
    "approval": "approved",
    "unapproved": "unapproved",
    "unapproval": "unapproved",
}

_Body = Mapping[str, Any]
_Told = tuple[str, str, dict[str, object]]


def verify(settings: GitLabSettings, headers: Mapping[str, str], body: bytes) -> bool:
    """Tell whether GitLab sent this: by its signature where a signing token is configured, else by the secret token.

    The signature is that of Standard Webhooks (headers webhook-id, webhook-timestamp, webhook-signature). Without any
    of both configured nothing is believed. A replay is known by its id, and by its time where that is signed.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    if settings.webhook_signing_token is not None:
        return _signed(settings.webhook_signing_token.get_secret_value(), lower, body)
    if settings.webhook_token is not None:
        given = lower.get("x-gitlab-token", "")
        return same(given, settings.webhook_token.get_secret_value())
    return False


def sent_at(settings: GitLabSettings, headers: Mapping[str, str]) -> datetime | None:
    """Return when GitLab signed this, None where only a token vouches for it: GitLab tells no time then."""
    lower = {name.lower(): value for name, value in headers.items()}
    if settings.webhook_signing_token is None:
        return None
    stamp = lower.get("webhook-timestamp", "")
    try:
        return datetime.fromtimestamp(int(stamp), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return _NEVER


def parse(instance: str, headers: Mapping[str, str], body: bytes) -> Sequence[WebhookEvent]:
    """Return what a webhook says; an event of a kind we do not use is none.

    Raises:
        BadReply: it is not of GitLab's form.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        said = read_json(body)
        reader = _READERS.get(str(said["object_kind"]))
        told = reader(said) if reader is not None else None
        project = str(_project(said)["path_with_namespace"])
    except MISREAD as error:
        raise BadReply(
            instance, f"this is no webhook of GitLab's: {error!r}", excerpt=body[:500].decode(errors="replace")
        ) from error
    if told is None:
        return ()
    kind, ref, data = told
    ref = f"{instance}:{ref}" if kind.startswith("run.") else ref
    data |= {"project": project, "server": storable(lower.get("x-gitlab-instance"), 200)}
    return (WebhookEvent(instance=instance, kind=kind, id=_id(lower, body), ref=ref, data=data),)


def _signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix(_SIGNING_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    if "webhook-id" not in headers or "webhook-timestamp" not in headers:
        return False
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode(errors="replace") + body
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    given = [one.partition(",") for one in headers.get("webhook-signature", "").split()]
    return any(version == "v1" and same(value, wanted) for version, _, value in given)


def _id(headers: Mapping[str, str], body: bytes) -> str:
    """Return the id of a delivery: the same when GitLab sends it again."""
    for name in ("webhook-id", "idempotency-key"):
        if headers.get(name):
            return storable(headers[name], 200)
    event = storable(headers.get("x-gitlab-event-uuid"), 100)  # one event may be told by several hooks, and be several
    return f"{event}-{hashlib.sha256(body).hexdigest()}".lstrip("-")


def _project(said: _Body) -> _Body:
    project = said.get("project") or said.get("repository") or {}
    if "path_with_namespace" in project:
        return {"id": said.get("project_id"), **project}
    return {"id": said.get("project_id"), "path_with_namespace": str(said.get("project_name", "")).replace(" / ", "/")}


def _user(said: _Body) -> str:
    return str((said.get("user") or {}).get("username") or said.get("user_username") or "")


def _pipeline(said: _Body) -> _Told:
    about = said["object_attributes"]
    state = state_of(about["status"])
    commit = said.get("commit") or {}
    merge_request = said.get("merge_request") or {}
    return (
        "run.finished" if state.final else "run.changed",
        f"{said['project']['id']}/{about['id']}",
        {
            "state": str(state),
            "number": f"#{about['id']}",
            "branch": str(about.get("ref") or ""),
            "is_tag": bool(about.get("tag")),
            "sha": str(about.get("sha") or ""),
            "source": str(about.get("source") or ""),
            "url": str(about.get("url") or f"{said['project']['web_url']}/-/pipelines/{about['id']}"),
            "title": str(commit.get("title") or commit.get("message") or "").split("\n", 1)[0],
            "seconds": about.get("duration"),
            "merge_request": merge_request.get("iid"),
            "user": _user(said),
        },
    )


def _job(said: _Body) -> _Told:
    return (
        "run.changed",
        f"{said['project_id']}/{said['pipeline_id']}",
        {
            "job": str(said["build_name"]),
            "stage": str(said["build_stage"]),
            "job_state": str(state_of(said["build_status"])),
            "branch": str(said.get("ref") or ""),
            "sha": str(said.get("sha") or ""),
        },
    )


def _push(said: _Body) -> _Told:
    _, kind, name = str(said["ref"]).split("/", 2)
    before, after = str(said["before"]), str(said["after"])
    commits = [
        {
            "sha": str(one["id"]),
            "title": str(one.get("title") or one["message"]).split("\n", 1)[0],
            "author": str(one["author"]["name"]),
            "url": str(one.get("url") or ""),
        }
        for one in (said.get("commits") or ())[-_MOST_COMMITS:]
    ]
    return (
        "tag" if kind == "tags" else "push",
        name,
        {
            "name": name,
            "before": "" if before == _ZERO else before,
            "sha": "" if after == _ZERO else str(said.get("checkout_sha") or after),
            "deleted": after == _ZERO,
            "created": before == _ZERO,
            "commits": commits,
            "total": int(said.get("total_commits_count") or len(commits)),
            "user": _user(said),
        },
    )


def _merge_request(said: _Body) -> _Told | None:
    about = said["object_attributes"]
    action = _ACTIONS.get(str(about.get("action") or "update"))
    if action is None:
        return None
    reviewers = [str(one["username"]) for one in said.get("reviewers") or ()]
    return (
        f"merge_request.{action}",
        f"{said['project']['path_with_namespace']}!{about['iid']}",
        {
            "number": int(about["iid"]),
            "title": str(about["title"]),
            "url": str(about["url"]),
            "state": str(about["state"]),
            "source": str(about["source_branch"]),
            "target": str(about["target_branch"]),
            "sha": str((about.get("last_commit") or {}).get("id") or ""),
            "merge_sha": str(about.get("merge_commit_sha") or ""),
            "draft": bool(about.get("draft", about.get("work_in_progress", False))),
            "reviewers": reviewers,
            "pushed": bool(about.get("oldrev")),
            "user": _user(said),
        },
    )


def _deployment(said: _Body) -> _Told:
    return (
        "deployment.changed",
        f"{said['project']['path_with_namespace']}:{said['deployment_id']}",
        {
            "environment": str(said["environment"]),
            "state": str(said["status"]),
            "sha": str(said.get("commit_url") or "").rstrip("/").rsplit("/", 1)[-1] or str(said.get("short_sha") or ""),
            "branch": str(said.get("ref") or ""),
            "url": str(said.get("deployable_url") or ""),
            "user": _user(said),
        },
    )


def _issue(said: _Body) -> _Told | None:
    about = said["object_attributes"]
    action = _ACTIONS.get(str(about.get("action") or "update"))
    if action is None or about.get("confidential"):
        return None
    return (
        f"issue.{action}",
        f"{said['project']['path_with_namespace']}#{about['iid']}",
        {
            "key": str(about["iid"]),
            "title": str(about["title"]),
            "url": str(about["url"]),
            "state": str(about["state"]),
            "assignees": [str(one["username"]) for one in said.get("assignees") or ()],
            "user": _user(said),
        },
    )


def _note(said: _Body) -> _Told | None:
    about = said["object_attributes"]
    if about.get("internal") or about.get("confidential") or about.get("system"):
        return None
    on = str(about["noteable_type"])
    path = said["project"]["path_with_namespace"]
    subject = {
        "MergeRequest": f"{path}!{(said.get('merge_request') or {}).get('iid')}",
        "Issue": f"{path}#{(said.get('issue') or {}).get('iid')}",
        "Commit": f"{path}@{about.get('commit_id')}",
    }.get(on)
    if subject is None:
        return None
    return (
        "note",
        subject,
        {"on": on, "text": str(about["note"])[:_MOST_TEXT], "url": str(about["url"]), "user": _user(said)},
    )


_READERS: Final[Mapping[str, Callable[[_Body], _Told | None]]] = {
    "push": _push,
    "tag_push": _push,
    "merge_request": _merge_request,
    "pipeline": _pipeline,
    "build": _job,
    "deployment": _deployment,
    "issue": _issue,
    "work_item": _issue,
    "note": _note,
}
