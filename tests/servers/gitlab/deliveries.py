"""Webhooks of the stand-in: really posted, with the headers of GitLab's, in a form that follows its documentation."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.servers.gitlab.state import Deployment, Issue, Job, MergeRequest, Pipeline, Project, User

if TYPE_CHECKING:
    from tests.servers.gitlab.server import GitLabServer

_FLAGS = {
    "push": "push_events",
    "tag_push": "tag_push_events",
    "merge_request": "merge_requests_events",
    "pipeline": "pipeline_events",
    "build": "job_events",
    "deployment": "deployment_events",
    "issue": "issues_events",
    "note": "note_events",
}
_TITLES = {
    "push": "Push Hook",
    "tag_push": "Tag Push Hook",
    "merge_request": "Merge Request Hook",
    "pipeline": "Pipeline Hook",
    "build": "Job Hook",
    "deployment": "Deployment Hook",
    "issue": "Issue Hook",
    "note": "Note Hook",
}


class Deliveries:
    """Tells hooks what happened. `sent` holds (kind, status) of each delivery that was answered."""

    def __init__(self, server: "GitLabServer") -> None:
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent: list[tuple[str, int]] = []

    def tell(self, project: Project, body: dict[str, Any]) -> None:
        """Post an event to every hook of the project that wants its kind."""
        kind = str(body["object_kind"])
        event = str(uuid.uuid4())
        for hook in project.hooks:
            if hook.flags.get(_FLAGS[kind]):
                content = json.dumps(body).encode()
                headers = {
                    "Content-Type": "application/json",
                    "User-Agent": "GitLab/18.5.1",
                    "X-Gitlab-Event": _TITLES[kind],
                    "X-Gitlab-Instance": self._server.url,
                    "X-Gitlab-Webhook-UUID": str(uuid.UUID(int=hook.id)),
                    "X-Gitlab-Event-UUID": event,
                    "Idempotency-Key": str(uuid.uuid4()),
                }
                if hook.token:
                    headers["X-Gitlab-Token"] = hook.token
                if hook.signing_token:
                    now = str(int(time.time()))
                    headers |= signature(hook.signing_token, headers["Idempotency-Key"], content, now)
                task = asyncio.create_task(self._post(hook.url, kind, headers, content))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def arrived(self) -> None:
        """Wait until all that was told has been answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post(self, url: str, kind: str, headers: dict[str, str], content: bytes) -> None:
        async with aiohttp.ClientSession() as session, session.post(url, data=content, headers=headers) as answer:
            self.sent.append((kind, answer.status))

    def _about(self, project: Project) -> dict[str, Any]:
        url = f"{self._server.url}/{project.path}"
        return {
            "id": project.id,
            "name": project.name,
            "description": "",
            "web_url": url,
            "avatar_url": None,
            "git_ssh_url": f"git@example.org:{project.path}.git",
            "git_http_url": f"{url}.git",
            "namespace": project.path.split("/")[0],
            "visibility_level": 0,
            "path_with_namespace": project.path,
            "default_branch": project.default_branch,
            "ci_config_path": None,
        }

    def _by(self, user: User) -> dict[str, Any]:
        return {"id": user.id, "name": user.name, "username": user.username, "avatar_url": None, "email": "[REDACTED]"}

    def pipeline(self, pipeline: Pipeline) -> None:
        """Tell that a pipeline changed its status."""
        project = pipeline.project
        body: dict[str, Any] = {
            "object_kind": "pipeline",
            "object_attributes": {
                "id": pipeline.id, "iid": pipeline.iid, "name": None, "ref": pipeline.ref, "tag": pipeline.tag,
                "sha": pipeline.sha, "before_sha": "0" * 40, "source": pipeline.source, "status": pipeline.status,
                "detailed_status": pipeline.status, "stages": [], "created_at": pipeline.created_at,
                "finished_at": pipeline.finished_at, "duration": 1, "queued_duration": 1, "variables": [],
                "url": f"{self._server.url}/{project.path}/-/pipelines/{pipeline.id}",
            },
            "merge_request": None,
            "user": self._by(pipeline.user),
            "project": self._about(project),
            "commit": {"id": pipeline.sha, "message": "Second\n", "title": "Second", "url": ""},
            "builds": [],
        }  # fmt: skip
        self.tell(project, body)

    def job(self, job: Job) -> None:
        """Tell that a job changed its status."""
        pipeline = job.pipeline
        body = {
            "object_kind": "build", "ref": pipeline.ref, "tag": pipeline.tag, "before_sha": "0" * 40,
            "sha": pipeline.sha, "build_id": job.id, "build_name": job.spec.name, "build_stage": job.spec.stage,
            "build_status": job.status, "build_failure_reason": "unknown_failure", "pipeline_id": pipeline.id,
            "project_id": pipeline.project.id, "project_name": pipeline.project.path.replace("/", " / "),
            "user": self._by(pipeline.user), "commit": {"id": pipeline.id, "sha": pipeline.sha},
            "project": self._about(pipeline.project),
        }  # fmt: skip
        self.tell(pipeline.project, body)

    def merge_request(self, project: Project, one: MergeRequest, user: User, action: str) -> None:
        """Tell what was done to a merge request."""
        url = f"{self._server.url}/{project.path}/-/merge_requests/{one.iid}"
        attributes = {
            "id": one.id, "iid": one.iid, "title": one.title, "state": one.state, "action": action, "url": url,
            "source_branch": one.source, "target_branch": one.target, "draft": one.draft, "work_in_progress": one.draft,
            "last_commit": {"id": one.head}, "merge_commit_sha": one.merge_commit_sha,
            "detailed_merge_status": "mergeable",
        }  # fmt: skip
        body = {
            "object_kind": "merge_request", "event_type": "merge_request", "user": self._by(user),
            "project": self._about(project), "object_attributes": attributes, "labels": [], "changes": {},
            "reviewers": [self._by(one) for one in one.reviewers],
        }  # fmt: skip
        self.tell(project, body)

    def issue(self, project: Project, one: Issue, user: User, action: str) -> None:
        """Tell what was done to an issue."""
        attributes = {
            "id": one.id, "iid": one.iid, "title": one.title, "state": one.state, "action": action,
            "confidential": one.confidential, "url": f"{self._server.url}/{project.path}/-/issues/{one.iid}",
        }  # fmt: skip
        body = {
            "object_kind": "issue", "event_type": "issue", "user": self._by(user), "project": self._about(project),
            "object_attributes": attributes, "assignees": [self._by(user) for user in one.assignees], "changes": {},
        }  # fmt: skip
        self.tell(project, body)

    def deployment(self, project: Project, one: Deployment) -> None:
        """Tell that a deployment changed its status."""
        body = {
            "object_kind": "deployment", "status": one.status, "deployment_id": one.id, "deployable_id": None,
            "deployable_url": "", "environment": one.environment, "project": self._about(project),
            "short_sha": one.sha[:8], "user": self._by(one.user), "user_url": "", "ref": one.ref,
            "commit_url": f"{self._server.url}/{project.path}/-/commit/{one.sha}", "commit_title": "Second",
        }  # fmt: skip
        self.tell(project, body)

    def push(self, project: Project, user: User, ref: str, before: str, after: str) -> None:
        """Tell that a branch or tag was pushed."""
        kind = "tag_push" if ref.startswith("refs/tags/") else "push"
        commit = {
            "id": after, "message": "Second\n", "title": "Second", "timestamp": "2026-03-01T00:00:00Z",
            "url": f"{self._server.url}/{project.path}/-/commit/{after}",
            "author": {"name": user.name, "email": "[REDACTED]"}, "added": [], "modified": [], "removed": [],
        }  # fmt: skip
        body = {
            "object_kind": kind, "event_name": kind, "before": before, "after": after, "ref": ref,
            "checkout_sha": after if after != "0" * 40 else None, "user_id": user.id, "user_name": user.name,
            "user_username": user.username, "project_id": project.id, "project": self._about(project),
            "commits": [commit] if after != "0" * 40 else [], "total_commits_count": 1,
        }  # fmt: skip
        self.tell(project, body)

    def note(self, project: Project, user: User, text: str, about: MergeRequest | Issue) -> None:
        """Tell that somebody commented on a merge request or issue."""
        kind = "merge_request" if isinstance(about, MergeRequest) else "issue"
        attributes = {
            "id": 1, "note": text, "noteable_type": "MergeRequest" if kind == "merge_request" else "Issue",
            "commit_id": None, "system": False, "internal": False, "url": f"{self._server.url}/{project.path}#note_1",
        }  # fmt: skip
        body = {
            "object_kind": "note", "event_type": "note", "user": self._by(user), "project_id": project.id,
            "project": self._about(project), "object_attributes": attributes, kind: {"iid": about.iid},
        }  # fmt: skip
        self.tell(project, body)


def signature(signing_token: str, ident: str, content: bytes, timestamp: str = "1772323200") -> dict[str, str]:
    """Return the headers of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks."""
    key = base64.b64decode(signing_token.removeprefix("whsec_"))
    digest = hmac.new(key, f"{ident}.{timestamp}.".encode() + content, hashlib.sha256).digest()
    return {
        "webhook-id": ident,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
