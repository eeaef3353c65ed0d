"""`Notices`: what all direct messages pass: sent now, gathered into one, kept through quiet hours, or unwanted.

What is kept is a row, written with what it tells of; a wake-up sends it. So nothing that was kept is lost.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.identity import Person
from bot.notices import messages, records
from bot.notices.records import Kept, notices
from bot.notices.rules import How, Wants, due, quiet_until
from bot.reply import Message
from bot.slack import codec
from bot.slack.notice import About, Notice
from bot.slack.outbox import Outbox
from bot.store import Store, Tx, begins_with
from bot.store.starts import want

SEND = "notices.send.v1"
KEEP = timedelta(days=7)
_ACCOUNT = "account"
_QUESTIONS = (About.APPROVALS.value, About.REMINDERS.value)

ZoneOf = Callable[[Person], Awaitable[str]]
"""Returns the time zone of a person, "" where nobody knows it."""


class Notices:
    """Holds direct messages back as people want, and sends them. `window` is the configuration's, asked each time."""

    def __init__(
        self, store: Store, clock: Clock, outbox: Outbox, zone_of: ZoneOf, window: Callable[[], timedelta]
    ) -> None:
        self._store = store
        self._clock = clock
        self._outbox = outbox
        self.zone_of = zone_of
        self.window = window

    async def hold(self, tx: Tx, notice: Notice) -> bool:
        """Keep a message that is not to be sent now; tell whether it was, or is not wanted."""
        if notice.person.team == _ACCOUNT:
            return False
        known = await records.by_key(tx.conn, notice.key)
        if known is not None:
            return known.held or bool(known.digest)
        now = self._clock.now()
        wants = await records.wants_of(tx.conn, notice.person)
        last = await records.last_told(tx.conn, notice.person)
        at = due(wants, notice.about.value, now, last=last, window=self.window(), urgent=notice.urgent)
        if at is None:
            return True
        if at <= now and wants.way(notice.about.value) is not How.DIGEST:
            return False
        held = at > now
        number = await records.add(
            tx,
            key=notice.key,
            person=notice.person,
            about=notice.about.value,
            subject=notice.subject,
            message=codec.dump(notice.message),
            at=at,
            held=held,
            digest="",
        )
        if held and number is not None:
            await want(tx, f"notice/{number}", SEND, number, at=at)
        return held

    async def amend(self, tx: Tx, key: str, message: Message) -> None:
        """Have what waits or went out with others under `key/…` say this; a question nobody read yet is not asked."""
        under = begins_with(tx.conn, notices.c.key, f"{key}/")
        await records.drop(tx, under, notices.c.held.is_(True), notices.c.about.in_(_QUESTIONS))
        found = await records.some(tx, under)
        await records.change(tx, [one.id for one in found], message=codec.dump(message))
        for digest in sorted({one.digest for one in found if one.digest}):
            said = await records.some(tx, notices.c.digest == digest)
            await self._outbox.say_instead(tx, digest, messages.digest([one.message for one in said]))

    async def send(self, number: int) -> None:
        """Send what waits for the person of this notice and is due, as one message; in quiet hours it waits on."""
        async with self._store.write() as tx:
            person = await records.whose(tx.conn, number)
            if person is None:
                return
            held = await records.some(tx, notices.c.person == person, notices.c.held.is_(True))
            asked = next((one for one in held if one.id == number), None)
            if asked is None:
                return  # it went out with another
            now = self._clock.now()
            quiet = quiet_until(await records.wants_of(tx.conn, person), now)
            if quiet is not None or asked.at > now:
                await self._wait(tx, asked, quiet or asked.at)
                return
            await self._say(tx, person, [one for one in held if one.at <= now])
            await records.drop(tx, notices.c.held.is_(False), notices.c.at < now - KEEP)

    async def wants(self, person: Person) -> Wants:
        """Return what a person wants to be told."""
        async with self._store.read() as conn:
            return await records.wants_of(conn, person)

    async def keep(self, person: Person, wants: Wants) -> None:
        """Keep what a person wants from now on; what waits is looked at again."""
        async with self._store.write() as tx:
            await records.keep_wants(tx, person, wants)
            for one in await records.some(tx, notices.c.person == person, notices.c.held.is_(True)):
                await self._wait(tx, one, self._clock.now())  # and looked at by what they want now

    async def _wait(self, tx: Tx, one: Kept, at: datetime) -> None:
        await records.change(tx, [one.id], at=at)
        await want(tx, f"notice/{one.id}/{int(at.timestamp() * 1e6)}", SEND, one.id, at=at)

    async def _say(self, tx: Tx, person: Person, waiting: Sequence[Kept]) -> None:
        now, ids = self._clock.now(), [one.id for one in waiting]
        if len(waiting) == 1:
            [one] = waiting
            await records.change(tx, ids, held=False, at=now)
            await self._outbox.say_now(tx, one.key, person, one.message, subject=one.subject)
            return
        digest = f"digest/{person.key}/{ids[0]}"
        await records.change(tx, ids, held=False, at=now, digest=digest)
        await self._outbox.say_now(tx, digest, person, messages.digest([one.message for one in waiting]))
