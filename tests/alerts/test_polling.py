"""Asking the sources: only what changed is written, one replica asks, and what is told meanwhile is not undone."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from bot.alerts.polled import ALWAYS, Polled
from bot.alerts.poller import Poller
from bot.alerts.rules import State
from integrations.capabilities.alerts import AlertGroup
from integrations.errors import Unavailable
from tests.alerts.rig import Rig, up
from tests.fakes.alerts import FakeAlerts


class Counted(FakeAlerts):
    """Counts how often it is asked."""

    asked = 0

    async def alert_groups(self) -> Sequence[AlertGroup]:
        self.asked += 1
        return await super().alert_groups()


def fire(rig: Rig, number: int) -> None:
    rig.source.alerts = [rig.alert("x", alertname=f"Rule{one}", severity="warning") for one in range(number)]


async def looked_at(rig: Rig) -> int:
    """Ask the source, and return how many groups had to be looked at."""
    told = list(await rig.source.alert_groups())
    return await Polled(rig.store, rig.alerts.intake).take_in("am", told, rig.clock.now(), ALWAYS)


async def test_what_is_as_it_was_costs_nothing(tmp_path):
    async with up(tmp_path, engine=False, storm={"rate": 0}) as rig:
        fire(rig, 50)
        assert await looked_at(rig) == 50
        before = await rig.groups()
        assert await looked_at(rig) == 0
        assert await rig.groups() == before
        rig.source.alerts = rig.source.alerts[1:]
        rig.source.alerts[0] = replace(rig.source.alerts[0], annotations={"summary": "worse"})
        assert await looked_at(rig) == 2
        states = [one.state for one in await rig.groups()]
        assert states == [State.RESOLVED] + [State.FIRING] * 49
        assert await looked_at(rig) == 0


async def test_what_was_notified_since_is_looked_at_again(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        fire(rig, 2)
        await looked_at(rig)
        over = replace(rig.source.alerts[0], firing=False, ends_at=rig.clock.now())
        assert await rig.post(rig.body(over)) == 204
        assert (await rig.group()).state is State.RESOLVED
        rig.source.alerts = rig.source.alerts[1:]
        assert await looked_at(rig) == 0, "it is over, and the source says so too"
        rig.source.alerts = [rig.alert("x", alertname="Rule0"), *rig.source.alerts]
        assert await looked_at(rig) == 1


async def test_a_group_that_is_muted_from_the_start_is_not_written_each_time(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        fire(rig, 3)
        rig.source.alerts = [replace(one, inhibited=True) for one in rig.source.alerts]
        assert await looked_at(rig) == 0
        assert await rig.groups() == []
        rig.source.alerts = [replace(one, inhibited=False) for one in rig.source.alerts]
        assert await looked_at(rig) == 3


async def test_a_source_that_comes_back_has_all_its_groups_looked_at(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        fire(rig, 3)
        await rig.alerts.poller.look()
        rig.source.failure = Unavailable("am", "does not answer")
        await rig.move_on(minutes=6)
        await rig.alerts.poller.look()
        assert {one.state for one in await rig.groups()} == {State.UNKNOWN}
        rig.source.failure = None
        await rig.alerts.poller.look()
        assert {one.state for one in await rig.groups()} == {State.FIRING}


async def test_answers_and_notifications_at_once_end_in_the_same_rows(tmp_path, database_url):
    async with up(tmp_path, url=database_url, engine=False, storm={"rate": 4}) as rig:
        fire(rig, 30)
        posted = [rig.post(rig.body(one)) for one in rig.source.alerts]
        asked = [rig.alerts.poller.ask("am") for _ in range(3)]
        assert set(await asyncio.gather(*posted, *asked)) == {204, None}
        found = await rig.groups()
        assert len(found) == len({one.key for one in found}) == 30
        assert {one.state for one in found} == {State.FIRING}
        assert len([one for one in found if one.inside]) <= 26
        assert {one.inside for one in found} == {"", "ST-1"}


async def test_of_two_replicas_one_asks_and_the_other_follows_when_it_is_gone(tmp_path, postgres_url):
    async with up(tmp_path, url=postgres_url, engine=False) as rig:
        source = Counted("am")
        rig.toolbox = type(rig.toolbox)()
        rig.toolbox.add(source)
        parts = rig.alert_parts()
        one, two = (Poller(parts, rig.alerts.intake, rig.alerts.silences) for _ in range(2))
        await one.look()
        await two.look()
        assert source.asked == 1
        await one.look()
        assert source.asked == 2
        await rig.move_on(minutes=2)
        await two.look()
        assert source.asked == 3, "the first has left out its turns"
        source.failure = Unavailable("am", "does not answer")
        await two.look()
        await one.look()
        assert source.asked == 5, "perhaps the other reaches it"
        source.failure = None
        await one.look()
        await one.stop()
        await two.look()
        assert source.asked == 7, "the first has stopped"
        assert timedelta() < rig.settings.alerts.poll
