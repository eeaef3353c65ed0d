"""A group whose channel is shut to us: it is told of elsewhere, once, and nothing is tried for ever."""

import sqlalchemy as sa

from bot.alerts.rules import State
from bot.slack.records import State as Sending, outbox
from tests.alerts.rig import read, up


async def shut(rig, ident):
    """Have Slack refuse the message of a group, as for a channel that is archived."""
    async with rig.store.write() as tx:
        mine = outbox.c.key.like(f"%/{ident}")
        refused = {"state": Sending.PARKED.value, "reason": "is_archived (chat.postMessage)"}
        assert (await tx.conn.execute(sa.update(outbox).where(mine).values(refused))).rowcount


async def test_it_is_told_of_in_the_channel_of_all_others_once(tmp_path):
    async with up(tmp_path) as rig:
        await rig.notify(rig.alert("a", team="infra"))
        await rig.stands(State.FIRING)
        assert await rig.cards() == [("A-1", "C0OPS")]
        await shut(rig, "A-1")
        for _ in range(3):
            await rig.alerts.poller.look()
        said = [message for _, message in await rig.said("post") if "its own channel" in read(message)]
        assert len(said) == 1
        assert "is_archived" in read(said[0])
        assert "Acknowledge" in read(said[0])
        async with rig.store.read() as conn:
            (row,) = (await conn.execute(outbox.select().where(outbox.c.key.like("%/stranded")))).all()
        assert row.channel.channel == "C0ALERTS"


async def test_where_no_other_channel_is_the_log_says_so_and_it_goes_on(tmp_path):
    async with up(tmp_path) as rig:
        await rig.notify(rig.alert("a"))
        await rig.stands(State.FIRING)
        await shut(rig, "A-1")
        await rig.alerts.poller.look()
        assert not [message for _, message in await rig.said("post") if "its own channel" in read(message)]
        assert (await rig.group()).state is State.FIRING
