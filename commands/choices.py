"""What menus offer for arguments that several commands share."""

from collections.abc import Mapping, Sequence

from bot.catalog import Catalog
from bot.command import Call, Option, Resource
from bot.deployments.deployments import Deployments
from bot.deployments.records import Deployment
from bot.errors import UserError
from bot.permissions import Permissions
from bot.toolbox import Toolbox
from integrations.capabilities.git import GitHost
from integrations.errors import IntegrationError

READ = "deployment.read"
_MOST = 100


async def services(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the services whose names contain what was typed."""
    found = call.use(Catalog).services()
    return [Option(one.name, one.title) for one in found if typed.lower() in one.name.lower()][:_MOST]


async def environments(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the environments of the chosen service, or of all."""
    catalog = call.use(Catalog)
    try:
        chosen = [catalog.service(given["service"])] if given.get("service") else catalog.services()
    except UserError:
        chosen = catalog.services()
    names = dict.fromkeys(one.name for service in chosen for one in service.environments)
    return [Option(name) for name in names if typed.lower() in name][:_MOST]


async def targets(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the targets of the chosen environment."""
    try:
        environment = call.use(Catalog).service(given.get("service", "")).environment(given.get("environment", ""))
    except UserError:
        return []
    return [Option(name) for name in environment.targets if typed.lower() in name][:_MOST]


async def versions(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return tags and branches of the chosen service, newest first; none while its Git host does not answer."""
    if not await may_read(call, READ, given):
        return []
    try:
        repository = call.use(Catalog).service(given.get("service", "")).repository
        git = call.use(Toolbox).get(GitHost, repository.instance)
        refs = await git.list_refs(repository.project, typed, limit=_MOST)
    except (UserError, IntegrationError):
        return []
    return [Option(ref.name, detail=f"{ref.kind.value} {ref.sha[:7]}") for ref in refs]


async def refs(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return branches and tags of the chosen service, branches first; none while its Git host does not answer."""
    found = await versions(call, given, typed)
    return sorted(found, key=lambda option: not option.detail.startswith("branch"))


async def good_versions(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the versions that ran well on the chosen place, newest first."""
    try:
        place = call.use(Catalog).place(given.get("service", ""), given.get("environment", ""), given.get("target", ""))
    except UserError:
        return []
    if not await may_read(call, READ, given):
        return []
    found = await call.use(Deployments).overview.good_versions(place)
    return [Option(version) for version in found if typed.lower() in version.lower()][:_MOST]


async def under_way(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the deployments that have not ended."""
    return await _deployments(call, await call.use(Deployments).overview.under_way(), typed)


async def to_review(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the deployments that somebody has to look at afterwards."""
    return await _deployments(call, await call.use(Deployments).reviewing.waiting(), typed)


async def readable(call: Call, permission: str, found: Sequence[Option]) -> Sequence[Option]:
    """Return the options that tell of what this person may read; none when it cannot be found out."""
    permissions, known, kept = call.use(Permissions), dict[Resource, bool](), list[Option]()
    for option in found:
        about = option.about or Resource()
        if about not in known:
            known[about] = (await permissions.check(call.person, permission, about)).allowed
        if known[about]:
            kept.append(option)
    return kept[:_MOST]


async def may_read(call: Call, permission: str, given: Mapping[str, str]) -> bool:
    """Tell whether this person may read of the service that was chosen; not where it is none."""
    try:
        service = call.use(Catalog).service(given.get("service", ""))
    except UserError:
        return False
    return (await call.use(Permissions).check(call.person, permission, Resource(service.name))).allowed


async def _deployments(call: Call, found: Sequence[Deployment], typed: str) -> Sequence[Option]:
    told = ((one, f"{one.id} {one.title}"[:75]) for one in found)
    options = [
        Option(one.id, label, about=Resource(one.service, one.environment, one.target))
        for one, label in told
        if typed.lower() in label.lower()
    ]
    return await readable(call, READ, options)


async def place_of_deployment(call: Call, args: object) -> Resource:
    """Return what a permission is asked on when the argument `deployment` names it."""
    deployment = await call.use(Deployments).decisions.get(getattr(args, "deployment", ""))
    return Resource(deployment.service, deployment.environment, deployment.target)


async def place_of_words(call: Call, args: object) -> Resource:
    """Return what a permission is asked on from the words for service, environment and target, aliases understood.

    Raises:
        BadInput: a word is not in the catalog.
    """
    place = call.use(Catalog).place(
        getattr(args, "service", ""), getattr(args, "environment", None) or "", getattr(args, "target", None) or ""
    )
    return Resource(place.service, place.environment, place.target)
