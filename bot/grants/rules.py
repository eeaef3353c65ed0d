"""Whose account may be linked with whom, and when a grant is renewed. Pure: no I/O, no clock."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

SIGN_IN_LASTS = timedelta(minutes=10)
RENEW_BEFORE = timedelta(minutes=1)


class Stage(StrEnum):
    """How far a sign-in has come. Each is left once."""

    ASKED = "asked"
    OPENED = "opened"
    REDEEMING = "redeeming"
    SIGNED_IN = "signed_in"


class Verdict(Struct, frozen=True):
    """Whether an account may be linked with a person; `code` is the stable reason, `rule` the words for it."""

    allowed: bool
    code: str
    rule: str


def may_link(*, username: str, email: str, named: str, addresses: Collection[str]) -> Verdict:
    """Decide whether the account that signed in may be linked with the person who asked for the link.

    A link can be forwarded, so who signed in need not be who asked. `named` is the account that the configuration
    gives the person: it alone counts then. Else the account's confirmed `email` must be one of the person's
    `addresses`. Anything else is a no: whoever presses "yes" may be deceived, the address is not.
    """
    if named:
        if named.casefold() == username.casefold():
            return Verdict(True, "named", "the configuration names this account")  # noqa: FBT003 - a verdict
        return Verdict(False, "another_account", f"the configuration names another account, @{named}")  # noqa: FBT003
    if not email:
        return Verdict(False, "no_address", "the tool does not tell a confirmed address of this account")  # noqa: FBT003
    if email.casefold() in {address.casefold() for address in addresses}:
        return Verdict(True, "same_address", "both have the same confirmed address")  # noqa: FBT003
    return Verdict(False, "other_address", "the addresses differ")  # noqa: FBT003


def ends_soon(expires_at: datetime | None, now: datetime) -> bool:
    """Tell whether a grant has to be renewed before it is used."""
    return expires_at is not None and now >= expires_at - RENEW_BEFORE


def over(expires_at: datetime, now: datetime) -> bool:
    """Tell whether the time of a sign-in is over."""
    return now >= expires_at
