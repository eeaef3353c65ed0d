"""What makes a deployment be asked for again, and what differs then from what was asked before. Pure: no I/O."""

from collections.abc import Sequence

from msgspec import Struct, convert, to_builtins
from pydantic import JsonValue

from bot.amounts import count
from bot.deployments.plan import Line, Plan, Release
from bot.identity import Person
from bot.policy.verdicts import Ask

MOST_MOVES = 3
"""How often a deployment follows its ref to another commit; then it ends: a busy branch shall not ask all day."""

_SHORT = 7
_SHOWN_OF_A_DIGEST = len("sha256:") + 12


class Before(Struct, frozen=True, kw_only=True):
    """What was asked, and by whom it was approved (their keys), before something moved.

    `moves` counts how often the ref has named another commit.
    """

    generation: int
    plan_digest: str
    release: Release
    base: Release
    asks: tuple[Ask, ...] = ()
    lines: tuple[Line, ...] = ()
    added: tuple[str, ...] = ()
    total: int = 0
    irreversible: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()
    moves: int = 0

    @property
    def approvers(self) -> tuple[Person, ...]:
        """Who had approved."""
        return tuple(Person.parse(key) for key in self.approved_by)

    def to_json(self) -> dict[str, JsonValue]:
        """Return it as plain JSON."""
        written: dict[str, JsonValue] = to_builtins(self)
        return written

    @classmethod
    def from_json(cls, value: JsonValue) -> "Before":
        """Return what `to_json` wrote."""
        return convert(value, Before)


class Difference(Struct, frozen=True):
    """One thing that differs between what was asked before and what is asked now."""

    what: str
    was: str
    now: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.what}: {self.was} → {self.now}"


class Comparison(Struct, frozen=True):
    """All that differs: in a word each, and the commits that came in and went out, as far as they were listed."""

    differences: tuple[Difference, ...]
    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()


def compared(before: Before, release: Release, plan: Plan) -> Comparison:
    """Return what differs between what was asked before and the plan of `release`."""
    found = []
    if before.release.sha != release.sha:
        found.append(Difference("commit", _commit(before.release), _commit(release)))
    if before.release.digest != release.digest or before.release.artifact != release.artifact:
        found.append(Difference("artifact", _artifact(before.release), _artifact(release)))
    if before.base.sha != plan.base.sha:
        found.append(Difference("runs there", _commit(before.base), _commit(plan.base)))
    if before.asks != plan.asks:
        found.append(Difference("approvals", _asks(before.asks), _asks(plan.asks)))
    if before.total != plan.total:
        found.append(Difference("commits", count(before.total, "commit"), count(plan.total, "commit")))
    if set(before.irreversible) != set(plan.irreversible):
        found.append(Difference("cannot be undone", _files(before.irreversible), _files(plan.irreversible)))
    return Comparison(
        tuple(found),
        added=_only(plan.added, plan.lines, before.added),
        removed=_only(before.added, before.lines, plan.added),
    )


def _only(these: Sequence[str], lines: Sequence[Line], those: Sequence[str]) -> tuple[Line, ...]:
    """Return the commits of `these` that are not among `those`; without a title where that was not kept."""
    known = {line.sha: line for line in lines}
    without = set(those)
    return tuple(known.get(sha, Line(sha=sha, title="", author="")) for sha in these if sha not in without)


def _commit(release: Release) -> str:
    if not release.sha:
        return "nothing"
    short = release.sha[:_SHORT]
    return short if release.name == short else f"{release.name} ({short})"


def _artifact(release: Release) -> str:
    name = release.digest or release.artifact or "none"
    return name if len(name) <= _SHOWN_OF_A_DIGEST else f"{name[:_SHOWN_OF_A_DIGEST]}…"


def _asks(asks: Sequence[Ask]) -> str:
    return " and ".join(f"{ask.count} of {' or '.join(ask.groups)}" for ask in asks) or "none"


def _files(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (", …" if len(paths) > 3 else "") or "nothing"  # noqa: PLR2004 - as many as a line holds
