"""`/tests`: which tests of the newest build failed, and whether that is new."""

from typing import Annotated

from bot.builds.builds import Builds
from bot.catalog import Catalog
from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.deployments.deployments import Deployments
from bot.reply import Reply
from commands.build import builds_and_services


async def resource_of(call: Call, args: object) -> Resource:
    """Return the service that is meant, by its name, or by a build or deployment of it."""
    what = str(getattr(args, "what", ""))
    kind = what.strip().upper()[:2]
    if kind == "B-":
        return Resource((await call.use(Builds).overview.find(what)).service)
    if kind == "D-":
        return Resource((await call.use(Deployments).decisions.get(what)).service)
    return Resource(call.use(Catalog).service(what).name)


@arguments
class TestsArgs:
    """Of what."""

    __test__ = False  # pytest is not to collect it

    what: Annotated[str, arg("a service, for its newest build, or a build or deployment", options=builds_and_services)]


@command(
    "tests",
    permission="build.read",
    args=TestsArgs,
    effect=Effect.LOOKUP,
    resource=resource_of,
    examples=("tests checkout", "tests B-12", "tests D-1042"),
)
async def tests(call: Call, args: TestsArgs) -> Reply:
    """Show the failed tests of a build: which are new, known or flaky."""
    kind = args.what.strip().upper()[:2]
    found = call.use(Builds).tests
    if kind == "D-":
        deployment = await call.use(Deployments).decisions.get(args.what)
        return await found.of_run(deployment.service, deployment.build_run, deployment.id)
    if kind == "B-":
        build = await call.use(Builds).overview.find(args.what)
        return await found.of_run(build.service, build.run, build.id)
    return await found.of_service(call.use(Catalog).service(args.what))
