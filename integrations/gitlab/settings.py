"""Settings of one `gitlab` instance."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from integrations.capabilities.personal_runs import RunRight

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_PATH = re.compile(r"(?!.*(^|/)\.\.?(/|$))[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*")


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"{text!r} is no address of a server: https://gitlab.example.org is expected"
        raise ValueError(message)
    if parts.username or parts.password:
        raise ValueError("the address holds credentials: give `token`, by reference")
    if parts.query or parts.fragment or parts.path.rstrip("/").endswith("/api/v4"):
        message = f"{text!r} is more than the server's address: leave out /api/v4, the query and the fragment"
        raise ValueError(message)
    return text.rstrip("/")


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        message = f"{text!r} is no name of a CI/CD variable: letters, digits and _ are"
        raise ValueError(message)
    return text


def _path(text: str) -> str:
    if text and not _PATH.fullmatch(text):
        message = f"{text!r} is no path of a group or project: group/subgroup/project is expected"
        raise ValueError(message)
    return text


VariableName = Annotated[str, AfterValidator(_variable)]
GroupPath = Annotated[str, AfterValidator(_path)]


class VariableNames(BaseModel):
    """How the CI/CD variables are called that every pipeline of ours gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    request_id: VariableName = "SHIPMATE_REQUEST_ID"
    job: VariableName = "SHIPMATE_JOB"
    sha: VariableName = "SHIPMATE_SHA"
    version: VariableName = "SHIPMATE_VERSION"
    service: VariableName = "SHIPMATE_SERVICE"
    environment: VariableName = "SHIPMATE_ENVIRONMENT"
    target: VariableName = "SHIPMATE_TARGET"
    artifact: VariableName = "SHIPMATE_ARTIFACT"
    digest: VariableName = "SHIPMATE_DIGEST"
    fence: VariableName = "SHIPMATE_FENCE"


class Recipe(BaseModel):
    """A named way to run a project's pipeline.

    `ref` is the branch or tag it runs on by default. `any_commit` says that .gitlab-ci.yml checks out the commit named
    by the variable for it, so that a commit can be built that no branch or tag points at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: Annotated[str, Field(min_length=1), AfterValidator(_path)]
    ref: str = ""
    variables: Mapping[VariableName, str] = Field(default_factory=dict)
    any_commit: bool = False


class GitLabSettings(BaseModel):
    """One GitLab: where it is, how to authenticate, and what its pipelines are called. Times are in seconds.

    `group` is where projects are looked for that are named without a group. `own_token_may` is what Shipmate does with
    its own token for people who have linked no account; whatever else GitLab decides by person is a link for them.
    `commit_status` names the status that deployments write on their commit, "" for none: it is a job of the commit's
    newest pipeline there, and makes that fail when the deployment does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_base_url)]
    token: SecretStr
    group: GroupPath = ""
    ca_file: Path | None = None
    timeout: float = Field(default=15, gt=0, le=300)
    threads: int = Field(default=8, ge=1, le=64)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    pipelines: Mapping[str, Recipe] = Field(default_factory=dict)
    variables: VariableNames = VariableNames()
    environment: str = "{environment}"
    result_file: str = "shipmate.json"
    commit_status: Annotated[str, Field(max_length=255)] = ""
    webhook_token: SecretStr | None = None
    webhook_signing_token: SecretStr | None = None
    oauth_client_id: str = ""
    oauth_client_secret: SecretStr | None = None
    oauth_scopes: tuple[str, ...] = ("api",)
    own_token_may: tuple[RunRight, ...] = (RunRight.RETRY, RunRight.ABORT)
