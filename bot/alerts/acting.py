"""`Acting`: what people do about a group. Each act is a transition of its row, so that of two at once one wins."""

from dataclasses import replace

from bot.alerts import messages, records, rules
from bot.alerts.intake import Intake, held
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import Act
from bot.command import Call, Resource
from bot.errors import BadInput, Refused
from bot.reply import Reply, text
from bot.store import Tx

_SAID = {
    Act.ACKNOWLEDGE: "{} is acknowledged: you are on it.",
    Act.UNACKNOWLEDGE: "{} is acknowledged no more: nobody is on it.",
    Act.RESOLVE: "{} is shown as over.",
}


class Acting:
    """Acknowledge, un-acknowledge, resolve; and what was not the cause."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake

    async def find(self, name: str) -> Group:
        """Return a group by its id. Raises: BadInput when there is none."""
        async with self._parts.store.read() as conn:
            found = await records.find(conn, name.strip().upper())
        if found is None:
            raise BadInput("unknown_alert", f'There is no alert group "{name.strip()}". /alerts lists those that fire.')
        return found

    async def resource(self, name: str) -> Resource:
        """Return what a permission is asked on: the group's place; of no known service it is everything."""
        group = await self.find(name)
        return Resource(group.service, group.environment)

    async def act(self, call: Call, name: str, act: Act) -> Reply:
        """Do something about a group.

        Raises:
            Refused: it is over (`alert_resolved`), or the act changes nothing.
        """
        group_id = (await self.find(name)).id
        async with self._parts.store.write() as tx:
            group = await records.locked(tx, group_id)
            if group is None:
                raise BadInput("unknown_alert", f"{group_id} is forgotten.")
            no = rules.refusal(act, group.state, group.hold, call.person)
            if no is not None:
                raise Refused(no.code, f"{group.id} {no.words}.")
            now = self._parts.clock.now()
            known = await records.alerts_of(tx.conn, group.id)
            moved = held(group, known, rules.done(act, group.hold, call.person, now), now)
            await self._intake.look_again(tx, moved)
            await self._note(tx, call, moved, f"alert.{act.value}")
        return replace(
            text(_SAID[act].format(f"{group.id} {messages.title(group)}")), subject=group.id, shown_in=group.channel
        )

    async def not_this(self, call: Call, name: str, change: str) -> Reply:
        """Remember that a change is not the cause of a group, so that its message names the next one."""
        group_id = (await self.find(name)).id
        async with self._parts.store.write() as tx:
            group = await records.locked(tx, group_id)
            if group is None:
                raise BadInput("unknown_alert", f"{group_id} is forgotten.")
            if await records.dismiss(tx, group.id, change, call.person, self._parts.clock.now()):
                await self._intake.look_again(tx, group)
                await self._note(tx, call, group, "alert.not_this", change=change)
        reply = text(f"{change} is no longer named as a cause of {group.id}.")
        return replace(reply, subject=group.id, shown_in=group.channel)

    async def _note(self, tx: Tx, call: Call, group: Group, action: str, **data: str) -> None:
        await self._parts.audit.record(
            tx,
            actor=call.person,
            action=action,
            outcome="succeeded",
            resource=Resource(group.service, group.environment),
            request_id=call.request_id,
            subject=group.id,
            data={"alert": messages.title(group), "state": group.state.value, **data},
        )
