"""How the stand-in shows what it keeps, in the form of GitLab's API entities."""

from typing import Any
from urllib.parse import quote

from tests.servers.gitlab.state import (
    FINAL,
    Deployment,
    Hook,
    Issue,
    Job,
    MergeRequest,
    Pipeline,
    Project,
    Release,
    Status,
    User,
)

Json = dict[str, Any]


class Entities:
    """Shows entities with addresses under `url`."""

    def __init__(self) -> None:
        self.url = ""

    def user(self, user: User) -> Json:
        return {
            "id": user.id,
            "username": user.username,
            "public_email": user.public_email,
            "name": user.name,
            "state": "active",
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.url}/{user.username}",
        }

    def myself(self, user: User) -> Json:
        return self.user(user) | {
            "email": user.email,
            "confirmed_at": "2026-01-01T00:00:00.000Z" if user.confirmed else None,
        }

    def project(self, project: Project) -> Json:
        return {
            "id": project.id,
            "description": None,
            "name": project.name,
            "name_with_namespace": project.path.replace("/", " / "),
            "path": project.name,
            "path_with_namespace": project.path,
            "created_at": project.created_at,
            "default_branch": project.default_branch,
            "http_url_to_repo": f"{self.url}/{project.path}.git",
            "web_url": f"{self.url}/{project.path}",
            "last_activity_at": project.created_at,
            "archived": project.archived,
            "visibility": "private",
            "jobs_enabled": project.ci_enabled,
            "builds_access_level": "enabled" if project.ci_enabled else "disabled",
        }

    def commit(self, project: Project, commit: Json) -> Json:
        return commit | {"web_url": f"{self.url}/{project.path}/-/commit/{commit['id']}"}

    def pipeline(self, pipeline: Pipeline, *, whole: bool = True) -> Json:
        about = {
            "id": pipeline.id,
            "iid": pipeline.iid,
            "project_id": pipeline.project.id,
            "sha": pipeline.sha,
            "ref": pipeline.ref,
            "status": pipeline.status,
            "source": pipeline.source,
            "created_at": pipeline.created_at,
            "updated_at": pipeline.updated_at,
            "web_url": f"{self.url}/{pipeline.project.path}/-/pipelines/{pipeline.id}",
        }
        if not whole:
            return about
        return about | {
            "before_sha": "0" * 40,
            "tag": pipeline.tag,
            "yaml_errors": pipeline.yaml_errors,
            "user": self.user(pipeline.user),
            "started_at": pipeline.started_at,
            "finished_at": pipeline.finished_at,
            "committed_at": None,
            "duration": 1 if pipeline.finished_at else None,
            "queued_duration": 1,
            "coverage": None,
            "detailed_status": {
                "icon": f"status_{pipeline.status}",
                "text": pipeline.status,
                "label": pipeline.status,
                "group": pipeline.status,
                "tooltip": pipeline.status,
                "has_details": True,
                "details_path": f"/{pipeline.project.path}/-/pipelines/{pipeline.id}",
            },
        }

    def job(self, job: Job) -> Json:
        pipeline = job.pipeline
        artifacts = []
        archive = None
        if job.spec.artifacts and job.status == "success":
            size = sum(map(len, job.spec.artifacts.values()))
            archive = {"filename": "artifacts.zip", "size": size}
            artifacts = [{"file_type": "archive", "size": size, "filename": "artifacts.zip", "file_format": "zip"}]
        return {
            "id": job.id,
            "status": job.status,
            "stage": job.spec.stage,
            "name": job.spec.name,
            "ref": pipeline.ref,
            "tag": pipeline.tag,
            "coverage": None,
            "allow_failure": job.spec.allow_failure,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
            "erased_at": None,
            "duration": 1.0 if job.finished_at and job.started_at else None,
            "queued_duration": 1.0,
            "user": self.user(pipeline.user) | {"created_at": pipeline.created_at, "bio": ""},
            "commit": {"id": pipeline.sha, "short_id": pipeline.sha[:8], "title": "", "message": ""},
            "pipeline": self.pipeline(pipeline, whole=False),
            "failure_reason": job.spec.failure_reason if job.status == "failed" else None,
            "web_url": f"{self.url}/{pipeline.project.path}/-/jobs/{job.id}",
            "project": {"ci_job_token_scope_enabled": True},
            "artifacts_file": archive,
            "artifacts": artifacts,
            "runner": {"id": 1, "description": "runner", "active": True} if job.started_at else None,
            "artifacts_expire_at": None,
            "archived": False,
            "tag_list": list(job.spec.tags),
        }

    def bridge(self, job: Job) -> Json:
        about = self.job(job)
        for name in ("artifacts_file", "artifacts", "runner", "artifacts_expire_at", "tag_list", "archived"):
            about.pop(name)
        down = self.pipeline(job.downstream, whole=False) if job.downstream else None
        return about | {"downstream_pipeline": down}

    def deployment(self, project: Project, deployment: Deployment) -> Json:
        return {
            "id": deployment.id,
            "iid": deployment.iid,
            "ref": deployment.ref,
            "sha": deployment.sha,
            "created_at": deployment.created_at,
            "updated_at": deployment.updated_at,
            "status": deployment.status,
            "user": self.user(deployment.user),
            "environment": {
                "id": 1 + sorted({one.environment for one in project.deployments}).index(deployment.environment),
                "name": deployment.environment,
                "slug": deployment.environment.replace("/", "-"),
                "external_url": f"https://{deployment.environment.replace('/', '-')}.example.org",
            },
            "deployable": self.job(deployment.job) if deployment.job else None,
        }

    def environments(self, project: Project) -> list[Json]:
        """Return the environments that something was deployed to, with what runs there."""
        names = sorted({one.environment for one in project.deployments})
        newest = {one.environment: one for one in project.deployments}
        return [
            {
                "id": number,
                "name": name,
                "slug": name.replace("/", "-"),
                "external_url": f"https://{name.replace('/', '-')}.example.org",
                "state": "available",
                "tier": "other",
                "created_at": newest[name].created_at,
                "updated_at": newest[name].updated_at,
                "last_deployment": self.deployment(project, newest[name]),
            }
            for number, name in enumerate(names, 1)
        ]

    def release(self, project: Project, release: Release) -> Json:
        return {
            "tag_name": release.tag,
            "name": release.name,
            "description": release.description,
            "created_at": release.released_at,
            "released_at": release.released_at,
            "upcoming_release": False,
            "author": self.user(release.author),
            "commit": {"id": release.sha, "short_id": release.sha[:8], "title": "", "message": ""},
            "assets": {"count": len(release.links), "sources": [], "links": list(release.links)},
            "_links": {"self": f"{self.url}/{project.path}/-/releases/{quote(release.tag, safe='')}"},
        }

    def status(self, status: Status) -> Json:
        return {
            "id": status.id,
            "sha": status.sha,
            "ref": status.ref,
            "status": status.status,
            "name": status.name,
            "target_url": status.target_url,
            "description": status.description,
            "created_at": status.created_at,
            "started_at": None,
            "finished_at": status.created_at if status.status in FINAL else None,
            "allow_failure": False,
            "coverage": None,
            "pipeline_id": None,
            "author": self.user(status.author),
        }

    def merge_request(self, project: Project, one: MergeRequest, merge_status: str, *, whole: bool = True) -> Json:
        pipelines = [pipeline for pipeline in project.pipelines if pipeline.sha == one.head]
        head = self.pipeline(pipelines[-1]) if pipelines else None
        about = {
            "id": one.id,
            "iid": one.iid,
            "project_id": project.id,
            "title": one.title,
            "description": None,
            "state": one.state,
            "created_at": one.created_at,
            "updated_at": one.updated_at,
            "merged_at": one.updated_at if one.state == "merged" else None,
            "closed_at": one.updated_at if one.state == "closed" else None,
            "target_branch": one.target,
            "source_branch": one.source,
            "user_notes_count": 0,
            "upvotes": 0,
            "downvotes": 0,
            "author": self.user(one.author),
            "assignees": [],
            "assignee": None,
            "reviewers": [self.user(user) for user in one.reviewers],
            "source_project_id": project.id,
            "target_project_id": project.id,
            "labels": list(one.labels),
            "draft": one.draft,
            "imported": False,
            "imported_from": "none",
            "work_in_progress": one.draft,
            "milestone": None,
            "merge_when_pipeline_succeeds": False,
            "merge_status": "can_be_merged" if merge_status == "mergeable" else "unchecked",
            "detailed_merge_status": merge_status,
            "sha": one.head,
            "merge_commit_sha": one.merge_commit_sha,
            "squash_commit_sha": None,
            "merge_user": self.user(one.merged_by) if one.merged_by else None,
            "merged_by": self.user(one.merged_by) if one.merged_by else None,
            "discussion_locked": None,
            "should_remove_source_branch": None,
            "force_remove_source_branch": None,
            "reference": f"!{one.iid}",
            "references": {"short": f"!{one.iid}", "relative": f"!{one.iid}", "full": f"{project.path}!{one.iid}"},
            "web_url": f"{self.url}/{project.path}/-/merge_requests/{one.iid}",
            "has_conflicts": one.conflicts,
            "blocking_discussions_resolved": True,
            "squash": False,
        }
        return about | {"head_pipeline": head, "diverged_commits_count": 0} if whole else about

    def approvals(self, project: Project, one: MergeRequest, asker: User, merge_status: str) -> Json:
        return {
            "id": one.id,
            "iid": one.iid,
            "project_id": project.id,
            "title": one.title,
            "description": None,
            "state": one.state,
            "created_at": one.created_at,
            "updated_at": one.updated_at,
            "merge_status": "can_be_merged" if merge_status == "mergeable" else "unchecked",
            "approved": len(one.approved_by) >= one.approvals_required,
            "approvals_required": one.approvals_required,
            "approvals_left": max(one.approvals_required - len(one.approved_by), 0),
            "require_password_to_approve": False,
            "approved_by": [{"user": self.user(user), "approved_at": one.updated_at} for user in one.approved_by],
            "user_has_approved": asker in one.approved_by,
            "user_can_approve": one.approvers is None or asker.username in one.approvers,
        }

    def issue(self, project: Project, one: Issue) -> Json:
        assignees = [self.user(user) for user in one.assignees]
        return {
            "id": one.id,
            "iid": one.iid,
            "project_id": project.id,
            "title": one.title,
            "description": one.description,
            "state": one.state,
            "created_at": one.created_at,
            "updated_at": one.updated_at,
            "closed_at": one.updated_at if one.state == "closed" else None,
            "labels": list(one.labels),
            "milestone": None,
            "assignees": assignees,
            "author": self.user(one.author),
            "type": "ISSUE",
            "assignee": assignees[0] if assignees else None,
            "user_notes_count": 0,
            "upvotes": 0,
            "downvotes": 0,
            "due_date": None,
            "confidential": one.confidential,
            "web_url": f"{self.url}/{project.path}/-/issues/{one.iid}",
            "has_tasks": False,
        }

    def hook(self, project: Project, hook: Hook) -> Json:
        return {
            "id": hook.id,
            "url": hook.url,
            "created_at": hook.created_at,
            "project_id": project.id,
            "enable_ssl_verification": True,
            "alert_status": hook.alert_status,
            "token_present": bool(hook.token),
            "signing_token_present": bool(hook.signing_token),
            "disabled_until": None,
            "url_variables": [],
            **hook.flags,
        }
