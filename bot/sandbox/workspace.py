"""The workspace's memory: teams, people, channels with their messages, user groups and files."""

from bot.sandbox.assistance import Assistance
from bot.sandbox.changes import Changes
from bot.sandbox.clock import Clock
from bot.sandbox.errors import ControlError, Json, SeedError
from bot.sandbox.ids import new_id, stable_id
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, Enterprise, File, Team, User, Usergroup
from bot.sandbox.scheduled import Scheduled
from bot.sandbox.seed import ChannelSeed, Seed, TeamSeed, UserSeed

SLACKBOT = "USLACKBOT"
_MICRO = 1_000_000


class Workspace:
    """Holds everything people and apps see; nothing here speaks a protocol.

    Each channel keeps its newest `history_limit` messages, so that a sandbox that runs for weeks stays small.
    """

    def __init__(self, seed: Seed, clock: Clock, changes: Changes, *, history_limit: int = 2000) -> None:
        """Build the workspace that `seed` describes; raises `SeedError` where its parts do not fit."""
        self.clock = clock
        self.changes = changes
        self.history_limit = history_limit
        self.hints = list(seed.hints)
        self.team = _team(seed.team)
        self.usergroup_editors = seed.team.usergroup_editors
        self.teams = {team.id: team for team in (self.team, *map(_team, seed.other_teams))}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, Usergroup] = {}
        self.files: dict[str, File] = {}
        self.scheduled: dict[str, Scheduled] = {}
        self.assisted: dict[tuple[str, str], Assistance] = {}
        self.app_channels: list[str] = []
        self.last_micros = 0
        self.users[SLACKBOT] = User(SLACKBOT, "slackbot", "Slackbot", self.team.id, "")
        for user in seed.users:
            self.add_person(user)
        for channel in seed.channels:
            self._add_channel(channel)
        for group in seed.usergroups:
            members = [self._seeded(name, f"usergroups.{group.handle}") for name in group.members]
            ident = stable_id("S", self.team.domain, group.handle)
            made = int(clock())
            self.usergroups[ident] = Usergroup(
                ident, group.handle, group.name, self.team.id, members, date_create=made, date_update=made
            )

    def add_person(self, seed: UserSeed) -> User:
        """Add the person a seed describes; raises `SeedError` for an unknown team or a name that is taken."""
        team = self.team
        if seed.team:
            found = [team for team in self.teams.values() if team.domain == seed.team]
            if not found:
                raise SeedError(f"users.{seed.name}.team: no team has the domain {seed.team!r}; add it to other_teams")
            team = found[0]
        return self.add_user(
            User(
                id=seed.id or stable_id("U", team.domain, seed.name),
                name=seed.name,
                real_name=seed.real_name,
                team_id=team.id,
                email=seed.email,
                role=seed.role,
                is_restricted=bool(seed.guest),
                is_ultra_restricted=seed.guest == "single_channel",
                is_stranger=team is not self.team,
                is_admin=seed.is_admin,
                is_owner=seed.is_owner,
                deleted=seed.deactivated,
                enterprise=team.enterprise,
                updated=int(self.clock()),
                tz=seed.tz,
            )
        )

    def _add_channel(self, seed: ChannelSeed) -> None:
        where = f"channels.{seed.name}"
        domains = {team.domain: team.id for team in self.teams.values()}
        unknown = [domain for domain in seed.shared_with if domain not in domains]
        if unknown:
            raise SeedError(f"{where}.shared_with: no team has the domain {unknown[0]!r}; add it to other_teams")
        members = [self._seeded(name, f"{where}.members") for name in seed.members]
        channel = Channel(
            id=seed.id or stable_id("C", self.team.domain, seed.name),
            name=seed.name,
            kind="group" if seed.private else "channel",
            created=int(self.clock()),
            creator=members[0] if members else SLACKBOT,
            members=members,
            is_ext_shared=bool(seed.shared_with),
            connected_teams=[self.team.id, *(domains[d] for d in seed.shared_with)] if seed.shared_with else [],
            topic=seed.topic,
            purpose=seed.purpose,
        )
        self.channels[channel.id] = channel
        if seed.apps:
            self.app_channels.append(channel.id)

    def _seeded(self, name: str, where: str) -> str:
        for user in self.users.values():
            if user.name == name:
                return user.id
        raise SeedError(
            f"{where}: there is no user {name!r}; known are {', '.join(u.name for u in self.users.values())}"
        )

    def add_user(self, user: User) -> User:
        """Add a person or a bot user; raises `SeedError` when the name is taken."""
        if any(known.name == user.name for known in self.users.values()):
            raise SeedError(f"users.{user.name}: the name is taken; choose another")
        self.users[user.id] = user
        self.changes.publish("user")
        return user

    def add_channel(self, name: str, *, private: bool, members: list[str]) -> Channel:
        """Create a channel with these members (user ids)."""
        channel = Channel(
            id=new_id("C"),
            name=name,
            kind="group" if private else "channel",
            created=int(self.clock()),
            creator=members[0] if members else SLACKBOT,
            members=list(members),
        )
        self.channels[channel.id] = channel
        self.changes.publish("channel", channel=channel.id)
        return channel

    def find_user(self, ref: str) -> User | None:
        """Return the user with this id or name (with or without `@`)."""
        if ref in self.users:
            return self.users[ref]
        name = ref.removeprefix("@")
        return next((user for user in self.users.values() if user.name == name), None)

    def find_channel(self, ref: str) -> Channel | None:
        """Return the channel with this id or name (with or without `#`)."""
        if ref in self.channels:
            return self.channels[ref]
        name = ref.removeprefix("#")
        return next((channel for channel in self.channels.values() if channel.name == name and name), None)

    def user(self, ref: object, name: str = "user") -> User:
        """Return the user a control request names; raises `ControlError` that lists who is known."""
        user = self.find_user(ref) if isinstance(ref, str) and ref else None
        if user is None:
            known = ", ".join(user.name for user in self.users.values() if user.id != SLACKBOT)
            raise ControlError("user_not_found", f"{name}: no user {ref!r}; known are {known}")
        return user

    def channel(self, ref: object, viewer: User) -> Channel:
        """Return the channel a control request names, `@name` being the direct message with that user.

        Raises `ControlError` when there is none, or when `viewer` is not in it.
        """
        channel = None
        if isinstance(ref, str) and ref.startswith("@") and (other := self.find_user(ref)):
            channel = self.direct(viewer.id, other.id)
        elif isinstance(ref, str) and ref:
            channel = self.find_channel(ref)
        if channel is None:
            known = ", ".join("#" + c.name for c in self.channels.values() if c.name)
            raise ControlError("channel_not_found", f"channel: no channel {ref!r}; known are {known}")
        if viewer.id not in channel.members:
            seen = ", ".join("#" + c.name for c in self.channels.values() if c.name and viewer.id in c.members)
            raise ControlError(
                "not_in_channel",
                f"channel: {viewer.name} is not in {channel.name or channel.id}, but in {seen or 'none'}",
            )
        return channel

    def direct(self, one: str, other: str) -> Channel:
        """Return the direct message between two users (ids), opening it when it is new."""
        first, second = sorted((one, other))
        ident = stable_id("D", first, second)
        if ident not in self.channels:
            members = [first] if first == second else [first, second]
            self.channels[ident] = Channel(ident, "", "im", int(self.clock()), creator=one, members=members)
            self.changes.publish("channel", channel=ident)
        return self.channels[ident]

    def group_direct(self, members: list[str], *, prevent_creation: bool = False) -> Channel | None:
        """Return the direct message among these users (ids), in their order; None where there is none and may be none.

        Reference: https://docs.slack.dev/reference/methods/conversations.open
        """
        ident = stable_id("G", *sorted(set(members)))
        if ident not in self.channels:
            if prevent_creation:
                return None
            names = "--".join(self.users[member].name for member in members)
            made = Channel(ident, f"mpdm-{names}-1", "mpim", int(self.clock()), creator=members[0], members=members)
            self.channels[ident] = made
            self.changes.publish("channel", channel=ident)
        return self.channels[ident]

    def next_ts(self) -> str:
        """Return the present moment as Slack writes it ("1700000000.000100"), later than every one before."""
        self.last_micros = max(int(self.clock() * _MICRO), self.last_micros + 1)
        return f"{self.last_micros // _MICRO}.{self.last_micros % _MICRO:06d}"

    def add(self, message: Message) -> Message:
        """Put a message into its channel, count it in its thread, and forget the oldest one over the limit."""
        channel = self.channels[message.channel]
        channel.messages[message.ts] = message
        parent = channel.messages.get(message.thread_ts) if message.is_reply else None
        message.parent_user = parent.user if parent else ""
        if parent is not None and not message.ephemeral_to:
            parent.reply_count += 1
            parent.latest_reply = message.ts
            parent.thread_ts = parent.ts
            if message.user not in parent.reply_users:
                parent.reply_users.append(message.user)
        while len(channel.messages) > self.history_limit:
            channel.messages.pop(next(iter(channel.messages)))
        self.changes.publish("message", channel=channel.id, ts=message.ts)
        return message

    def remove(self, message: Message) -> None:
        """Take a message out of its channel and out of its thread's count."""
        channel = self.channels[message.channel]
        channel.messages.pop(message.ts, None)
        parent = channel.messages.get(message.thread_ts) if message.is_reply else None
        if parent is not None and not message.ephemeral_to:
            replies = [
                m for m in channel.messages.values() if m.thread_ts == parent.ts and m.is_reply and not m.ephemeral_to
            ]
            parent.reply_count = len(replies)
            parent.latest_reply = replies[-1].ts if replies else ""
            parent.reply_users = list(dict.fromkeys(reply.user for reply in replies))
        self.changes.publish("message", channel=channel.id, ts=message.ts, deleted=True)

    def from_slackbot(self, channel: Channel, user: User, text: str, thread_ts: str = "") -> Message:
        """Tell one person something, as Slackbot does about what went wrong."""
        return self.add(
            Message(
                ts=self.next_ts(),
                channel=channel.id,
                user=SLACKBOT,
                text=text,
                team=self.team.id,
                thread_ts=thread_ts,
                ephemeral_to=user.id,
            )
        )

    def assistance(self, channel: str, thread_ts: str) -> Assistance:
        """Return what an app shows above the answer field of a thread, or with an empty `thread_ts` of a channel."""
        return self.assisted.setdefault((channel, thread_ts), Assistance())

    def user_object(self, user: User, base_url: str, *, with_email: bool, viewer: str = "") -> Json:
        """Return the user object as of now, as `viewer` (a user id) gets it."""
        shared = (one for one in self.channels.values() if one.is_ext_shared or one.kind in {"im", "mpim"})
        is_met = any({user.id, viewer} <= set(one.members) for one in shared)
        return user.wire(with_email=with_email, base_url=base_url, now=self.clock(), is_met=is_met)

    def may_edit_usergroups(self, user: User) -> bool:
        """Tell whether the team lets this person or bot make and change user groups.

        Reference: https://slack.com/help/articles/212906697-Create-a-user-group
        """
        if user.is_admin or user.is_owner:
            return True
        if self.usergroup_editors == "everyone":
            return not user.is_stranger
        return self.usergroup_editors == "members" and not user.is_guest and not user.is_stranger

    def file_objects(self, message: Message, base_url: str) -> list[Json]:
        """Return the file objects a message shows."""
        return [self.files[file].wire(base_url) for file in message.files if file in self.files]


def _team(seed: TeamSeed) -> Team:
    belongs = Enterprise(stable_id("E", seed.enterprise), seed.enterprise) if seed.enterprise else None
    return Team(seed.id or stable_id("T", seed.domain), seed.name, seed.domain, belongs)
