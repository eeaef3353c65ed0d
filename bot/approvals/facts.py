"""What is read before votes are counted: groups, addresses, and rights that were lent. Read anew for every count."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Set as AbstractSet

from bot.approvals.records import Approval, Cast
from bot.approvals.rules import Facts, Voter
from bot.errors import Refused
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM, MembershipUnreadable, Permissions

EmailsOf = Callable[[Person], Awaitable[Collection[str]]]
"""Returns the addresses of a person beyond the configuration's (Slack's, those of linked accounts).

Any error of it means that they cannot be told.
"""


PATIENCE = 5.0
"""Seconds that the address of somebody else may take: a deployment does not wait for Slack to come back."""


class Reader:
    """Reads what a count needs to know of people."""

    def __init__(self, permissions: Permissions, emails_of: EmailsOf | None) -> None:
        self._permissions = permissions
        self.emails_of = emails_of

    async def facts(self, approval: Approval, casts: Collection[Cast], *, strict: bool) -> Facts:
        """Return what is known now of who approved.

        What cannot be read counts as no groups where `strict`, else as those at the time of the vote; addresses that
        cannot be told are those of the configuration alone.
        """
        voters = []
        for cast in casts:
            try:
                groups = await self._permissions.groups_of(cast.principal or cast.person, fresh=True)
                voters.append(Voter(person=cast.person, groups=groups, principal=cast.principal))
            except MembershipUnreadable:
                known = frozenset[str]() if strict else frozenset(cast.groups)
                voters.append(Voter(person=cast.person, groups=known, principal=cast.principal, reading=False))
        people = {cast.person for cast in casts} | {cast.principal for cast in casts if cast.principal is not None}
        asked = sorted(people | approval.excluded.keys())
        addresses = dict(zip(asked, await asyncio.gather(*(self.known(person) for person in asked)), strict=True))
        return Facts(voters=tuple(voters), addresses=addresses)

    async def groups(self, person: Person) -> AbstractSet[str]:
        """Return the groups of who votes now. Raises: Refused (`membership_unreadable`)."""
        try:
            return await self._permissions.groups_of(person, fresh=True)
        except MembershipUnreadable as error:
            raise Refused(
                "membership_unreadable",
                f"Who is in which group cannot be read now ({error}), so no approval is counted. Try again later.",
            ) from error

    async def addresses(self, person: Person, approval: Approval) -> AbstractSet[str]:
        """Return the addresses of who votes now. Raises: Refused (`author_unknown`)."""
        known = self._permissions.emails_of(person)
        if self.emails_of is None or not approval.excluded_emails or person.team == ACCOUNT_TEAM:
            return known
        try:
            return known | await self._more(person)
        except Exception as error:
            if known:
                return known  # a team approves in a terminal while Slack is away
            raise Refused(
                "author_unknown",
                f"It cannot be told whether you wrote any of {approval.subject}: your addresses are not in the "
                "configuration (people.….emails) and Slack does not answer.",
            ) from error

    async def known(self, person: Person) -> AbstractSet[str]:
        """Return the addresses of a person, as far as they can be read."""
        known = self._permissions.emails_of(person)
        if self.emails_of is None or person.team == ACCOUNT_TEAM:
            return known
        try:
            async with asyncio.timeout(PATIENCE):
                return known | await self._more(person)
        except Exception:  # noqa: BLE001 - whatever keeps us from knowing: what the configuration tells still counts
            return known

    async def _more(self, person: Person) -> AbstractSet[str]:
        if self.emails_of is None:
            return frozenset()
        return frozenset(address.strip().lower() for address in await self.emails_of(person))
