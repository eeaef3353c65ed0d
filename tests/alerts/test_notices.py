"""Notifications that come faster than they can be taken in: kept first, taken in afterwards, none lost or twice."""

import asyncio
import json

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from bot.alerts.notices import Notices, _dump, _load, notices
from bot.alerts.rules import State
from integrations.alertmanager import wire
from integrations.capabilities.alerts import AlertGroup
from tests.alerts.rig import Rig, up


@pytest.fixture(autouse=True)
def crowd(monkeypatch):
    """Let each be many."""
    monkeypatch.setattr("bot.crowd.CROWD", 1)


async def test_in_a_crowd_they_are_kept_and_taken_in_afterwards(tmp_path, database_url):
    async with up(tmp_path, crowded=True, url=database_url, engine=False, storm={"rate": 0}) as rig:
        alerts = [rig.alert("x", alertname=f"Rule{number}") for number in range(20)]
        assert set(await asyncio.gather(*(rig.post(rig.body(one)) for one in alerts))) == {204}
        assert set(await asyncio.gather(*(rig.post(rig.body(one)) for one in alerts))) == {204}, "sent again"
        assert await rig.groups() == []
        assert await rig.alerts.notices.waiting() == 40, "the same again is news: it still fires"
        other = Notices(rig.alert_parts(), rig.alerts.intake)
        await asyncio.gather(rig.alerts.notices.drain(), other.drain())
        assert await rig.alerts.notices.waiting() == 0
        found = await rig.groups()
        assert len(found) == len({one.key for one in found}) == 20


async def test_what_was_kept_is_taken_in_after_a_restart(tmp_path):
    async with up(tmp_path, crowded=True) as rig:
        assert await rig.post(rig.body(rig.alert("a"))) == 204
        later = Notices(rig.alert_parts(), rig.alerts.intake)
        later.start()
        try:
            await rig.stands(State.FIRING)
        finally:
            await later.stop()


async def test_one_that_cannot_be_taken_in_does_not_hold_up_the_others(tmp_path):
    async with up(tmp_path, crowded=True, engine=False) as rig:
        for name in ("One", "Two", "Three"):
            assert await rig.post(rig.body(rig.alert("x", alertname=name))) == 204
        async with rig.store.write() as tx:
            broken = sa.update(notices).where(notices.c.id == 2).values(told={"labels": {}})
            await tx.conn.execute(broken)
        await rig.alerts.notices.drain()
        assert [one.name for one in await rig.groups()] == ["One", "Three"]
        async with rig.store.read() as conn:
            (left,) = (await conn.execute(sa.select(notices))).all()
        assert "alerts" in left.problem, "it is kept, and says why"


async def test_an_end_that_overtook_its_beginning_is_no_alarm(tmp_path, monkeypatch):
    async with up(tmp_path, crowded=True, engine=False) as rig:
        a = rig.alert("a")
        assert await rig.post(rig.body(a)) == 204
        monkeypatch.setattr("bot.crowd.CROWD", 9)
        assert await rig.post(rig.body(replace(a, firing=False, ends_at=rig.clock.now()))) == 204
        await rig.alerts.notices.drain()
        (group,) = await rig.groups()
        assert group.state is State.RESOLVED


async def test_what_is_kept_is_what_was_told(rig: Rig):
    a = rig.alert("<!here> \N{GRINNING FACE}")
    body = rig.body(a, replace(a, fingerprint="b", firing=False, ends_at=rig.clock.now()), truncatedAlerts=3)
    (event,) = wire.parse("am", {}, json.dumps(body).encode())
    group = event.data["group"]
    assert isinstance(group, AlertGroup)
    assert _load(_dump(group)) == group
