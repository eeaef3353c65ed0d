"""What a deployment may do next: states, legal transitions, and the verdicts of each rule. Pure: no I/O, no clock.

planning → awaiting_approval → queued → deploying → verifying → succeeded is the straight road. Beside it lie
refused, rejected, expired, void and cancelled, where nothing was changed; inconclusive, where a person says whether
to keep the release; failed; and rolling_back, which ends as rolled_back or rollback_failed.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
        S.QUEUED: frozenset({S.DEPLOYING, S.CANCELLED, S.VOID}),
        # Back to planning, to the queue, or void only as long as nothing was sent: see `Ledger`.
        S.DEPLOYING: frozenset(
            {
                S.PLANNING,
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

PASSING = frozenset({"locked", "frozen"})
"""Reason codes of what passes by itself: who is patient waits for it in the queue."""

FREEZES, NOT_FROZEN = "freezes", "not frozen"
"""The name of the rule about freezes, and its words where there is none."""

WAITING_FOR_PEOPLE = frozenset({S.AWAITING_APPROVAL, S.INCONCLUSIVE})


def sources(to: State) -> frozenset[State]:
    """Return the states from which `to` may be reached in one move."""
    return frozenset(state for state, following in TRANSITIONS.items() if to in following)


def may_move(now: State, to: State) -> bool:
    """Tell whether `now` → `to` is a legal transition."""
    return to in TRANSITIONS[now]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says of one wish: `rule` in people's words, `ok`, the words, and a reason code when it says no.

    `until` is when what the words tell of ends by itself, where that is known.
    """

    rule: str
    ok: bool
    words: str
    code: str = ""
    until: datetime | None = None


def judge_freeze(
    *, frozen: Sequence[str], passed: Sequence[str], because: str, denied: Sequence[str] | None, until: datetime | None
) -> Verdict:
    """Say whether a freeze is in the way.

    `frozen` are the words of those that are, `passed` of those that let it through, and `because` of what. `denied`
    are the groups that could make an exception, where somebody asked for one who is in none of them. `until` is when
    the way is free.
    """
    rule = FREEZES
    if frozen and denied is not None:
        who = f"only {' and '.join(denied)} may" if denied else "nobody may"
        words = f"{frozen[0]}; {who} make an exception"
        return Verdict(rule=rule, ok=False, code="no_exception", words=words, until=until)
    if frozen:
        return Verdict(rule=rule, ok=False, code="frozen", words="; ".join(frozen), until=until)
    if passed:
        return Verdict(rule=rule, ok=True, words=f"{'; '.join(passed)}; {because}", until=until)
    return Verdict(rule=rule, ok=True, words=NOT_FROZEN)


def judge_same(*, running_sha: str, sha: str, version: str, place: str, again: bool) -> Verdict:
    """Say whether the asked commit runs there already; `again` is the person's wish to deploy it all the same."""
    if running_sha and running_sha == sha and not again:
        return Verdict(
            rule="something changes", ok=False, code="already_there", words=f"{place} runs {version} already"
        )
    return Verdict(rule="something changes", ok=True, words="the asked commit is not what runs there")


def judge_promotion(*, promote_from: str, succeeded_sha: str, sha: str, version: str) -> Verdict:
    """Say whether exactly this commit runs, deployed with success, on the environment it must come from.

    `promote_from` is "" where no order is asked; `succeeded_sha` is what stands there because its deployment
    succeeded, "" when nothing does.
    """
    rule = "promotion order"
    if not promote_from:
        return Verdict(rule=rule, ok=True, words="no environment comes before this one")
    if succeeded_sha == sha:
        return Verdict(rule=rule, ok=True, words=f"{version} runs on {promote_from}")
    there = f"it runs {succeeded_sha[:7]}" if succeeded_sha else "nothing stands there whose deployment succeeded"
    return Verdict(
        rule=rule,
        ok=False,
        code="not_promoted",
        words=f"{version} ({sha[:7]}) must have succeeded on {promote_from} first; {there}",
    )


def judge_checks(*, required: Sequence[str], states: Mapping[str, str]) -> Verdict:
    """Say whether each required check of the commit has passed; `states` maps a name to passed, failed or pending."""
    rule = "required checks"
    if not required:
        return Verdict(rule=rule, ok=True, words="none are required")
    failed = [name for name in required if states.get(name) == "failed"]
    missing = [name for name in required if name not in states]
    pending = [name for name in required if states.get(name) == "pending"]
    if failed:
        return Verdict(rule=rule, ok=False, code="checks_failed", words=f"failed: {', '.join(failed)}")
    if missing or pending:
        said = [f"{name} has not finished" for name in pending] + [f"{name} was never reported" for name in missing]
        return Verdict(rule=rule, ok=False, code="checks_pending", words="; ".join(said))
    return Verdict(rule=rule, ok=True, words=f"passed: {', '.join(required)}")


def judge_target(*, wanted: str, targets: Sequence[str], place: str) -> Verdict:
    """Say whether the wish names a target where the environment has some."""
    if targets and not wanted:
        return Verdict(
            rule="target",
            ok=False,
            code="target_missing",
            words=f"{place} has the targets {', '.join(targets)}: name one, as in {place}/{targets[0]}",
        )
    return Verdict(rule="target", ok=True, words=wanted or "the whole environment")


def may_roll_back_itself(*, policy: str, previous_sha: str, irreversible: bool) -> tuple[bool, str]:
    """Say whether a failed deployment is rolled back without asking, and why not if not.

    `policy` is the catalog's "automatic" or "offer"; `previous_sha` is what ran before, "" for nothing.
    """
    if not previous_sha:
        return False, "nothing ran there before"
    if irreversible:
        return False, "it carries a migration marked irreversible"
    if policy != "automatic":
        return False, "the catalog leaves it to people"
    return True, ""


def digest(content: Mapping[str, object]) -> str:
    """Return the name of exactly this content: sha256 of its canonical JSON, 16 hex digits of it.

    An approval binds to it: whatever moves in the plan makes another digest.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
