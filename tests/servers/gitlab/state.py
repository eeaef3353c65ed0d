"""What the stand-in for GitLab keeps: users, tokens, projects, and what lies in them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

DEVELOPER, MAINTAINER = 30, 40
FINAL = frozenset({"success", "failed", "canceled", "skipped"})


class Time:
    """The server's time: each look at it is a second later."""

    def __init__(self) -> None:
        self._seconds = 0

    def now(self) -> datetime:
        self._seconds += 1
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)

    def text(self) -> str:
        return text_of(self.now())


def text_of(moment: datetime) -> str:
    """Return a moment as GitLab writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "000Z"


@dataclass
class User:
    id: int
    username: str
    name: str
    email: str
    public_email: str = ""
    confirmed: bool = True


@dataclass
class Token:
    """A personal access token, or an OAuth access token when `kind` says so."""

    value: str
    user: User
    name: str = "shipmate"
    scopes: Sequence[str] = ("api",)
    expires_at: str = "2027-01-31"
    expired: bool = False
    revoked: bool = False
    kind: str = "personal"
    refresh: str = ""
    previous: "Token | None" = None  # the one that this renewed: it ends when this is used


@dataclass(kw_only=True)
class JobSpec:
    """A job of .gitlab-ci.yml. Without an `outcome` it goes on until the test ends it."""

    name: str
    stage: str = "test"
    trace: bytes = b""
    outcome: str | None = "success"
    manual: bool = False
    allow_failure: bool = False
    environment: str = ""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    report: Sequence[Mapping[str, Any]] = ()
    failure_reason: str = "script_failure"
    tags: Sequence[str] = ()
    triggers: str = ""
    players: Sequence[str] | None = None  # who may start it: its environment is protected


@dataclass
class Job:
    id: int
    spec: JobSpec
    pipeline: "Pipeline"
    status: str = "created"
    created_at: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    trace: bytes = b""
    outcome: str | None = None
    played_with: Mapping[str, str] = field(default_factory=dict)
    played_by: str = ""
    downstream: "Pipeline | None" = None


@dataclass
class Pipeline:
    id: int
    iid: int
    project: "Project"
    ref: str
    sha: str
    user: User
    variables: Mapping[str, str]
    created_at: str
    updated_at: str
    source: str = "api"
    tag: bool = False
    jobs: list[Job] = field(default_factory=list)
    canceled: bool = False
    canceled_by: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    yaml_errors: str | None = None
    told: str = ""

    @property
    def status(self) -> str:
        """Work out the status from the jobs', as GitLab does."""
        held = [job.status for job in self.jobs if not (job.spec.manual and job.spec.allow_failure)]
        needed = [job.status for job in self.jobs if not job.spec.allow_failure]
        busy = {"pending", "running"} & set(held)
        waits = next((status for status in ("waiting_for_resource", "pending", "created") if status in held), "")
        verdicts = (
            ("failed", bool(self.yaml_errors)),
            ("running", "running" in held),
            ("failed", "failed" in needed and not busy),
            ("canceled", self.canceled),
            ("manual", "manual" in needed),
            ("running" if self.started_at else waits, bool(waits)),
        )
        return next((status for status, holds in verdicts if holds), "success")


@dataclass
class Deployment:
    id: int
    iid: int
    environment: str
    sha: str
    ref: str
    tag: bool
    status: str
    user: User
    created_at: str
    updated_at: str
    job: Job | None = None


@dataclass
class MergeRequest:
    id: int
    iid: int
    title: str
    source: str
    target: str
    author: User
    created_at: str
    updated_at: str
    state: str = "opened"
    draft: bool = False
    approvals_required: int = 0
    approved_by: list[User] = field(default_factory=list)
    approvers: Sequence[str] | None = None
    mergers: Sequence[str] | None = None
    reviewers: Sequence[User] = ()
    labels: Sequence[str] = ()
    checking: bool = False
    conflicts: bool = False
    pipeline_must_pass: bool = False
    head: str = ""
    merge_commit_sha: str | None = None
    merged_by: User | None = None


@dataclass
class Issue:
    id: int
    iid: int
    title: str
    description: str
    author: User
    created_at: str
    updated_at: str
    state: str = "opened"
    labels: Sequence[str] = ()
    assignees: Sequence[User] = ()
    confidential: bool = False


@dataclass
class Hook:
    id: int
    url: str
    token: str
    flags: dict[str, bool]
    created_at: str
    signing_token: str = ""
    alert_status: str = "executable"


@dataclass
class Status:
    id: int
    sha: str
    name: str
    status: str
    author: User
    created_at: str
    ref: str = "main"
    target_url: str | None = None
    description: str | None = None


@dataclass
class Release:
    tag: str
    name: str
    description: str
    sha: str
    author: User
    released_at: str
    links: Sequence[Mapping[str, Any]] = ()


@dataclass
class Project:
    id: int
    path: str
    created_at: str
    repository: str  # its folder's name without .git
    members: dict[str, int] = field(default_factory=dict)
    archived: bool = False
    ci_enabled: bool = True
    ci: Sequence[JobSpec] | Callable[[Mapping[str, str]], Sequence[JobSpec]] = ()
    ci_refusal: str = ""
    pipelines: list[Pipeline] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    merge_requests: list[MergeRequest] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    protected_tags: set[str] = field(default_factory=set)
    default_branch: str = "main"

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]
