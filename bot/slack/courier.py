"""Carries one row of the outbox to Slack: renders it, finds the way, and tells where it was put.

Source: https://docs.slack.dev/reference/methods/chat.postMessage and chat.update
"""

from typing import Any

import sqlalchemy as sa

from bot.reply import Message
from bot.slack import blocks, codec
from bot.slack.answers import Answers, Said, Way, content
from bot.slack.connection import Connection
from bot.slack.directory import Directory
from bot.slack.mrkdwn import Json
from bot.slack.records import Kind, pictures
from bot.store import Store
from bot.store.lease import still_ours

EVENT_TYPE = "shipmate"
_LOOK_BACK_SECONDS = 10.0
_PAGES = 10

Row = sa.Row[Any]


class Courier:
    """Says rows. Raises `SlackError` for what Slack or the network refuses."""

    def __init__(self, store: Store, connection: Connection, directory: Directory, answers: Answers) -> None:
        self._store = store
        self._connection = connection
        self._directory = directory
        self._answers = answers

    async def say(self, row: Row, *, thread_ts: str, place: str) -> Said:
        """Send the row as it stands: post it, edit what was posted, or whisper it.

        `thread_ts` and `place` are the message it belongs below and that one's conversation, "" for none.

        Raises:
            LeaseLost: another replica may be at it; nothing was sent.
        """
        body = await self._content(row)
        still_ours()
        if row.kind == Kind.WHISPER:
            way: Json = row.payload["way"]
            return await self._answers.tell(Way(person=row.person, channel=row.channel, **way), body)
        if row.ts:
            await self._connection.call("chat.update", {"channel": row.place, "ts": row.ts, **body})
            return Said(row.ts, row.place)
        channel = await self._place(row, place)
        if row.kind != Kind.DIRECT:
            await self._answers.check_channel(channel)
        return await self._post(row, channel, body, thread_ts)

    async def find(self, row: Row, *, thread_ts: str, place: str) -> Said | None:
        """Look for the row among what was posted, by the key in its metadata; None when it is not there.

        Source: https://docs.slack.dev/reference/methods/conversations.history (`include_all_metadata`)
        """
        if row.kind == Kind.WHISPER:
            return None
        channel = await self._place(row, place)
        asked: Json = {
            "channel": channel,
            "oldest": f"{row.wanted_at.timestamp() - _LOOK_BACK_SECONDS:.6f}",
            "include_all_metadata": True,
            "limit": 200,
        }
        method = "conversations.history"
        if thread_ts:
            method, asked["ts"] = "conversations.replies", thread_ts
        for _ in range(_PAGES):
            answer = await self._connection.call(method, asked)
            for message in answer.get("messages", ()):
                metadata = message.get("metadata") or {}
                if (metadata.get("event_payload") or {}).get("key") == row.key:
                    return Said(str(message["ts"]), channel)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
            asked["cursor"] = cursor
        return None

    async def _place(self, row: Row, place: str) -> str:
        if row.kind == Kind.DIRECT:
            return await self._directory.direct(row.person)
        return place or str(row.channel.channel)

    async def _post(self, row: Row, channel: str, body: Json, thread_ts: str) -> Said:
        sent = {
            "channel": channel,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": row.key}},
            "unfurl_links": False,
            "unfurl_media": False,
            **body,
        }
        if thread_ts:
            sent |= {"thread_ts": thread_ts, "reply_broadcast": row.also_to_channel}
        still_ours()
        answer = await self._connection.call("chat.postMessage", sent)
        return Said(str(answer["ts"]), str(answer["channel"]))

    async def _content(self, row: Row) -> Json:
        message = codec.load(row.payload["message"])
        files = await self._uploaded(row, message)
        return content(message, form=row.form, page=row.payload.get("page"), pictures=files)

    async def _uploaded(self, row: Row, message: Message) -> list[str]:
        """Return the file ids of the message's pictures, uploading those that are not yet."""
        wanted = blocks.pictures(message)
        if not wanted:
            return []
        chosen = (pictures.c.outbox_id == row.id, pictures.c.version == row.wanted)
        async with self._store.read() as conn:
            rows = (await conn.execute(sa.select(pictures).where(*chosen).order_by(pictures.c.position))).all()
        files: list[str] = []
        for one, picture in zip(rows, wanted, strict=False):
            ident = one.file_id or await self._connection.upload(one.png, alt=picture.alt, title=picture.title)
            files.append(ident)
            if not one.file_id:
                async with self._store.write() as tx:
                    where = (*chosen, pictures.c.position == one.position)
                    await tx.conn.execute(sa.update(pictures).where(*where).values(file_id=ident))
        return files
