"""Places compared: environments, and services with the rules of theirs. Pure."""

from collections.abc import Sequence
from typing import Any

from bot.amendments.comparing import Notes, Policy, fewer, no_more, rest


def kind(where: str, old: Policy | None, new: Policy, notes: Notes) -> dict[str, Any]:
    """Return what is kept of an environment's kind: real users may not stop counting."""
    kept = dict(new)
    if old is None:
        notes.other(where, "added")
        return kept
    was, now = old.get("production_like", False), new.get("production_like", False)
    if was and not now:
        notes.wider(where, "no longer production-like")
        kept["production_like"] = True
    elif now and not was:
        notes.other(where, "production-like")
    rest(where, old, new, kept, notes, known={"production_like"})
    return kept


def service(where: str, old: Policy | None, new: Policy, notes: Notes) -> dict[str, Any]:
    """Return what is kept of a service: owners and the rules of its environments."""
    kept = dict(new)
    if old is None:
        notes.other(where, "added")
        return kept
    kept["owners"] = no_more(f"{where}.owners", old.get("owners", []), new.get("owners", []), notes)
    if not kept["owners"]:
        del kept["owners"]
    kept["environments"] = {
        name: _environment(f"{where}.{name}", old["environments"].get(name), one, notes)
        for name, one in new["environments"].items()
    }
    return kept


def _environment(where: str, old: Policy | None, new: Policy, notes: Notes) -> dict[str, Any]:
    kept = dict(new)
    if old is None:
        notes.other(where, "added")
        return kept
    was, now = old.get("approvals", []), new.get("approvals", [])
    if was != now:
        if _asks_no_less(now, was):
            notes.other(f"{where}.approvals", f"{_asked(now)} instead of {_asked(was)}")
        else:
            notes.wider(f"{where}.approvals", f"{_asked(now)} instead of {_asked(was)}")
            kept["approvals"] = was
    checks = fewer(f"{where}.checks", old.get("checks", []), new.get("checks", []), notes)
    if checks:
        kept["checks"] = checks
    if old.get("promote_from") != new.get("promote_from"):
        if old.get("promote_from"):
            words = f"{new.get('promote_from') or 'nothing'} instead of {old['promote_from']} comes before"
            notes.wider(f"{where}.promote_from", words)
            kept["promote_from"] = old["promote_from"]
        else:
            notes.other(f"{where}.promote_from", f"{new['promote_from']} comes before")
    if old.get("authors_may_approve", False) != new.get("authors_may_approve", False):
        if new.get("authors_may_approve"):
            notes.wider(f"{where}.authors_may_approve", "authors may approve")
            kept["authors_may_approve"] = False
        else:
            notes.other(f"{where}.authors_may_approve", "authors may not approve")
    known = {"approvals", "checks", "promote_from", "authors_may_approve", *_turned(where, old, new, notes)}
    rest(where, old, new, kept, notes, known=known)
    return kept


def _turned(where: str, old: Policy, new: Policy, notes: Notes) -> set[str]:
    """Note guards that were turned on, and automatic deployments that were turned off; return which."""
    on = {"sign_off": "a sign-off is needed", "identity": "every approval needs a sign-in"}
    found = {key: words for key, words in on.items() if key in new and key not in old}
    if "continuous" in old and "continuous" not in new:
        found["continuous"] = "nothing is deployed there by itself"
    for key, words in found.items():
        notes.other(f"{where}.{key}", words)
    return set(found)


def _asks_no_less(new: Sequence[Policy], old: Sequence[Policy]) -> bool:
    """Tell whether who satisfies the new rules has satisfied each old one with people of its own."""

    def asks(one: Policy, other: Policy) -> bool:
        rest = (one.keys() | other.keys()) - {"count", "from"}
        same = all(one.get(key) == other.get(key) or (key == "when" and key not in one) for key in rest)
        return same and one.get("count", 1) >= other.get("count", 1) and set(one["from"]) <= set(other["from"])

    def fit(wanted: Sequence[Policy], free: Sequence[int]) -> bool:
        if not wanted:
            return True
        return any(
            asks(new[number], wanted[0]) and fit(wanted[1:], [one for one in free if one != number]) for number in free
        )

    return fit(old, range(len(new)))


def _asked(rules: Sequence[Policy]) -> str:
    return " and ".join(f"{one.get('count', 1)} of {' or '.join(one['from'])}" for one in rules) or "no approval"
