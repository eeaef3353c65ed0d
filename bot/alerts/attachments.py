"""`Attachments`: a group as a part of another: quiet, told of in the other's message, covered by what is done there."""

from msgspec.structs import replace

from bot.alerts import ledger, listing, records
from bot.alerts.intake import Intake, held
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.alerts.rules import Hold, No
from bot.command import Call
from bot.errors import Refused
from bot.reply import Reply
from bot.store import Tx
from bot.store.starts import want

LOOK = "alert.look_again.v1"


class Attachments:
    """Attaches groups to others, and lets them go when the other is over and they are not."""

    def __init__(self, parts: Parts, intake: Intake) -> None:
        self._parts = parts
        self._intake = intake
        intake.on_turned.append(self.turned)

    async def attach(self, call: Call, name: str, to: str) -> Reply:
        """Make a group a part of another.

        Raises:
            Refused: one of them is over (`alert_resolved`), it is the same (`attached_to_itself`), is a part of it
                already (`attached_already`), or there would be parts of parts (`attached_elsewhere`, `has_parts`).
        """
        child_id, parent_id = (await ledger.find(self._parts, name)).id, (await ledger.find(self._parts, to)).id
        if child_id == parent_id:
            raise Refused("attached_to_itself", f"{child_id} cannot be a part of itself.")
        async with self._parts.store.write() as tx:
            rows = {one: await ledger.locked(tx, one) for one in sorted((child_id, parent_id))}  # never crosswise
            child, parent = rows[child_id], rows[parent_id]
            no = self._why_not(child, parent, await listing.parts_of(tx.conn, child.id))
            if no is not None:
                raise Refused(no.code, no.words)
            left = child.hold.part_of
            moved = await self._hold(tx, child, replace(child.hold, part_of=parent.id))
            for one in (left, parent.id):
                await self._shown_later(tx, one, moved)
            await ledger.note(self._parts, tx, call, moved, "alert.attach", to=parent.id)
        return ledger.told(moved, f"{moved.id} is a part of {parent.id} now: what is done there covers it.")

    async def detach(self, call: Call, name: str) -> Reply:
        """Make a group stand for itself again. Raises: Refused when it is no part (`not_attached`)."""
        child_id = (await ledger.find(self._parts, name)).id
        async with self._parts.store.write() as tx:
            child = await ledger.locked(tx, child_id)
            if not child.hold.part_of:
                raise Refused("not_attached", f"{child.id} is no part of another group.")
            moved = await self._free(tx, child)
            await ledger.note(self._parts, tx, call, moved, "alert.detach", of=child.hold.part_of)
        return ledger.told(moved, f"{moved.id} stands for itself again.")

    async def turned(self, tx: Tx, before: Group, now: Group) -> None:
        """Have the whole show how its part stands, and let what is over take its parts along.

        Parts are called over with the whole by a person, and come back with it; when it ends by itself they are let go.
        """
        if now.hold.part_of and (before.state is not now.state or not before.version):
            await self._shown_later(tx, now.hold.part_of, now)
        if before.over == now.over or not before.version:
            return
        for part in await listing.parts_of(tx.conn, now.id):
            child = await records.locked(tx, part.id)
            if child is None or child.hold.part_of != now.id:
                continue
            if now.over and now.hold.closed_by is None:
                await self._free(tx, child)
            elif now.over and not child.over:
                closed = replace(child.hold, closed_at=now.hold.closed_at, closed_by=now.hold.closed_by)
                await self._hold(tx, child, closed)
            elif not now.over and child.hold.closed_at is not None and child.hold.closed_at == before.hold.closed_at:
                await self._hold(tx, child, replace(child.hold, closed_at=None, closed_by=None))

    async def let_go(self) -> None:
        """Free the parts that are open though the whole is over, such as one that has begun anew since."""
        async with self._parts.store.read() as conn:
            orphans = await listing.orphans(conn)
        for one in orphans:
            async with self._parts.store.write() as tx:
                parent = await records.locked(tx, one.hold.part_of)
                child = await records.locked(tx, one.id)
                if child is not None and child.hold.part_of == one.hold.part_of and (parent is None or parent.over):
                    await self._free(tx, child)

    async def look_again(self, tx: Tx, group_id: str) -> None:
        """Have a group shown anew, because a part of it has changed."""
        group = await records.locked(tx, group_id)
        if group is not None:
            await self._intake.look_again(tx, group)

    def _why_not(self, child: Group, parent: Group, parts: list[Group]) -> No | None:
        over = next((one.id for one in (child, parent) if one.over), "")
        if over:
            return No("alert_resolved", f"{over} is over already.")
        if child.hold.part_of == parent.id:
            return No("attached_already", f"{child.id} is a part of {parent.id} already.")
        if parent.hold.part_of:
            whole = parent.hold.part_of
            return No("attached_elsewhere", f"{parent.id} is itself a part of {whole}: attach to {whole}.")
        if parts:
            names = ", ".join(one.id for one in parts[:5])
            return No("has_parts", f"{child.id} has parts of its own ({names}): detach them first.")
        return None

    async def _free(self, tx: Tx, child: Group) -> Group:
        whole = child.hold.part_of
        moved = await self._hold(tx, child, replace(child.hold, part_of=""))
        await self._shown_later(tx, whole, moved)
        return moved

    async def _hold(self, tx: Tx, group: Group, hold: Hold) -> Group:
        known = await records.alerts_of(tx.conn, group.id)
        return await self._intake.turn(tx, group, held(group, known, hold, self._parts.clock.now()))

    async def _shown_later(self, tx: Tx, whole: str, part: Group) -> None:
        """Ask for the whole's message anew; its row is not locked here, since ours is locked already."""
        if whole:
            await want(tx, f"{whole}/look/{part.id}/{part.version}", LOOK, whole)
