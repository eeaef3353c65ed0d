"""`gitlab`: repositories, pipelines, merge requests, issues, environments and webhooks of a GitLab server."""

from integrations.capabilities.builds import BuildServer
from integrations.capabilities.delivery import DeliveryBoard
from integrations.capabilities.deploys import Deployer
from integrations.capabilities.git import GitHost
from integrations.capabilities.issues import IssueTracker
from integrations.capabilities.links import LinkReader
from integrations.capabilities.merge_requests import MergeRequests
from integrations.capabilities.personal_issues import PersonalIssues
from integrations.capabilities.personal_runs import PersonalRuns
from integrations.capabilities.persons import PersonalAccess
from integrations.capabilities.releases import ReleaseHost
from integrations.capabilities.reports import TestReports
from integrations.contract import Integration
from integrations.gitlab.settings import GitLabSettings

INTEGRATION = Integration(
    name="gitlab",
    title="GitLab",
    settings=GitLabSettings,
    provides=(
        GitHost,
        ReleaseHost,
        BuildServer,
        Deployer,
        TestReports,
        MergeRequests,
        IssueTracker,
        DeliveryBoard,
        PersonalAccess,
        PersonalRuns,
        PersonalIssues,
        LinkReader,
    ),
    connect="integrations.gitlab.client:connect",
    webhook="integrations.gitlab.wire",
)
