"""`/promote`: take what runs on one environment one step on, in the order of the catalog."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from bot.command import Call, Effect, Option, Resource, arg, arguments, command
from bot.deployments.beginnings import Asked
from bot.errors import Refused
from bot.releases.releases import Releases
from bot.reply import Reply
from commands.choices import environments, services, targets
from commands.release import releases

_MOST = 100


async def services_and_releases(call: Call, given: Mapping[str, str], typed: str) -> Sequence[Option]:
    """Return the services, and the newest releases."""
    return [*await services(call, given, typed), *await releases(call, {}, typed)][:_MOST]


async def next_place(call: Call, args: object) -> Resource:
    """Return the place that comes next: what a permission is asked on; the service alone where there is none."""
    what = str(getattr(args, "what", ""))
    found = call.use(Releases)
    try:
        step = await found.promotions.step(
            what, getattr(args, "environment", None) or "", getattr(args, "target", None) or ""
        )
    except Refused:  # told by the handler, to who may promote this service at all
        name = (await found.overview.find(what)).service if "-" in what or "@" in what else what
        return Resource(name)
    return Resource(step.service, step.place.environment, step.place.target)


@arguments
class PromoteArgs:
    """What to promote, and to where."""

    what: Annotated[str, arg("a service, or a release such as R-88", options=services_and_releases)]
    environment: Annotated[str | None, arg("the environment that comes next", options=environments, word="to")] = None
    target: Annotated[str | None, arg("one target of it", options=targets, joined="/")] = None
    reason: Annotated[str | None, arg("why, for the record", flag="--reason")] = None
    dry_run: Annotated[bool, arg("show what would happen, start nothing", flag="--dry-run")] = False
    explain: Annotated[bool, arg("show every rule and its verdict, start nothing", flag="--explain")] = False
    patient: Annotated[bool, arg("wait in the queue while the place is locked or frozen", flag="--queue")] = False
    yes: Annotated[bool, arg("begin at once, without a question", flag="--yes")] = False
    wait: Annotated[bool, arg("in a terminal: show the card until it has ended", flag="--wait")] = False


@command(
    "promote",
    permission="deployment.start",
    args=PromoteArgs,
    effect=Effect.CHANGE,
    resource=next_place,
    decides=True,
    examples=("promote checkout", "promote R-88 to production"),
)
async def promote(call: Call, args: PromoteArgs) -> Reply:
    """Take a release one environment on, from the furthest where it succeeded: the same commit, the same artifact."""
    asked = Asked(
        service="",
        target=args.target or "",
        reason=args.reason or "",
        dry_run=args.dry_run,
        explain=args.explain,
        patient=args.patient,
    )
    return await call.use(Releases).promotions.promote(call, args.what, args.environment or "", asked, yes=args.yes)
