"""`shipmate connect gitlab`: have every configured project tell us what happens in it, and say what was done."""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from pydantic import SecretStr

from bot import logs
from bot.app.tools import Tools
from bot.clock import Clock
from bot.health import HealthChecks
from bot.settings import Settings
from bot.settings.services import Job
from bot.toolbox import Toolbox
from integrations.contract import Adapter
from integrations.errors import IntegrationError, NotAuthenticated, NotPermitted
from integrations.gitlab.settings import GitLabSettings

Say = Callable[[str], None]


class _Hook(Protocol):
    @property
    def done(self) -> str: ...


@runtime_checkable
class _Hooked(Protocol):
    async def ensure_hook(self, project: str, url: str, secret: str, *, signing_token: str = "") -> _Hook: ...


async def connect(settings: Settings, tool: str, clock: Clock, say: Say) -> int:
    """Set up the webhooks of all instances of `tool`; return 0 when all are as they should be, 1 otherwise.

    What is there already is kept, so that it can be run again after each change of the configuration.
    """
    masker = logs.Masker(logs.secrets_of(settings))
    logs.configure(clock=clock, form="console", level="warning", masker=masker)
    base = settings.server.public_url.rstrip("/")
    if not base:
        say("server.public_url is not set: say under which address the tool reaches Shipmate, then run this again")
        return 1
    instances = {name: one.settings for name, one in settings.integrations.items() if one.type == tool}
    if not instances:
        say(f"no integration of type {tool} is configured: nothing to connect")
        return 1
    toolbox = Toolbox()
    chosen = {name: settings.integrations[name] for name in instances}
    tools = Tools(settings.model_copy(update={"integrations": chosen}), toolbox, HealthChecks(clock), clock)
    well = True
    try:
        await tools.connect()
        for name, own in instances.items():
            adapter = toolbox.adapters().get(name)
            if adapter is None or not isinstance(own, GitLabSettings):
                say(f"FAILED   {name}: {toolbox.broken().get(name, f'{tool} has no webhooks that we set up')}")
                well = False
                continue
            well = await _instance(settings, name, own, adapter, f"{base}/hooks/{name}", say) and well
    finally:
        await tools.close()
    return 0 if well else 1


async def _instance(settings: Settings, name: str, own: GitLabSettings, adapter: Adapter, url: str, say: Say) -> bool:
    """Set up all projects of one instance; tell whether all of them are as they should be."""
    if not isinstance(adapter, _Hooked):
        say(f"FAILED   {name}: it has no webhooks that we set up")
        return False
    if own.webhook_token is None and own.webhook_signing_token is None:
        say(f"FAILED   {name}: webhook_token is not set, so nobody could tell its events from forged ones")
        return False
    projects = dict.fromkeys(_projects(settings, name, own))
    if not projects:
        say(f"nothing  {name}: no service has its code, builds or issues there")
    well = True
    for project in projects:
        try:
            hook = await adapter.ensure_hook(
                project, url, _plain(own.webhook_token), signing_token=_plain(own.webhook_signing_token)
            )
        except (NotPermitted, NotAuthenticated) as error:
            say(f"FAILED   {name} {project}: {error.message}. The token needs the scope api and the role Maintainer.")
            well = False
        except IntegrationError as error:
            say(f"FAILED   {name} {project}: {error.message}")
            well = False
        else:
            say(f"{hook.done:<8} {name} {project} -> {url}")
    return well


def _projects(settings: Settings, name: str, own: GitLabSettings) -> Iterator[str]:
    """Yield the projects of an instance that services name."""
    for service in settings.services.values():
        if service.repository.instance == name:
            yield service.repository.project
        jobs: list[Job] = [*([service.build] if service.build else []), *(one.deploy for one in service.environments)]
        for job in jobs:
            if job.instance == name:
                recipe = own.pipelines.get(job.job)
                yield recipe.project if recipe else job.job
        if service.issues is not None and service.issues.instance == name:
            yield service.issues.project


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
