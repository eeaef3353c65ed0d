"""`/release`: cut a release of a service, show what it holds and where it runs, read its notes."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.catalog import Catalog
from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.errors import UserError
from bot.releases.proposals import Wanted
from bot.releases.releases import Releases
from bot.releases.versions import Bump
from bot.reply import Reply
from commands.choices import readable, refs, services


async def releases(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the newest releases, of the chosen service if there is one."""
    try:
        service = call.use(Catalog).service(given["service"]).name if given.get("service") else ""
    except UserError:
        service = ""
    found = await call.use(Releases).overview.menu(service)
    return await readable(call, "release.read", [one for one in found if typed.lower() in one.label.lower()])


async def service_of_release(call: Call, args: object) -> Resource:
    """Return the service whose release is named by `release`: what a permission is asked on."""
    return Resource((await call.use(Releases).overview.find(str(getattr(args, "release", "")))).service)


@arguments
class CutArgs:
    """What to release, and as what."""

    service: Annotated[str, arg("service to release", options=services)]
    bump: Annotated[Bump, arg("which number grows; auto finds out by the commits", flag="--bump")] = Bump.AUTO
    ref: Annotated[
        str | None, arg("branch, tag or commit to release; the default branch without", options=refs, flag="--from")
    ] = None
    version: Annotated[str | None, arg("the version, instead of the next one", flag="--version")] = None
    pre: Annotated[str | None, arg("a pre-release of this kind, such as rc", flag="--pre")] = None
    notes: Annotated[
        str | None, arg("its notes in Markdown, instead of those found", flag="--notes", multiline=True)
    ] = None
    dry_run: Annotated[bool, arg("show what would be cut, cut nothing", flag="--dry-run")] = False
    yes: Annotated[bool, arg("cut it as proposed, without a look at it", flag="--yes")] = False
    wait: Annotated[bool, arg("in a terminal: show the card until it has ended", flag="--wait")] = False


@command(
    "release cut",
    permission="release.cut",
    args=CutArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("release cut checkout", "release cut checkout --bump minor --from main"),
)
async def cut(call: Call, args: CutArgs) -> Reply:
    """Cut a release of a service: version, notes, artifact, tag. You see them before it is cut."""
    wanted = Wanted(
        service=args.service,
        ref=args.ref or "",
        bump=args.bump,
        pre=(args.pre or "").strip(),
        version=(args.version or "").strip(),
        notes=args.notes or "",
    )
    return await call.use(Releases).beginnings.cut(call, wanted, yes=args.yes, dry_run=args.dry_run)


@arguments
class OneRelease:
    """Which release."""

    release: Annotated[
        str, arg("its id, such as R-88; or checkout@1.4.2, or a service for its newest", options=releases)
    ]


@command(
    "release show",
    permission="release.read",
    args=OneRelease,
    effect=Effect.READ,
    resource=service_of_release,
    examples=("release show R-88", "release show checkout@1.4.2"),
)
async def show(call: Call, args: OneRelease) -> Reply:
    """Show what a release holds, where it runs and who accepted it."""
    return await call.use(Releases).overview.show(args.release)


@arguments
class ListArgs:
    """Of which service."""

    service: Annotated[str | None, arg("the service; all of them without", options=services)] = None


@command(
    "release list",
    permission="release.read",
    args=ListArgs,
    effect=Effect.READ,
    examples=("release list checkout",),
)
async def list_(call: Call, args: ListArgs) -> Reply:
    """List the newest releases, who cut them and where they run."""
    return await call.use(Releases).overview.list_all(args.service or "")


@command(
    "release notes",
    permission="release.read",
    args=OneRelease,
    effect=Effect.READ,
    resource=service_of_release,
    examples=("release notes R-88", "release notes checkout@1.4.2"),
)
async def notes(call: Call, args: OneRelease) -> Reply:
    """Show the notes of a release."""
    return await call.use(Releases).overview.notes(args.release)


@command(
    "release cancel",
    permission="release.cut",
    args=OneRelease,
    effect=Effect.CHANGE,
    resource=service_of_release,
    decides=True,
    examples=("release cancel R-88",),
)
async def cancel(call: Call, args: OneRelease) -> Reply:
    """Cancel a release before its tag is made."""
    found = await call.use(Releases).overview.find(args.release)
    return await call.use(Releases).beginnings.cancel(call, found)


@command(
    "release retry",
    permission="release.cut",
    args=OneRelease,
    effect=Effect.CHANGE,
    resource=service_of_release,
    decides=True,
    hidden=True,
)
async def retry(call: Call, args: OneRelease) -> Reply:
    """Let a release that failed or stands still go on."""
    found = await call.use(Releases).overview.find(args.release)
    return await call.use(Releases).beginnings.retry(call, found)
