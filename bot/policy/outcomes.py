"""What came out of a decision, short enough to compare: refused by which rule, or who is asked. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from bot.policy.evaluator import Judgement

Asked = tuple[int, tuple[str, ...]]


class Outcome(Struct, frozen=True, kw_only=True):
    """`code` is the reason of a refusal, "" where nothing refuses; `asks` who must agree, sorted."""

    code: str = ""
    words: str = ""
    asks: tuple[Asked, ...] = ()
    change_class: str = "normal"

    @property
    def short(self) -> str:
        """It in a few words: "refused (frozen)", "needs 2 of release-managers", "allowed"."""
        if self.code:
            return f"refused ({self.code})"
        if self.asks:
            asked = (f"{count} of {' or '.join(groups)}" for count, groups in self.asks)
            return f"needs {' and '.join(asked)}"
        return "allowed"

    def same(self, other: "Outcome") -> bool:
        """Tell whether both mean the same; the words and, where both allow it alike, the class do not matter."""
        return self.code == other.code and (bool(self.code) or self.asks == other.asks)


def of_judgement(judgement: Judgement) -> Outcome:
    """Return what an evaluation came to."""
    refusal = judgement.refusal
    return Outcome(
        code=refusal.code if refusal is not None else "",
        words=f"{refusal.rule}: {refusal.words}" if refusal is not None else "",
        asks=() if refusal is not None else _sorted([(one.count, one.groups) for one in judgement.asks]),
        change_class=judgement.change_class,
    )


def of_plan(plan: Mapping[str, Any]) -> Outcome:
    """Return what the plan of a deployment says was decided, as it was kept."""
    refusal = next((one for one in plan.get("verdicts", ()) if not one["ok"]), None)
    if refusal is not None:
        return Outcome(code=refusal["code"], words=f"{refusal['rule']}: {refusal['words']}")
    return Outcome(
        asks=_sorted([(one["count"], tuple(one["groups"])) for one in plan.get("asks", ())]),
        change_class=plan.get("change_class", "normal"),
    )


def _sorted(asks: Sequence[Asked]) -> tuple[Asked, ...]:
    return tuple(sorted((count, tuple(sorted(groups))) for count, groups in asks))
