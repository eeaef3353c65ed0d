"""People take over, hand over, put others on call and take it back; and what is told when somebody else is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.oncall import records
from tests.deployments.rig import ANA, MIA, RAJ, TOM, ZOE
from tests.oncall.rig import PRIMARY, Rig, at, read, up


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path) as made:
        await made.on_call(MIA)
        yield made


async def shift(rig: Rig) -> tuple[Any, ...]:
    found = await rig.oncall.now("primary")
    assert found is not None
    return found.people, found.starts_at, found.ends_at, found.why


async def test_knows_who_is_on_call_now_and_next(rig: Rig):
    assert await shift(rig) == ((MIA,), at("2026-01-05 09:00"), at("2026-01-06 09:00"), "layer")
    after = await rig.oncall.next("primary")
    assert after is not None
    assert (after.people, after.starts_at) == ((TOM,), at("2026-01-06 09:00"))
    assert rig.oncall.schedule_of("checkout") == "primary"
    assert rig.oncall.schedule_of("nothing") == ""
    assert await rig.oncall.now("nothing") is None
    assert (await rig.oncall.now("primary", at("2026-01-07 10:00"))).people == (ANA,)  # type: ignore[union-attr]


async def test_a_shift_change_is_told_to_the_channel_and_to_both(rig: Rig):
    assert await rig.posts() == []
    await rig.set_clock(at("2026-01-06 09:00"))
    told = await rig.on_call(TOM)
    assert told.since == at("2026-01-06 09:00")
    (post,) = await rig.posts()
    assert "<@U0TOM> on call until" in post
    assert "Before: @mia" in post
    assert "late" not in post
    assert len(await rig.directs(TOM)) == len(await rig.directs(MIA)) == 1
    assert await rig.directs(ANA) == []


async def test_each_change_is_told_once(rig: Rig):
    for day, who in (("06", TOM), ("07", ANA), ("08", MIA)):
        await rig.set_clock(at(f"2026-01-{day} 09:00"))
        await rig.on_call(who)
        await rig.oncall.changes.begin()  # what a restart and a reload do
    assert len(await rig.posts()) == 3


async def test_what_is_open_is_told_and_what_cannot_be_read_said(rig: Rig):
    from bot.reply import Note, say  # noqa: PLC0415
    from integrations.errors import Unavailable  # noqa: PLC0415

    async def alerts(services: Any) -> list[Note]:
        return [Note(say("A-7 of {}", ", ".join(services)))]

    async def silences(_services: Any) -> list[Note]:
        raise Unavailable("am", "does not answer")

    rig.oncall.changes.sections += [alerts, silences]
    await rig.set_clock(at("2026-01-06 09:00"))
    await rig.on_call(TOM)
    (post,) = await rig.posts()
    assert "A-7 of checkout" in post
    assert "Not all that is open can be read" in post


async def test_slack_away_at_the_change_does_not_keep_it_from_being_told(rig: Rig):
    rig.slack_is_away = True
    await rig.set_clock(at("2026-01-06 09:00"))
    await rig.on_call(TOM)
    assert len(await rig.posts()) == 1  # a row of the outbox, which waits for Slack


async def test_taking_over_holds_until_the_shift_ends_and_is_told(rig: Rig):
    reply = await rig.run(ZOE, "oncall take primary")
    assert "O-1" in read(reply)
    await rig.on_call(ZOE)
    assert (await shift(rig))[0] == (ZOE,)
    (post,) = await rig.posts()
    assert "<@U0ZOE> on call until" in post
    await rig.set_clock(at("2026-01-06 09:00"))
    await rig.on_call(TOM)
    entry = next(one for one in await rig.audit.recent() if one.action == "oncall.override")
    assert entry.subject == "O-1"


async def test_a_shift_comes_back_after_an_override(rig: Rig):
    await rig.run(ZOE, "oncall take checkout --for 2h")
    await rig.on_call(ZOE)
    await rig.move_on(hours=2)
    told = await rig.on_call(MIA)
    assert told.number == 3
    assert "late" not in (await rig.posts())[-1]


async def test_an_override_taken_back_ends_at_once(rig: Rig):
    await rig.run(ZOE, "oncall take primary --for 2h")
    await rig.on_call(ZOE)
    await rig.run(TOM, "oncall cancel o-1")
    await rig.on_call(MIA)
    assert "late" not in (await rig.posts())[-1]
    assert (await rig.refused(TOM, "oncall cancel O-1")).code == "override_over"
    assert (await rig.refused(TOM, "oncall cancel O-7")).code == "unknown_override"


async def test_handing_over_needs_to_be_on_call_and_keeps_those_beside(tmp_path: Path):
    pair = {**PRIMARY, "layers": [{"people": [["mia", "tom"]], "from": "2026-01-05"}]}
    async with up(tmp_path, schedules={"primary": pair}) as rig:
        await rig.on_call(MIA, TOM)
        assert (await rig.refused(ZOE, "oncall hand primary to @raj")).code == "not_on_call"
        await rig.run(MIA, "oncall hand primary to @raj --until '2026-01-05 18:00'")
        await rig.on_call(RAJ, TOM)
        assert any("put you on call" in one for one in await rig.directs(RAJ))
        assert (await rig.oncall.now("primary")).ends_at == at("2026-01-05 18:00")  # type: ignore[union-attr]


async def test_the_later_made_wins_and_it_is_said(rig: Rig):
    await rig.run(MIA, "oncall override primary @zoe --from '2026-01-07 09:00' --until '2026-01-08 09:00'")
    reply = await rig.run(MIA, "oncall override primary @raj --from '2026-01-07 12:00' --for 2h")
    assert "O-1 made by @mia counts no more" in read(reply)
    for hour, who in (("10:00", ZOE), ("13:00", RAJ), ("15:00", ZOE)):
        assert (await rig.oncall.now("primary", at(f"2026-01-07 {hour}"))).people == (who,)  # type: ignore[union-attr]


async def test_an_override_across_the_changing_of_clocks(tmp_path: Path):
    async with up(tmp_path, now="2026-03-28 12:00") as rig:
        await rig.run(MIA, "oncall override primary @zoe --from '2026-03-29 01:00' --until '2026-03-29 02:30'")
        await rig.run(MIA, "oncall override primary @raj --from '2026-03-29 02:15' --until '2026-03-29 05:00'")
        assert (await rig.oncall.now("primary", at("2026-03-29 01:59"))).people == (ZOE,)  # type: ignore[union-attr]
        found = await rig.oncall.now("primary", at("2026-03-29 03:00"))
        assert found is not None
        assert (found.people, found.starts_at) == ((RAJ,), at("2026-03-29 03:00"))


async def test_nonsense_is_refused(rig: Rig):
    for text, code in (
        ("oncall take nothing", "unknown_schedule"),
        ("oncall take primary --for 2h --until 2026-12-24", "bad_end"),
        ("oncall take primary --until whenever", "bad_end"),
        ("oncall override primary @zoe --from 2025-01-01 --for 1h", "bad_end"),
        ("oncall override primary @nobody --for 1h", "unknown_person"),
        ("oncall take primary --for 400d", "bad_end"),
    ):
        assert (await rig.refused(ZOE, text)).code == code, text
    assert (await rig.refused(MIA, "oncall take primary")).code == "on_call_already"
    rig.deactivated.add(ZOE)
    assert (await rig.refused(MIA, "oncall override primary @zoe --for 1h")).code == "nobody_there"


async def test_the_same_wish_run_again_makes_one_override(rig: Rig):
    await rig.run(ZOE, "oncall take primary --for 2h", request_id="twice")
    await rig.run(ZOE, "oncall take primary --for 2h", request_id="twice")
    async with rig.store.read() as conn:
        assert len(await records.overrides_of(conn, "primary", since=rig.clock.now())) == 1


async def test_a_gap_and_somebody_deactivated_are_loud(tmp_path: Path):
    layers = [
        {
            "people": ["mia", "tom"],
            "from": "2026-01-05",
            "every": "1d",
            "handover": "08:00",
            "only": [{"from": "08:00", "to": "18:00"}],
        }
    ]
    async with up(tmp_path, schedules={"primary": {**PRIMARY, "layers": layers}}) as rig:
        await rig.on_call(MIA)
        await rig.set_clock(at("2026-01-05 18:00"))
        told = await rig.on_call()
        assert told.since == at("2026-01-05 18:00")
        assert "nobody is on call until" in (await rig.posts())[-1]
        rig.deactivated.add(TOM)
        await rig.set_clock(at("2026-01-06 08:00"))
        await rig.on_call(TOM)
        assert "@tom is deactivated in Slack" in (await rig.posts())[-1]
        assert await rig.directs(TOM) == []
        assert "deactivated" in read(await rig.run(MIA, "oncall show"))


async def test_a_change_that_came_while_shipmate_was_away_is_told_late_with_its_time(tmp_path: Path):
    async with up(tmp_path) as first:
        await first.on_call(MIA)
        clock = first.clock
    clock.ahead += timedelta(days=1)
    async with up(tmp_path, clock=clock) as again:
        told = await again.on_call(TOM)
        assert told.since == at("2026-01-06 09:00")
        (post,) = await again.posts()
        assert "told late" in post


async def test_a_reload_that_puts_others_on_call_is_told(rig: Rig):
    rig.configure(primary={**PRIMARY, "layers": [{"people": ["raj"], "from": "2026-01-05"}]})
    await rig.oncall.changes.begin()
    await rig.on_call(RAJ)
    assert "late" not in (await rig.posts())[-1]


async def test_shows_two_weeks_and_ones_own_shifts(rig: Rig):
    await rig.run(ZOE, "oncall take primary --for 2h")
    shown = read(await rig.run(MIA, "oncall show primary"))
    assert "Now: @zoe until" in shown
    assert "@tom (layer)" in shown
    assert "checkout" in shown
    mine = read(await rig.run(MIA, "oncall mine"))
    assert mine.count("primary") == 10  # the rest of today, and every third day of four weeks
    assert "You are not on call" in read(await rig.run(RAJ, "oncall mine"))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_of_many_who_take_over_at_once_the_last_is_on_call(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
):
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    async with up(tmp_path, url=url) as rig:
        await rig.on_call(MIA)
        people = (TOM, ANA, RAJ, ZOE)
        await asyncio.gather(*(rig.run(who, "oncall take primary --for 2h") for who in people))
        async with rig.store.read() as conn:
            made = await records.overrides_of(conn, "primary", since=rig.clock.now())
        assert [one.id for one in made] == ["O-1", "O-2", "O-3", "O-4"]
        await rig.on_call(made[-1].people[0])
        async with rig.store.read() as conn:
            last = await records.told_last(conn, "primary")
        assert len(await rig.posts()) == last.number - 1
        assert (await rig.audit.verify()).ok


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_two_replicas_that_look_at_once_tell_it_once(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
):
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else ""
    async with up(tmp_path, url=url, engine=False) as rig:
        changes = rig.oncall.changes

        async def replica() -> None:
            look = await changes.look("primary")
            async with rig.store.write() as tx:
                await changes.tell(tx, "primary", look)

        await replica()
        assert (await rig.standing()).people == (MIA,)
        rig.clock.ahead += timedelta(days=1)
        await asyncio.gather(*(replica() for _ in range(4)))
        assert (await rig.standing()).people == (TOM,)
        assert len(await rig.posts()) == 1
        assert len(await rig.directs(TOM)) == 1


async def test_killed_between_looking_and_telling_it_is_told_by_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What the engine does not finish it runs again: the wake-up is a row until it was told."""
    async with up(tmp_path) as first:
        await first.on_call(MIA)
        stuck = asyncio.Event()

        async def killed(*_args: Any) -> Any:
            stuck.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(first.oncall.changes, "tell", killed)
        await first.set_clock(at("2026-01-06 09:00"))
        async with asyncio.timeout(90):
            await stuck.wait()
        clock = first.clock
    async with up(tmp_path, clock=clock) as again:
        await again.on_call(TOM)
        assert len(await again.posts()) == 1
