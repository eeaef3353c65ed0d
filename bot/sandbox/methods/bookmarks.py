"""Methods about the links at the top of a channel (https://docs.slack.dev/reference/methods?family=bookmarks)."""

from bot.sandbox.call import Call, invalid, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_id
from bot.sandbox.methods.reactions import check_emoji
from bot.sandbox.model import Bookmark, Channel

_MAX_BOOKMARKS = 100
_MAX_TITLE = 255
_SCHEMES = ("https://", "http://")


def _place(call: Call) -> Channel:
    channel = call.channel("channel_id")
    if call.actor not in channel.members or channel.is_archived:
        raise SlackError("permission_denied")
    return channel


def _title(call: Call) -> str:
    title = call.required("title")
    if len(title) > _MAX_TITLE:
        raise invalid(f"must be less than {_MAX_TITLE + 1} characters", "/title")
    return title


def _link(call: Call) -> str:
    link = call.text("link")
    if not link.startswith(_SCHEMES):
        raise SlackError("invalid_link")
    return link


def _emoji(call: Call) -> str:
    if not call.text("emoji"):
        return ""
    try:
        return f":{check_emoji(call.text('emoji'))}:"
    except SlackError:
        raise SlackError("invalid_emoji") from None


def _bookmark(call: Call, channel: Channel) -> Bookmark:
    bookmark = channel.bookmarks.get(call.required("bookmark_id"))
    if bookmark is None:
        raise SlackError("not_found")
    return bookmark


@method("bookmarks.add", "bookmarks:write", tier=2)
async def add(call: Call) -> Json:
    """Add a link (https://docs.slack.dev/reference/methods/bookmarks.add)."""
    channel, title = _place(call), _title(call)
    if call.required("type") != "link":
        raise SlackError("invalid_bookmark_type")
    if len(channel.bookmarks) >= _MAX_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    made = Bookmark(
        id=new_id("Bk"),
        channel_id=channel.id,
        title=title,
        link=_link(call),
        emoji=_emoji(call),
        date_created=int(call.platform.clock()),
        updated_by=call.actor,
        team_id=call.platform.workspace.team.id,
        app_id=call.app.id,
    )
    channel.bookmarks[made.id] = made
    call.platform.changes.publish("channel", channel=channel.id)
    return {"bookmark": made.wire()}


@method("bookmarks.edit", "bookmarks:write", tier=2)
async def edit(call: Call) -> Json:
    """Change a link (https://docs.slack.dev/reference/methods/bookmarks.edit)."""
    channel = _place(call)
    bookmark = _bookmark(call, channel)
    title = _title(call) if call.raw("title") is not None else bookmark.title
    link = _link(call) if call.raw("link") is not None else bookmark.link
    emoji = _emoji(call) if call.raw("emoji") is not None else bookmark.emoji
    bookmark.title, bookmark.link, bookmark.emoji = title, link, emoji
    bookmark.date_updated, bookmark.updated_by = int(call.platform.clock()), call.actor
    call.platform.changes.publish("channel", channel=channel.id)
    return {"bookmark": bookmark.wire()}


@method("bookmarks.list", "bookmarks:read", tier=3)
async def list_bookmarks(call: Call) -> Json:
    """List a channel's links (https://docs.slack.dev/reference/methods/bookmarks.list)."""
    return {"bookmarks": [one.wire() for one in call.channel("channel_id").bookmarks.values()]}


@method("bookmarks.remove", "bookmarks:write", tier=2)
async def remove(call: Call) -> Json:
    """Remove a link (https://docs.slack.dev/reference/methods/bookmarks.remove)."""
    channel = _place(call)
    del channel.bookmarks[_bookmark(call, channel).id]
    call.platform.changes.publish("channel", channel=channel.id)
    return {}
