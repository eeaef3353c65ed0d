"""Commands to try the edge with, one of each effect, and a small road for them that keeps no rules."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from bot import arguments
from bot.command import Call, Effect, Invocation, Option, Trigger, arg, command
from bot.errors import BadInput, Degraded
from bot.reply import Button, Buttons, Markup, Paragraph, Picture, Reply, escape, text

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)


async def services(call, others, typed):
    return [Option(name) for name in ("checkout", "cart", "search") if typed in name]


async def versions(call, others, typed):
    return [Option(f"{others.get('service', 'none')}-{number}") for number in (1, 2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhereArgs:
    service: Annotated[str | None, arg("service", options=services)] = None
    share: Annotated[bool, arg("show it to the channel", flag="share")] = False


@command("where", permission="deployment.read", args=WhereArgs, effect=Effect.READ)
async def where(call, args):
    """Tell what runs where."""
    reply = text(f"{args.service or 'everything'} runs 1.4.2", None)
    return Reply(summary=reply.summary, parts=reply.parts, share=args.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsArgs:
    service: Annotated[str, arg("service", options=services)]


@command("metrics", permission="metrics.read", args=MetricsArgs, effect=Effect.LOOKUP)
async def metrics(call, args):
    """Show a picture of the errors of a service."""
    return Reply(summary=f"errors of {args.service}", parts=(Picture(PNG, "errors at 0.1 %"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployArgs:
    service: Annotated[str, arg("service to deploy", options=services)]
    version: Annotated[str | None, arg("tag or branch", options=versions, joined="@")] = None
    environment: Annotated[str, arg("where to", word="to")] = "staging"
    reason: Annotated[str | None, arg("why", flag="reason", multiline=True)] = None
    dry_run: Annotated[bool, arg("only show the plan", flag="dry-run")] = False


@command("deploy", permission="deployment.start", args=DeployArgs, effect=Effect.CHANGE, decides=True)
async def deploy(call, args):
    """Deploy a release of a service to an environment."""
    return text(f"deploying {args.service} to {args.environment} for {call.invocation.person_name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveArgs:
    deployment: Annotated[str, arg("deployment")]


@command("approve", permission="deployment.approve", args=ApproveArgs, effect=Effect.CHANGE, decides=True)
async def approve(call, args):
    """Approve a deployment."""
    return text(f"{args.deployment} approved")


@command("stuck", permission="x", effect=Effect.READ)
async def stuck(call, args):
    """Answer late."""
    await call.use(asyncio.Event).wait()
    return text("late, but here")


@command("down", permission="x", effect=Effect.CHANGE)
async def down(call, args):
    """Cannot be stored."""
    return text("never")


REGISTRY = {one.name: one for one in (where, metrics, deploy, approve, stuck, down)}


@dataclass(frozen=True)
class Parsed:
    command: object
    args: object


class TestRoad:
    """Parses for real and runs commands; `asked` counts what ran, by delivery."""

    __test__ = False

    def __init__(self, world, store, outbox, clock):
        self.world = world
        self.store = store
        self.outbox = outbox
        self.clock = clock
        self.asked: Counter[str] = Counter()
        self.invocations: list[Invocation] = []
        self._stored: set[str] = set()

    def parse(self, invocation: Invocation):
        if invocation.command:
            found = REGISTRY.get(invocation.command)
            args = arguments.build(found, invocation.args) if found else None
        else:
            name, _, rest = invocation.text.partition(" ")
            found = REGISTRY.get(name)
            args = arguments.parse(found, rest) if found else None
        if found is None:
            fix = Button(label="where", command="where")
            raise BadInput("unknown_command", f'"{invocation.text}" is no command. Did you mean where?', moves=(fix,))
        return args if isinstance(args, arguments.Incomplete) else Parsed(found, args)

    async def answer(self, invocation, parsed):
        self.invocations.append(invocation)
        self.asked[invocation.delivery_id] += 1
        if not invocation.ours or invocation.guest:
            code = "outsider" if not invocation.ours else "guest"
            return Reply(summary="no", parts=(Paragraph(Markup(f"Not for you ({code})")),), code=code)
        if parsed.command.decides and invocation.trigger in {Trigger.MENTION, Trigger.REACTION}:
            press = Button(
                label=f"Press to {parsed.command.name}",
                command=parsed.command.name,
                args=arguments.as_mapping(parsed.command, parsed.args),
            )
            return Reply(summary="press", parts=(Paragraph(escape("Press it yourself:")), Buttons((press,))))
        call = Call(invocation=invocation, world=self.world, now=self.clock.now())
        return await parsed.command.handler(call, parsed.args)

    async def accept(self, invocation):
        if "down" in {invocation.command, invocation.text}:
            raise Degraded(
                "store_unavailable", "Shipmate cannot use its database: its disk is full. Nothing was started."
            )
        if invocation.delivery_id in self._stored:
            return False
        self._stored.add(invocation.delivery_id)
        reply = await self.answer(invocation, self.parse(invocation))
        async with self.store.write() as tx:
            await self.outbox.whisper(tx, invocation.delivery_id, invocation, reply)
        return True
