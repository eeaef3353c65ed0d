"""Every kind of answer of the stand-in has the form that GitLab publishes for it (openapi.json)."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from integrations.capabilities.builds import BuildRequest
from integrations.capabilities.delivery import Delivered, DeliveryNote
from integrations.capabilities.deploys import DeployRequest
from integrations.capabilities.git import CheckState
from integrations.capabilities.issues import IssueRequest
from integrations.capabilities.persons import Grant
from integrations.capabilities.releases import Link, ReleaseDraft
from integrations.contract import Resources
from integrations.gitlab.client import GitLab, connect
from integrations.gitlab.settings import GitLabSettings
from tests.integrations.repository import RealHistory
from tests.servers.gitlab.server import GitLabServer, running
from tests.servers.gitlab.state import JobSpec, MergeRequest, Status

PUBLISHED = json.loads(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))
P = "/api/v4/projects/{id}"
# The entity of each route; a list of it where the answer is a list.
ROUTES = {
    ("GET", "/api/v4/version"): "Metadata",
    ("GET", "/api/v4/user"): "UserPublic",
    ("GET", "/api/v4/users"): "UserBasic",
    ("GET", r"/api/v4/users/{user}"): "UserBasic",
    ("GET", "/api/v4/personal_access_tokens/self"): "PersonalAccessToken",
    ("GET", "/api/v4/projects"): "Project",
    ("GET", P): "Project",
    ("GET", f"{P}/hooks"): "ProjectHook",
    ("POST", f"{P}/hooks"): "ProjectHook",
    ("PUT", f"{P}/hooks/{{hook}}"): "ProjectHook",
    ("GET", f"{P}/repository/tags"): "Tag",
    ("GET", f"{P}/repository/tags/{{name}}"): "Tag",
    ("POST", f"{P}/repository/tags"): "Tag",
    ("GET", f"{P}/releases"): "Release",
    ("POST", f"{P}/releases"): "Release",
    ("GET", f"{P}/releases/{{tag}}"): "Release",
    ("PUT", f"{P}/releases/{{tag}}"): "Release",
    ("GET", f"{P}/repository/branches"): "Branch",
    ("GET", f"{P}/repository/branches/{{name}}"): "Branch",
    ("GET", f"{P}/repository/commits"): "Commit",
    ("GET", f"{P}/repository/commits/{{sha}}"): "CommitDetail",
    ("GET", f"{P}/repository/commits/{{sha}}/refs"): "BasicRef",
    ("GET", f"{P}/repository/commits/{{sha}}/statuses"): "CommitStatus",
    ("POST", f"{P}/statuses/{{sha}}"): "CommitStatus",
    ("GET", f"{P}/repository/compare"): "Compare",
    ("GET", f"{P}/pipelines"): "Ci_PipelineBasic",
    ("POST", f"{P}/pipeline"): "Ci_Pipeline",
    ("GET", f"{P}/pipelines/{{pipeline}}"): "Ci_Pipeline",
    ("POST", f"{P}/pipelines/{{pipeline}}/cancel"): "Ci_Pipeline",
    ("GET", f"{P}/pipelines/{{pipeline}}/variables"): "Ci_Variable",
    ("GET", f"{P}/pipelines/{{pipeline}}/jobs"): "Ci_Job",
    ("GET", f"{P}/pipelines/{{pipeline}}/bridges"): "Ci_Bridge",
    ("GET", f"{P}/pipelines/{{pipeline}}/test_report"): "TestReportEntity",
    ("GET", f"{P}/jobs/{{job}}"): "Ci_Job",
    ("POST", f"{P}/jobs/{{job}}/play"): "Ci_Job",
    ("GET", f"{P}/merge_requests"): "MergeRequestBasic",
    ("GET", f"{P}/merge_requests/{{iid}}"): "MergeRequest",
    ("PUT", f"{P}/merge_requests/{{iid}}/merge"): "MergeRequest",
    ("GET", f"{P}/merge_requests/{{iid}}/approvals"): "MergeRequestApprovals",
    ("POST", f"{P}/merge_requests/{{iid}}/approve"): "MergeRequestApprovals",
    ("GET", f"{P}/issues"): "IssueBasic",
    ("POST", f"{P}/issues"): "IssueBasic",
    ("GET", f"{P}/issues/{{iid}}"): "IssueBasic",
    ("PUT", f"{P}/issues/{{iid}}"): "IssueBasic",
    ("GET", f"{P}/deployments"): "Deployment",
    ("POST", f"{P}/deployments"): "DeploymentExtended",
    ("GET", f"{P}/deployments/{{deployment}}"): "DeploymentExtended",
    ("PUT", f"{P}/deployments/{{deployment}}"): "DeploymentExtended",
}
# What GitLab's prose documents (docs.gitlab.com/api) and the published schemas do not have, at this version.
BEYOND = {
    "UserBasic": {"public_email"},
    "ProjectHook": {"alert_status", "token_present", "signing_token_present"},
    "MergeRequestApprovals": {
        "id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at", "merge_status",
        "approvals_required", "approvals_left", "require_password_to_approve",
    },
    "Approvals": {"approved_at"},
    "PersonalAccessToken": {"description"},
    "IssueBasic": {"has_tasks"},
    "Diff": {"collapsed", "too_large", "generated_file"},
}  # fmt: skip


TEXT = {"type": "string"}
# What is published in prose alone: https://docs.gitlab.com/api/releases/
BY_PROSE = {
    "Release": {
        "properties": {
            **dict.fromkeys(("tag_name", "name", "description", "created_at", "released_at"), TEXT),
            "upcoming_release": {"type": "boolean"},
            "author": {"$ref": "#/definitions/API_Entities_UserBasic"},
            "commit": {"type": "object"},
            "assets": {
                "type": "object",
                "required": ["count", "sources", "links"],
                "properties": {
                    "links": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["id", "name", "url", "direct_asset_url", "link_type"],
                            "additionalProperties": False,
                            "properties": {
                                "id": {"type": "integer"},
                                **dict.fromkeys(("name", "url", "direct_asset_url", "link_type"), TEXT),
                            },
                        },
                    }
                },
            },
            "_links": {"type": "object"},
        }
    }
}

# Seconds, which GitLab publishes as whole ones and answers with fractions; ids of hooks, which it publishes as text.
NUMBERS = {
    ("TestReportEntity", "total_time"), ("TestSuiteEntity", "total_time"), ("TestCaseEntity", "execution_time"),
    ("API_Entities_ProjectHook", "id"), ("API_Entities_ProjectHook", "project_id"),
}  # fmt: skip


def definitions() -> Mapping[str, Any]:
    """Return the schemas, closed to fields they do not name.

    The publisher tells neither what may be null (so any field may) nor that a field is a list of an entity.
    """
    closed = {}
    for name, schema in (PUBLISHED["definitions"] | BY_PROSE).items():
        fields: dict[str, Any] = {key: {} for key in BEYOND.get(name.removeprefix("API_Entities_"), ())}
        for field, one in schema["properties"].items():
            shape = {"type": "number"} if (name, field) in NUMBERS else one
            lists = [{"type": "array", "items": one}] if "$ref" in one else []
            fields[field] = {"anyOf": [shape, {"type": "null"}, *lists]}
        closed[name] = {"type": "object", "properties": fields, "additionalProperties": False}
    return closed


def validator(entity: str) -> jsonschema.Draft7Validator:
    name = entity if entity in PUBLISHED["definitions"] or entity in BY_PROSE else f"API_Entities_{entity}"
    return jsonschema.Draft7Validator({"$ref": f"#/definitions/{name}", "definitions": definitions()})


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as started:
        yield started


async def drive(server: GitLabServer, history: RealHistory) -> None:
    """Ask the stand-in, by the adapter, for every kind of thing."""
    bob = server.add_user("bob", public_email="bob@example.org")
    suite = {
        "status": "failed", "name": "sums", "classname": "cart", "file": "x.py", "execution_time": 0.5,
        "system_output": None, "stack_trace": None, "recent_failures": None,
    }  # fmt: skip
    ci = [
        JobSpec(name="make", environment="staging", artifacts={"shipmate.json": b"{}"}, report=[suite]),
        JobSpec(name="down", triggers="team/shop"), JobSpec(name="ship", manual=True),
    ]  # fmt: skip
    project = server.add_project("team/shop", {"shipmate": 40, "bob": 40}, ci=lambda told: ci if told else ())
    base = history.commit("shop", "First", files={"a.txt": b"1"})
    head = history.commit("shop", "Second", files={"a.txt": b"2"}, parents=[base])
    history.branch("shop", "main", base)
    history.branch("shop", "change", head)
    history.tag("shop", "v1", base)
    now = server.time.text()
    project.merge_requests.append(MergeRequest(1, 1, "A change", "change", "main", bob, now, now, reviewers=[bob]))
    project.statuses.append(Status(1, base, "unit", "success", bob, now, target_url="https://ci.example.org"))
    server.add_token("bobs", "bob")
    settings = GitLabSettings(url=server.url, token="glpat-shipmate", group="team", timeout=45)
    gitlab = await connect("gitlab", settings, Resources(state_dir=""))
    try:
        await everything(gitlab, base, head)
    finally:
        await gitlab.close()


async def everything(gitlab: GitLab, base: str, head: str) -> None:
    await gitlab.ping()
    for name in ("v1", "main", base[:12]):
        await gitlab.resolve_ref("shop", name)
    with contextlib.suppress(Exception):
        await gitlab.resolve_ref("shop", "00000")
    await gitlab.list_refs("shop")
    await gitlab.compare("shop", base, head)
    await gitlab.list_checks("shop", base)
    await gitlab.set_check("shop", base, "shipmate", CheckState.PENDING, "D-1", "https://x.example.org")
    await gitlab.list_jobs()
    build = BuildRequest(request_id="r-1", job="shop", project="shop", sha=base, version="1")
    ref = await gitlab.start_build(build)
    run = await gitlab.get_run(ref)
    await gitlab.answer(ref, run.actions[0].id, {})
    await gitlab.get_run(ref)
    await gitlab.get_report(ref)
    await gitlab.list_builds("shop")
    await gitlab.find_run("r-2")
    second = await gitlab.start_deploy(
        DeployRequest(
            request_id="r-3", job="shop", service="shop", environment="staging", target="", project="shop", sha=head,
            version="2", fence=1,
        )
    )  # fmt: skip
    await gitlab.cancel_run(second)
    await gitlab.get_running("shop", "shop", "staging", "")
    for state in (Delivered.RUNNING, Delivered.SUCCEEDED, Delivered.SUCCEEDED):
        note = DeliveryNote(
            deployment="D-1", project="shop", environment="production", sha=base, ref="main", state=state
        )
        await gitlab.show_deployment(note)
    await gitlab.create_tag("shop", "v2", head, "Two")
    draft = ReleaseDraft(tag="v2", name="Two", notes="- new", links=(Link("page", "https://x.example.org"),))
    await gitlab.create_release("shop", draft)
    await gitlab.update_notes("shop", "v2", "- newer")
    await gitlab.list_releases("shop")
    await gitlab.list_merge_requests("shop")
    bob = Grant(access_token=SecretStr("bobs"))
    await gitlab.approve_merge_request("shop", 1, head, bob)
    await gitlab.merge("shop", 1, head, bob)
    issue = await gitlab.create_issue(IssueRequest(request_id="r-1", project="shop", title="It broke", assignee="bob"))
    await gitlab.close_issue("shop", issue.key)
    await gitlab.list_issues("shop")
    await gitlab.find_account("bob@example.org")
    for _ in range(2):
        await gitlab.ensure_hook("shop", "http://127.0.0.1:9/hooks/gitlab", "s", ("issues_events",))


async def test_every_answer_has_the_published_form(server, tmp_path):
    await drive(server, RealHistory(tmp_path))
    seen = {(method, route) for method, route, _, _ in server.recorded}
    assert sorted(set(ROUTES) - seen) == [], "a route that nothing asks for"
    assert sorted(seen - set(ROUTES)) == [], "a route without a schema"
    wrong = []
    for method, route, status, answer in server.recorded:
        assert 200 <= status < 300
        check = validator(ROUTES[method, route])
        for one in answer if isinstance(answer, list) else [answer]:
            wrong += [
                f"{method} {route} {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
                for error in check.iter_errors(one)
            ]
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_the_schemas_would_tell_a_wrong_form():
    check = validator("Ci_Pipeline")
    assert check.is_valid({"id": 1, "status": "success", "user": None})
    assert not check.is_valid({"id": "1"})
    assert not check.is_valid({"id": 1, "user": {"nickname": "x"}})
    assert PUBLISHED["licence"].startswith("MIT")
