"""Silences that end when what they are for has recovered, and that are given another end."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.alerts import silence_records
from bot.alerts.rules import State
from bot.audit import Search
from tests.alerts.rig import Rig, read
from tests.deployments.rig import MIA, TOM, buttons

HOUR = timedelta(hours=1)


@pytest.fixture
async def silent(rig: Rig) -> Rig:
    await rig.notify(rig.alert("a"))
    await rig.stands(State.FIRING)
    await rig.run(MIA, "silence A-1 --until-recovery --for 2h")
    await rig.stands(State.SILENCED)
    return rig


async def stands(rig: Rig, state: silence_records.State) -> None:
    async def there() -> bool:
        async with rig.store.read() as conn:
            found = await silence_records.find(conn, "S-1")
        return found is not None and found.state is state

    async def why() -> str:
        return str(await rig.groups())

    await rig.until(there, why)


async def test_it_ends_by_itself_when_its_group_has_recovered(silent: Rig):
    card = await silent.reads("silenced by @mia until it recovers, ")
    assert [*buttons(card)][:3] == ["Acknowledge", "End the silence", "1 h longer"]
    (made,) = silent.source.kept.values()
    assert abs(made.ends_at - made.starts_at - 2 * HOUR) < timedelta(minutes=1), "its own end is the latest"
    await silent.alerts.poller.look()
    assert next(iter(silent.source.kept.values())).state != "expired", "it fires still"
    silent.source.alerts = []
    await silent.alerts.poller.look()
    await silent.alerts.poller.look()
    await stands(silent, silence_records.State.ENDED)
    assert next(iter(silent.source.kept.values())).state == "expired"
    ended = [one async for one in silent.audit.stream(Search()) if one.action == "alert.unsilence"]
    assert [one.subject for one in ended] == ["A-1"]


async def test_what_a_person_called_over_has_not_recovered(silent: Rig):
    await silent.run(MIA, "resolve A-1")
    await silent.stands(State.RESOLVED)
    await silent.alerts.poller.look()
    await stands(silent, silence_records.State.ACTIVE)


async def test_one_without_that_wish_stays_until_its_end(rig: Rig):
    await rig.notify(rig.alert("a"))
    await rig.run(MIA, "silence A-1 --for 2h")
    await rig.stands(State.SILENCED)
    rig.source.alerts = []
    await rig.alerts.poller.look()
    await rig.stands(State.RESOLVED)
    await rig.alerts.poller.look()
    await stands(rig, silence_records.State.ACTIVE)


async def test_without_an_end_it_waits_for_a_day(rig: Rig):
    await rig.notify(rig.alert("a"))
    shown = buttons(await rig.run(MIA, "silence A-1"))
    await rig.run(MIA, command="silence", **dict(shown["Until it recovers, 24 h at most"].args))
    await rig.stands(State.SILENCED)
    (made,) = rig.source.kept.values()
    assert abs(made.ends_at - made.starts_at - 24 * HOUR) < timedelta(minutes=1)


async def test_it_is_extended_by_a_length_or_to_a_moment(silent: Rig):
    before = next(iter(silent.source.kept.values())).ends_at
    await silent.run(TOM, "extend S-1 --for 4h")

    async def moved() -> bool:
        async with silent.store.read() as conn:
            row = await silence_records.find(conn, "S-1")
        there = next(iter(silent.source.kept.values())).ends_at
        return row is not None and abs(there - before - 4 * HOUR) < timedelta(seconds=2) and there == row.ends_at

    async def why() -> str:
        return str(silent.source.kept)

    await silent.until(moved, why)
    assert (await silent.refused(TOM, "extend S-1 --until 2020-01-01")).code == "bad_end"
    soon = silent.clock.now() + 3 * HOUR
    assert (await silent.refused(TOM, f"extend S-1 --until {soon:%Y-%m-%dT%H:%MZ}")).code == "bad_end", "an earlier end"
    assert (await silent.refused(TOM, "extend S-1")).code == "bad_end"
    listed = await silent.run(MIA, "silences")
    assert [*buttons(listed)] == ["1 h longer", "4 h longer", "Another end…", "End the silence"]
    assert "until it recovers" in read(listed)


async def test_a_silence_of_other_labels_is_shown_before_it_is_made(silent: Rig):
    silent.source.alerts.append(replace(silent.source.alerts[0], fingerprint="z", labels={"pod": "z"}))
    shown = await silent.run(MIA, "silence A-1 --matchers 'pod=\"z\"'")
    assert "is about 1 alert firing now" in read(shown)
    assert buttons(shown)["1 h"].args["matchers"] == 'pod="z"'
