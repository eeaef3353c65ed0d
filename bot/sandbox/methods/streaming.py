"""Methods that write a message piece by piece.

Reference: https://docs.slack.dev/messaging/sending-and-scheduling-messages#text-streaming
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.sandbox import posting
from bot.sandbox.blockkit import message_blocks
from bot.sandbox.call import Call, invalid, method
from bot.sandbox.errors import Json, SlackError
from bot.sandbox.message import Message, Stream
from bot.sandbox.methods import composing
from bot.sandbox.posting import MAX_MARKDOWN, Content

_MAX_BLOCKS = 50
_STATES = ("pending", "in_progress", "complete", "error")


@dataclass(slots=True)
class _Pieces:
    """What one call adds: Markdown, whole blocks, tasks, and the title of the plan."""

    markdown: str = ""
    blocks: list[Json] = field(default_factory=list)
    tasks: list[Json] = field(default_factory=list)
    plan_title: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.markdown or self.blocks or self.tasks or self.plan_title)


def _pieces(call: Call) -> _Pieces:
    """Return what `markdown_text` and `chunks` hold; raises `invalid_chunks`."""
    pieces = _Pieces(markdown=call.text("markdown_text"))
    if len(pieces.markdown) > MAX_MARKDOWN:
        raise invalid(f"must be less than {MAX_MARKDOWN + 1} characters", "/markdown_text")
    chunks = call.decoded("chunks", "invalid_chunks")
    if chunks is None:
        return pieces
    if not isinstance(chunks, list):
        raise SlackError("invalid_chunks", messages=["[ERROR] must be an array [json-pointer:/chunks]"])
    for index, chunk in enumerate(chunks):
        _take(pieces, chunk, f"/chunks/{index}")
    return pieces


def _take(pieces: _Pieces, chunk: object, pointer: str) -> None:
    if not isinstance(chunk, dict):
        raise _bad_chunk("must provide an object", pointer)
    kind = chunk.get("type")
    if kind == "markdown_text":
        pieces.markdown += _words(chunk, "text", pointer)
    elif kind == "plan_update":
        pieces.plan_title = _words(chunk, "title", pointer)
    elif kind == "task_update":
        pieces.tasks.append(_task(chunk, pointer))
    elif kind == "blocks":
        pieces.blocks += message_blocks(chunk.get("blocks"), f"{pointer}/blocks")
    else:
        raise _bad_chunk(f"unsupported type: {kind}", f"{pointer}/type")


def _task(chunk: Json, pointer: str) -> Json:
    """Return the task card of a `task_update`; details and output are plain text there."""
    if chunk.get("status") not in _STATES:
        raise _bad_chunk(f"must be a valid enum value [{', '.join(_STATES)}]", f"{pointer}/status")
    task: Json = {
        "type": "task_card",
        "task_id": _words(chunk, "id", pointer),
        "title": _words(chunk, "title", pointer),
        "status": chunk["status"],
    }
    for name in ("details", "output"):
        if chunk.get(name):
            part = {"type": "text", "text": _words(chunk, name, pointer)}
            task[name] = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [part]}]}
    if chunk.get("sources"):
        task["sources"] = chunk["sources"]
    return message_blocks([task])[0]


def _words(chunk: Json, name: str, pointer: str) -> str:
    value = chunk.get(name)
    if not isinstance(value, str) or not value:
        raise _bad_chunk(f"missing required field: {name}", pointer)
    return value


def _bad_chunk(message: str, pointer: str) -> SlackError:
    return SlackError("invalid_chunks", messages=[f"[ERROR] {message} [json-pointer:{pointer}]"])


def _grown(message: Message, pieces: _Pieces) -> tuple[str, list[Json]]:
    """Return text and blocks with the pieces added: text to the last paragraph, tasks in place or at the end."""
    blocks = [dict(block) for block in message.blocks]
    if pieces.markdown:
        if blocks and blocks[-1]["type"] == "markdown" and len(blocks[-1]["text"] + pieces.markdown) <= MAX_MARKDOWN:
            blocks[-1]["text"] += pieces.markdown
        else:
            blocks += message_blocks([{"type": "markdown", "text": pieces.markdown}])
    shows_plan = message.stream is not None and message.stream.shows_plan
    if shows_plan and (pieces.tasks or pieces.plan_title):
        plan = next((block for block in blocks if block["type"] == "plan"), None)
        if plan is None:
            plan = message_blocks([{"type": "plan", "title": pieces.plan_title or "Plan", "tasks": []}])[0]
            blocks.append(plan)
        plan["title"] = pieces.plan_title or plan["title"]
        plan["tasks"] = list(_merged(plan["tasks"], pieces.tasks))
    elif pieces.tasks:
        blocks = list(_merged(blocks, pieces.tasks))
    return message.text + pieces.markdown, [*blocks, *pieces.blocks]


def _merged(blocks: list[Json], tasks: list[Json]) -> Iterator[Json]:
    """Yield the blocks with each task in place of its earlier state, new ones last; what it had and has not, stays."""
    new = {task["task_id"]: task for task in tasks}
    for block in blocks:
        task = new.pop(block.get("task_id", ""), None) if block["type"] == "task_card" else None
        yield {**block, **task, "block_id": block["block_id"]} if task else block
    yield from new.values()


def _streaming(call: Call) -> Message:
    message = call.message(call.channel())
    if message.app_id != call.app.id:
        raise SlackError("message_not_owned_by_app")
    if message.stream is None or message.stream.is_over:
        raise SlackError("message_not_in_streaming_state")
    return message


def _write(call: Call, message: Message, pieces: _Pieces, keep: frozenset[str], metadata: Json | None = None) -> None:
    text, blocks = _grown(message, pieces)
    if len(blocks) > _MAX_BLOCKS:
        raise SlackError("msg_blocks_too_many")
    posting.edit(call.platform, message, Content(text, blocks, metadata=metadata), "", keep=keep)


@method("chat.startStream", "chat:write", tier=2, user=(), tokens=frozenset(("bot",)))
async def start(call: Call) -> Json:
    """Begin a message (https://docs.slack.dev/reference/methods/chat.startStream).

    In channels it answers one person, who must be named, in the thread of what that person wrote.
    """
    channel = call.channel(member=True)
    if not channel.is_im:
        for name in ("recipient_user_id", "recipient_team_id"):
            if not call.text(name):
                raise SlackError(f"missing_{name}")
        if call.text("recipient_user_id") not in call.platform.workspace.users:
            raise SlackError("user_not_found")
        if call.text("recipient_team_id") not in call.platform.workspace.teams:
            raise SlackError("team_not_found")
    mode = call.text("task_display_mode", "timeline")
    if mode not in {"timeline", "plan"}:
        raise invalid("must be a valid enum value [timeline, plan]", "/task_display_mode")
    pieces, thread_ts, looks = _pieces(call), composing.thread(call, channel), composing.looks(call)
    composing.pace(call, channel)
    message = posting.by_app(call.platform, call.app, channel, Content(), thread_ts=thread_ts, looks=looks)
    message.stream = Stream(shows_plan=mode == "plan")
    message.text, message.blocks = _grown(message, pieces)
    call.platform.changes.publish("message", channel=channel.id, ts=message.ts, edited=True)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.appendStream", "chat:write", tier=4, user=(), tokens=frozenset(("bot",)))
async def append(call: Call) -> Json:
    """Add to a message that is being written (https://docs.slack.dev/reference/methods/chat.appendStream)."""
    message, pieces = _streaming(call), _pieces(call)
    if pieces.is_empty:
        raise SlackError("no_text")
    _write(call, message, pieces, frozenset(("attachments", "metadata")))
    return {"channel": message.channel, "ts": message.ts}


@method("chat.stopStream", "chat:write", tier=2, user=(), tokens=frozenset(("bot",)))
async def stop(call: Call) -> Json:
    """Finish a message, with blocks below it (https://docs.slack.dev/reference/methods/chat.stopStream)."""
    message, pieces = _streaming(call), _pieces(call)
    blocks = call.decoded("blocks", "invalid_blocks")
    if blocks is not None:
        pieces.blocks += message_blocks(blocks) if isinstance(blocks, list) else message_blocks([blocks])
    metadata = call.decoded("metadata", "invalid_metadata_format")
    read = posting.read_content("-", None, None, metadata).metadata if metadata is not None else None
    keep = frozenset(("attachments",) if read else ("attachments", "metadata"))
    _write(call, message, pieces, keep, read)
    if message.stream is not None:
        message.stream.is_over = True
    return {"channel": message.channel, "ts": message.ts, "message": composing.shown(call, message)}
