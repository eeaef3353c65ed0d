"""`Acting`: what people do about a group. Each act is a transition of its row, so that of two at once one wins."""

from bot.alerts import cause_records, ledger, messages, records, rules
from bot.alerts.attention import Keeping
from bot.alerts.intake import Intake, held
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import Act
from bot.command import Call, Resource, Trigger
from bot.errors import Refused
from bot.permissions import ACCOUNT_TEAM
from bot.reply import Reply
from bot.store import Tx

_SAID = {
    Act.ACKNOWLEDGE: "{} is acknowledged: you are on it.",
    Act.UNACKNOWLEDGE: "{} is acknowledged no more: nobody is on it.",
    Act.RESOLVE: "{} is shown as over.",
    Act.UNRESOLVE: "{} is not over.",
}
_STOPS_PAGING = {Act.ACKNOWLEDGE, Act.RESOLVE}


class Acting:
    """Acknowledge, still on it, un-acknowledge, resolve, un-resolve; and what was the cause, and what was not."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake
        self._keeping = Keeping(parts, intake)

    @property
    def keeping(self) -> Keeping:
        """What asks whether somebody is still on it."""
        return self._keeping

    async def find(self, name: str) -> Group:
        """Return a group by its id. Raises: BadInput when there is none."""
        return await ledger.find(self._parts, name)

    async def resource(self, name: str) -> Resource:
        """Return what a permission is asked on: the group's place; of no known service it is everything."""
        group = await self.find(name)
        return Resource(group.service, group.environment)

    async def act(self, call: Call, name: str, act: Act) -> Reply:
        """Do something about a group: the one place where what a person does moves it.

        Raises:
            Refused: it is over (`alert_resolved`), only a person may (`people_only`), or the act changes nothing.
        """
        by_nobody = call.person.team == ACCOUNT_TEAM or call.invocation.trigger is Trigger.SCHEDULE
        if act in _STOPS_PAGING and by_nobody:
            raise Refused("people_only", f"Only a person may {act.value} an alert: it would stop calling people.")
        group_id = (await self.find(name)).id
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, group_id)
            no = rules.refusal(act, group.state, group.hold, call.person)
            if no is not None:
                raise Refused(no.code, f"{group.id} {no.words}.")
            now = self._parts.clock.now()
            known = await records.alerts_of(tx.conn, group.id)
            after = held(group, known, rules.done(act, group.hold, call.person, now), now)
            if act is Act.UNRESOLVE:
                await self._must_fire(tx, after)
            moved = await self._intake.turn(tx, group, after)
            await ledger.note(self._parts, tx, call, moved, f"alert.{act.value}")
        return ledger.told(group, _SAID[act].format(f"{group.id} {messages.title(group)}"))

    async def still_on(self, call: Call, name: str) -> Reply:
        """Take the word of who acknowledged that they are still on it; where nobody is any more, they acknowledge anew.

        Raises:
            Refused: another is on it (`taken_over`), it is over (`alert_resolved`), or nobody asks (`not_asked`).
        """
        found = await self.find(name)
        if found.hold.acknowledged_by is None:
            return await self.act(call, name, Act.ACKNOWLEDGE)
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, found.id)
            await self._keeping.still_on(tx, group, call.person)
            await ledger.note(self._parts, tx, call, group, "alert.still_on_it")
        return ledger.told(group, f"You are still on {group.id} {messages.title(group)}.")

    async def not_this(self, call: Call, name: str, change: str) -> Reply:
        """Remember that a change is not the cause of a group, so that its message names the next one."""
        group_id = (await self.find(name)).id
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, group_id)
            if await records.dismiss(tx, group.id, change, call.person, self._parts.clock.now()):
                await cause_records.refuse(tx, group.id, change)
                await self._intake.look_again(tx, group)
                await ledger.note(self._parts, tx, call, group, "alert.not_this", change=change)
        return ledger.told(group, f"{change} is no longer named as a cause of {group.id}.")

    async def this_it_was(self, call: Call, name: str, change: str) -> Reply:
        """Remember that a change was the cause of a group."""
        group_id = (await self.find(name)).id
        async with self._parts.store.write() as tx:
            group = await ledger.locked(tx, group_id)
            if await cause_records.confirm(tx, group.id, change, call.person, self._parts.clock.now()):
                await self._intake.look_again(tx, group)
                await ledger.note(self._parts, tx, call, group, "alert.this_it_was", change=change)
        return ledger.told(group, f"{change} is noted as the cause of {group.id}.")

    async def _must_fire(self, tx: Tx, after: Group) -> None:
        if after.over:
            raise Refused("alert_resolved", f"{after.id} is over in its source as well.")
        newest = await records.newest(tx, after.instance, after.key)
        if newest is not None and newest.id != after.id:
            raise Refused("alert_followed", f"{newest.id} has followed {after.id}: act on that one.")
