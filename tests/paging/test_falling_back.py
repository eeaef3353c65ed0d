"""Paging begins anew when nobody is on it any more, and is quiet for what is a part of another."""

from datetime import timedelta

from bot.alerts.rules import State
from bot.identity import Person
from tests.paging.rig import MIA, TOM, Rig, up


async def look(rig: Rig, number: int, **later: float) -> None:
    """Do what is due about who acknowledged, so much later."""
    rig.clock.ahead += timedelta(**later)
    async with rig.store.write() as tx:
        await rig.alerts.acting.keeping.attend(tx, "A-1", number)


async def test_who_does_not_say_that_they_are_still_on_it_is_followed_by_a_new_beginning(tmp_path):
    async with up(tmp_path) as rig:
        await rig.fires(rig.alert("a"))
        await rig.run(TOM, "acknowledge A-1")
        await look(rig, 1, minutes=61)
        assert not (await rig.latest()).running, "who is asked is still on it"
        await look(rig, 2, minutes=31)
        assert (await rig.group_row()).state is State.FIRING
        run = await rig.latest()
        assert (run.number, run.running) == (2, True)
        await rig.run(MIA, command="still-on-it", alert="A-1")
        assert not (await rig.latest()).running


async def test_a_part_pages_nobody_until_it_stands_for_itself_again(tmp_path):
    async with up(tmp_path) as rig:
        await rig.fires(rig.alert("a"))
        await rig.fires(rig.alert("q", alertname="QueueFull"))
        await rig.run(MIA, "attach A-2 to A-1")
        assert not (await rig.latest("A-2")).running
        assert (await rig.latest("A-1")).running
        await rig.run(MIA, "detach A-2")
        assert (await rig.latest("A-2")).running


async def test_a_service_account_stops_nothing(tmp_path):
    async with up(tmp_path) as rig:
        await rig.fires(rig.alert("a"))
        for words in ("acknowledge A-1", "resolve A-1"):
            assert (await rig.refused(Person("account", "ci"), words)).code == "people_only"
        assert (await rig.latest()).running
