"""Maintenance windows of the configuration: what fires in one is silent, and comes back when it ends."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import yaml

from bot.alerts.rules import State
from bot.settings import load
from bot.settings.mistakes import SettingsError
from tests.alerts.rig import SETTINGS, Rig, up
from tests.deployments.rig import CONFIG, Clock

HOUR = timedelta(hours=1)


def window(**about: Any) -> dict[str, Any]:
    """Return a window that began an hour ago and ends in an hour."""
    now = Clock().now()
    dates = {"from": (now - HOUR).isoformat(timespec="seconds"), "to": (now + HOUR).isoformat(timespec="seconds")}
    return {"reason": "database is moved", **dates, **about}


async def test_what_fires_in_it_is_silent_and_comes_back_at_its_end_while_it_fires(tmp_path):
    async with up(tmp_path, maintenance=[window(services=["checkout"], environments=["production"])]) as rig:
        await rig.alerts.poller.look()
        await rig.notify(rig.alert("a"))
        await rig.stands(State.SILENCED)
        await rig.reads("*silenced*", "Maintenance until", "database is moved")
        await rig.move_on(hours=2)
        await rig.alerts.poller.look()
        await rig.stands(State.FIRING)
        assert any("is silent no more and fires" in said for said in await rig.thread())


async def test_what_fired_before_it_is_silent_within_it(tmp_path):
    late = window(matchers=['pod=~"a|b"'])
    late = {**late, "from": (Clock().now() + HOUR / 2).isoformat(timespec="seconds")}
    async with up(tmp_path, engine=False, maintenance=[late]) as rig:
        await rig.notify(rig.alert("a"), rig.alert("b"))
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.FIRING
        await rig.move_on(minutes=45)
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.SILENCED
        rig.source.alerts = []
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.RESOLVED, "an end is an end, also in a window"


async def test_a_group_of_which_one_alert_is_outside_is_not_silent(tmp_path):
    async with up(tmp_path, engine=False, maintenance=[window(matchers=['pod="a"'])]) as rig:
        await rig.notify(rig.alert("a"))
        assert (await rig.group()).state is State.SILENCED
        await rig.notify(rig.alert("a"), rig.alert("b"))
        assert (await rig.group()).state is State.FIRING


async def test_it_does_not_turn_on_who_listens_as_if_it_fired(tmp_path):
    async with up(tmp_path, engine=False, maintenance=[window(services=["checkout"])]) as rig:
        told: list[State] = []

        async def listen(_tx: object, _before: object, now: Any) -> None:
            told.append(now.state)

        rig.alerts.intake.on_turned.append(listen)
        await rig.notify(rig.alert("a"))
        await rig.move_on(hours=2)
        await rig.alerts.poller.look()
        assert told == [State.SILENCED, State.FIRING]


async def test_many_groups_in_it_are_no_flood(tmp_path):
    async with up(tmp_path, engine=False, storm={"rate": 5}, maintenance=[window(services=["checkout"])]) as rig:
        for number in range(12):
            alert = rig.alert("x", alertname=f"Rule{number}", severity="warning")
            rig.source.alerts.append(alert)
            assert await rig.post(rig.body(alert)) == 204
        assert [one.inside for one in await rig.groups()] == [""] * 5 + ["ST-1"] * 7
        await rig.move_on(hours=2)
        await rig.alerts.poller.look()
        found = await rig.groups()
        assert {one.state for one in found} == {State.FIRING}
        assert {one.inside for one in found} == {"ST-1"}, "those not posted yet, too"


async def test_a_window_by_the_clock_on_the_wall_has_its_time_zone(rig: Rig):
    daily = {"reason": "backup", "matchers": ['pod="a"'], "every": "0 2 * * *", "for": "1h", "timezone": "Asia/Tokyo"}
    (read,) = settings(rig, [daily]).alerts.maintenance
    assert (read.every, read.length, read.timezone) == ("0 2 * * *", HOUR, "Asia/Tokyo")


def settings(rig: Rig, maintenance: list[Mapping[str, Any]]) -> Any:
    """Read a configuration with these windows."""
    path = rig.folder / "other.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "alerts": {**SETTINGS, "maintenance": maintenance}}))
    return load(path, {})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"reason": "x", "from": "2026-01-01"}, "it says not what it is about"),
        ({"reason": "x", "services": ["chekout"], "from": "2026-01-01"}, "chekout is no service"),
        ({"reason": "x", "services": ["checkout"]}, "it says not when"),
        ({"reason": "x", "services": ["checkout"], "every": "0 2 * * *"}, "every needs for"),
        ({"reason": "x", "matchers": ["pod"], "from": "2026-01-01"}, "alerts.maintenance[0].matchers"),
    ],
    ids=["about-nothing", "unknown-service", "never", "no-length", "no-matcher"],
)
async def test_mistakes_are_told_with_their_place(rig: Rig, wrong, says):
    with pytest.raises(SettingsError) as error:
        settings(rig, [wrong])
    assert says in str(error.value)
    assert "alerts.maintenance" in str(error.value)
