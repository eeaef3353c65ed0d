"""Who lends: what Slack's directory and the configuration know of a person, read anew for every use."""

from typing import Protocol

from bot.errors import Degraded
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM, Permissions
from bot.slack.connection import SlackError
from bot.slack.directory import Directory, PersonInfo


class People(Protocol):
    """What grants need to know of people."""

    async def in_good_standing(self, person: Person) -> bool:
        """Tell whether somebody is still of our own team: neither gone nor a guest. Raises: Degraded."""
        ...

    async def addresses(self, person: Person) -> frozenset[str]:
        """Return the confirmed addresses of a person. Raises: Degraded."""
        ...

    async def email(self, person: Person) -> str:
        """Return the address that Slack has confirmed, "" when it tells none. Raises: Degraded."""
        ...

    async def name(self, person: Person) -> str:
        """Return the name people read."""
        ...

    def account(self, person: Person, instance: str) -> str:
        """Return the user name that the configuration gives a person in a tool, "" when it names none."""
        ...


class SlackPeople:
    """People as Slack's directory has them now, with what the configuration adds."""

    def __init__(self, directory: Directory, permissions: Permissions) -> None:
        self._directory = directory
        self._permissions = permissions

    async def in_good_standing(self, person: Person) -> bool:
        """Ask Slack anew. Service accounts never are: nobody signs in for them.

        Raises:
            Degraded: Slack does not say; then nothing is lent, and nothing is taken away either.
        """
        if person.team == ACCOUNT_TEAM:
            return False
        try:
            return await self._directory.standing(person)
        except SlackError as error:
            raise _silent(error) from error

    async def addresses(self, person: Person) -> frozenset[str]:
        """Return the address of the Slack account and those of the configuration.

        Raises:
            Degraded: Slack does not say.
        """
        info = await self._info(person)
        return self._permissions.emails_of(person) | ({info.email} if info.email else set())

    async def email(self, person: Person) -> str:
        """Return the confirmed address of the Slack account (`users:read.email`).

        Raises:
            Degraded: Slack does not say.
        """
        return "" if person.team == ACCOUNT_TEAM else (await self._info(person)).email

    async def name(self, person: Person) -> str:
        """Return the name of the Slack account, or the configuration's while Slack is away."""
        try:
            info = await self._info(person)
        except Degraded:
            return self._permissions.name_of(person)
        return info.name

    def account(self, person: Person, instance: str) -> str:
        """Return what the configuration says."""
        return self._permissions.account_of(person, instance)

    async def _info(self, person: Person) -> PersonInfo:
        try:
            return await self._directory.info(person)
        except SlackError as error:
            raise _silent(error) from error


def _silent(error: SlackError) -> Degraded:
    return Degraded(
        "person_unknown",
        f"Slack does not say now who you are ({error.failure.reason}), so nothing is done in your name. Try again.",
    )
