"""`/build`: start a build, follow it live, abort it, run it once more, read why it failed."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.builds.builds import Builds
from bot.catalog import Catalog
from bot.command import Call, Effect, Option, Pairs, Resource, arg, arguments, command
from bot.errors import UserError
from bot.reply import Reply
from commands.choices import readable, refs, services
from integrations.capabilities.runs import Parameter

_MOST = 100


async def parameters(call: Call, given: Mapping[str, str]) -> Sequence[Parameter]:
    """Return the parameters of the job that builds the chosen service, none where that is not known."""
    try:
        return await call.use(Builds).beginnings.inputs(given.get("service", ""))
    except UserError:
        return ()


async def builds(call: Call, _given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the newest builds."""
    found = await call.use(Builds).overview.menu()
    return await readable(call, "build.read", [one for one in found if typed.lower() in one.label.lower()])


async def builds_and_services(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the services, and the newest builds."""
    return [*await services(call, given, typed), *await builds(call, given, typed)][:_MOST]


async def service_of_build(call: Call, args: object) -> Resource:
    """Return the service whose build is named by `build` or `what`: what a permission is asked on."""
    what = getattr(args, "build", None) or getattr(args, "what", None)
    return Resource((await call.use(Builds).overview.find(what)).service) if what else Resource()


async def service_to_watch(call: Call, args: object) -> Resource:
    """Return the service that is meant, by its own name or by one of its builds."""
    what = str(getattr(args, "what", ""))
    catalog = call.use(Catalog)
    if what.upper().startswith("B-"):
        return Resource((await call.use(Builds).overview.find(what)).service)
    return Resource(catalog.service(what).name)


@arguments
class RunArgs:
    """What to build, and with what."""

    service: Annotated[str, arg("service to build", options=services)]
    ref: Annotated[str | None, arg("branch, tag or commit; the default branch without", options=refs)] = None
    param: Annotated[
        Pairs | None, arg("a parameter of the job, as often as needed", flag="--param", inputs=parameters)
    ] = None
    wait: Annotated[bool, arg("in a terminal: show the card until it has ended", flag="--wait")] = False


@command(
    "build run",
    permission="build.start",
    args=RunArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("build run checkout", "build run checkout main --param STAGE=qa"),
)
async def run(call: Call, args: RunArgs) -> Reply:
    """Start a build of a service; one message shows it live."""
    return await call.use(Builds).beginnings.run(call, args.service, args.ref or "", args.param or {})


@arguments
class ShowArgs:
    """Which build."""

    what: Annotated[
        str | None,
        arg("a build such as B-12, or a service for its newest; all of them without", options=builds_and_services),
    ] = None


@command(
    "build show",
    permission="build.read",
    args=ShowArgs,
    effect=Effect.READ,
    resource=service_of_build,
    examples=("build show checkout", "build show B-12"),
)
async def show(call: Call, args: ShowArgs) -> Reply:
    """Show how a build stands."""
    return await call.use(Builds).overview.show(args.what or "")


@arguments
class WatchArgs:
    """What to watch."""

    what: Annotated[str, arg("a service, for the newest build of its job, or a build", options=builds_and_services)]


@command(
    "build watch",
    permission="build.read",
    args=WatchArgs,
    effect=Effect.CHANGE,
    resource=service_to_watch,
    examples=("build watch checkout",),
)
async def watch(call: Call, args: WatchArgs) -> Reply:
    """Show a build live that was started elsewhere."""
    return await call.use(Builds).beginnings.watch(call, args.what)


@arguments
class OneBuild:
    """Which build."""

    build: Annotated[str, arg("its id, such as B-12; a service for its newest", options=builds_and_services)]


@command(
    "build abort",
    permission="build.abort",
    args=OneBuild,
    effect=Effect.CHANGE,
    resource=service_of_build,
    decides=True,
    examples=("build abort B-12",),
)
async def abort(call: Call, args: OneBuild) -> Reply:
    """Abort a build, queued or running."""
    found = await call.use(Builds).overview.find(args.build)
    return await call.use(Builds).abort(call, found.id)


@command(
    "build retry",
    permission="build.start",
    args=OneBuild,
    effect=Effect.CHANGE,
    resource=service_of_build,
    decides=True,
    examples=("build retry B-12",),
)
async def retry(call: Call, args: OneBuild) -> Reply:
    """Run a build that is over once more, with what it was started with."""
    found = await call.use(Builds).overview.find(args.build)
    return await call.use(Builds).beginnings.retry(call, found.id)


@arguments
class LogsArgs:
    """Of which build, and how much of it."""

    build: Annotated[str, arg("a build such as B-12; a service for its newest", options=builds_and_services)]
    whole: Annotated[bool, arg("all of it, as a file for you alone", flag="--whole")] = False


@command(
    "build logs",
    permission="build.read",
    args=LogsArgs,
    effect=Effect.LOOKUP,
    resource=service_of_build,
    examples=("build logs B-12", "build logs checkout --whole"),
)
async def logs(call: Call, args: LogsArgs) -> Reply:
    """Show why a build failed, or the end of its log."""
    return await call.use(Builds).overview.logs(args.build, whole=args.whole)
