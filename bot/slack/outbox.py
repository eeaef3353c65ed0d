"""What Shipmate wants to say, as rows: written with the state change that says it, sent by `Sender`.

So nothing that was decided goes unsaid because of a crash, and nothing is said that was rolled back.
"""

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from bot.clock import Clock
from bot.command import Invocation
from bot.identity import Channel, Person
from bot.reply import Message, Reply
from bot.slack import blocks, codec, live
from bot.slack.mrkdwn import Json
from bot.slack.notice import About, Holder, Notice
from bot.slack.records import SIGNAL, Kind, State, open_rows, outbox, pictures
from bot.store import Store, Tx, begins_with, insert, one_of

KEEP_SAID = timedelta(days=7)
KEEP_CARDS = timedelta(days=180)
TRIED_AGAIN_FOR = timedelta(days=1)


class Outbox:
    """Takes messages inside the caller's transaction; they leave once it is kept."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.holder: Holder | None = None

    async def show(
        self,
        tx: Tx,
        subject: str,
        channel: Channel,
        message: Message,
        *,
        urgent: bool = False,
        final: bool = False,
        broadcast: Message | None = None,
    ) -> None:
        """Have the live card of `subject` say this: posted the first time, edited in place after that.

        The newest state wins; those in between may never be seen, a `final` one always is. `urgent` is for what a
        person did and waits to see. A card stays in the channel it was first posted in. `broadcast` is a new
        message beside the edit, since edits notify nobody; it is posted once for each state of the card.
        """
        key = live.card_key(subject)
        row = (await tx.conn.execute(sa.select(outbox).where(outbox.c.key == key).with_for_update())).first()
        version = live.next_version(row, message, final=final)
        if row is None:
            await self._add(
                tx,
                key,
                Kind.SHOW,
                message,
                lane=channel.key,
                channel=channel,
                subject=subject,
                urgent=urgent,
                final=final,
            )
        elif version > row.wanted:
            state = live.changed(row, version, message, channel, self._clock.now(), urgent=urgent, final=final)
            await tx.conn.execute(sa.update(outbox).where(outbox.c.id == row.id).values(state))
            await self._keep_pictures(tx, row.id, version, message)
            tx.wake(SIGNAL)
        if broadcast is not None:
            await self.post(tx, f"{subject}/broadcast/{version}", channel, broadcast, subject=subject, urgent=True)

    async def post(
        self,
        tx: Tx,
        key: str,
        channel: Channel,
        message: Message,
        *,
        in_thread_of: str = "",
        also_to_channel: bool = False,
        urgent: bool = False,
        subject: str = "",
    ) -> None:
        """Have this posted, once for each `key`.

        `in_thread_of` names the subject in whose thread it belongs; it waits for the card and goes to the card's
        channel. `also_to_channel` shows it in the channel too. Old posts that are not `urgent` may be summed up
        when a channel's backlog is long. `subject` is what a reaction on it is about (default: `in_thread_of`).
        A message of more than fifty blocks goes on in its own thread.
        """
        pages = blocks.paged(message)
        await self._add(
            tx,
            f"post/{key}",
            Kind.POST,
            message,
            lane=channel.key,
            channel=channel,
            subject=subject or in_thread_of,
            in_thread_of=live.card_key(in_thread_of) if in_thread_of else "",
            also_to_channel=also_to_channel and bool(in_thread_of),
            urgent=urgent,
            pages=len(pages),
        )

    async def direct(
        self,
        tx: Tx,
        key: str,
        person: Person,
        message: Message,
        *,
        subject: str = "",
        about: About = About.MENTIONS,
        urgent: bool = False,
    ) -> None:
        """Have this said to one person in a direct message, once for each `key`: as and when they want to be told.

        `urgent` is said now, whatever they want.
        """
        notice = Notice(key=key, person=person, message=message, about=about, subject=subject, urgent=urgent)
        if self.holder is None or not await self.holder.hold(tx, notice):
            await self.say_now(tx, key, person, message, subject=subject)

    async def say_now(self, tx: Tx, key: str, person: Person, message: Message, *, subject: str = "") -> None:
        """Have this said to one person in a direct message without asking what they want, once for each `key`."""
        await self._add(
            tx,
            f"direct/{key}",
            Kind.DIRECT,
            message,
            lane=f"person/{person.key}",
            person=person,
            subject=subject,
            urgent=True,
        )

    async def amend(self, tx: Tx, key: str, message: Message) -> None:
        """Have what was posted or said under `key`, or under `key/…`, say this instead. Edits notify nobody.

        So a question that is answered does not go on asking.
        """
        if self.holder is not None:
            await self.holder.amend(tx, key, message)
        keys = [outbox.c.key == f"post/{key}"]
        keys += [begins_with(tx.conn, outbox.c.key, f"{kind}/{key}/") for kind in ("post", "direct")]
        await self._amend(tx, message, sa.or_(*keys))

    async def say_instead(self, tx: Tx, key: str, message: Message) -> None:
        """Have the direct message that was said under exactly this key say this instead."""
        await self._amend(tx, message, outbox.c.key == f"direct/{key}")

    async def _amend(self, tx: Tx, message: Message, which: sa.ColumnElement[bool]) -> None:
        rows = (await tx.conn.execute(sa.select(outbox).where(which).with_for_update())).all()
        for row in rows:
            if "page" in row.payload:
                continue
            version = live.next_version(row, message, final=True)
            if version > row.wanted:
                channel = row.channel or Channel("", "")
                values = live.changed(row, version, message, channel, self._clock.now(), urgent=True, final=True)
                kept = {name: value for name, value in values.items() if name not in {"channel", "lane"}}
                await tx.conn.execute(sa.update(outbox).where(outbox.c.id == row.id).values(kept))
                await self._keep_pictures(tx, row.id, version, message)
                tx.wake(SIGNAL)

    async def whisper(self, tx: Tx, key: str, invocation: Invocation, reply: Reply) -> None:
        """Have a command's answer shown to who asked, once for each `key`; with `share` to the channel.

        It goes through the response URL while that lasts, then as an ephemeral message, else as a direct message.
        After a crash in the moment of sending it may be shown twice: ephemeral messages cannot be looked up.
        """
        way = {
            "response_url": invocation.response_url,
            "asked_at": invocation.at.timestamp(),
            "thread_ts": invocation.thread_ts,
            "share": reply.share,
        }
        await self._add(
            tx,
            f"whisper/{key}",
            Kind.WHISPER,
            reply,
            lane=f"person/{invocation.person.key}",
            channel=invocation.channel,
            person=invocation.person,
            subject=reply.subject,
            urgent=True,
            way=way,
        )

    async def _add(  # noqa: PLR0913 - the columns of a row
        self,
        tx: Tx,
        key: str,
        kind: Kind,
        message: Message,
        *,
        lane: str,
        channel: Channel | None = None,
        person: Person | None = None,
        subject: str = "",
        in_thread_of: str = "",
        also_to_channel: bool = False,
        urgent: bool = False,
        final: bool = False,
        pages: int = 1,
        way: Json | None = None,
    ) -> None:
        payload: Json = {"message": codec.dump(message)}
        if pages > 1:
            payload["page"] = 0
        if way is not None:
            payload["way"] = way
        values = dict(FRESH) | {
            "key": key,
            "kind": kind,
            "lane": lane,
            "channel": channel,
            "person": person,
            "subject": subject,
            "in_thread_of": in_thread_of,
            "payload": payload,
            "also_to_channel": also_to_channel,
            "final": final,
            "urgent": urgent,
            "wanted_at": self._clock.now(),
        }
        statement = insert(tx.conn, outbox).values(values).on_conflict_do_nothing(index_elements=[outbox.c.key])
        ident = (await tx.conn.execute(statement.returning(outbox.c.id))).scalar_one_or_none()
        if ident is None:
            return
        await self._keep_pictures(tx, ident, 1, message)
        for page in range(1, pages):
            rest = {
                "key": f"{key}/page/{page}",
                "payload": {**payload, "page": page},
                "in_thread_of": in_thread_of or key,
            }
            await tx.conn.execute(insert(tx.conn, outbox).values({**values, **rest, "also_to_channel": False}))
        tx.wake(SIGNAL)

    async def _keep_pictures(self, tx: Tx, ident: int, version: int, message: Message) -> None:
        found = blocks.pictures(message)
        if not found and version == 1:
            return
        await tx.conn.execute(sa.delete(pictures).where(pictures.c.outbox_id == ident, pictures.c.version < version))
        rows = [
            {"outbox_id": ident, "version": version, "position": position, "png": picture.png, "file_id": ""}
            for position, picture in enumerate(found)
        ]
        if rows:
            await tx.conn.execute(sa.insert(pictures), rows)

    async def waiting(self) -> int:
        """Return how many messages wait to be sent."""
        return await self._count(open_rows())

    async def parked(self) -> Sequence[tuple[str, str]]:
        """Return (key, reason) of the messages that Slack refuses, newest first, at most fifty."""
        statement = (
            sa.select(outbox.c.key, outbox.c.reason)
            .where(one_of(outbox.c.state, State.PARKED))
            .order_by(outbox.c.id.desc())
            .limit(50)
        )
        async with self._store.read() as conn:
            return [(row.key, row.reason) for row in (await conn.execute(statement)).all()]

    async def lag(self) -> timedelta:
        """Return how long the message that waits longest has waited."""
        statement = sa.select(sa.func.min(outbox.c.wanted_at, type_=outbox.c.wanted_at.type)).where(open_rows())
        async with self._store.read() as conn:
            oldest = (await conn.execute(statement)).scalar_one_or_none()
        return timedelta(0) if oldest is None else self._clock.now() - oldest

    async def try_again(self) -> None:
        """Try the cards anew that Slack refused within a day: their channel may be open again, or we be in it."""
        since = self._clock.now() - TRIED_AGAIN_FOR
        refused = sa.and_(outbox.c.state == State.PARKED, outbox.c.kind == Kind.SHOW, outbox.c.wanted_at > since)
        async with self._store.write() as tx:
            statement = sa.update(outbox).where(refused).values(state=State.WAITING, attempts=0, form=0)
            if (await tx.conn.execute(statement)).rowcount:
                tx.wake(SIGNAL)

    async def prune(self) -> None:
        """Forget what was said long ago: messages after a week, cards after half a year."""
        now = self._clock.now()
        said = outbox.c.state.in_([State.SENT, State.SUMMED, State.PARKED])
        async with self._store.write() as tx:
            for condition, age in ((outbox.c.kind != Kind.SHOW, KEEP_SAID), (outbox.c.kind == Kind.SHOW, KEEP_CARDS)):
                old = sa.select(outbox.c.id).where(said, condition, outbox.c.wanted_at < now - age)
                await tx.conn.execute(sa.delete(pictures).where(pictures.c.outbox_id.in_(old)))
                await tx.conn.execute(sa.delete(outbox).where(outbox.c.id.in_(old)))

    async def _count(self, condition: sa.ColumnElement[bool]) -> int:
        async with self._store.read() as conn:
            return int(
                (await conn.execute(sa.select(sa.func.count()).select_from(outbox).where(condition))).scalar_one()
            )


FRESH = {
    "wanted": 1,
    "sent": 0,
    "ts": "",
    "place": "",
    "form": 0,
    "state": State.WAITING,
    "reason": "",
    "attempts": 0,
    "reposts": 0,
    "next_try": None,
    "sent_at": None,
    "owner": "",
    "lease_until": None,
}
