"""Commands to try the edge with, one of each effect."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from bot.command import Effect, Option, arg, command
from bot.reply import Picture, Reply, text

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)


class Heard:
    """The invocations that reached a handler, and what a late answer waits for."""

    def __init__(self):
        self.invocations = []
        self.go_on = asyncio.Event()

    @classmethod
    def of(cls, call):
        heard = call.use(cls)
        heard.invocations.append(call.invocation)
        return heard


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
    Heard.of(call)
    reply = text(f"{args.service or 'everything'} runs 1.4.2", None)
    return Reply(summary=reply.summary, parts=reply.parts, share=args.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsArgs:
    service: Annotated[str, arg("service", options=services)]


@command("metrics", permission="metrics.read", args=MetricsArgs, effect=Effect.LOOKUP)
async def metrics(call, args):
    """Show a picture of the errors of a service."""
    Heard.of(call)
    return Reply(summary=f"errors of {args.service}", parts=(Picture(PNG, "errors at 0.1 %"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployArgs:
    service: Annotated[str, arg("service to deploy", options=services)]
    version: Annotated[str | None, arg("tag or branch", options=versions, joined="@")] = None
    environment: Annotated[str, arg("where to", word="to")] = "staging"
    reason: Annotated[str | None, arg("why", flag="reason", multiline=True)] = None
    dry_run: Annotated[bool, arg("only show the plan", flag="dry-run")] = False
    wait: Annotated[bool, arg("stay until it is over", flag="wait")] = True


@command("deploy", permission="deployment.start", args=DeployArgs, effect=Effect.CHANGE, decides=True)
async def deploy(call, args):
    """Deploy a release of a service to an environment."""
    Heard.of(call)
    return text(f"deploying {args.service} to {args.environment} for {call.invocation.person_name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveArgs:
    deployment: Annotated[str, arg("deployment")]


@command("approve", permission="deployment.approve", args=ApproveArgs, effect=Effect.CHANGE, decides=True)
async def approve(call, args):
    """Approve a deployment."""
    Heard.of(call)
    return text(f"{args.deployment} approved")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockArgs:
    minutes: Annotated[int, arg("for how many minutes")]


@command("lock", permission="lock.take", args=LockArgs, effect=Effect.CHANGE)
async def lock(call, args):
    """Lock everything for a while."""
    Heard.of(call)
    return text(f"locked for {args.minutes}")


@command("slow", permission="deployment.read", effect=Effect.READ)
async def slow(call, args):
    """Answer later than an acknowledgement may."""
    await Heard.of(call).go_on.wait()
    return text("late, but here")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteArgs:
    alert: Annotated[str, arg("alert")]
    text: Annotated[str, arg("what", rest=True, message="text")]


@command("note", permission="alert.act", args=NoteArgs, effect=Effect.CHANGE)
async def note(call, args):
    """Note something."""
    Heard.of(call)
    return text(f"{args.alert} noted: {args.text}")


COMMANDS = (where, metrics, deploy, approve, lock, slow)
