"""What a deployment may do next: states and legal transitions. Pure: no I/O, no clock. `bot.policy` has the rules.

planning → awaiting_approval → queued → deploying → verifying → succeeded is the straight road. Beside it lie
refused, rejected, expired, void and cancelled, where nothing was changed; inconclusive, where a person says whether
to keep the release; failed; and rolling_back, which ends as rolled_back or rollback_failed.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What is asked: another release, or the one from before."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class State(StrEnum):
    """Where a deployment stands."""

    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    DEPLOYING = "deploying"
    VERIFYING = "verifying"
    INCONCLUSIVE = "inconclusive"
    ROLLING_BACK = "rolling_back"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    REFUSED = "refused"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"
    CANCELLED = "cancelled"


S = State
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        S.PLANNING: frozenset({S.REFUSED, S.FAILED, S.CANCELLED, S.AWAITING_APPROVAL, S.QUEUED, S.DEPLOYING, S.VOID}),
        S.AWAITING_APPROVAL: frozenset({S.REJECTED, S.EXPIRED, S.VOID, S.CANCELLED, S.QUEUED, S.DEPLOYING}),
        S.QUEUED: frozenset({S.AWAITING_APPROVAL, S.DEPLOYING, S.CANCELLED, S.VOID}),
        # Back to planning, to approval, to the queue, or void only as long as nothing was sent: see `Ledger`.
        S.DEPLOYING: frozenset(
            {
                S.PLANNING,
                S.AWAITING_APPROVAL,
                S.QUEUED,
                S.VOID,
                S.CANCELLED,
                S.VERIFYING,
                S.SUCCEEDED,
                S.FAILED,
                S.ROLLING_BACK,
            }
        ),
        S.VERIFYING: frozenset({S.SUCCEEDED, S.FAILED, S.INCONCLUSIVE, S.ROLLING_BACK}),
        S.INCONCLUSIVE: frozenset({S.SUCCEEDED, S.ROLLING_BACK}),
        # It has ended and holds nothing; a person may still have it rolled back while nothing came after it.
        S.FAILED: frozenset({S.ROLLING_BACK}),
        S.ROLLING_BACK: frozenset({S.ROLLED_BACK, S.ROLLBACK_FAILED}),
        S.SUCCEEDED: frozenset(),
        S.ROLLED_BACK: frozenset(),
        S.ROLLBACK_FAILED: frozenset(),
        S.REFUSED: frozenset(),
        S.REJECTED: frozenset(),
        S.EXPIRED: frozenset(),
        S.VOID: frozenset(),
        S.CANCELLED: frozenset(),
    }
)

FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""No way leads out of these."""

ENDED = FINAL | {S.FAILED}
"""Nothing is under way any more, and nothing is held."""

HOLDING = frozenset({S.DEPLOYING, S.VERIFYING, S.INCONCLUSIVE, S.ROLLING_BACK})
"""States that hold the claim of their place."""

WAITING_FOR_PEOPLE = frozenset({S.AWAITING_APPROVAL, S.INCONCLUSIVE})


def sources(to: State) -> frozenset[State]:
    """Return the states from which `to` may be reached in one move."""
    return frozenset(state for state, following in TRANSITIONS.items() if to in following)


def may_move(now: State, to: State) -> bool:
    """Tell whether `now` → `to` is a legal transition."""
    return to in TRANSITIONS[now]


def may_roll_back_itself(
    *, policy: str, previous_sha: str, irreversible: bool, is_rollback: bool = False
) -> tuple[bool, str]:
    """Say whether a failed deployment is rolled back without asking, and why not if not.

    `policy` is the catalog's "automatic" or "offer"; `previous_sha` is what ran before, "" for nothing. A rollback is
    not undone by itself: that would bring back what somebody has just taken away.
    """
    if not previous_sha:
        return False, "nothing ran there before"
    if irreversible:
        return False, "it carries a migration marked irreversible"
    if is_rollback:
        return False, "it is a rollback itself, and what it replaced was left for a reason"
    if policy != "automatic":
        return False, "the catalog leaves it to people"
    return True, ""


def digest(content: Mapping[str, object]) -> str:
    """Return the name of exactly this content: sha256 of its canonical JSON.

    An approval binds to it: whatever moves in the plan makes another digest.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
