"""The workspace a sandbox starts with: its team, people, channels and user groups, from a dict or a JSON file."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.sandbox.errors import SeedError
from bot.sandbox.people import is_zone


class _Part(BaseModel):
    """A part of the description; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TeamSeed(_Part):
    """A workspace: its display name and its domain (`<domain>.slack.com` at Slack).

    `enterprise` is the name of the Enterprise organisation it belongs to. `usergroup_editors` are those who may make
    and change user groups: `admins`, `members` (every full member and bot) or `everyone` (guests, too).
    """

    name: str
    domain: str
    id: str | None = None
    enterprise: str = ""
    usergroup_editors: Literal["admins", "members", "everyone"] = "members"


class UserSeed(_Part):
    """A person. `team` is the domain of another organisation, for people who are here through a shared channel."""

    name: str
    real_name: str
    role: str = ""
    email: str = ""
    guest: Literal["", "single_channel", "multi_channel"] = ""
    team: str = ""
    is_admin: bool = False
    is_owner: bool = False
    deactivated: bool = False
    tz: str = "Etc/UTC"
    id: str | None = None

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not is_zone(value):
            raise ValueError(f"{value!r} is no time zone; write one like Europe/Berlin")
        return value


class ChannelSeed(_Part):
    """A channel. `shared_with` are domains of other organisations; `apps` tells whether installed apps are invited."""

    name: str
    members: tuple[str, ...]
    private: bool = False
    shared_with: tuple[str, ...] = ()
    apps: bool = True
    topic: str = ""
    purpose: str = ""
    id: str | None = None


class UsergroupSeed(_Part):
    """A user group, mentioned as `@handle`."""

    handle: str
    name: str
    members: tuple[str, ...]


_STAFF = ("mia", "ana", "raj", "tom")

_PEOPLE = (
    UserSeed(name="mia", real_name="Mia Lindqvist", role="Developer", email="mia@acme.example"),
    UserSeed(name="ana", real_name="Ana Duarte", role="Release manager", email="ana@acme.example"),
    UserSeed(name="raj", real_name="Raj Patel", role="Release manager", email="raj@acme.example"),
    UserSeed(name="tom", real_name="Tom Becker", role="On-call engineer", email="tom@acme.example"),
    UserSeed(name="gus", real_name="Gus Moreau", role="Guest", email="gus@agency.example", guest="single_channel"),
    UserSeed(name="pat", real_name="Pat Nakamura", role="Partner", email="pat@globex.example", team="globex"),
)

_CHANNELS = (
    ChannelSeed(name="general", members=_STAFF, topic="Everyone", purpose="Announcements for the whole company"),
    ChannelSeed(name="checkout", members=(*_STAFF, "gus"), topic="The checkout service", purpose="Team Checkout"),
    ChannelSeed(name="releases", members=_STAFF, topic="What ships when", purpose="Release managers and who asks"),
    ChannelSeed(name="alerts", members=_STAFF, topic="What is on fire", purpose="Alerts and incidents"),
    ChannelSeed(
        name="partners",
        members=(*_STAFF, "pat"),
        shared_with=("globex",),
        topic="With Globex",
        purpose="Shared channel",
    ),
)


class Seed(_Part):
    """The whole description; every part has a default, so that `Seed()` is a workspace to try things in."""

    team: TeamSeed = TeamSeed(name="Acme", domain="acme")
    other_teams: tuple[TeamSeed, ...] = (TeamSeed(name="Globex", domain="globex"),)
    users: tuple[UserSeed, ...] = _PEOPLE
    channels: tuple[ChannelSeed, ...] = _CHANNELS
    usergroups: tuple[UsergroupSeed, ...] = (
        UsergroupSeed(handle="release-managers", name="Release managers", members=("ana", "raj")),
        UsergroupSeed(handle="oncall", name="On call", members=("tom",)),
    )
    hints: tuple[str, ...] = Field(default=())

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Self:
        """Read a decoded JSON object; raises `SeedError` that lists every mistake with its path."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            lines = [f"{'.'.join(str(p) for p in e['loc']) or 'seed'}: {e['msg']}" for e in error.errors()]
            raise SeedError("workspace description: " + "; ".join(lines)) from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file; raises `SeedError` when it is missing, is not JSON or describes no workspace."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SeedError(f"{path}: {error.strerror}; pass the path of a JSON file") from error
        except json.JSONDecodeError as error:
            raise SeedError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
        if not isinstance(data, dict):
            raise SeedError(f"{path}: must hold one JSON object")
        return cls.parse(data)
