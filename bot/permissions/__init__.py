"""Who may do what, where. The default is no."""

from bot.permissions.grants import Decision, Grant, decide, grants_of
from bot.permissions.people import ACCOUNT_TEAM, People
from bot.permissions.permissions import EVERYONE, MembershipSource, MembershipUnreadable, MembershipUntold, Permissions

__all__ = [
    "ACCOUNT_TEAM",
    "EVERYONE",
    "Decision",
    "Grant",
    "MembershipSource",
    "MembershipUnreadable",
    "MembershipUntold",
    "People",
    "Permissions",
    "decide",
    "grants_of",
]
