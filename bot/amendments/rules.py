"""What a change of the policy widens, what it narrows, and what may be in force before a second person has agreed.

Pure: no I/O, no clock but the moment that is handed in. What nothing here knows how to compare counts as widening.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.amendments import scopes

Policy = Mapping[str, Any]
_ANYTHING = ["*"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change: where it is, in words, and whether it gives somebody a right or takes a guard away."""

    where: str
    words: str
    widens: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes between two policies, and `kept`: the new one without what it widens."""

    changes: tuple[Change, ...]
    kept: dict[str, Any]

    @property
    def widening(self) -> tuple[Change, ...]:
        """The changes that need a second person."""
        return tuple(one for one in self.changes if one.widens)

    @property
    def narrowing(self) -> tuple[Change, ...]:
        """The other changes."""
        return tuple(one for one in self.changes if not one.widens)


def widening(old: Policy, new: Policy, *, now: datetime | None = None) -> tuple[Change, ...]:
    """Return what the new policy widens."""
    return compare(old, new, now=now).widening


def compare(old: Policy, new: Policy, *, now: datetime | None = None) -> Comparison:
    """Compare two policies. A freeze that was over by `now` may be taken out without anybody's leave."""
    notes = _Notes()
    kept = {
        "people": _people(old["people"], new["people"], notes),
        "groups": _groups(old["groups"], new["groups"], notes),
        "permissions": _grants(old["permissions"], new["permissions"], notes),
        "tokens": _tokens(old["tokens"], new["tokens"], notes),
        "environments": {
            name: _kind(f"environments.{name}", old["environments"].get(name), one, notes)
            for name, one in new["environments"].items()
        },
        "freezes": _freezes(old["freezes"], new["freezes"], notes, now),
        "services": {
            name: _service(f"services.{name}", old["services"].get(name), one, notes)
            for name, one in new["services"].items()
        },
        "identity": _identity(old.get("identity", {}), new.get("identity", {}), notes),
        "policy": _classes(old["policy"], new["policy"], notes),
    }
    return Comparison(tuple(notes.changes), kept)


def remembered(old: Policy, kept: Policy) -> dict[str, Any]:
    """Return `kept` with the rules of places that left the configuration: they hold when such a place comes back."""
    services = {name: dict(one) for name, one in kept["services"].items()}
    for name, one in old["services"].items():
        now = services.setdefault(name, dict(one))
        now["environments"] = {**one["environments"], **now["environments"]}
    return {**kept, "services": services, "environments": {**old["environments"], **kept["environments"]}}


@dataclass
class _Notes:
    changes: list[Change] = field(default_factory=list)

    def wider(self, where: str, words: str) -> None:
        self.changes.append(Change(where, words, widens=True))

    def other(self, where: str, words: str) -> None:
        self.changes.append(Change(where, words, widens=False))


def _people(old: Policy, new: Policy, notes: _Notes) -> dict[str, Any]:
    kept = {}
    for name, one in new.items():
        where, was, now = f"people.{name}", old.get(name), dict(one)
        kept[name] = now
        if was is None:
            notes.other(where, "added")
            continue
        if now.get("slack", "") != was.get("slack", ""):
            if now.pop("slack", ""):
                notes.wider(f"{where}.slack", f"{one['slack']} instead of {was.get('slack') or 'nobody'}")
            else:
                notes.other(f"{where}.slack", "nobody any more")
        now["emails"] = _fewer(f"{where}.emails", was.get("emails", []), one.get("emails", []), notes, fold=True)
        if not now["emails"]:
            del now["emails"]
        accounts = {}
        for tool, account in one.get("accounts", {}).items():
            if was.get("accounts", {}).get(tool) == account:
                accounts[tool] = account
            else:
                notes.wider(f"{where}.accounts", f"{account} of {tool}")
        if accounts or "accounts" in now:
            now["accounts"] = accounts
        _rest(where, was, one, now, notes, known={"slack", "emails", "accounts"})
    for name in old.keys() - new.keys():
        notes.other(f"people.{name}", "removed")
    return kept


def _groups(old: Policy, new: Policy, notes: _Notes) -> dict[str, Any]:
    kept = {}
    for name, one in new.items():
        where, was = f"groups.{name}", old.get(name)
        if was is None:
            kept[name] = dict(one)
            notes.other(where, "added")
            continue
        kept[name] = {"people": _no_more(f"{where}.people", was.get("people", []), one.get("people", []), notes)}
        for key in sorted((one.keys() | was.keys()) - {"people"}):
            if one.get(key) == was.get(key):
                kept[name][key] = one[key]
            elif one.get(key):
                notes.wider(f"{where}.{key}", f"{one[key]} instead of {was.get(key) or 'none'}")
            else:
                notes.other(f"{where}.{key}", f"{was.get(key)} removed")
        if not kept[name]["people"]:
            del kept[name]["people"]
    for name in old.keys() - new.keys():
        notes.other(f"groups.{name}", "removed")
    return kept


def _grants(old: Sequence[Policy], new: Sequence[Policy], notes: _Notes) -> list[Any]:
    kept: list[Any] = []
    for grant in new:
        if scopes.covered(grant, old):
            kept.append(grant)
            continue
        notes.wider("permissions", scopes.words(grant))
        kept.extend(one for one in scopes.common(grant, old) if one not in kept)
    for grant in old:
        if not scopes.covered(grant, new):
            notes.other("permissions", f"no longer {scopes.words(grant)}")
    return kept


def _tokens(old: Policy, new: Policy, notes: _Notes) -> dict[str, Any]:
    kept = {}
    for name, one in new.items():
        if old.get(name) == one:
            kept[name] = one
        else:
            whose = one.get("person") or one.get("account") or name
            notes.wider(f"terminal.tokens.{name}", f"{'stands for' if name in old else 'added, for'} {whose}")
    for name in old.keys() - new.keys():
        notes.other(f"terminal.tokens.{name}", "removed")
    return kept


def _kind(where: str, old: Policy | None, new: Policy, notes: _Notes) -> dict[str, Any]:
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
    _rest(where, old, new, kept, notes, known={"production_like"})
    return kept


def _freezes(old: Policy, new: Policy, notes: _Notes, now: datetime | None) -> dict[str, Any]:
    kept = {}
    for name, one in new.items():
        was = old.get(name)
        kept[name] = one
        if was is None:
            notes.other(f"freezes.{name}", "added")
        elif was != one:
            if _over(was, now) or _freezes_all(one, was):
                notes.other(f"freezes.{name}", "changed, freezes no less")
            else:
                notes.wider(f"freezes.{name}", "freezes less than before, or at other times")
                kept[name] = was
    for name in old.keys() - new.keys():
        if _over(old[name], now):
            notes.other(f"freezes.{name}", "removed, was over")
        else:
            notes.wider(f"freezes.{name}", "removed")
            kept[name] = old[name]
    return kept


def _freezes_all(new: Policy, old: Policy) -> bool:
    """Tell whether a freeze holds whenever and wherever the old one did, with no more exceptions."""
    places = all(
        "*" in new.get(key, default) or set(old.get(key, default)) <= set(new.get(key, default))
        for key, default in (("environments", []), ("services", _ANYTHING))
    )
    kinds = new.get("production_like", False) or not old.get("production_like", False)
    exceptions = set(new.get("exceptions", [])) <= set(old.get("exceptions", []))
    rollbacks = old.get("rollbacks", True) or not new.get("rollbacks", True)
    known = {"environments", "services", "production_like", "exceptions", "rollbacks", "reason", "to"}
    rest = all(new.get(key) == old.get(key) for key in (new.keys() | old.keys()) - known)
    ends = new.get("to") == old.get("to") or new.get("to") is None
    if not ends and old.get("to") is not None:
        one, other = datetime.fromisoformat(new["to"]), datetime.fromisoformat(old["to"])
        ends = (one.tzinfo is None) == (other.tzinfo is None) and one >= other
    return places and kinds and exceptions and rollbacks and rest and ends


def _over(freeze: Policy, now: datetime | None) -> bool:
    if now is None or freeze.get("to") is None:
        return False
    ends = datetime.fromisoformat(freeze["to"])
    return (ends if ends.tzinfo else ends.replace(tzinfo=ZoneInfo(freeze.get("timezone", "UTC")))) <= now


def _service(where: str, old: Policy | None, new: Policy, notes: _Notes) -> dict[str, Any]:
    kept = dict(new)
    if old is None:
        notes.other(where, "added")
        return kept
    kept["owners"] = _no_more(f"{where}.owners", old.get("owners", []), new.get("owners", []), notes)
    if not kept["owners"]:
        del kept["owners"]
    kept["environments"] = {
        name: _environment(f"{where}.{name}", old["environments"].get(name), one, notes)
        for name, one in new["environments"].items()
    }
    return kept


def _environment(where: str, old: Policy | None, new: Policy, notes: _Notes) -> dict[str, Any]:
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
    checks = _fewer(f"{where}.checks", old.get("checks", []), new.get("checks", []), notes)
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
    known = {"approvals", "checks", "promote_from", "authors_may_approve"}
    if "sign_off" in new and "sign_off" not in old:
        notes.other(f"{where}.sign_off", "a sign-off is needed")
        known.add("sign_off")
    _rest(where, old, new, kept, notes, known=known)
    return kept


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


def _classes(old: Policy, new: Policy, notes: _Notes) -> dict[str, Any]:
    """Compare change classes, break-glass and the second person: what is taken out of them narrows."""
    kept = dict(new)
    was, now = old.get("second_person", False), new.get("second_person", False)
    if was and not now:
        notes.wider("policy.second_person", "changes of the policy need no second person")
        kept["second_person"] = True
    elif now and not was:
        notes.other("policy.second_person", "changes that widen rights need a second person")
    had = old.get("standard", [])
    for one in new.get("standard", []):
        if one not in had:
            notes.wider(f"policy.standard.{one['name']}", "needs no approval")
    has = new.get("standard", [])
    for one in had:
        if one not in has:
            notes.other(f"policy.standard.{one['name']}", "no longer as it was")
    if "standard" in kept:
        kept["standard"] = [one for one in has if one in had]
        if not kept["standard"]:
            del kept["standard"]
    gone = {key for key in ("emergency", "force") if key in old and key not in new}
    for key in sorted(gone):
        notes.other(f"policy.{key}", "removed")
    _rest("policy", old, new, kept, notes, known={"second_person", "standard", *gone})
    return kept


def _identity(old: Policy, new: Policy, notes: _Notes) -> dict[str, Any]:
    """Compare where people sign in: whoever is the provider says who they are, so only a further need narrows."""
    kept = dict(new)
    if not old and new:
        notes.wider("identity", f"people sign in at {new.get('issuer')}")
        return {}
    needs = _fewer("identity.required_for", old.get("required_for", []), new.get("required_for", []), notes)
    if needs:
        kept["required_for"] = needs
    _rest("identity", old, new, kept, notes, known={"required_for"})
    return kept


def _no_more(where: str, old: Sequence[str], new: Sequence[str], notes: _Notes) -> list[str]:
    """Return those of `new` that were there: one that is added widens."""
    for one in new:
        if one not in old:
            notes.wider(where, f"{one} added")
    for one in old:
        if one not in new:
            notes.other(where, f"{one} removed")
    return [one for one in new if one in old]


def _fewer(where: str, old: Sequence[str], new: Sequence[str], notes: _Notes, *, fold: bool = False) -> list[str]:
    """Return `new` and what was taken out of `old`: one that is removed widens."""
    had, has = ({one.lower() if fold else one for one in many} for many in (old, new))
    gone = [one for one in old if (one.lower() if fold else one) not in has]
    for one in gone:
        notes.wider(where, f"{one} removed")
    for one in new:
        if (one.lower() if fold else one) not in had:
            notes.other(where, f"{one} added")
    return [*new, *gone]


def _rest(where: str, old: Policy, new: Policy, kept: dict[str, Any], notes: _Notes, *, known: set[str]) -> None:
    """Keep as it was what nothing here knows how to compare."""
    for key in sorted(_differing(old, new, known)):
        notes.wider(f"{where}.{key}", "changed")
        kept.pop(key, None)
        if key in old:
            kept[key] = old[key]


def _differing(old: Policy, new: Policy, known: set[str]) -> Iterator[str]:
    yield from (key for key in (old.keys() | new.keys()) - known if old.get(key) != new.get(key))
