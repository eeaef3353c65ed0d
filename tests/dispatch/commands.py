"""Commands for the tests of the road: each does one telling thing, and notes that it was run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa

from bot.command import Call, Command, Effect, arg, command
from bot.errors import Refused
from bot.reply import Reply, text
from bot.store import Store, StoreUnavailable, insert
from integrations import errors

# Of the tests alone: the bot's own tables are those of its migrations.
own = sa.MetaData()
deploys = sa.Table(
    "test_deploys",
    own,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("service", sa.Text, nullable=False),
)


@dataclass
class Notes:
    """What ran, and the handles by which a test holds it up."""

    ran: list[str] = field(default_factory=list)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    raises: Callable[[], Exception] | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, call: Call) -> None:
        """Note that a command runs."""
        async with self.changed:
            self.ran.append(call.request_id)
            self.changed.notify_all()

    async def reached(self, count: int) -> None:
        """Wait until so many commands ran."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(lambda: len(self.ran) >= count)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceArgs:
    service: Annotated[str, arg("service")]
    version: Annotated[str | None, arg("version", joined="@")] = None
    environment: Annotated[str | None, arg("where", word="to")] = None
    target: Annotated[str | None, arg("cell", joined="/")] = None
    dry_run: Annotated[bool, arg("only show", flag="--dry-run")] = False
    wait: Annotated[bool, arg("follow it", flag="--wait")] = False


@command(
    "deploy",
    permission="deployment.start",
    args=PlaceArgs,
    effect=Effect.CHANGE,
    decides=True,
    examples=("deploy checkout@1.4.2 to staging",),
)
async def deploy(call: Call, args: PlaceArgs) -> Reply:
    """Deploy a release."""
    notes = call.use(Notes)
    await notes.note(call)
    if notes.raises is not None:
        raise notes.raises()
    async with call.use(Store).write() as tx:
        row = insert(tx.conn, deploys).values(request_id=call.request_id, service=args.service)
        await tx.conn.execute(row.on_conflict_do_nothing())
    return Reply(summary=f"D-1 deploys {args.service}", subject="D-1", share=True)


@command("hold", permission="deployment.start", args=PlaceArgs, effect=Effect.CHANGE)
async def hold(call: Call, args: PlaceArgs) -> Reply:
    """Run until the test lets it go on."""
    notes = call.use(Notes)
    await notes.note(call)
    notes.began.set()
    await notes.go_on.wait()
    return text(f"held {args.service}")


@command("where", permission="service.read", args=PlaceArgs, effect=Effect.READ)
async def where(call: Call, args: PlaceArgs) -> Reply:
    """Say what runs."""
    notes = call.use(Notes)
    await notes.note(call)
    if notes.raises is not None:
        raise notes.raises()
    return text(f"{args.service} runs 1.4.2")


@command("people", permission="people.read", effect=Effect.READ, sensitive=True)
async def people(call: Call, _args: object) -> Reply:
    """Say who is who."""
    return text("mia and tom")


@command("frozen", permission="deployment.start", args=PlaceArgs, effect=Effect.CHANGE)
async def frozen(call: Call, args: PlaceArgs) -> Reply:
    """Refuse with a rule of its own."""
    raise Refused("frozen", f"{args.service} is frozen until Monday.")


COMMANDS: tuple[Command, ...] = (deploy, hold, where, people, frozen)

TOOL_ERRORS = {
    "unavailable": errors.Unavailable("jenkins-eu", "connection refused"),
    "rate_limited": errors.RateLimited("jenkins-eu", "429", retry_after=20),
    "not_authenticated": errors.NotAuthenticated("jenkins-eu", "401"),
    "not_permitted": errors.NotPermitted("jenkins-eu", "403"),
    "not_found": errors.NotFound("jenkins-eu", "job checkout"),
    "tool_refused": errors.Refused("jenkins-eu", "the job is <disabled>"),
    "bad_reply": errors.BadReply("jenkins-eu", "no JSON", excerpt="<html>"),
    "outcome_unknown": errors.OutcomeUnknown("jenkins-eu", "timeout", request_id="r"),
    "store_unavailable": StoreUnavailable("its disk is full"),
}
