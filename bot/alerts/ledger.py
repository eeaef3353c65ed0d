"""Groups by what people call them, and the audit entries of what people do about them."""

from msgspec.structs import replace

from bot.alerts import messages, records
from bot.alerts.parts import Parts
from bot.alerts.records import Group
from bot.command import Call, Resource
from bot.errors import BadInput
from bot.reply import Reply, text
from bot.store import Tx


async def find(parts: Parts, name: str) -> Group:
    """Return a group by its id. Raises: BadInput when there is none."""
    async with parts.store.read() as conn:
        found = await records.find(conn, name.strip().upper())
    if found is None:
        raise BadInput("unknown_alert", f'There is no alert group "{name.strip()}". /alerts lists those that fire.')
    return found


async def locked(tx: Tx, group_id: str) -> Group:
    """Return a group, its row locked until the transaction ends. Raises: BadInput when it is forgotten."""
    group = await records.locked(tx, group_id)
    if group is None:
        raise BadInput("unknown_alert", f"{group_id} is forgotten.")
    return group


async def note(parts: Parts, tx: Tx, call: Call, group: Group, action: str, **data: str) -> None:
    """Record what somebody did about a group."""
    await parts.audit.record(
        tx,
        actor=call.person,
        action=action,
        outcome="succeeded",
        resource=Resource(group.service, group.environment),
        request_id=call.request_id,
        subject=group.id,
        data={"alert": messages.title(group), "state": group.state.value, **data},
    )


def told(group: Group, words: str) -> Reply:
    """Return the answer to who did something that the group's own message shows."""
    return replace(text(words), subject=group.id, shown_in=group.channel)
