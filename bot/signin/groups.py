"""`ToldGroups`: who belongs to which group, as the identity provider told when people last signed in.

A provider tells a person's groups in the ID token of a sign-in, and is not asked in between. So what it told counts for
a stated time only, and is read from our store at each decision; after that it means no until the person signs in again.
"""

from collections.abc import Callable

from bot.clock import Clock
from bot.identity import Person
from bot.permissions import MembershipUntold
from bot.settings import Settings, format_duration
from bot.signin import records
from bot.store import Store

_AGAIN = "sign in with /shipmate login"


class ToldGroups:
    """The groups of the newest sign-ins; a `ClaimSource` of permissions."""

    def __init__(self, store: Store, clock: Clock, settings: Callable[[], Settings]) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings

    async def members(self, claim: str) -> frozenset[Person]:
        """Return of whom the provider told lately enough that they belong."""
        settings = self._settings().identity
        since = self._clock.now() - settings.groups_last
        async with self._store.read() as conn:
            known = await records.seen_since(conn, settings.issuer, since)
        return frozenset(one.person for one in known if one.groups and claim in one.groups)

    async def holds(self, person: Person, group: str, claim: str) -> bool:
        """Tell whether a person belongs.

        Raises:
            MembershipUntold: they have not signed in, or too long ago.
        """
        settings = self._settings().identity
        async with self._store.read() as conn:
            known = await records.of_person(conn, settings.issuer, person)
        if known is None:
            raise MembershipUntold(group, _AGAIN, ever=False)
        told = known.groups is not None and claim in known.groups
        if known.seen_at + settings.groups_last <= self._clock.now():
            lasts = format_duration(settings.groups_last)
            raise MembershipUntold(group, f"your last sign-in is older than {lasts}; {_AGAIN} again", ever=told)
        return told
