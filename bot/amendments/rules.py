"""What a change of the policy widens, what it narrows, and what may be in force before a second person has agreed.

Pure: no I/O, no clock but the moment that is handed in. What nothing here knows how to compare counts as widening.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from bot.amendments import scopes
from bot.amendments.comparing import Change, Notes, Policy, fewer, no_more, rest, switches
from bot.amendments.places import kind, service

_ANYTHING = ["*"]


class Comparison(Struct, frozen=True):
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
    notes = Notes()
    kept = {
        "people": _people(old["people"], new["people"], notes),
        "groups": _groups(old["groups"], new["groups"], notes),
        "permissions": _grants(old["permissions"], new["permissions"], notes),
        "tokens": _tokens(old["tokens"], new["tokens"], notes),
        "environments": {
            name: kind(f"environments.{name}", old["environments"].get(name), one, notes)
            for name, one in new["environments"].items()
        },
        "freezes": _freezes(old["freezes"], new["freezes"], notes, now),
        "services": {
            name: service(f"services.{name}", old["services"].get(name), one, notes)
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


def _people(old: Policy, new: Policy, notes: Notes) -> dict[str, Any]:
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
        now["emails"] = fewer(f"{where}.emails", was.get("emails", []), one.get("emails", []), notes, fold=True)
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
        rest(where, was, one, now, notes, known={"slack", "emails", "accounts"})
    for name in old.keys() - new.keys():
        notes.other(f"people.{name}", "removed")
    return kept


def _groups(old: Policy, new: Policy, notes: Notes) -> dict[str, Any]:
    kept = {}
    for name, one in new.items():
        where, was = f"groups.{name}", old.get(name)
        if was is None:
            kept[name] = dict(one)
            notes.other(where, "added")
            continue
        kept[name] = {"people": no_more(f"{where}.people", was.get("people", []), one.get("people", []), notes)}
        for key in ("usergroup", "claim"):
            if one.get(key) and one.get(key) == was.get(key):
                kept[name][key] = one[key]
            elif one.get(key):
                notes.wider(f"{where}.{key}", f"{one[key]} instead of {was.get(key) or 'none'}")
            elif was.get(key):
                notes.other(f"{where}.{key}", f"{was[key]} removed")
        kept[name] |= {
            key: value for key, value in one.items() if key not in {"people", "usergroup", "claim", "on_call"}
        }
        _narrowed(where, was.get("on_call", ""), one.get("on_call", ""), kept[name], notes)
        switches(where, was, one, kept[name], notes, guards={"delegable": False})
        rest(where, was, one, kept[name], notes, known={"people", "usergroup", "claim", "on_call", "delegable"})
        if not kept[name]["people"]:
            del kept[name]["people"]
    for name in old.keys() - new.keys():
        notes.other(f"groups.{name}", "removed")
    return kept


def _narrowed(where: str, was: str, now: str, kept: dict[str, Any], notes: Notes) -> None:
    """Note a group that is narrowed to who is on call, by another schedule than before, or no longer."""
    if was and now != was:
        notes.wider(f"{where}.on_call", f"{now or 'none'} instead of {was}")
    elif now != was:
        notes.other(f"{where}.on_call", f"only who is on call in {now}")
    if was or now:
        kept["on_call"] = was or now


def _grants(old: Sequence[Policy], new: Sequence[Policy], notes: Notes) -> list[Any]:
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


def _tokens(old: Policy, new: Policy, notes: Notes) -> dict[str, Any]:
    kept = {}
    for name, one in new.items():
        was = old.get(name)
        if was == one or (was is not None and _opensno_more(one, was)):
            kept[name] = one
            if was != one:
                notes.other(f"terminal.tokens.{name}", "may be used for less")
        else:
            whose = one.get("person") or one.get("account") or name
            notes.wider(f"terminal.tokens.{name}", f"{'changed' if name in old else 'added'}, for {whose}")
    for name in old.keys() - new.keys():
        notes.other(f"terminal.tokens.{name}", "removed")
    return kept


def _opensno_more(new: Policy, old: Policy) -> bool:
    """Tell whether a token stands for the same holder by the same secret, for no more and no longer."""
    same = all(new.get(key) == old.get(key) for key in (new.keys() | old.keys()) - {*scopes.FIELDS, "expires"})
    ends = old.get("expires") is None or (
        new.get("expires") is not None
        and datetime.fromisoformat(new["expires"]) <= datetime.fromisoformat(old["expires"])
    )
    one, other = ({"to": ["token"], "allow": ["*"], **each} for each in (new, old))
    return same and ends and scopes.covered(one, [other])


def _freezes(old: Policy, new: Policy, notes: Notes, now: datetime | None) -> dict[str, Any]:
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


def _classes(old: Policy, new: Policy, notes: Notes) -> dict[str, Any]:
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
    rest("policy", old, new, kept, notes, known={"second_person", "standard", *gone})
    return kept


def _identity(old: Policy, new: Policy, notes: Notes) -> dict[str, Any]:
    """Compare where people sign in: whoever is the provider says who they are, so only a further need narrows."""
    kept = dict(new)
    if not old and new:
        notes.wider("identity", f"people sign in at {new.get('issuer')}")
        return {}
    needs = fewer("identity.required_for", old.get("required_for", []), new.get("required_for", []), notes)
    if needs:
        kept["required_for"] = needs
    rest("identity", old, new, kept, notes, known={"required_for"})
    return kept
