"""The things of a workspace: teams, user groups, channels and files, with the objects Slack makes of them."""

from dataclasses import dataclass, field
from urllib.parse import quote

from bot.sandbox.errors import Json
from bot.sandbox.message import Message
from bot.sandbox.people import Enterprise, User

__all__ = ["Bookmark", "Channel", "Enterprise", "File", "Team", "User", "Usergroup"]


@dataclass(slots=True)
class Team:
    """A workspace (https://docs.slack.dev/reference/methods/team.info): ours, or that of people we share with."""

    id: str
    name: str
    domain: str
    enterprise: Enterprise | None = None

    @property
    def url(self) -> str:
        """Return the address people would open; it leads nowhere."""
        return f"https://{self.domain}.slack.example/"

    def wire(self) -> Json:
        """Return the team object of `team.info`."""
        team: Json = {
            "id": self.id,
            "name": self.name,
            "domain": self.domain,
            "email_domain": f"{self.domain}.example",
            "icon": {"image_default": True},
            "url": self.url,
            "is_verified": False,
        }
        if self.enterprise is not None:
            team |= {
                "enterprise_id": self.enterprise.id,
                "enterprise_name": self.enterprise.name,
                "enterprise_domain": self.domain,
            }
        return team


@dataclass(slots=True)
class Usergroup:
    """A user group (https://docs.slack.dev/reference/objects/usergroup-object); times are seconds since the epoch."""

    id: str
    handle: str
    name: str
    team_id: str
    users: list[str]
    description: str = ""
    channels: list[str] = field(default_factory=list)
    created_by: str = ""
    updated_by: str = ""
    date_create: int = 0
    date_update: int = 0
    date_delete: int = 0
    deleted_by: str = ""

    @property
    def is_disabled(self) -> bool:
        """Tell whether nobody can mention it any more."""
        return self.date_delete > 0

    def wire(self, *, with_users: bool, with_count: bool = True) -> Json:
        """Return the user group object, with its members when they were asked for."""
        group: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "is_usergroup": True,
            "is_subteam": True,
            "name": self.name,
            "handle": self.handle,
            "description": self.description,
            "is_external": False,
            "date_create": self.date_create,
            "date_update": self.date_update,
            "date_delete": self.date_delete,
            "auto_type": None,
            "auto_provision": False,
            "enterprise_subteam_id": "",
            "created_by": self.created_by,
            "updated_by": self.updated_by,
            "deleted_by": self.deleted_by or None,
            "prefs": {"channels": list(self.channels), "groups": []},
        }
        if with_count:
            group |= {"user_count": len(self.users), "channel_count": len(self.channels)}
        if with_users:
            group["users"] = list(self.users)
        return group


@dataclass(slots=True)
class Bookmark:
    """A link at the top of a channel (https://docs.slack.dev/reference/methods/bookmarks.add)."""

    id: str
    channel_id: str
    title: str
    link: str
    emoji: str
    date_created: int
    updated_by: str
    team_id: str
    app_id: str = ""
    date_updated: int = 0
    rank: str = "U"
    parent_id: str = ""

    def wire(self) -> Json:
        """Return the bookmark object."""
        return {
            "id": self.id,
            "channel_id": self.channel_id,
            "title": self.title,
            "link": self.link,
            "emoji": self.emoji,
            "icon_url": None,
            "type": "link",
            "entity_id": None,
            "date_created": self.date_created,
            "date_updated": self.date_updated,
            "rank": self.rank,
            "last_updated_by_user_id": self.updated_by,
            "last_updated_by_team_id": self.team_id,
            "shortcut_id": None,
            "app_id": self.app_id or None,
        }


@dataclass(slots=True)
class File:
    """An uploaded file (https://docs.slack.dev/reference/objects/file-object); `content` stays in memory."""

    id: str
    name: str
    user: str
    created: int
    length: int
    mimetype: str = "application/octet-stream"
    title: str = ""
    alt_txt: str = ""
    content: bytes = b""
    complete: bool = False
    channels: list[str] = field(default_factory=list)
    team_id: str = ""

    def wire(self, base_url: str) -> Json:
        """Return the file object; its URLs lead to this sandbox."""
        url = f"{base_url}/files-pri/{self.team_id}-{self.id}/{quote(self.name)}"
        kind = self.name.rsplit(".", 1)[-1].lower() if "." in self.name else "text"
        wire: Json = {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": kind,
            "pretty_type": kind.upper(),
            "user": self.user,
            "user_team": self.team_id,
            "size": len(self.content),
            "mode": "hosted",
            "is_external": False,
            "is_public": True,
            "url_private": url,
            "url_private_download": url,
            "permalink": url,
            "channels": [one for one in self.channels if one.startswith("C")],
            "groups": [one for one in self.channels if one.startswith("G")],
            "ims": [one for one in self.channels if one.startswith("D")],
            "editable": False,
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "has_rich_preview": False,
            "file_access": "visible",
        }
        if self.alt_txt:
            wire["alt_txt"] = self.alt_txt
        return wire


@dataclass(slots=True)
class Channel:
    """A conversation (https://docs.slack.dev/reference/objects/conversation-object).

    `kind` is `channel` (public), `group` (private), `im` or `mpim`; `messages` are in order of their `ts`.
    """

    id: str
    name: str
    kind: str
    created: int
    creator: str = ""
    members: list[str] = field(default_factory=list)
    is_ext_shared: bool = False
    is_archived: bool = False
    connected_teams: list[str] = field(default_factory=list)
    topic: str = ""
    purpose: str = ""
    messages: dict[str, Message] = field(default_factory=dict)
    pins: list[str] = field(default_factory=list)
    pinned_by: dict[str, str] = field(default_factory=dict)
    bookmarks: dict[str, Bookmark] = field(default_factory=dict)
    previous_names: list[str] = field(default_factory=list)
    topic_set: tuple[str, int] = ("", 0)
    purpose_set: tuple[str, int] = ("", 0)
    last_read: dict[str, str] = field(default_factory=dict)
    closed_for: set[str] = field(default_factory=set)

    @property
    def is_im(self) -> bool:
        """Tell whether this is a direct message between two."""
        return self.kind == "im"

    @property
    def scope_family(self) -> str:
        """Return what the scopes for this kind begin with: `channels`, `groups`, `im` or `mpim`."""
        return {"channel": "channels", "group": "groups"}.get(self.kind, self.kind)

    @property
    def history_scope(self) -> str:
        """Return the scope that lets an app read here, for example `channels:history`."""
        return f"{self.scope_family}:history"

    @property
    def event_name(self) -> str:
        """Return the subscription that messages here belong to, for example `message.channels`."""
        return f"message.{self.scope_family}"

    def wire(self, viewer: str) -> Json:
        """Return the conversation object as `viewer` (a user id) sees it."""
        if self.is_im:
            other = next((member for member in self.members if member != viewer), viewer)
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "is_org_shared": False,
                "is_archived": self.is_archived,
                "user": other,
                "is_open": viewer not in self.closed_for,
                "is_user_deleted": False,
                "last_read": self.last_read.get(viewer, "0000000000.000000"),
                "priority": 0,
            }
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "group",
            "is_im": False,
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "is_member": viewer in self.members,
            "created": self.created,
            "creator": self.creator,
            "updated": self.created * 1000,
            "unlinked": 0,
            "is_frozen": False,
            "pending_shared": [],
            "pending_connected_team_ids": [],
            "parent_conversation": None,
            "shared_team_ids": list(self.connected_teams),
            "connected_team_ids": list(self.connected_teams[1:]),
            "internal_team_ids": list(self.connected_teams[:1]),
            "topic": self._note(self.topic, self.topic_set),
            "purpose": self._note(self.purpose, self.purpose_set),
            "previous_names": list(self.previous_names),
            "num_members": len(self.members),
            **({"last_read": self.last_read[viewer]} if viewer in self.last_read else {}),
        }

    def _note(self, value: str, last_set: tuple[str, int]) -> Json:
        who, when = last_set if last_set[1] else (self.creator, self.created)
        return {"value": value, "creator": who if value else "", "last_set": when if value else 0}
