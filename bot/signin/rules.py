"""What a sign-in proves. Pure: no I/O, no clock.

Only two things tie a subject of the identity provider to a person in Slack: the configuration (`people: subject`), or
an earlier sign-in by an address that the provider has verified and that Slack or the configuration has of the person.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from bot.identity import Person
from bot.settings.identity import Risk

LINK_LASTS = timedelta(minutes=10)
LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""


class Purpose(StrEnum):
    """What somebody signs in for."""

    APPROVE = "approve"
    GROUPS = "groups"


class Stage(StrEnum):
    """How far a sign-in has come; each stage is left once."""

    ASKED = "asked"
    OPENED = "opened"
    REDEEMING = "redeeming"
    PROVEN = "proven"


class Identity(Struct, frozen=True, kw_only=True):
    """Who signed in, as a validated ID token says. `email` is in lower case and "" unless verified.

    `groups` is None where the token lists none. `auth_time` is when they proved who they are, `issued_at` when the
    token was made.
    """

    issuer: str
    subject: str
    issued_at: datetime
    email: str = ""
    name: str = ""
    groups: tuple[str, ...] | None = None
    acr: str = ""
    auth_time: datetime | None = None


class Verdict(Struct, frozen=True):
    """Whether a sign-in is that of a person: a stable code and the rule in words."""

    allowed: bool
    code: str
    rule: str


def is_person(
    who: Identity,
    person: Person,
    *,
    configured: str,
    linked: str,
    linked_with: Person | None,
    addresses: Collection[str],
) -> Verdict:
    """Decide whether the sign-in `who` is `person`.

    `configured` is the subject that the configuration gives the person, `linked` the one that signed in as them
    before, `linked_with` the person that this subject signed in as before; "" and None where there is none.
    `addresses` are the person's; none are given where only subjects count.
    """
    if configured:
        if configured != who.subject:
            return _not("other_subject", "the configuration names another subject for them")
        return _linked("subject_named", "the configuration names")
    if linked_with is not None and linked_with != person:
        return _not("other_person", "this account has signed in as somebody else before")
    if linked:
        if linked != who.subject:
            return _not("other_subject", "they have signed in with another account before")
        return _linked("subject_linked", "they have signed in before with")
    return _by_address(who.email, {address.casefold() for address in addresses})


def _by_address(email: str, addresses: Collection[str]) -> Verdict:
    if not addresses:
        return _not("address_unknown", "no subject and no address of theirs is known")
    if not email:
        return _not("email_unverified", "the provider has verified no address of this account")
    if email not in addresses:
        return _not("other_email", "the verified address is not theirs")
    return Verdict(allowed=True, code="email_matches", rule="the verified address is theirs")


def _linked(code: str, how: str) -> Verdict:
    return Verdict(allowed=True, code=code, rule=f"{how} this subject")


def _not(code: str, rule: str) -> Verdict:
    return Verdict(allowed=False, code=code, rule=rule)


def too_weak(who: Identity, acr_values: Sequence[str], *, now: datetime, max_age: timedelta, since: datetime) -> str:
    """Return why a sign-in is not strong or fresh enough to approve by, "" when it is.

    `since` is when the link was asked for: whoever had signed in before that has to do it again.
    """
    if acr_values and who.acr not in acr_values:
        return f"the way of signing in was {who.acr or 'not told'}, and one of {', '.join(acr_values)} is needed"
    if who.auth_time is None:
        return "the provider does not tell when you signed in (auth_time)"
    if who.auth_time < since - LEEWAY or who.auth_time < now - max_age - LEEWAY:
        return "you had signed in before, and an approval needs it anew"
    return ""


def why_bound(required_for: Collection[Risk], *, required: bool, risks: Mapping[Risk, bool]) -> str:
    """Return why approvals of a deployment need a sign-in, "" when a click is enough. `risks` are what holds of it."""
    if required:
        return "the environment asks for it"
    return next((why for risk, why in _RISKS.items() if risk in required_for and risks[risk]), "")


_RISKS: Mapping[Risk, str] = {
    "production_like": "the environment is production-like",
    "irreversible": "it cannot be undone by a rollback",
    "emergency": "it is an emergency change",
    "forced": "it was forced",
}


def over(ends: datetime, now: datetime) -> bool:
    """Tell whether a time is over; its last moment is."""
    return now >= ends
