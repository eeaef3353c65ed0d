"""What stands in the way of a deployment that could go otherwise, and passes by itself: a lock, a freeze."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.deployments.parts import Parts
from bot.deployments.records import Deployment
from bot.deployments.rules import Kind
from bot.errors import UserError
from bot.freezes import messages as freeze_messages
from bot.freezes.rules import Halt
from bot.identity import Person
from bot.locks import messages as lock_messages
from bot.locks.records import Lock
from bot.locks.rules import Scope
from bot.policy.evaluator import FORCED
from bot.reply import Markup, moment, say


class Obstacle(Struct, frozen=True, kw_only=True):
    """A lock, or a freeze with the moment at which all freezes of the place are over (None: not known)."""

    place: Scope
    lock: Lock | None = None
    freeze: Halt | None = None
    opens: datetime | None = None

    def words(self, name_of: Callable[[Person], str]) -> str:
        """Return what is waited for, for timelines and the audit log."""
        if self.lock is not None:
            return f"waits for the lock on {self.lock.scope} of @{name_of(self.lock.person)}"
        return f"waits: {self.place} is {freeze_messages.words(self.freeze, name_of)}" if self.freeze else "waits"

    def line(self, name_of: Callable[[Person], str]) -> Markup:
        """Return it as the card says it."""
        if self.lock is not None:
            held = lock_messages.standing(self.lock, name_of(self.lock.person))
            return say("*{}* is {}", self.lock.scope, held)
        if self.freeze is None:
            return say("*{}* is not free", self.place)
        line = say("*{}* is {}", self.place, freeze_messages.standing(self.freeze, name_of))
        if self.opens is not None and self.opens != self.freeze.until:
            return say("{}; free {}", line, moment(self.opens, day=True))
        return line


async def in_the_way(parts: Parts, conn: AsyncConnection, deployment: Deployment) -> Obstacle | None:
    """Return what stands in the way of a deployment now, None when the way is free.

    Raises:
        Refused: a lock or freeze cannot be read: it is in the way (`lock_unreadable`, `freeze_unreadable`).
    """
    place = Scope(deployment.service, deployment.environment, deployment.target)
    lock = (
        None
        if "locks" in _passed_over(parts, deployment)
        else await parts.locks.blocking(conn, place, deployment.requested_by)
    )
    if lock is not None:
        return Obstacle(place=place, lock=lock)
    return await frozen(parts, conn, deployment)


async def frozen(parts: Parts, conn: AsyncConnection, deployment: Deployment) -> Obstacle | None:
    """Return the freeze that stands in the way of a deployment now. Raises: Refused (`freeze_unreadable`)."""
    place = Scope(deployment.service, deployment.environment, deployment.target)
    rollback = deployment.kind is Kind.ROLLBACK
    if "freezes" in _passed_over(parts, deployment):
        return None
    standing = await parts.freezes.standing(conn, place, rollback=rollback, subject=deployment.id)
    if standing.halt is None:
        return None
    return Obstacle(place=place, freeze=standing.halt, opens=standing.opens)


def _passed_over(parts: Parts, deployment: Deployment) -> tuple[str, ...]:
    """Return the rules that a forced deployment passes over, by the policy that is in force now."""
    if not deployment.forced or deployment.the_plan.change_class != FORCED:
        return ()
    try:
        return parts.catalog().environment(deployment.place).policy.force or ()
    except UserError:
        return ()  # not in the catalog any more
