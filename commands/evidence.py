"""`/evidence`: all that is known of a deployment or release, as one file that can be verified offline."""

from typing import Annotated

from bot.command import Call, Effect, Resource, arg, arguments, command
from bot.evidence import Bundles
from bot.reply import Document, Note, Paragraph, Reply, code, say


@arguments
class EvidenceArgs:
    """Of what."""

    subject: Annotated[str, arg("the deployment or release, such as D-1042 or R-88")]


async def resource_of(call: Call, args: EvidenceArgs) -> Resource:
    """Return the service that the deployment or release is of."""
    return Resource(await call.use(Bundles).service_of(args.subject))


async def _evidence(call: Call, args: EvidenceArgs) -> Reply:
    bundle = await call.use(Bundles).of(args.subject)
    told = say("Evidence of *{}* ({})", bundle.subject, bundle.title)
    return Reply(
        summary=f"Evidence of {bundle.subject} as a file",
        parts=(
            Paragraph(told),
            Note(say("SHA-256 {}. Its README says how to verify it offline.", code(bundle.digest))),
            Document(bundle.name, bundle.content, f"Evidence of {bundle.subject}"),
        ),
    )


@command(
    "evidence",
    permission="audit.read",
    args=EvidenceArgs,
    effect=Effect.LOOKUP,
    resource=resource_of,
    sensitive=True,
    examples=("evidence D-1042",),
)
async def evidence(call: Call, args: EvidenceArgs) -> Reply:
    """Hand you the evidence of a deployment or release as a zip: requests, checks, approvals, logs, audit entries."""
    return await _evidence(call, args)


@command(
    "release evidence",
    permission="audit.read",
    args=EvidenceArgs,
    effect=Effect.LOOKUP,
    resource=resource_of,
    sensitive=True,
    examples=("release evidence R-88",),
)
async def of_release(call: Call, args: EvidenceArgs) -> Reply:
    """Hand you the evidence of a release as a zip: the same as evidence does."""
    return await _evidence(call, args)
