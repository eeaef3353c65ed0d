"""One reminder on a schedule. The only file of this package that meets the durability engine."""

from bot.engine import step, transact, workflow
from bot.identity import Channel
from bot.reply import Reply
from bot.reviews.reminders import REMIND, Reminders

_bound: list[Reminders] = []


def bind(reminders: Reminders) -> None:
    """Give the workflow what it works on; called by the composition root before the engine is launched."""
    _bound[:] = [reminders]


@workflow(REMIND)
async def remind(service: str, due: str) -> None:
    """Plan the next reminder, then say this one."""
    reminders = _bound[-1]
    await step("review.next_reminder", reminders.plan, service)  # first: one that fails must not be the last
    reply: Reply | None = await step("review.look", reminders.look, service, due)
    channel: Channel | None = await step("review.channel", reminders.where, service)
    if reply is not None and channel is not None:
        await transact("review.remind", reminders.say, service, due, channel, reply)
