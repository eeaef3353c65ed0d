"""`Keeping`: who acknowledged is asked after a while whether they are still on it; without an answer nobody is.

Each moment to look is a wake-up, a row written with what it follows from; what is due is decided when it is looked at.
"""

from datetime import datetime

from msgspec.structs import replace

from bot.alerts import attention_records, attention_rules, calls, records, rules
from bot.alerts.attention_rules import Attention, Next
from bot.alerts.intake import Intake, held
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import Act
from bot.audit import SHIPMATE
from bot.command import Resource
from bot.errors import Refused
from bot.identity import Person
from bot.reply import Message
from bot.store import Tx
from bot.store.starts import want

ATTEND = "alert.attend.v1"


class Keeping:
    """Keeps somebody's word that they are on a group fresh."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake
        intake.on_turned.append(self.turned)

    async def turned(self, tx: Tx, before: Group, now: Group) -> None:
        """Begin to count when somebody else than before is on a group, or it goes on after it was over."""
        person = now.hold.acknowledged_by
        known = await attention_records.of(tx, now.id)
        if known is not None and known.asked_at is not None and (now.over or person != known.person):
            await self._parts.outbox.amend(tx, _key(known), calls.pointless(now, self._name(known.person)))
            await attention_records.keep(tx, replace(known, asked_at=None))
        if person is not None and not now.over and (before.over or person != before.hold.acknowledged_by):
            await self._said(tx, now.id, person)

    async def still_on(self, tx: Tx, group: Group, person: Person) -> None:
        """Take somebody's word that they are still on a group.

        Raises:
            Refused: it is over (`alert_resolved`), another is on it (`taken_over`), or nobody asks (`not_asked`).
        """
        if group.over:
            raise Refused("alert_resolved", f"{group.id} is over already.")
        if group.hold.acknowledged_by is None:
            raise Refused("not_acknowledged", f"{group.id} fell back: nobody is on it any more.")
        if group.hold.acknowledged_by != person:
            raise Refused("taken_over", f"{group.id} is in the hands of somebody else now.")
        known = await attention_records.of(tx, group.id)
        if known is None or known.asked_at is None:
            raise Refused("not_asked", f"{group.id}: nobody asks whether you are still on it.")
        await self._parts.outbox.amend(tx, _key(known), calls.answered(group, self._name(person)))
        await self._said(tx, group.id, person)

    async def attend(self, tx: Tx, group_id: str, number: int) -> None:
        """Do what is due: ask, or have nobody on it; nothing where a later look is asked for already."""
        group = await records.locked(tx, group_id)
        known = await attention_records.of(tx, group_id) if group is not None else None
        if group is None or known is None or known.number != number:
            return
        settings, now = self._parts.settings().alerts, self._parts.clock.now()
        found, again_at = attention_rules.next_of(
            known,
            group.state,
            group.hold.acknowledged_by,
            now,
            remind_after=settings.remind_after,
            fall_back_after=settings.fall_back_after,
        )
        match found:
            case Next.LATER:
                await self._look(tx, replace(known, number=number + 1), again_at)
            case Next.AFRESH:
                await self._look(tx, replace(known, said_at=now, asked_at=None, number=number + 1), again_at)
            case Next.ASK:
                asked = replace(known, asked_at=now, number=number + 1)
                await self._look(tx, asked, again_at)
                await self._tell(tx, group, asked, calls.still_on(group, known, again_at))
            case Next.FALL_BACK:
                await self._fall_back(tx, group, known)
            case Next.NOTHING:
                pass

    async def _fall_back(self, tx: Tx, group: Group, known: Attention) -> None:
        now = self._parts.clock.now()
        alerts = await records.alerts_of(tx.conn, group.id)
        hold = rules.done(Act.UNACKNOWLEDGE, group.hold, known.person, now)
        moved = await self._intake.turn(tx, group, held(group, alerts, hold, now))
        message = calls.fell_back(moved, known.person)
        await self._parts.outbox.amend(tx, _key(known), calls.unanswered(moved, self._name(known.person)))
        await self._tell(tx, moved, replace(known, number=known.number + 1), message, loud=True)
        await self._parts.audit.record(
            tx,
            actor=SHIPMATE,
            action="alert.fall_back",
            outcome="succeeded",
            resource=Resource(group.service, group.environment),
            subject=group.id,
            data={"acknowledged_by": known.person.key, "asked_at": f"{known.asked_at or now:%Y-%m-%dT%H:%M:%SZ}"},
        )

    def _name(self, person: Person) -> str:
        return self._parts.permissions.name_of(person)

    async def _said(self, tx: Tx, group_id: str, person: Person) -> None:
        after, now = self._parts.settings().alerts.remind_after, self._parts.clock.now()
        known = await attention_records.of(tx, group_id)
        number = 1 if known is None else known.number + 1
        fresh = Attention(group_id=group_id, person=person, said_at=now, number=number)
        if after:
            await self._look(tx, fresh, now + after)
        else:
            await attention_records.keep(tx, fresh)

    async def _look(self, tx: Tx, one: Attention, at: datetime) -> None:
        """Write it down and have it looked at at a moment."""
        await attention_records.keep(tx, one)
        await want(tx, f"{one.group_id}/attend/{one.number}", ATTEND, one.group_id, one.number, at=at)

    async def _tell(self, tx: Tx, group: Group, one: Attention, message: Message, *, loud: bool = False) -> None:
        """Say it in the group's thread; of a group that is shown nowhere, to the person."""
        if group.channel is None:
            await self._parts.outbox.direct(tx, _key(one), one.person, message, subject=group.id, urgent=True)
            return
        await self._parts.outbox.post(
            tx,
            _key(one),
            group.channel,
            message,
            in_thread_of=group.inside or group.id,
            also_to_channel=loud,
            urgent=True,
            subject=group.id,
        )


def _key(one: Attention) -> str:
    return f"{one.group_id}/attend/{one.number}"
