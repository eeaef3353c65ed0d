"""The verdict of each rule. Pure: no I/O, no clock; what a rule needs comes as plain values."""

import fnmatch
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.policy.facts import BlockSeen, LockSeen
from bot.policy.verdicts import Verdict

PASSING = frozenset({"locked", "frozen"})
"""Reason codes of what passes by itself: who is patient waits for it in the queue."""

TARGET, LOCKS, PROMOTION, SAME, CHECKS = "target", "locks", "promotion order", "something changes", "required checks"
FREEZES, BLOCKED, APPROVALS, CLASS = "freezes", "bad releases", "approvals", "change class"
"""The names of the rules."""

NOT_FROZEN = "not frozen"
"""The words of the rule about freezes where there is none."""


def judge_target(*, wanted: str, targets: Sequence[str], place: str) -> Verdict:
    """Say whether the wish names a target where the environment has some."""
    if targets and not wanted:
        return Verdict(
            rule=TARGET,
            ok=False,
            code="target_missing",
            words=f"{place} has the targets {', '.join(targets)}: name one, as in {place}/{targets[0]}",
        )
    return Verdict(rule=TARGET, ok=True, words=wanted or "the whole environment")


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
        return Verdict(rule=rule, ok=False, code="no_exception", words=words, until=until, could=tuple(denied))
    if frozen:
        return Verdict(rule=rule, ok=False, code="frozen", words="; ".join(frozen), until=until)
    if passed:
        return Verdict(rule=rule, ok=True, words=f"{'; '.join(passed)}; {because}", until=until)
    return Verdict(rule=rule, ok=True, words=NOT_FROZEN)


def judge_lock(lock: LockSeen | None) -> Verdict:
    """Say whether somebody else holds the place."""
    if lock is None:
        return Verdict(rule=LOCKS, ok=True, words="unlocked")
    why = f": {lock.reason}" if lock.reason else ""
    words = f"{lock.scope} is locked by @{lock.by}{why}"
    return Verdict(rule=LOCKS, ok=False, code="locked", words=words, until=lock.until)


def judge_blocked(blocked: BlockSeen | None, *, version: str, fix: bool) -> Verdict:
    """Say whether the asked commit is a release that was taken back here, or brings commits of one as they were.

    What reverts some of them, or says that it fixes them, may come; `fix` is the requester's word for what has further
    commits. The very commit may not, until somebody lifts its block.
    """
    if blocked is None:
        return Verdict(rule=BLOCKED, ok=True, words="it brings no release that was taken back here")
    bad = f"{blocked.version} ({blocked.deployment}: {blocked.why})"
    if blocked.itself:
        words = f"{bad} is blocked here until its commits are fixed or reverted"
        return Verdict(rule=BLOCKED, ok=False, code="blocked", words=words, could=blocked.could)
    if blocked.fixed:
        return Verdict(rule=BLOCKED, ok=True, words=f"{version} brings {bad}, and {blocked.fixed}")
    if fix and blocked.own:
        words = f"{version} brings {bad}; who asks for it says that its other commits mend that"
        return Verdict(rule=BLOCKED, ok=True, words=words)
    more = f"; ask with --fix if its {blocked.own} other commits mend it" if blocked.own else ""
    words = f"{version} brings {bad}, which is blocked here until its commits are fixed or reverted{more}"
    return Verdict(rule=BLOCKED, ok=False, code="blocked", words=words, could=blocked.could)


def judge_same(*, running_sha: str, sha: str, version: str, place: str, again: bool) -> Verdict:
    """Say whether the asked commit runs there already; `again` is the person's wish to deploy it all the same."""
    if running_sha and running_sha == sha and not again:
        return Verdict(rule=SAME, ok=False, code="already_there", words=f"{place} runs {version} already")
    return Verdict(rule=SAME, ok=True, words="the asked commit is not what runs there")


def judge_promotion(*, promote_from: str, succeeded_sha: str, sha: str, version: str) -> Verdict:
    """Say whether exactly this commit runs, deployed with success, on the environment it must come from.

    `promote_from` is "" where no order is asked; `succeeded_sha` is what stands there because its deployment
    succeeded, "" when nothing does.
    """
    if not promote_from:
        return Verdict(rule=PROMOTION, ok=True, words="no environment comes before this one")
    if succeeded_sha == sha:
        return Verdict(rule=PROMOTION, ok=True, words=f"{version} runs on {promote_from}")
    there = f"it runs {succeeded_sha[:7]}" if succeeded_sha else "nothing stands there whose deployment succeeded"
    return Verdict(
        rule=PROMOTION,
        ok=False,
        code="not_promoted",
        words=f"{version} ({sha[:7]}) must have succeeded on {promote_from} first; {there}",
    )


def judge_checks(*, required: Sequence[str], states: Mapping[str, str]) -> Verdict:
    """Say whether each required check of the commit has passed; `states` maps a name to passed, failed or pending."""
    if not required:
        return Verdict(rule=CHECKS, ok=True, words="none are required")
    failed = [name for name in required if states.get(name) == "failed"]
    missing = [name for name in required if name not in states]
    pending = [name for name in required if states.get(name) == "pending"]
    if failed:
        return Verdict(rule=CHECKS, ok=False, code="checks_failed", words=f"failed: {', '.join(failed)}")
    if missing or pending:
        said = [f"{name} has not finished" for name in pending] + [f"{name} was never reported" for name in missing]
        return Verdict(rule=CHECKS, ok=False, code="checks_pending", words="; ".join(said))
    return Verdict(rule=CHECKS, ok=True, words=f"passed: {', '.join(required)}")


def matching(files: Sequence[str] | None, patterns: Sequence[str]) -> str | None:
    """Return the first file that one of the patterns fits, "" where the files are not known, None for none.

    In a pattern * stands for any text, slashes included.
    """
    if files is None:
        return ""
    return next((path for path in files if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)), None)


def all_match(files: Sequence[str] | None, patterns: Sequence[str]) -> bool:
    """Tell whether the files are known and each fits one of the patterns."""
    return files is not None and all(any(fnmatch.fnmatchcase(one, each) for each in patterns) for one in files)
