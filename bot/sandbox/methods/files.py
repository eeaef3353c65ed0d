"""Methods that upload and list files (https://docs.slack.dev/messaging/working-with-files)."""

import mimetypes

from bot.sandbox import happenings, posting
from bot.sandbox.blockkit import message_blocks
from bot.sandbox.call import Call, invalid, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_id, new_secret
from bot.sandbox.methods import composing
from bot.sandbox.model import Channel, File
from bot.sandbox.posting import Content

MAX_FILES = 500
"""How many files the sandbox keeps, within `Options.max_files_together`; the oldest go first."""

_MAX_ALT_TEXT = 1000
_MAX_CHANNELS = 100
_MAX_PAGE = 1000
_TYPES = {
    "spaces": (),
    "snippets": ("text/plain",),
    "images": ("image/",),
    "gdocs": (),
    "zips": ("application/zip",),
    "pdfs": ("application/pdf",),
}


@method("files.getUploadURLExternal", "files:write", tier=4, json_body=False)
async def get_upload_url(call: Call) -> Json:
    """Return where to send a file's bytes (https://docs.slack.dev/reference/methods/files.getUploadURLExternal)."""
    name, length = call.required("filename"), call.integer("length", 0)
    if length <= 0:
        raise invalid("must be greater than 0", "/length")
    if length > call.platform.options.max_file:
        raise SlackError("file_upload_size_restricted")
    if len(call.text("alt_txt")) > _MAX_ALT_TEXT:
        raise SlackError("alt_txt_too_large")
    workspace = call.platform.workspace
    file = File(
        id=new_id("F"),
        name=name.replace("/", "_"),
        user=call.actor,
        created=int(call.platform.clock()),
        length=length,
        mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream",
        alt_txt=call.text("alt_txt"),
        team_id=workspace.team.id,
    )
    workspace.files[file.id] = file
    together = call.platform.options.max_files_together
    while len(workspace.files) > MAX_FILES or sum(kept.length for kept in workspace.files.values()) > together:
        workspace.files.pop(next(iter(workspace.files)))
    return {"upload_url": f"{call.platform.base_url}/upload/v1/{file.id}/{new_secret(16)}", "file_id": file.id}


def _uploaded(call: Call) -> list[tuple[File, str]]:
    """Return the files named, each with its title; none of them is complete yet."""
    entries = call.decoded("files")
    if not isinstance(entries, list) or not entries:
        raise invalid("missing required field: files")
    found: dict[str, tuple[File, str]] = {}
    for entry in entries:
        file = call.platform.workspace.files.get(str(entry.get("id", ""))) if isinstance(entry, dict) else None
        if file is None or not file.content or file.complete or file.user != call.actor:
            raise SlackError("file_not_found")
        found[file.id] = (file, str(entry.get("title") or file.name))
    return list(found.values())


def _targets(call: Call) -> list[Channel]:
    """Return the channels the files go to; a user id stands for the direct message with that person."""
    wanted = call.names("channels") if call.text("channels") else call.names("channel_id")
    if len(wanted) > _MAX_CHANNELS:
        raise SlackError("channels_limit_exceeded")
    workspace, found = call.platform.workspace, list[Channel]()
    for ref in wanted:
        person = workspace.users.get(ref)
        channel = workspace.direct(ref, call.actor) if person and not person.is_bot else workspace.channels.get(ref)
        if channel is None or (channel.kind != "channel" and call.actor not in channel.members):
            raise SlackError("channel_not_found")
        if call.actor not in channel.members:
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("posting_to_channel_denied")
        found.append(channel)
    return found


@method("files.upload", "files:write", tier=2, json_body=False)
async def upload(call: Call) -> Json:  # noqa: ARG001 - the shape of a method
    """Refuse the way of uploading that Slack ended (https://docs.slack.dev/reference/methods/files.upload)."""
    raise SlackError("method_deprecated")


@method("files.completeUploadExternal", "files:write", tier=4)
async def complete_upload(call: Call) -> Json:
    """Share uploaded files (https://docs.slack.dev/reference/methods/files.completeUploadExternal)."""
    files, channels, looks = _uploaded(call), _targets(call), composing.looks(call)
    content = _comment(call)
    thread_ts = call.text("thread_ts")
    for file, title in files:
        file.complete, file.title = True, title
        file.channels += [channel.id for channel in channels]
    for channel in channels:
        posting.by_app(
            call.platform,
            call.app,
            channel,
            content,
            thread_ts=thread_ts if thread_ts in channel.messages else "",
            files=[file.id for file, _ in files],
            looks=looks,
            author=composing.author(call),
        )
    return {"files": [file.wire(call.platform.base_url) for file, _ in files]}


def _comment(call: Call) -> Content:
    """Return what stands above the files: a text, or else blocks."""
    text = call.text("initial_comment")
    if len(text) > posting.MAX_TEXT:
        raise invalid(f"must be less than {posting.MAX_TEXT + 1} characters", "/initial_comment")
    blocks = None if text else call.decoded("blocks", "invalid_blocks")
    if blocks is None:
        return Content(text=text)
    return Content(blocks=message_blocks(blocks if isinstance(blocks, list) else [blocks]))


def _file(call: Call) -> File:
    file = call.platform.workspace.files.get(call.required("file"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    return file


@method("files.info", "files:read", tier=4, json_body=False)
async def info(call: Call) -> Json:
    """Describe a file (https://docs.slack.dev/reference/methods/files.info)."""
    file = _file(call).wire(call.platform.base_url)
    return {"file": file, "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.list", "files:read", tier=3, json_body=False)
async def list_files(call: Call) -> Json:
    """List files, newest first, in numbered pages (https://docs.slack.dev/reference/methods/files.list)."""
    if call.text("user"):
        call.user()
    kinds = [one for one in call.names("types") if one != "all"]
    if not set(kinds) <= set(_TYPES):
        raise SlackError("unknown_type")
    prefixes = tuple(prefix for kind in kinds for prefix in _TYPES[kind])
    earliest, latest = call.integer("ts_from", 0), call.integer("ts_to", 2**53)
    found = [
        file
        for file in reversed(call.platform.workspace.files.values())
        if file.complete
        and call.text("user") in {"", file.user}
        and (not call.text("channel") or call.text("channel") in file.channels)
        and (not kinds or file.mimetype.startswith(prefixes or ("?",)))
        and earliest <= file.created <= latest
    ]
    count, page = call.integer("count", 100), max(1, call.integer("page", 1))
    if not 1 <= count <= _MAX_PAGE:
        raise invalid(f"must be between 1 and {_MAX_PAGE}", "/count")
    shown = [file.wire(call.platform.base_url) for file in found[(page - 1) * count : page * count]]
    pages = -(-len(found) // count)
    return {"files": shown, "paging": {"count": count, "total": len(found), "page": page, "pages": pages}}


@method("files.delete", "files:write", tier=3)
async def delete(call: Call) -> Json:
    """Delete a file of the caller's own (https://docs.slack.dev/reference/methods/files.delete)."""
    file = _file(call)
    caller = call.platform.workspace.users[call.actor]
    if file.user != call.actor and not (caller.is_admin or caller.is_owner):
        raise SlackError("cant_delete_file")
    del call.platform.workspace.files[file.id]
    for channel in call.platform.workspace.channels.values():
        for message in channel.messages.values():
            if file.id in message.files:
                message.files.remove(file.id)
                call.platform.changes.publish("message", channel=channel.id, ts=message.ts, edited=True)
    happenings.tell(call.platform, "file_deleted", {"file_id": file.id}, actor=call.actor)
    return {}
