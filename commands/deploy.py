"""`/deploy`: put a release on a place; and `plan` and `retry`, which its card's buttons run."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.beginnings import Asked
from bot.deployments.deployments import Deployments
from bot.policy.classes import ChangeClass
from bot.reply import Reply
from commands.choices import environments, place_of_deployment, place_of_words, services, targets, under_way, versions


@arguments
class DeployArgs:
    """What to deploy, and where."""

    service: Annotated[str, arg("service to deploy", options=services)]
    version: Annotated[str | None, arg("tag, branch or commit", options=versions, joined="@")] = None
    environment: Annotated[
        str | None, arg("where to; the service's first environment without", options=environments, word="to")
    ] = None
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None
    reason: Annotated[str | None, arg("why, for the record", flag="--reason")] = None
    dry_run: Annotated[bool, arg("show what would happen, start nothing", flag="--dry-run")] = False
    explain: Annotated[bool, arg("show every rule and its verdict, start nothing", flag="--explain")] = False
    wait: Annotated[bool, arg("in a terminal: show the card until it has ended", flag="--wait")] = False
    again: Annotated[bool, arg("also when it runs there already", flag="--again")] = False
    patient: Annotated[bool, arg("wait in the queue while the place is locked or frozen", flag="--queue")] = False
    exception: Annotated[str | None, arg("why it should go through a freeze, by who may", flag="--exception")] = None
    change_class: Annotated[
        ChangeClass | None, arg("how it is dealt with; the class that fits without", flag="--class")
    ] = None
    fix: Annotated[bool, arg("it mends a release that was taken back there", flag="--fix")] = False
    force: Annotated[str | None, arg("why rules should be passed over, by who may", flag="--force")] = None


@command(
    "deploy",
    permission="deployment.start",
    args=DeployArgs,
    effect=Effect.CHANGE,
    resource=place_of_words,
    decides=True,
    examples=("deploy checkout@1.4.2 to staging", "deploy checkout@main to production/eu --dry-run"),
)
async def deploy(call: Call, args: DeployArgs) -> Reply:
    """Deploy a release of a service to an environment."""
    return await call.use(Deployments).beginnings.deploy(
        call,
        Asked(
            service=args.service,
            version=args.version or "",
            environment=args.environment or "",
            target=args.target or "",
            reason=args.reason or "",
            dry_run=args.dry_run,
            explain=args.explain,
            again=args.again,
            patient=args.patient,
            exception=(args.exception or "").strip(),
            change_class=args.change_class,
            fix=args.fix,
            force=(args.force or "").strip(),
        ),
    )


@arguments
class OneDeployment:
    """Which deployment."""

    deployment: Annotated[str, arg("its id, such as D-1042", options=under_way)]


@command(
    "plan",
    permission="deployment.read",
    args=OneDeployment,
    effect=Effect.READ,
    resource=place_of_deployment,
    examples=("plan D-1042",),
)
async def plan(call: Call, args: OneDeployment) -> Reply:
    """Show the plan of a deployment: commits, warnings, every rule and its verdict."""
    return await call.use(Deployments).overview.plan(args.deployment)


@command(
    "retry",
    permission="deployment.start",
    args=OneDeployment,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    hidden=True,
)
async def retry(call: Call, args: OneDeployment) -> Reply:
    """Let a deployment that stands still go on."""
    return await call.use(Deployments).decisions.retry(call, args.deployment)


@command(
    "keep",
    permission="deployment.start",
    args=OneDeployment,
    effect=Effect.CHANGE,
    resource=place_of_deployment,
    decides=True,
    hidden=True,
)
async def keep(call: Call, args: OneDeployment) -> Reply:
    """Keep a release that could not be verified."""
    return await call.use(Deployments).decisions.keep(call, args.deployment)
