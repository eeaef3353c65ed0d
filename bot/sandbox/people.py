"""People and bot users, with the objects Slack makes of them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.sandbox.errors import Json

IMAGE_SIZES = (24, 32, 48, 72, 192, 512)
_COLORS = ("9f69e7", "4bbe2e", "e7392d", "3c989f", "674b1b", "e96699", "e0a729", "684b6c", "5b89d5", "2b6836")

PROFILE_FIELDS = frozenset(
    (
        "display_name",
        "email",
        "first_name",
        "last_name",
        "phone",
        "pronouns",
        "real_name",
        "skype",
        "status_emoji",
        "status_expiration",
        "status_text",
        "title",
    )
)
"""What `users.profile.set` may change (https://docs.slack.dev/reference/methods/users.profile.set#profile-fields)."""


def is_zone(name: str) -> bool:
    """Tell whether this names a time zone, such as Europe/Berlin."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An Enterprise organisation that a team belongs to."""

    id: str
    name: str

    def wire(self) -> Json:
        """Return the object that payloads carry as `enterprise`."""
        return {"id": self.id, "name": self.name}


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
    is_owner: bool = False
    is_away: bool = False
    enterprise: Enterprise | None = None
    updated: int = 0
    profile_fields: Json = field(default_factory=dict)

    @property
    def is_guest(self) -> bool:
        """Tell whether this is a multi-channel or single-channel guest."""
        return self.is_restricted or self.is_ultra_restricted

    def set_profile(self, changes: Json) -> None:
        """Change parts of the profile (`PROFILE_FIELDS`); names and the e-mail address change the person, too."""
        self.profile_fields |= {key: value for key, value in changes.items() if key not in {"email", "real_name"}}
        self.email = str(changes.get("email", self.email))
        self.real_name = str(changes.get("real_name", self.real_name))
        self.role = str(changes.get("title", self.role))

    def profile(self, *, with_email: bool = False, base_url: str = "") -> Json:
        """Return the profile; the e-mail address only for those with the scope `users:read.email`.

        With `base_url`, the pictures are those that this server draws.
        """
        first, _, last = self.real_name.partition(" ")
        profile: Json = {
            "avatar_hash": self.id[-10:].lower(),
            "first_name": first,
            "last_name": last,
            "real_name": self.real_name,
            "display_name": self.name,
            "title": self.role,
            "phone": "",
            "skype": "",
            "status_text": "",
            "status_emoji": "",
            "status_emoji_display_info": [],
            "status_expiration": 0,
            "fields": {},
            "team": self.team_id,
        }
        profile |= self.profile_fields
        profile["real_name_normalized"] = profile["real_name"]
        profile["display_name_normalized"] = profile["display_name"]
        if with_email and self.email and not self.is_stranger:
            profile["email"] = self.email
        if self.is_guest:
            profile["guest_invited_by"] = ""
        if self.is_bot:
            profile |= {"bot_id": self.bot_id, "api_app_id": self.app_id, "always_active": False}
        if base_url:
            profile |= pictures(base_url, self.id)
        return profile

    def wire(self, *, with_email: bool = False, base_url: str = "", now: float = 0.0, is_met: bool = False) -> Json:
        """Return the user object as of `now` (for the offset of the time zone), with fewer fields once deactivated.

        Somebody of another organisation is a stranger to an app unless it met them in a shared channel (`is_met`).

        Reference: https://docs.slack.dev/reference/objects/user-object and, for people of another organisation,
        https://docs.slack.dev/apis/slack-connect
        """
        user: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": self.profile(with_email=with_email, base_url=base_url),
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": self.updated,
        }
        if self.enterprise is not None:
            user["enterprise_user"] = self._enterprise_user(self.enterprise)
        if self.is_stranger:
            user["is_stranger"] = not is_met
        if self.deleted:
            return user | {"is_forgotten": False}
        there = datetime.fromtimestamp(now, ZoneInfo(self.tz))
        user |= {
            "color": _COLORS[sum(self.id.encode()) % len(_COLORS)],
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": there.tzname() or self.tz,
            "tz_offset": int((there.utcoffset() or timedelta()).total_seconds()),
            "is_admin": self.is_admin or self.is_owner,
            "is_owner": self.is_owner,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_email_confirmed": bool(self.email),
            "who_can_share_contact_card": "EVERYONE",
        }
        return user

    def _enterprise_user(self, enterprise: Enterprise) -> Json:
        return {
            "id": self.id,
            "enterprise_id": enterprise.id,
            "enterprise_name": enterprise.name,
            "is_admin": False,
            "is_owner": False,
            "teams": [self.team_id],
        }


def pictures(base_url: str, ident: str, sizes: tuple[int, ...] = IMAGE_SIZES) -> Json:
    """Return `image_<size>` for each size; all lead to the one drawing this server makes of `ident`."""
    return {f"image_{size}": f"{base_url}/avatars/{ident}.svg?s={size}" for size in sizes}


def picture(ident: str, name: str) -> str:
    """Return an avatar as SVG: the first letter on a colour of its own."""
    color = _COLORS[sum(ident.encode()) % len(_COLORS)]
    letter = name[:1].upper() if name[:1].isalnum() else "?"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72" width="72" height="72">'
        f'<rect width="72" height="72" rx="10" fill="#{color}"/>'
        '<text x="36" y="50" font-family="sans-serif" font-size="40" fill="#fff" text-anchor="middle">'
        f"{letter}</text></svg>"
    )
