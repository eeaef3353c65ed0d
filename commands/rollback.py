"""`/rollback`: put back what ran before."""

from typing import Annotated

from bot.command import Call, Effect, arg, arguments, command
from bot.deployments.beginnings import Asked
from bot.deployments.deployments import Deployments
from bot.policy.classes import ChangeClass
from bot.reply import Reply
from commands.choices import environments, good_versions, place_of_words, services, targets


@arguments
class RollbackArgs:
    """What to roll back, where, and to what."""

    service: Annotated[str, arg("service to roll back", options=services)]
    environment: Annotated[str | None, arg("where", options=environments, word="in")] = None
    target: Annotated[str | None, arg("one target of the environment", options=targets, joined="/")] = None
    version: Annotated[
        str | None, arg("what to go back to; what ran before without", options=good_versions, word="to")
    ] = None
    reason: Annotated[str | None, arg("why, for the record", flag="--reason")] = None
    of: Annotated[str | None, arg("the deployment to undo", flag="--of")] = None
    dry_run: Annotated[bool, arg("show what would happen, start nothing", flag="--dry-run")] = False
    explain: Annotated[bool, arg("show every rule and its verdict, start nothing", flag="--explain")] = False
    wait: Annotated[bool, arg("in a terminal: show the card until it has ended", flag="--wait")] = False
    again: Annotated[bool, arg("also when it runs there already", flag="--again")] = False
    patient: Annotated[bool, arg("wait in the queue while the place is locked or frozen", flag="--queue")] = False
    exception: Annotated[str | None, arg("why it should go through a freeze, by who may", flag="--exception")] = None
    change_class: Annotated[
        ChangeClass | None, arg("how it is dealt with; the class that fits without", flag="--class")
    ] = None
    force: Annotated[str | None, arg("why rules should be passed over, by who may", flag="--force")] = None


@command(
    "rollback",
    permission="deployment.rollback",
    args=RollbackArgs,
    effect=Effect.CHANGE,
    resource=place_of_words,
    decides=True,
    examples=("rollback checkout in production", "rollback checkout in production to 1.4.1"),
)
async def rollback(call: Call, args: RollbackArgs) -> Reply:
    """Put back what ran before on an environment, or an earlier version."""
    return await call.use(Deployments).beginnings.roll_back(
        call,
        Asked(
            service=args.service,
            version=args.version or "",
            environment=args.environment or "",
            target=args.target or "",
            reason=args.reason or "",
            of=args.of or "",
            dry_run=args.dry_run,
            explain=args.explain,
            again=args.again,
            patient=args.patient,
            exception=(args.exception or "").strip(),
            change_class=args.change_class,
            force=(args.force or "").strip(),
        ),
    )
