"""A watchdog is an alert that always fires: its absence is an alert of ours, and its return the end of that."""

import asyncio
from typing import Any

import pytest
import yaml

from bot.alerts.rules import State
from bot.settings import SettingsError, load
from tests.alerts.rig import up
from tests.deployments.rig import MIA

DOG = [{"name": "prod"}]
WATCHDOG: dict[str, Any] = {"alertname": "Watchdog", "severity": "none"}


async def test_it_is_no_alert_while_it_comes_and_one_when_it_is_missing(tmp_path):
    async with up(tmp_path, watchdogs=DOG, routes=[{"matchers": ['watchdog="prod"'], "channel": "ops"}]) as rig:
        dog = rig.alert("w", **WATCHDOG)
        rig.source.alerts = [dog]
        for _ in range(3):
            assert await rig.post(rig.body(dog)) == 204
            await rig.alerts.poller.look()
            await rig.alerts.watchdogs.look()
            await rig.move_on(minutes=1)
        assert await rig.groups() == []
        await rig.move_on(minutes=2)
        await rig.alerts.poller.look()  # Alertmanager still knows it, but its notifications do not come any more
        await rig.alerts.watchdogs.look()
        await rig.stands(State.FIRING)
        await rig.reads("A-1 · WatchdogMissing · critical", "not been heard of since", "monitoring itself is silent")
        assert await rig.cards() == [("A-1", "C0OPS")]
        await rig.alerts.watchdogs.look()
        await rig.move_on(seconds=5)
        await rig.run(MIA, "acknowledge A-1")
        assert await rig.post(rig.body(dog)) == 204, "the very same notification is news"
        await rig.stands(State.RESOLVED)
        await rig.move_on(minutes=20)
        await rig.alerts.watchdogs.look()
        await rig.stands(State.FIRING, "A-2")
        assert await rig.cards() == [("A-1", "C0OPS"), ("A-2", "C0OPS")]


async def test_what_comes_with_it_is_taken_in(tmp_path):
    async with up(tmp_path, watchdogs=DOG) as rig:
        await rig.notify(rig.alert("a"), rig.alert("w", **WATCHDOG))
        await rig.stands(State.FIRING)
        await rig.reads("1 alert firing", "HighErrorRate")
        await rig.move_on(minutes=1)
        await rig.alerts.watchdogs.look()
        assert len(await rig.groups()) == 1


async def test_a_restart_gives_it_its_time_and_one_never_heard_of_is_missing_too(tmp_path):
    async with up(tmp_path, watchdogs=DOG) as rig:
        await rig.alerts.watchdogs.look()
        await rig.move_on(hours=1)
        rig.alerts.watchdogs._since = None  # as in a new process: what came while we were away, nobody heard
        await rig.alerts.watchdogs.look()
        assert await rig.groups() == []
        await rig.move_on(minutes=3)
        await rig.alerts.watchdogs.look()
        await rig.stands(State.FIRING)


async def test_its_end_is_no_sign_of_life(tmp_path):
    async with up(tmp_path, watchdogs=DOG) as rig:
        await rig.alerts.watchdogs.look()
        await rig.move_on(minutes=4)
        assert await rig.post(rig.body(rig.alert("w", firing=False, **WATCHDOG))) == 204
        await rig.alerts.watchdogs.look()
        await rig.stands(State.FIRING)


async def test_one_that_is_configured_no_more_is_waited_for_no_more(tmp_path):
    async with up(tmp_path, watchdogs=DOG) as rig:
        await rig.alerts.watchdogs.look()
        await rig.move_on(minutes=4)
        await rig.alerts.watchdogs.look()
        await rig.stands(State.FIRING)
        without = rig.settings.alerts.model_copy(update={"watchdogs": ()})
        rig.settings = rig.settings.model_copy(update={"alerts": without})
        await rig.alerts.watchdogs.look()
        await rig.stands(State.RESOLVED)


async def test_two_replicas_that_miss_it_at_once_tell_of_it_once(tmp_path, database_url):
    async with up(tmp_path, url=database_url, watchdogs=DOG) as rig:
        await rig.alerts.watchdogs.look()
        await rig.move_on(minutes=4)
        await asyncio.gather(*(rig.alerts.watchdogs.look() for _ in range(4)))
        await rig.stands(State.FIRING)
        await rig.settled()
        assert len(await rig.cards()) == 1


@pytest.mark.parametrize(
    ("watchdogs", "said"),
    [
        ([{"name": "prod"}, {"name": "prod"}], "two watchdogs are called prod"),
        ([{"name": "prod", "missing_after": "1s"}], "2s at least"),
        ([{"name": "prod", "matchers": ["alertname"]}], "alertname"),
    ],
)
def test_mistakes_are_told(tmp_path, watchdogs, said):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump({"alerts": {"watchdogs": watchdogs}}))
    with pytest.raises(SettingsError, match=said):
        load(path, {})
