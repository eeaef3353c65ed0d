"""What a release may do next, and who may sign it off. Pure: no I/O, no clock.

starting → building → tagging → publishing → cut is the straight road; failed ends it elsewhere, and may be tried again.
"""

from collections.abc import Mapping, Sequence, Set as AbstractSet
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from bot.approvals.rules import No
from bot.identity import Person
from bot.policy.verdicts import Verdict

NOT_SIGNED_OFF = "not_signed_off"
ARTIFACT_MOVED = "artifact_moved"


class State(StrEnum):
    """Where a release stands."""

    STARTING = "starting"
    BUILDING = "building"
    TAGGING = "tagging"
    PUBLISHING = "publishing"
    CUT = "cut"
    FAILED = "failed"


S = State
ENDED = frozenset({S.CUT, S.FAILED})
UNDER_WAY = frozenset({S.STARTING, S.BUILDING, S.TAGGING, S.PUBLISHING})
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        S.STARTING: frozenset({S.BUILDING, S.TAGGING, S.FAILED}),
        S.BUILDING: frozenset({S.TAGGING, S.FAILED}),
        S.TAGGING: frozenset({S.PUBLISHING, S.FAILED}),
        S.PUBLISHING: frozenset({S.CUT, S.FAILED}),
        S.FAILED: frozenset({S.STARTING}),
        S.CUT: frozenset(),
    }
)


def sources(to: State) -> frozenset[State]:
    """Return the states from which a release may come to `to`."""
    return frozenset(one for one, following in TRANSITIONS.items() if to in following)


class Word(StrEnum):
    """What a person says of a release on an environment."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"


class Opinion(Struct, frozen=True, kw_only=True):
    """The last word of one person on a release on an environment; `digest` is the artifact they tried."""

    person: Person
    word: Word
    digest: str
    name: str = ""
    reason: str = ""


def judge_sign_off(
    *, count: int, groups: Sequence[str], of: str, release: str, digest: str, opinions: Sequence[Opinion]
) -> Verdict:
    """Say whether enough people have accepted this release, with this very artifact, on the environment `of`.

    `release` is its id, "" for what is no release. `opinions` are the last words of each person, made good by who
    reads them: only those of people who may still sign off are among them. One who rejects it stands in the way,
    whoever accepts it. An artifact that nobody names (the digest "") is the commit itself.
    """
    rule = f"sign-off on {of}"
    who = f"{count} of {' or '.join(groups)}"
    if not release:
        words = f"{who} must have signed a release off on {of}, and this is no release: cut one"
        return Verdict(rule=rule, ok=False, code=NOT_SIGNED_OFF, words=words)
    rejected = next((one for one in opinions if one.word is Word.REJECTED and one.digest == digest), None)
    if rejected is not None:
        why = f": {rejected.reason}" if rejected.reason else ""
        words = f"{release} was rejected on {of} by @{rejected.name}{why}"
        return Verdict(rule=rule, ok=False, code=NOT_SIGNED_OFF, words=words)
    accepted = [one for one in opinions if one.word is Word.ACCEPTED]
    same = [one for one in accepted if one.digest == digest]
    if len(same) >= count:
        return Verdict(rule=rule, ok=True, words=f"signed off by {', '.join(f'@{one.name}' for one in same)}")
    if len(accepted) > len(same):
        words = f"{release} was signed off on {of} with another artifact: it expired, and {who} must try it again"
    else:
        words = f"{release} needs the sign-off of {who} on {of}; {len(same)} so far"
    return Verdict(rule=rule, ok=False, code=NOT_SIGNED_OFF, words=words)


def judge_artifact(*, release: str, recorded: str, found: str, where: str) -> Verdict:
    """Say whether an artifact is the one that was recorded when the release was cut.

    `found` is the digest that `where` tells, "" where it tells none: then there is nothing to compare.
    """
    rule = "artifact of the release"
    if not recorded or not found or recorded == found:
        return Verdict(rule=rule, ok=True, words=recorded[:19] or "none is recorded")
    words = f"{release} was cut with {recorded[:19]}…, and {where} says {found[:19]}…"
    return Verdict(rule=rule, ok=False, code=ARTIFACT_MOVED, words=words)


def may_sign_off(
    *, person: Person, groups: AbstractSet[str], asked: Sequence[str], cutter: Person, wrote: bool
) -> No | None:
    """Return why this person may not sign a release off, None when they may.

    Never who cut it, and never who wrote any of it: a release is accepted by those it is for.
    """
    if person == cutter:
        return No("not_by_you", "who cut a release does not sign it off")
    if wrote:
        return No("not_by_you", "who wrote any of a release does not sign it off")
    if not groups & set(asked):
        return No("not_an_approver", f"it is signed off by {' or '.join(asked)}")
    return None
