"""`Proposals`: whose account of a tool may be theirs. Shown to them and never acted on: only signing in links one."""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct

from bot.errors import UserError
from bot.identity import Person
from bot.slack.directory import Recent
from integrations.capabilities.persons import PersonalAccess
from integrations.errors import IntegrationError

if TYPE_CHECKING:
    from bot.grants.grants import Lending

PATIENCE: Final = 3.0
"""Seconds that a tool gets to say whom it knows: what is only good to have holds no answer up."""
_REMEMBERED: Final = 600.0

log = structlog.get_logger()


class Proposal(Struct, frozen=True, kw_only=True):
    """An account that may be somebody's: the configuration says so (`named`), or the tool knows their address."""

    username: str
    named: bool = False


class Proposals:
    """Asks tools whom they know by the address that Slack has confirmed; remembers the answers for ten minutes."""

    def __init__(self, lending: "Lending") -> None:
        self._of = lending
        self._seen: Recent[tuple[str, str], str] = Recent(lending.clock, _REMEMBERED)

    async def of(self, person: Person, instance: str) -> Proposal | None:
        """Return the account that may be theirs; None when none is known, or nobody says in time."""
        named = self._of.people.account(person, instance)
        if named:
            return Proposal(username=named, named=True)
        try:
            access = self._of.toolbox.get(PersonalAccess, instance)
            async with asyncio.timeout(PATIENCE):
                email = await self._of.people.email(person)
                username = await self._known(access, instance, email) if email else ""
        except (UserError, IntegrationError, TimeoutError) as error:
            log.info("grant.no_proposal", instance=instance, person=person.key, error=repr(error))
            return None
        return Proposal(username=username) if username else None

    async def _known(self, access: PersonalAccess, instance: str, email: str) -> str:
        async def ask() -> str:
            found = await access.find_account(email)
            return found.username if found is not None else ""

        return await self._seen.get((instance, email.casefold()), ask)
