"""In a storm paging goes on although most groups have no message; one person gets one page, not a thousand."""

from bot.alerts import records, storm_records
from tests.paging.rig import PAGING, read, up

ZOE = {**PAGING, "chains": {"primary": [{"notify": {"person": "zoe"}}]}}


async def test_a_storm_is_one_page_and_nobody_came_is_one_message(tmp_path):
    async with up(tmp_path, paging=ZOE) as rig:
        for number in range(40):
            await rig.fires(rig.alert("a", alertname=f"Alert{number}", severity="critical"))
        inside = [f"A-{number}" for number in range(21, 41)]
        async with rig.store.write() as tx:
            storm = await storm_records.begin(tx, "alerts", rig.clock.now())
            found = await storm_records.find(tx.conn, storm)
            assert found is not None
            channel = await rig._named("alerts")
            await tx.conn.execute(storm_records.storms.update().values(channel=channel))
            gathered = records.groups.c.id.in_(inside)
            await tx.conn.execute(records.groups.update().where(gathered).values(inside=storm))
        await rig.look()
        [page] = rig.phones.taken
        assert page.page.title.startswith("40 alerts: A-1")
        assert "and 30 more" in page.page.title
        await rig.look(minutes=5)
        said = [read(message) for _, message in await rig.said("post") if "NOBODY CAME" in read(message)]
        assert len(said) == 1, "the others are said in their own threads, by what shows them"
        assert "and 10 more: /alerts --storm ST-1" in said[0]
