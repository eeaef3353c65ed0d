"""Methods that upload files (https://docs.slack.dev/messaging/working-with-files)."""

import mimetypes

from bot.sandbox import posting
from bot.sandbox.call import Call, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.ids import new_id, new_secret
from bot.sandbox.model import File
from bot.sandbox.posting import Content

MAX_FILES = 500
"""How many files the sandbox keeps, within `Options.max_files_together`; the oldest go first."""


@method("files.getUploadURLExternal", "files:write", tier=4)
async def get_upload_url(call: Call) -> Json:
    """Return where to send a file's bytes (https://docs.slack.dev/reference/methods/files.getUploadURLExternal)."""
    name, length = call.required("filename"), call.integer("length", 0)
    if length <= 0:
        raise SlackError("invalid_arguments", messages=["[ERROR] must be greater than 0 [json-pointer:/length]"])
    if length > call.platform.options.max_file:
        raise SlackError("file_upload_size_restricted")
    workspace = call.platform.workspace
    file = File(
        id=new_id("F"),
        name=name.replace("/", "_"),
        user=call.app.bot_user_id,
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


def _uploaded(call: Call) -> list[File]:
    entries = call.decoded("files")
    if not isinstance(entries, list) or not entries:
        raise SlackError("invalid_arguments", messages=["[ERROR] missing required field: files"])
    found: list[File] = []
    for entry in entries:
        file = call.platform.workspace.files.get(str(entry.get("id", ""))) if isinstance(entry, dict) else None
        if file is None or not file.content or file.complete:
            raise SlackError("file_not_found")
        file.title = str(entry.get("title") or file.name)
        found.append(file)
    return found


@method("files.completeUploadExternal", "files:write", tier=4)
async def complete_upload(call: Call) -> Json:
    """Share uploaded files (https://docs.slack.dev/reference/methods/files.completeUploadExternal)."""
    files = _uploaded(call)
    wanted = call.text("channel_id") or call.text("channels")
    for file in files:
        file.complete = True
    for ref in filter(None, wanted.split(",")):
        channel = call.platform.workspace.channels.get(ref)
        if channel is None or call.app.bot_user_id not in channel.members:
            raise SlackError("channel_not_found" if channel is None else "not_in_channel")
        for file in files:
            file.channels.append(channel.id)
        content = Content(text=call.text("initial_comment"))
        posting.by_app(
            call.platform,
            call.app,
            channel,
            content,
            thread_ts=call.text("thread_ts"),
            files=[file.id for file in files],
        )
    return {"files": [file.wire(call.platform.base_url) for file in files]}


@method("files.info", "files:read", tier=4)
async def info(call: Call) -> Json:
    """Describe a file (https://docs.slack.dev/reference/methods/files.info)."""
    file = call.platform.workspace.files.get(call.required("file"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    return {"file": file.wire(call.platform.base_url), "comments": []}
