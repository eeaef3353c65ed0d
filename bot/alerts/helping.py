"""`Helping`: people who are asked to help with a group, what they answer, and what is noted on it."""

from msgspec.structs import replace

from bot.alerts import calls, company, ledger
from bot.alerts.company import Answer, Noted, Responder
from bot.alerts.intake import Intake, trouble
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.command import Call, Trigger
from bot.errors import BadInput, Refused
from bot.identity import Person
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Message, Reply
from bot.store import Tx

LONGEST_NOTE = 3000


class Helping:
    """Asks people, takes their answers, and keeps notes."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake

    async def ask(self, call: Call, name: str, person: Person, why: str) -> Reply:
        """Ask somebody to help with a group: in a direct message, and by their other ways until they answer.

        Raises:
            Refused: it is over (`alert_resolved`), they are asked already (`asked_already`), or they are an account
                (`people_only`).
        """
        if person.team == ACCOUNT_TEAM:
            raise Refused("people_only", "An account cannot come to help: name a person.")
        group_id = (await ledger.find(self._parts, name)).id
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, group_id)
            if group.over:
                raise Refused("alert_resolved", f"{group.id} is over already.")
            known = await company.responder(tx.conn, group.id, person)
            if known is not None and known.answer is not Answer.CANNOT:
                state = "is coming" if known.answer is Answer.COMING else "was asked, and has not answered yet"
                raise Refused("asked_already", f"@{self._name(person)} {state}.")
            number = 1 if known is None else known.number + 1
            now = self._parts.clock.now()
            asked = Responder(group_id=group.id, person=person, asked_by=call.person, asked_at=now, number=number)
            await company.keep(tx, asked)
            message = calls.asked(group, self._name(call.person), why)
            key = f"{_key(asked)}/asked"
            await self._parts.outbox.direct(tx, key, person, message, subject=group.id, urgent=True)
            if self._parts.paging is not None:
                await self._parts.paging.ask(tx, replace(trouble(group), answer="coming"), person, key)
            await self._intake.look_again(tx, group)
            await ledger.note(self._parts, tx, call, group, "alert.page", person=person.key)
        return ledger.told(group, f"@{self._name(person)} is asked to help with {group.id}.")

    async def answer(self, call: Call, name: str, answer: Answer) -> Reply:
        """Take the answer of somebody who was asked; whoever asked them is told in the group's thread.

        Raises:
            Refused: they were not asked (`not_asked`), or said the same already (`answered_already`).
        """
        group_id = (await ledger.find(self._parts, name)).id
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, group_id)
            known = await company.responder(tx.conn, group.id, call.person)
            if known is None:
                raise Refused("not_asked", f"Nobody asked you to help with {group.id}.")
            if known.answer is answer:
                raise Refused("answered_already", f"You said so already about {group.id}.")
            await company.keep(tx, replace(known, answer=answer))
            if self._parts.paging is not None:
                await self._parts.paging.answered(tx, group.id, call.person)
            said = calls.answer(group, self._name(call.person), known, answer)
            await self._parts.outbox.amend(tx, _key(known), calls.your_answer(group, answer))
            await self._said(tx, group, f"{_key(known)}/{call.request_id}", said, known.asked_by)
            await self._intake.look_again(tx, group)
            await ledger.note(self._parts, tx, call, group, f"alert.{answer.value}")
        return ledger.told(group, f"{group.id}: your answer is told.")

    async def note(self, call: Call, name: str, words: str) -> Reply:
        """Keep a note on a group, once for each message that it is made from.

        Raises:
            BadInput: it is empty or too long (`bad_note`).
            Refused: that message is noted already (`noted_already`).
        """
        words = words.strip()
        if not 0 < len(words) <= LONGEST_NOTE:
            raise BadInput("bad_note", f"A note has 1 to {LONGEST_NOTE} characters; this one has {len(words)}.")
        group_id = (await ledger.find(self._parts, name)).id
        told_there = call.invocation.trigger is Trigger.REACTION and call.channel is not None
        place = call.channel.key if call.channel is not None else ""
        source = f"{place}/{call.invocation.message_ts}" if told_there else call.request_id
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, group_id)
            made = Noted(
                group_id=group.id, person=call.person, at=self._parts.clock.now(), text=words, source=source[-255:]
            )
            if not await company.add(tx, made):
                raise Refused("noted_already", f"That is a note on {group.id} already.")
            if not told_there:
                await self._said(tx, group, f"{group.id}/note/{source}", calls.noted(made, self._name(call.person)))
            await self._intake.look_again(tx, group)
            await ledger.note(self._parts, tx, call, group, "alert.note")
        return ledger.told(group, f"Noted on {group.id}.")

    async def _said(self, tx: Tx, group: Group, key: str, message: Message, person: Person | None = None) -> None:
        """Say it in the group's thread; of a group that is shown nowhere, to a person where one waits for it."""
        if group.channel is not None:
            thread = group.inside or group.id  # what another message tells of has no thread of its own
            await self._parts.outbox.post(
                tx, key, group.channel, message, in_thread_of=thread, subject=group.id, urgent=True
            )
        elif person is not None:
            await self._parts.outbox.direct(tx, key, person, message, subject=group.id)

    def _name(self, person: Person) -> str:
        return self._parts.permissions.name_of(person)


def _key(one: Responder) -> str:
    return f"{one.group_id}/page/{one.person.key}/{one.number}"
