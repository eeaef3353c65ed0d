"""`jenkins`: builds and deploys as Jenkins jobs, their test reports, and what Jenkins tells of them."""

from integrations.capabilities.builds import BuildServer
from integrations.capabilities.deploys import Deployer
from integrations.capabilities.links import LinkReader
from integrations.capabilities.reports import TestReports
from integrations.contract import Integration
from integrations.jenkins.settings import JenkinsSettings

INTEGRATION = Integration(
    name="jenkins",
    title="Jenkins",
    settings=JenkinsSettings,
    provides=(BuildServer, Deployer, TestReports, LinkReader),
    connect="integrations.jenkins.client:connect",
    webhook="integrations.jenkins.wire",
)
