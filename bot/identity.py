"""Who and where: people and channels, named so that no two workspaces are ever confused.

Slack's ids are unique within a workspace only, and people of other organisations meet ours in shared
channels, so a person is (enterprise, team, user) and a channel is (enterprise, team, channel), everywhere.
"""

from typing import Self

from msgspec import Struct

_NONE = "-"


class Person(Struct, frozen=True, order=True):
    """One human or account: Slack's user id with the workspace it belongs to.

    A service account (a token for pipelines) has the team `account` and its name as the user.
    """

    team: str
    user: str
    enterprise: str = ""

    @property
    def key(self) -> str:
        """The one text that names this person in rows and logs: `enterprise/team/user`, `-` for none."""
        return f"{self.enterprise or _NONE}/{self.team}/{self.user}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """Return the person that `key` names.

        Raises:
            ValueError: `key` is not of the form enterprise/team/user.
        """
        enterprise, team, user = _three(key)
        return cls(team=team, user=user, enterprise=enterprise)


class Channel(Struct, frozen=True, order=True):
    """One conversation in one workspace."""

    team: str
    channel: str
    enterprise: str = ""

    @property
    def key(self) -> str:
        """The one text that names this channel in rows and logs: `enterprise/team/channel`, `-` for none."""
        return f"{self.enterprise or _NONE}/{self.team}/{self.channel}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """Return the channel that `key` names.

        Raises:
            ValueError: `key` is not of the form enterprise/team/channel.
        """
        enterprise, team, channel = _three(key)
        return cls(team=team, channel=channel, enterprise=enterprise)


def _three(key: str) -> tuple[str, str, str]:
    parts = key.split("/")
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - enterprise, team, id
        message = f"{key!r} does not name a person or channel: enterprise/team/id was expected"
        raise ValueError(message)
    enterprise, team, ident = parts
    return ("" if enterprise == _NONE else enterprise), team, ident
