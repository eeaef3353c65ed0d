"""Votes bound to a person by a sign-in: what leads there, and what is done in the same transaction as the vote."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from bot.approvals.records import Approval
from bot.errors import Refused
from bot.store import Tx

if TYPE_CHECKING:
    from bot.approvals.approvals import Ballot

OnUnproven = Callable[[Approval, "Ballot"], Awaitable[Refused]]
"""Returns what to tell somebody who may approve, but has to sign in for it: the way to do so."""

InVote = Callable[[Tx], Awaitable[None]]
"""Called in the transaction of a vote before it is counted; what it raises undoes it."""


class Unproven(Exception):
    """Somebody may approve this, and has to sign in for it."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(approval.id)
        self.approval = approval


async def no_sign_in(approval: Approval, _ballot: "Ballot") -> Refused:
    """Refuse, where nobody can sign in."""
    return Refused(
        "sign_in_needed",
        f"Approving {approval.subject} needs a sign-in ({approval.bound}), and no identity provider is configured.",
    )
