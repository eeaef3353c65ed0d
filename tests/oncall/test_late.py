"""What is told when Shipmate was away, and what is not late because somebody changed it by hand."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store import starts
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE, Clock
from tests.oncall.rig import PRIMARY, Rig, at, up

NOON = {**PRIMARY, "layers": [{"people": ["raj"], "from": "2026-01-05", "handover": "12:00"}]}
HOURS = {**PRIMARY["layers"][0], "only": [{"from": "09:00", "to": "18:00"}]}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path) as made:
        await made.on_call(MIA)
        yield made


async def stopped(folder: Path, **more: Any) -> Clock:
    """Run until the first is on call, and end; return the clock."""
    async with up(folder, **more) as first:
        await first.on_call(MIA)
        return first.clock


async def test_a_reload_is_not_late_whatever_its_shifts_are(rig: Rig):
    await rig.set_clock(at("2026-01-05 15:00"))
    rig.configure(primary=NOON)
    await rig.oncall.changes.begin()
    told = await rig.on_call(RAJ)
    (post,) = await rig.posts()
    assert told.since is not None
    assert told.since >= at("2026-01-05 15:00"), "raj's shift began at noon, but nobody knew"
    assert "late" not in post
    assert "not told" not in post


async def test_a_change_taken_back_in_another_shift_is_not_late(rig: Rig):
    await rig.run(ZOE, "oncall take primary --for 2d")
    await rig.on_call(ZOE)
    await rig.set_clock(at("2026-01-06 15:00"))
    await rig.run(TOM, "oncall cancel O-1")
    told = await rig.on_call(TOM)
    assert told.since is not None
    assert told.since >= at("2026-01-06 15:00")
    assert "late" not in (await rig.posts())[-1]


async def test_one_missed_change_is_named(tmp_path: Path):
    clock = await stopped(tmp_path)
    clock.ahead += timedelta(days=2)
    async with up(tmp_path, clock=clock) as again:
        assert (await again.on_call(ANA)).since == at("2026-01-07 09:00")
        (post,) = await again.posts()
        assert "told late" in post
        assert "Before: @mia" in post
        assert "1 change before it was not told: @tom from" in post
        assert await again.directs(TOM) == []


async def test_of_many_missed_changes_the_last_are_named(tmp_path: Path):
    schedules = {"primary": {**PRIMARY, "layers": [HOURS]}}
    clock = await stopped(tmp_path, schedules=schedules)
    clock.ahead += timedelta(days=4, hours=1)
    async with up(tmp_path, clock=clock, schedules=schedules) as again:
        assert (await again.on_call(TOM)).since == at("2026-01-09 09:00")
        (post,) = await again.posts()
        assert "7 changes before it were not told: …, nobody from" in post
        assert "@mia from" in post


async def test_missed_changes_that_end_with_a_gap(tmp_path: Path):
    schedules = {"primary": {**PRIMARY, "layers": [HOURS]}}
    clock = await stopped(tmp_path, schedules=schedules)
    clock.ahead += timedelta(days=1, hours=8)
    async with up(tmp_path, clock=clock, schedules=schedules) as again:
        assert (await again.on_call()).since == at("2026-01-06 18:00")
        (post,) = await again.posts()
        assert "nobody is on call" in post
        assert "2 changes before it were not told: nobody from" in post


async def test_a_wake_up_that_came_too_early_is_not_the_last(tmp_path: Path):
    """The clock may be put back in between, or be another replica's: it looks before the shift changes."""
    async with up(tmp_path, engine=False) as rig:
        changes, nine = rig.oncall.changes, at("2026-01-06 09:00")

        async def looks() -> None:
            look = await changes.look("primary")
            async with rig.store.write() as tx:
                await changes.tell(tx, "primary", look)

        await looks()
        (wanted,) = await starts.due(rig.store, nine)
        await starts.enter(rig.store, wanted.workflow_id, _none)
        assert await starts.due(rig.store, nine) == []
        rig.clock.ahead += nine - timedelta(seconds=30) - rig.clock.now()
        for _ in range(2):
            await looks()
        assert {one.not_before for one in await starts.due(rig.store, nine)} == {nine}
        rig.clock.ahead += timedelta(minutes=1)
        await looks()
        assert (await rig.standing()).people == (TOM,)
        rig.clock.ahead -= timedelta(minutes=1)
        await looks()
        assert (await rig.standing()).people == (TOM,), "a clock that is behind does not undo it"
        assert len(await rig.posts()) == 1


async def _none() -> int:
    return 0
