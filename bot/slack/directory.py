"""People, channels and user groups as Slack tells of them, remembered for a minute.

Source: https://docs.slack.dev/reference/methods/users.info, conversations.info, usergroups.users.list
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from bot.clock import Clock
from bot.identity import Channel, Person
from bot.slack.connection import Connection, SlackError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRESH_SECONDS = 60.0
NAMES_SECONDS = 600.0
KEPT = 10_000
_PAGES = 50


class PersonInfo(Struct, frozen=True):
    """What Slack knows of a person. `ours` is false for people of other organisations and unknown ones.

    `email` is the confirmed address, "" without one or without the scope for it.
    """

    person: Person
    name: str
    email: str
    tz: str
    ours: bool
    guest: bool
    bot: bool
    deactivated: bool


class ChannelInfo(Struct, frozen=True):
    """What Slack knows of a conversation; `shared` means that people of other organisations are in it."""

    channel: Channel
    name: str
    shared: bool
    archived: bool
    member: bool


class Recent(Generic[K, V]):
    """Answers remembered for a while, at most so many; who asks at the same time waits for the same answer."""

    def __init__(self, clock: Clock, seconds: float, limit: int = KEPT) -> None:
        self._clock = clock
        self._seconds = seconds
        self._limit = limit
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asked: dict[K, asyncio.Task[V]] = {}

    def known(self, key: K) -> V | None:
        """Return the remembered answer while it is fresh."""
        found = self._kept.get(key)
        if found is None or self._clock.monotonic() - found[0] > self._seconds:
            return None
        return found[1]

    def put(self, key: K, value: V) -> None:
        """Remember an answer that nobody asked for."""
        self._kept[key] = (self._clock.monotonic(), value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def forget(self, key: K) -> None:
        """Drop what is remembered of `key`."""
        self._kept.pop(key, None)

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the remembered answer, or ask; an error is not remembered."""
        if (found := self.known(key)) is not None:
            return found
        task = self._asked.get(key)
        if task is None:
            task = asyncio.ensure_future(self._ask(key, ask))
            self._asked[key] = task
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        value = await ask()
        self.put(key, value)
        return value

    def _answered(self, key: K, task: "asyncio.Task[V]") -> None:
        self._asked.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have waited


class Directory:
    """Looks people, channels and groups up. All methods raise `SlackError` when Slack does not answer."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._people: Recent[str, PersonInfo] = Recent(clock, FRESH_SECONDS)
        self._channels: Recent[str, ChannelInfo] = Recent(clock, FRESH_SECONDS)
        self._names: Recent[str, dict[str, str]] = Recent(clock, NAMES_SECONDS, 1)
        self._groups: Recent[str, frozenset[Person]] = Recent(clock, FRESH_SECONDS, 1000)
        self._directs: Recent[str, str] = Recent(clock, NAMES_SECONDS)

    def known(self, user: str) -> PersonInfo | None:
        """Return what is remembered of a user id, without asking Slack."""
        return self._people.known(user)

    async def info(self, person: Person | str) -> PersonInfo:
        """Return what Slack knows of a person, given as such or by user id."""
        user = person if isinstance(person, str) else person.user
        return await self._people.get(user, lambda: self._ask_person(user))

    async def _ask_person(self, user: str) -> PersonInfo:
        answer = await self._connection.call("users.info", {"user": user})
        return self._read_person(answer.get("user") or {}, user)

    def learn(self, data: dict[str, Any]) -> PersonInfo:
        """Take over what Slack says of a person by itself, and return it."""
        info = self._read_person(data, str(data.get("id") or ""))
        self._people.put(info.person.user, info)
        return info

    def _read_person(self, data: dict[str, Any], user: str) -> PersonInfo:
        identity = self._connection.identity
        profile = data.get("profile") or {}
        team = str(data.get("team_id") or profile.get("team") or "")
        enterprise = str((data.get("enterprise_user") or {}).get("enterprise_id") or "")
        ours = (
            identity is not None
            and not data.get("is_stranger")
            and (team == identity.team or bool(identity.enterprise and enterprise == identity.enterprise))
        )
        home = identity.enterprise if ours and identity is not None else enterprise
        return PersonInfo(
            person=Person(team=team or "unknown", user=str(data.get("id") or user), enterprise=home),
            name=str(profile.get("display_name") or data.get("real_name") or data.get("name") or user),
            email=str(profile.get("email") or "") if data.get("is_email_confirmed", True) else "",
            tz=str(data.get("tz") or "Etc/UTC"),
            ours=ours,
            guest=bool(data.get("is_restricted") or data.get("is_ultra_restricted")),
            bot=bool(data.get("is_bot")),
            deactivated=bool(data.get("deleted")),
        )

    async def standing(self, person: Person) -> bool:
        """Tell whether somebody is of our own team and no guest, as Slack has it now."""
        self._people.forget(person.user)
        info = await self.info(person)
        return info.ours and not info.guest and not info.deactivated and not info.bot

    async def channel(self, channel: Channel | str) -> ChannelInfo:
        """Return what Slack knows of a conversation, given as such or by its id."""
        ident = channel if isinstance(channel, str) else channel.channel
        return await self._channels.get(ident, lambda: self._ask_channel(ident))

    async def _ask_channel(self, ident: str) -> ChannelInfo:
        answer = await self._connection.call("conversations.info", {"channel": ident})
        data = answer.get("channel") or {}
        return ChannelInfo(
            channel=self.here(ident),
            name=str(data.get("name") or ""),
            shared=bool(data.get("is_ext_shared") or data.get("is_pending_ext_shared")),
            archived=bool(data.get("is_archived")),
            member=bool(data.get("is_member") or data.get("is_im")),
        )

    def here(self, ident: str) -> Channel:
        """Return a channel of our own workspace by its id."""
        identity = self._connection.identity
        if identity is None:
            return Channel(team="unknown", channel=ident)
        return Channel(team=identity.team, channel=ident, enterprise=identity.enterprise)

    async def find_channel(self, name_or_id: str) -> Channel | None:
        """Return the channel of this name ("checkout", "#checkout") or id, None when the bot sees none."""
        wanted = name_or_id.removeprefix("#")
        if wanted[:1] in {"C", "G", "D"} and wanted.isupper() and wanted.isalnum():
            return self.here(wanted)
        names = await self._names.get("", self._ask_names)
        if wanted not in names:
            self._names.forget("")  # it may have been made a moment ago: the next one to ask looks again
            return None
        return self.here(names[wanted])

    async def _ask_names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        cursor = ""
        for _ in range(_PAGES):
            answer = await self._connection.call(
                "conversations.list",
                {"types": "public_channel,private_channel", "exclude_archived": True, "limit": 999, "cursor": cursor},
            )
            names |= {str(one["name"]): str(one["id"]) for one in answer.get("channels", ())}
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return names

    async def direct(self, person: Person) -> str:
        """Return the id of our conversation with a person, opened when there is none."""

        async def ask() -> str:
            answer = await self._connection.call("conversations.open", {"users": person.user})
            return str(answer["channel"]["id"])

        return await self._directs.get(person.user, ask)

    async def members(self, group: str, *, fresh: bool = False) -> frozenset[Person]:
        """Return who is in a user group (its id): people of our own workspace who are not deactivated."""
        if fresh:
            self._groups.forget(group)
        return await self._groups.get(group, lambda: self._ask_members(group))

    async def _ask_members(self, group: str) -> frozenset[Person]:
        answer = await self._connection.call("usergroups.users.list", {"usergroup": group})
        people = [await self.info(str(user)) for user in answer.get("users", ())]
        return frozenset(one.person for one in people if one.ours and not one.deactivated)

    async def locked(self, group: str) -> bool:
        """Tell whether members of a user group cannot edit it: only those that an identity provider fills are.

        Slack has no method that says who may edit a group; `auto_provision` and an enterprise's own group mark
        those that are managed elsewhere (https://docs.slack.dev/reference/objects/usergroup-object).
        """
        answer = await self._connection.call("usergroups.list", {"include_disabled": False})
        for one in answer.get("usergroups", ()):
            if one.get("id") == group:
                return bool(one.get("auto_provision") or one.get("enterprise_subteam_id"))
        return False


class Usergroups:
    """Slack's user groups as a source of who belongs to a group of the configuration."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def members(self, ident: str) -> frozenset[Person]:
        """Return who is in the user group now.

        Raises:
            SlackError: it cannot be read, which means that nobody is known to be in it.
        """
        return await self._directory.members(ident, fresh=True)

    async def locked(self, ident: str) -> bool:
        """Tell whether members cannot put themselves into the group; unreadable means no."""
        try:
            return await self._directory.locked(ident)
        except SlackError:
            return False
