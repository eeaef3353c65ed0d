"""The Events API: what happens in the workspace, told to the apps that subscribed to it.

Reference: https://docs.slack.dev/apis/events-api and, for each event, https://docs.slack.dev/reference/events
"""

import asyncio
from collections.abc import Iterable
from urllib.parse import urlsplit

from bot.sandbox.apps import App
from bot.sandbox.delivery import Delivery
from bot.sandbox.errors import Json
from bot.sandbox.ids import new_id
from bot.sandbox.message import Message
from bot.sandbox.model import Channel, User
from bot.sandbox.platform import Platform
from bot.sandbox.typed_text import links_of

_ANY_CHANNEL = ("channels:read", "groups:read")

SCOPES: dict[str, tuple[str, ...]] = {
    "app_mention": ("app_mentions:read",),
    "assistant_thread_context_changed": ("assistant:write",),
    "assistant_thread_started": ("assistant:write",),
    "channel_archive": ("channels:read",),
    "channel_created": ("channels:read",),
    "channel_deleted": ("channels:read",),
    "channel_rename": ("channels:read",),
    "channel_unarchive": ("channels:read",),
    "emoji_changed": ("emoji:read",),
    "file_shared": ("files:read",),
    "group_archive": ("groups:read",),
    "group_rename": ("groups:read",),
    "group_unarchive": ("groups:read",),
    "link_shared": ("links:read",),
    "member_joined_channel": _ANY_CHANNEL,
    "member_left_channel": _ANY_CHANNEL,
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "pin_added": ("pins:read",),
    "pin_removed": ("pins:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "subteam_created": ("usergroups:read",),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
    "team_join": ("users:read",),
    "user_change": ("users:read",),
}
"""The scopes of which an app needs one for each subscription; events without an entry need none."""


def envelope(platform: Platform, app: App, event: Json, channel: Channel | None, actor_team: str) -> Json:
    """Return the `event_callback` around an event.

    `team_id` is the workspace the event comes from; in a shared channel that is the actor's own, while
    `context_team_id` is the workspace the app is installed in
    (https://docs.slack.dev/apis/events-api/#callback-field and https://docs.slack.dev/apis/slack-connect).
    """
    team = platform.workspace.team
    home, enterprise = team.id, team.enterprise.id if team.enterprise else None
    return {
        "token": app.verification_token,
        "team_id": actor_team or home,
        "context_team_id": home,
        "context_enterprise_id": enterprise,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": new_id("Ev"),
        "event_time": int(platform.clock()),
        "authorizations": [
            {
                "enterprise_id": enterprise,
                "team_id": home,
                "user_id": app.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": bool(channel and channel.is_ext_shared),
        "event_context": f"4-{new_id('E')}",
    }


def is_subscribed(app: App, name: str) -> bool:
    """Tell whether the app subscribed to this and holds the scope for it."""
    manifest, wanted = app.manifest, SCOPES.get(name, ())
    return name in manifest.bot_events and (not wanted or not manifest.scopes.isdisjoint(wanted))


async def emit(
    platform: Platform, name: str, event: Json, *, channel: Channel | None = None, actor_team: str = "", only: str = ""
) -> list[Delivery]:
    """Send an event to every app that subscribed to `name` and is in its channel; returns the first deliveries.

    `only` limits it to one app (an id), for events that concern one app alone.
    """
    chosen = [
        app
        for app in platform.apps.installed.values()
        if is_subscribed(app, name) and only in {"", app.id} and (channel is None or app.bot_user_id in channel.members)
    ]
    sent = await asyncio.gather(*(_deliver(platform, app, event, channel, actor_team) for app in chosen))
    return [delivery for delivery in sent if delivery is not None]


async def _deliver(
    platform: Platform, app: App, event: Json, channel: Channel | None, actor_team: str
) -> Delivery | None:
    """Send an event to one app; None when it has had its share of this hour, of which it is told once a minute.

    Reference: https://docs.slack.dev/reference/events/app_rate_limited
    """
    if platform.limits.take_event(app.id):
        body = envelope(platform, app, event, channel, actor_team)
        return await platform.deliveries.send(app, "events_api", str(event["type"]), body, accepts_response=False)
    if (minute := platform.limits.minute_to_tell(app.id)) is not None:
        told: Json = {
            "token": app.verification_token,
            "type": "app_rate_limited",
            "team_id": platform.workspace.team.id,
            "minute_rate_limited": minute,
            "api_app_id": app.id,
        }
        platform.deliveries.spawn(
            platform.deliveries.send(app, "events_api", "app_rate_limited", told, accepts_response=False)
        )
    return None


def message_event(platform: Platform, message: Message, channel: Channel) -> Json:
    """Return the `message` event of a new message (https://docs.slack.dev/reference/events/message).

    For a person of another organisation in a shared channel, `team` and `user_team` are their own team's and
    `source_team` says where it was written, with their profile beside it, since the app cannot look them up freely.
    """
    workspace = platform.workspace
    event = message.wire(workspace.file_objects(message, platform.base_url))
    if message.files and "subtype" not in event:
        event["subtype"] = "file_share"
    event |= {"channel": channel.id, "event_ts": message.ts, "channel_type": channel.kind}
    author = workspace.users.get(message.user)
    if author is not None and author.is_stranger:
        event |= {
            "user_team": author.team_id,
            "source_team": author.team_id,
            "user_profile": {
                "name": author.name,
                "real_name": author.real_name,
                "display_name": author.name,
                "team": author.team_id,
                "is_restricted": author.is_restricted,
                "is_ultra_restricted": author.is_ultra_restricted,
            },
        }
    return event


async def message_posted(platform: Platform, message: Message) -> list[Delivery]:
    """Tell apps of a new message, of the links and files in it, and those that are mentioned in it.

    All of it goes out at the same time: Slack promises no order.
    """
    channel = platform.workspace.channels[message.channel]
    event = message_event(platform, message, channel)
    telling = [
        emit(platform, channel.event_name, event, channel=channel, actor_team=message.team),
        files_shared(platform, message, channel),
        mentions(platform, message, channel, event),
    ]
    if not message.bot_id:
        telling.append(links_shared(platform, message, channel))
    return [delivery for sent in await asyncio.gather(*telling) for delivery in sent]


async def mentions(
    platform: Platform, message: Message, channel: Channel, event: Json, before: str = ""
) -> list[Delivery]:
    """Tell apps that they are mentioned (https://docs.slack.dev/reference/events/app_mention).

    Direct messages mention nobody, and no app mentions itself. `before` is the text before an edit: who was in it
    already is not told again.
    """
    if channel.is_im:
        return []
    mention = {key: value for key, value in event.items() if key not in {"channel_type", "subtype"}}
    mention["type"] = "app_mention"
    sent: list[Delivery] = []
    for app in platform.apps.installed.values():
        word = f"<@{app.bot_user_id}"
        if word in message.text and word not in before and app.bot_user_id != message.user:
            sent += await emit(platform, "app_mention", mention, channel=channel, actor_team=message.team, only=app.id)
    return sent


async def files_shared(platform: Platform, message: Message, channel: Channel) -> list[Delivery]:
    """Tell apps of each file in a message (https://docs.slack.dev/reference/events/file_shared)."""
    sent: list[Delivery] = []
    for file in message.files:
        event: Json = {
            "type": "file_shared",
            "channel_id": channel.id,
            "file_id": file,
            "user_id": message.user,
            "file": {"id": file},
            "event_ts": message.ts,
        }
        sent += await emit(platform, "file_shared", event, channel=channel, actor_team=message.team)
    return sent


async def links_shared(platform: Platform, message: Message, channel: Channel) -> list[Delivery]:
    """Tell apps of links to the domains that they unfurl, also where they are no members.

    Reference: https://docs.slack.dev/reference/events/link_shared. Slack sends it for the composer as well, before a
    message is posted; that is not done here.
    """
    sent: list[Delivery] = []
    for app in platform.apps.installed.values():
        links = unfurled_by(app, message.text)
        if not links:
            continue
        event: Json = {
            "type": "link_shared",
            "channel": channel.id,
            "is_bot_user_member": app.bot_user_id in channel.members,
            "user": message.user,
            "message_ts": message.ts,
            "unfurl_id": f"{channel.id}.{message.ts}.{new_id('U').lower()}",
            "source": "conversations_history",
            "links": [{"domain": domain, "url": url} for url, domain in links.items()],
            "event_ts": message.ts,
        }
        if message.thread_ts:
            event["thread_ts"] = message.thread_ts
        sent += await emit(platform, "link_shared", event, actor_team=message.team, only=app.id)
    return sent


def unfurled_by(app: App, text: str) -> dict[str, str]:
    """Return the links of a message that an app may unfurl, with the domain of each; subdomains count."""
    found: dict[str, str] = {}
    for url in links_of(text):
        host = (urlsplit(url).hostname or "").lower()
        domains = [one for one in app.manifest.unfurl_domains if host == one or host.endswith(f".{one}")]
        if domains:
            found[url] = max(domains, key=len)
    return found


async def message_changed(platform: Platform, message: Message, before: Json) -> list[Delivery]:
    """Tell apps of an edit (https://docs.slack.dev/reference/events/message/message_changed).

    Apps that are mentioned since the edit hear of that, too.
    """
    channel = platform.workspace.channels[message.channel]
    wire = message.wire(platform.workspace.file_objects(message, platform.base_url))
    event: Json = {
        "type": "message",
        "subtype": "message_changed",
        "message": wire,
        "previous_message": before,
        "channel": channel.id,
        "hidden": True,
        "ts": platform.workspace.next_ts(),
        "channel_type": channel.kind,
    }
    event["event_ts"] = event["ts"]
    mention = wire | {"channel": channel.id, "event_ts": event["ts"]}
    told, mentioned = await asyncio.gather(
        emit(platform, channel.event_name, event, channel=channel, actor_team=message.team),
        mentions(platform, message, channel, mention, str(before.get("text", ""))),
    )
    return told + mentioned


async def message_deleted(platform: Platform, message: Message) -> list[Delivery]:
    """Tell apps of a deletion (https://docs.slack.dev/reference/events/message/message_deleted)."""
    channel = platform.workspace.channels[message.channel]
    ts = platform.workspace.next_ts()
    event: Json = {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": message.wire(),
        "deleted_ts": message.ts,
        "channel": channel.id,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.kind,
    }
    return await emit(platform, channel.event_name, event, channel=channel, actor_team=message.team)


async def reaction(platform: Platform, user: User, message: Message, name: str, *, added: bool) -> list[Delivery]:
    """Tell apps of a reaction that came or went (https://docs.slack.dev/reference/events/reaction_added)."""
    channel = platform.workspace.channels[message.channel]
    event: Json = {
        "type": "reaction_added" if added else "reaction_removed",
        "user": user.id,
        "reaction": name,
        "item": {"type": "message", "channel": channel.id, "ts": message.ts},
        "item_user": message.user,
        "event_ts": platform.workspace.next_ts(),
    }
    return await emit(platform, str(event["type"]), event, channel=channel, actor_team=user.team_id)


async def membership(platform: Platform, user: User, channel: Channel, *, joined: bool) -> list[Delivery]:
    """Tell apps who joined or left (https://docs.slack.dev/reference/events/member_joined_channel)."""
    name = "member_joined_channel" if joined else "member_left_channel"
    event: Json = {
        "type": name,
        "user": user.id,
        "channel": channel.id,
        "channel_type": "C" if channel.kind == "channel" else "G",
        "team": user.team_id,
        "event_ts": platform.workspace.next_ts(),
    }
    return await emit(platform, name, event, channel=channel, actor_team=user.team_id)


async def home_opened(platform: Platform, user: User, tab: str, apps: Iterable[App]) -> list[Delivery]:
    """Tell apps that a person opened their App Home (https://docs.slack.dev/reference/events/app_home_opened)."""
    sent: list[Delivery] = []
    for app in apps:
        direct = platform.workspace.direct(user.id, app.bot_user_id)
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": direct.id,
            "tab": tab,
            "event_ts": platform.workspace.next_ts(),
        }
        home = platform.views.homes.get((app.id, user.id))
        if home is not None:
            event["view"] = home.wire()
        sent += await emit(platform, "app_home_opened", event, actor_team=user.team_id, only=app.id)
    return sent


async def uninstalled(platform: Platform, app: App) -> list[Delivery]:
    """Tell an app that it is no more in the workspace, and its tokens with it.

    Reference: https://docs.slack.dev/reference/events/app_uninstalled and
    https://docs.slack.dev/reference/events/tokens_revoked
    """
    told: list[Json] = [
        {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [app.bot_user_id]}},
        {"type": "app_uninstalled"},
    ]
    wanted = [event | {"event_ts": platform.workspace.next_ts()} for event in told if is_subscribed(app, event["type"])]
    sent = await asyncio.gather(*(_deliver(platform, app, event, None, "") for event in wanted))
    return [delivery for delivery in sent if delivery is not None]
