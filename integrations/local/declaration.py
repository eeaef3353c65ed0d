"""What the registry reads of `local`."""

from integrations.capabilities.builds import BuildServer
from integrations.capabilities.deploys import Deployer
from integrations.capabilities.git import GitHost
from integrations.capabilities.releases import ReleaseHost
from integrations.capabilities.reports import TestReports
from integrations.contract import Integration
from integrations.local.settings import LocalSettings

INTEGRATION = Integration(
    name="local",
    title="This machine",
    settings=LocalSettings,
    provides=(GitHost, ReleaseHost, BuildServer, Deployer, TestReports),
    connect="integrations.local.client:connect",
)
