"""What people do with what is theirs: bring files along, edit and delete their messages."""

import mimetypes

from aiohttp import web

from bot.sandbox import posting
from bot.sandbox.control_request import Fields
from bot.sandbox.errors import ControlError, Json
from bot.sandbox.ids import new_id
from bot.sandbox.message import Message
from bot.sandbox.model import File, User
from bot.sandbox.outcome import Outcome
from bot.sandbox.platform import Platform
from bot.sandbox.posting import Content
from bot.sandbox.typed_text import composed, encode

_MAX_NAME = 255
_KEPT = frozenset(("attachments", "metadata"))


def files_named(platform: Platform, user: User, named: object) -> list[str]:
    """Return the ids in the `files` field of a request; raises `ControlError` for one that `user` did not upload."""
    if named is None:
        return []
    if not isinstance(named, list):
        raise ControlError("invalid_field", "files: must be an array of file ids")
    for ident in named:
        file = platform.workspace.files.get(ident) if isinstance(ident, str) else None
        if file is None or file.user != user.id:
            raise ControlError("file_not_found", f"files: {user.name} has uploaded no file {ident!r}")
    return list(named)


async def upload(platform: Platform, request: web.Request) -> Json:
    """Take a file of a person, `?user=&name=` with the bytes as the body; the answer holds its file object.

    It shows nowhere until a message or a modal names it.
    """
    workspace = platform.workspace
    user = workspace.user(request.query.get("user"), "user")
    name = request.query.get("name", "").replace("/", "_")
    if not name or len(name) > _MAX_NAME:
        raise ControlError("invalid_field", f"name: must be the file's name, at most {_MAX_NAME} characters")
    content = await request.read()
    if not content:
        raise ControlError("invalid_field", "body: is empty; send the file's bytes")
    file = File(
        id=new_id("F"),
        name=name,
        user=user.id,
        created=int(platform.clock()),
        length=len(content),
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
        content=content,
        complete=True,
        team_id=user.team_id,
    )
    workspace.files[file.id] = file
    return {"file": file.wire(platform.base_url)}


def share(platform: Platform, message: Message, files: list[str]) -> None:
    """Show uploaded files in a message that was just written, so that whoever reads its channel may read them."""
    message.files = files
    for ident in files:
        shown = platform.workspace.files[ident].channels
        if message.channel not in shown:
            shown.append(message.channel)


def _own(fields: Fields) -> tuple[User, Message]:
    user = fields.user()
    message = fields.channel(user).messages.get(fields.text("ts"))
    if message is None or message.ephemeral_to or message.bot_id or message.user != user.id:
        raise ControlError("message_not_found", f"ts: {user.name} has written no message {fields.text('ts')!r} here")
    return user, message


async def edit(platform: Platform, fields: Fields) -> Outcome:
    """Put another text in the place of one's own message; apps hear of it as `message_changed`."""
    user, message = _own(fields)
    text = fields.text("text")
    if not text.strip():
        raise ControlError("no_text", "text: is empty; delete the message instead")
    if len(text) > posting.MAX_TEXT:
        raise ControlError("msg_too_long", f"text: has {len(text)} characters; at most {posting.MAX_TEXT} are allowed")
    encoded = encode(text, platform.workspace)
    block = composed(encoded) | {"block_id": str(message.blocks[0]["block_id"]) if message.blocks else "edited"}
    posting.edit(platform, message, Content(text=encoded, blocks=[block]), user.id, keep=_KEPT)
    return Outcome([], message=message)


async def delete(platform: Platform, fields: Fields) -> Json:
    """Delete one's own message; apps hear of it as `message_deleted`."""
    _, message = _own(fields)
    posting.delete(platform, message)
    return {"ts": message.ts}
