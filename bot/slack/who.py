"""Who acted, as Slack's own directory has it, checked for every delivery."""

import asyncio

from msgspec.structs import replace

from bot import refusals
from bot.command import Invocation
from bot.errors import Degraded
from bot.identity import Person
from bot.slack import reading
from bot.slack.connection import Connection, SlackError
from bot.slack.directory import Directory


class Who:
    """Tells our people from those of other organisations; what Slack does not say is never ours."""

    def __init__(self, connection: Connection, directory: Directory) -> None:
        self._connection = connection
        self._directory = directory

    def workspace(self) -> reading.Home:
        """Return the workspace we are installed in; one that nobody is in while Slack has not told."""
        identity = self._connection.identity
        return reading.Home("unasked") if identity is None else reading.Home(identity.team, identity.enterprise)

    def is_us(self, user: str) -> bool:
        """Tell whether this user is the bot itself."""
        identity = self._connection.identity
        return identity is not None and identity.user == user

    def may_be_ours(self, person: Person) -> bool:
        """Tell whether the payload names our own team; only the directory says so for certain."""
        home = self.workspace()
        return person.team == home.team or bool(home.enterprise and person.enterprise == home.enterprise)

    async def identified(self, invocation: Invocation, seconds: float) -> Invocation:
        """Return the invocation with the person as the directory has them: home team, name, guest or not.

        The team of the payload is checked first: somebody of another organisation is not looked up.

        Raises:
            Degraded: Slack does not say within so many seconds who this is; nothing was done.
            NotAllowed: the account is deactivated, whatever grant names it.
        """
        told = invocation.person
        if not self.may_be_ours(told):
            return replace(invocation, ours=False)
        info = self._directory.known(told.user)
        if info is None:
            try:
                async with asyncio.timeout(seconds):
                    info = await self._directory.info(told)
            except (SlackError, TimeoutError) as error:
                raise Degraded(
                    "person_unknown",
                    "Slack did not say in time who you are, so nothing was started. Try again in a moment.",
                ) from error
        if info.deactivated:
            raise refusals.deactivated()
        return replace(
            invocation,
            person=info.person,
            person_name=info.name or invocation.person_name,
            ours=info.ours and not info.bot,
            guest=info.guest,
        )
