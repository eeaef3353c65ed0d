"""What a card shows beside the row of its deployment: votes, the queue, what is in the way, the review."""

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.builds import progress
from bot.builds.answers import Answer, given_on
from bot.deployments import blocks, change_reviews, messages, obstacles, places, records
from bot.deployments.blocks import bad_release
from bot.deployments.parts import Parts
from bot.deployments.records import Deployment
from bot.deployments.rules import State


async def view_of(parts: Parts, conn: AsyncConnection, deployment: Deployment) -> messages.View:
    """Return what the card of a deployment shows now beside its row."""
    standing = None
    approved = deployment.state is State.QUEUED and bool(deployment.the_plan.asks)
    if deployment.state is State.AWAITING_APPROVAL or approved:
        standing = await parts.approvals.get(conn, deployment.approval_id)
    ahead, obstacle = "", None
    if deployment.state is State.AWAITING_APPROVAL:
        obstacle = await obstacles.frozen(parts, conn, deployment)
    elif deployment.state is State.QUEUED:
        obstacle = await obstacles.in_the_way(parts, conn, deployment)
        if obstacle is None:
            queue = await records.queue(conn, deployment.place)
            earlier = queue[: queue.index(deployment.id)] if deployment.id in queue else ()
            ahead = earlier[-1] if earlier else (await places.get(conn, deployment.place)).holder
    answered: tuple[Answer, ...] = ()
    if progress.people_asked(deployment.progress.get("run")):
        answered = tuple(await given_on(conn, deployment.id))
    block = None if bad_release(deployment) is None else await blocks.of(conn, deployment.id)
    review = None
    if deployment.change_class or deployment.forced:
        review = await change_reviews.get(conn, deployment.id)
    return messages.View(
        name_of=parts.name_of,
        standing=standing,
        ahead=ahead,
        obstacle=obstacle,
        answered=answered,
        review=review,
        block=block,
    )
