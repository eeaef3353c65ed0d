"""The things of a workspace: teams, people, user groups, channels and files, with the objects Slack makes of them."""

from dataclasses import dataclass, field

from bot.sandbox.errors import Json
from bot.sandbox.message import Message


@dataclass(slots=True)
class Team:
    """A workspace (https://docs.slack.dev/reference/methods/team.info): ours, or that of people we share with."""

    id: str
    name: str
    domain: str

    def wire(self) -> Json:
        """Return the team object of `team.info`."""
        return {
            "id": self.id,
            "name": self.name,
            "domain": self.domain,
            "email_domain": f"{self.domain}.example",
            "icon": {"image_default": True},
            "url": f"https://{self.domain}.slack.example/",
        }


@dataclass(slots=True)
class User:
    """A person or a bot user (https://docs.slack.dev/reference/objects/user-object)."""

    id: str
    name: str
    real_name: str
    team_id: str
    email: str
    role: str = ""
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    tz: str = "Etc/UTC"
    bot_id: str = ""
    app_id: str = ""
    is_admin: bool = False

    @property
    def is_guest(self) -> bool:
        """Tell whether this is a multi-channel or single-channel guest."""
        return self.is_restricted or self.is_ultra_restricted

    def wire(self, *, with_email: bool = False) -> Json:
        """Return the user object; the e-mail address only for those with the scope `users:read.email`."""
        profile: Json = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "title": self.role,
            "status_text": "",
            "status_emoji": "",
            "team": self.team_id,
        }
        if with_email and self.email:
            profile["email"] = self.email
        if self.is_bot:
            profile |= {"bot_id": self.bot_id, "api_app_id": self.app_id}
        user: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": "Coordinated Universal Time",
            "tz_offset": 0,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 0,
        }
        if self.is_stranger:
            user["is_stranger"] = True
        return user


@dataclass(slots=True)
class Usergroup:
    """A user group (https://docs.slack.dev/reference/objects/usergroup-object)."""

    id: str
    handle: str
    name: str
    team_id: str
    users: list[str]

    def wire(self, *, with_users: bool) -> Json:
        """Return the user group object, with its members when they were asked for."""
        group: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "description": "",
            "is_external": False,
            "date_create": 0,
            "date_update": 0,
            "date_delete": 0,
            "user_count": len(self.users),
        }
        if with_users:
            group["users"] = list(self.users)
        return group


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
        url = f"{base_url}/files-pri/{self.team_id}-{self.id}/{self.name}"
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
            "channels": list(self.channels),
            "groups": [],
            "ims": [],
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

    @property
    def is_im(self) -> bool:
        """Tell whether this is a direct message between two."""
        return self.kind == "im"

    @property
    def history_scope(self) -> str:
        """Return the scope that lets an app read here, for example `channels:history`."""
        return {"channel": "channels", "group": "groups"}.get(self.kind, self.kind) + ":history"

    @property
    def event_name(self) -> str:
        """Return the subscription that messages here belong to, for example `message.channels`."""
        return "message." + {"channel": "channels", "group": "groups"}.get(self.kind, self.kind)

    def wire(self, viewer: str) -> Json:
        """Return the conversation object as `viewer` (a user id) sees it."""
        if self.is_im:
            other = next((member for member in self.members if member != viewer), viewer)
            return {
                "id": self.id,
                "created": self.created,
                "is_im": True,
                "is_org_shared": False,
                "is_archived": False,
                "user": other,
                "is_open": True,
                "is_user_deleted": False,
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
            "shared_team_ids": list(self.connected_teams),
            "connected_team_ids": list(self.connected_teams[1:]),
            "topic": {"value": self.topic, "creator": self.creator, "last_set": self.created},
            "purpose": {"value": self.purpose, "creator": self.creator, "last_set": self.created},
            "num_members": len(self.members),
        }
