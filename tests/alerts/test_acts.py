"""What people do about a group: on it, over, silent, not this; each shown, recorded, and done once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from msgspec.structs import replace

from bot.alerts.rules import State
from bot.audit import Search
from bot.catalog import Catalog
from bot.changes import records as changes
from bot.changes.records import Change, Kind
from bot.errors import UserError
from bot.settings import load
from integrations.capabilities.alerts import Matcher, Silence
from integrations.errors import OutcomeUnknown, Refused, Unavailable
from tests.alerts.rig import SETTINGS, Rig, read, up
from tests.deployments.rig import CONFIG, MIA, TOM, buttons

HOUR = timedelta(hours=1)


@pytest.fixture
async def firing(rig: Rig) -> Rig:
    await rig.notify(rig.alert("a"), rig.alert("b"))
    await rig.stands(State.FIRING)
    return rig


async def recorded(rig: Rig, action: str) -> list[str]:
    return [one.subject async for one in rig.audit.stream(Search()) if one.action == action]


async def test_one_is_on_it_and_lets_it_go_again(firing: Rig):
    await firing.run(MIA, "acknowledge A-1")
    card = await firing.reads("*acknowledged, firing*", "On it: @mia")
    assert "Un-acknowledge" in buttons(card)
    assert (await firing.refused(MIA, "acknowledge A-1")).code == "acknowledged_already"
    await firing.run(TOM, "unacknowledge A-1")
    await firing.reads("*firing*", "On it: nobody")
    assert (await firing.refused(MIA, "unacknowledge A-1")).code == "not_acknowledged"
    assert await recorded(firing, "alert.acknowledge") == await recorded(firing, "alert.unacknowledge") == ["A-1"]


async def test_of_two_who_resolve_at_once_one_does(firing: Rig):
    async def press(who) -> str:
        try:
            return (await firing.run(who, command="resolve", alert="A-1")).subject
        except UserError as error:
            return error.code

    assert sorted(await asyncio.gather(press(MIA), press(TOM))) == ["A-1", "alert_resolved"]
    await firing.stands(State.RESOLVED)
    assert await recorded(firing, "alert.resolve") == ["A-1"]


async def test_what_was_called_over_and_still_fires_comes_back(firing: Rig):
    await firing.run(MIA, "resolve A-1")
    await firing.reads("*resolved*", "called over by @mia")
    await firing.alerts.poller.look()
    assert (await firing.group()).state is State.RESOLVED, "not at once"
    await firing.move_on(minutes=11)
    await firing.alerts.poller.look()
    await firing.stands(State.FIRING)
    assert any("fires again" in said for said in await firing.thread())


async def test_a_silence_is_shown_before_it_is_made_and_then_with_owner_and_end(firing: Rig):
    shown = await firing.run(MIA, "silence A-1")
    assert shown.code == "confirm"
    assert "is about 2 alerts firing now" in read(shown)
    assert firing.source.kept == {}
    pressed = buttons(shown)
    assert [*pressed][:5] == ["30 min", "1 h", "2 h", "4 h", "Until it recovers, 24 h at most"]
    assert [*pressed][5:] == ["8 h", "24 h", "Until the next working day", "Another end or other labels…"]
    assert pressed["Another end or other labels…"].args["matchers"], "they can be edited in its form"
    await firing.run(MIA, command="silence", **dict(pressed["2 h"].args))
    await firing.stands(State.SILENCED)
    await firing.reads("S-1: silenced by @mia until")
    (made,) = firing.source.kept.values()
    assert set(made.matchers) == {
        Matcher("alertname", "HighErrorRate"),
        Matcher("service", "checkout"),
        Matcher("environment", "production"),
    }
    assert made.created_by == "mia (Shipmate)"
    assert abs(made.ends_at - made.starts_at - 2 * HOUR) < timedelta(minutes=1)
    assert await recorded(firing, "alert.silence") == ["A-1"]


async def test_it_warns_before_the_end_is_extended_and_ended(firing: Rig):
    await firing.run(MIA, "silence A-1 --for 1h")
    await firing.stands(State.SILENCED)
    await firing.move_on(minutes=51)
    firing.source.now = firing.clock.now()

    async def warned() -> bool:
        return any("ends at" in said for said in await firing.thread())

    async def why() -> str:
        return str(await firing.thread())

    await firing.until(warned, why)
    assert [key for key, _ in await firing.said("direct")]
    before = next(iter(firing.source.kept.values())).ends_at
    await firing.run(TOM, command="extend", silence="S-1", duration="1h")

    async def longer() -> bool:
        (one,) = firing.source.kept.values()
        return abs(one.ends_at - before - HOUR) < timedelta(seconds=1)

    await firing.until(longer, why)
    await firing.run(TOM, "unsilence S-1")
    await firing.stands(State.FIRING)
    assert any("is silent no more" in said for said in await firing.thread())


async def test_a_silence_made_elsewhere_is_shown_and_listed(firing: Rig):
    now = datetime.now(UTC)
    ident = await firing.source.put_silence(
        Silence(
            id="",
            matchers=(Matcher("service", "checkout"),),
            starts_at=now,
            ends_at=now + HOUR,
            created_by="<!here> zoe",
            comment="by hand",
        )
    )
    await firing.alerts.poller.look()
    await firing.stands(State.SILENCED)
    await firing.reads("silenced by &lt;!here&gt; zoe until")
    listed = await firing.run(MIA, "silences")
    assert "by hand" in read(listed)
    await firing.source.end_silence(ident)
    await firing.alerts.poller.look()
    await firing.stands(State.FIRING)
    assert "Nothing is silenced" in (await firing.run(MIA, "silences")).summary


async def test_an_answer_that_never_came_makes_no_second_silence(firing: Rig):
    firing.source.lost = OutcomeUnknown("am", "no answer", request_id="x")
    await firing.run(MIA, "silence A-1 --for 1h")
    await firing.stands(State.SILENCED)
    assert len(firing.source.kept) == 1


async def test_a_source_that_says_no_or_nothing_leaves_it_loud_and_says_so(firing: Rig):
    real = firing.source.put_silence

    async def no(silence: Silence) -> str:
        raise Refused("am", "the silence is too long")

    firing.source.put_silence = no  # type: ignore[method-assign]
    await firing.run(MIA, "silence A-1 --for 1h")
    await firing.reads("S-1: *not* silenced for @mia: the silence is too long")
    firing.source.put_silence = real  # type: ignore[method-assign]
    firing.source.failure = Unavailable("am", "does not answer")
    await firing.run(MIA, "silence A-1 --for 1h")
    await firing.reads("S-2: *not* silenced for @mia: am: does not answer")
    assert (await firing.group()).state is State.FIRING


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("silence A-1 --for 10s", "bad_end"),
        ("silence A-1 --for 100d", "bad_end"),
        ("silence A-1 --until yesterday", "bad_end"),
        ("silence A-1 --until 2020-01-01", "bad_end"),
        ("silence A-1 --for 1h --until workday", "bad_end"),
        ("silence A-1 --for 1h --matchers nonsense", "bad_matchers"),
        ("silence A-1 --for 1h --matchers 'a=~\"(\"'", "bad_matchers"),
        ("silence A-7 --for 1h", "unknown_alert"),
        ("unsilence S-7", "unknown_silence"),
    ],
)
async def test_what_cannot_be_silenced_so_is_refused(tmp_path, words, code):
    async with up(tmp_path, engine=False) as rig:
        assert await rig.post(rig.body(rig.alert("a"))) == 204
        assert (await rig.refused(MIA, words)).code == code


async def test_the_next_working_day_is_one_where_the_person_is(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        friday = datetime(2026, 3, 27, 15, tzinfo=UTC)  # clocks go forward on that Sunday
        rig.clock.ahead = friday - datetime.now(UTC)
        ends = await rig.alerts.silences.end_of(MIA, duration=None, until="workday")
        assert ends == datetime(2026, 3, 30, 7, tzinfo=UTC)
        ends = await rig.alerts.silences.end_of(MIA, duration=None, until="2026-03-28 18:00")
        assert ends == datetime(2026, 3, 28, 17, tzinfo=UTC)


async def test_rights_are_asked_on_the_place_that_the_matchers_hold_to(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        await rig.post(rig.body(rig.alert("a")))

        async def asked(**args: str) -> tuple[str, str]:
            resource = await rig.asked_on("silence", alert="A-1", **args)
            return resource.service, resource.environment

        assert await asked() == ("checkout", "production")
        assert await asked(matchers='service="checkout", pod=~"a.*"') == ("checkout", "")
        assert await asked(matchers='service=~"check.*"') == ("", ""), "wider than the service: everything"
        assert await asked(matchers='alertname="HighErrorRate"') == ("", "")


def change(kind: Kind, subject: str, at: datetime, **values) -> Change:
    given = {"service": "checkout", "environment": "production", "summary": f"checkout {subject}", **values}
    return Change(kind=kind, subject=subject, at=at, **given)


async def test_what_changed_before_is_named_with_a_way_back_and_not_this_is_remembered(rig: Rig):
    now = rig.clock.now()
    told = {"version": "1.4.2", "previous_version": "1.4.1", "previous_sha": "a" * 40, "irreversible": True}
    async with rig.store.write() as tx:
        await changes.record(tx, change(Kind.LOCKED, "L-1", now - timedelta(minutes=2)))
        await changes.record(tx, change(Kind.DEPLOYED, "D-7", now - timedelta(minutes=4), data=told))
        await changes.record(tx, change(Kind.DEPLOYED, "D-6", now - timedelta(hours=3), data=told))
    await rig.notify(rig.alert("a"))
    card = await rig.reads("Changed 4 min before: D-7 checkout D-7 (1 of 2 changes within 1 h)")
    button = buttons(card)["Roll back D-7…"]
    assert button.command == "rollback"
    told = {"service": "checkout", "environment": "production", "version": "1.4.1", "reason": "A-1 HighErrorRate"}
    assert dict(button.args) == told
    assert button.confirm is not None
    assert "from 1.4.2 to 1.4.1" in button.confirm.text
    assert "irreversible" in button.confirm.text
    await rig.run(MIA, command="not-this", **dict(buttons(card)["Not this"].args))
    card = await rig.reads("Changed 2 min before: L-1 checkout L-1")
    assert "Roll back D-7…" not in buttons(card)
    assert await recorded(rig, "alert.not_this") == ["A-1"]


@pytest.mark.parametrize(
    ("standard", "needs"),
    [
        ([], "Approvals: 1 from release-managers."),
        ([{"name": "any", "kinds": ["rollback"]}], "It needs no approval: it is the standard change any."),
        (
            [{"name": "docs", "kinds": ["rollback"], "paths": ["docs/**"]}],
            "Approvals: 1 from release-managers, none if it is the standard change docs.",
        ),
    ],
)
async def test_what_a_way_back_needs_is_what_the_policy_asks_for_it(rig: Rig, standard: list[object], needs: str):
    path = rig.folder / "shipmate.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "alerts": SETTINGS, "policy": {"standard": standard}}))
    rig.settings = load(path, {})
    rig.catalog = Catalog(rig.settings)
    now = rig.clock.now()
    told = {"version": "1.4.2", "previous_version": "1.4.1", "previous_sha": "a" * 40, "irreversible": False}
    verified = "checkout 1.4.2 → production: done: 40 of 40 looks were good"
    async with rig.store.write() as tx:
        await changes.record(tx, change(Kind.DEPLOYED, "D-7", now - timedelta(minutes=4), summary=verified, data=told))
    await rig.notify(rig.alert("a"))
    card = await rig.reads("Changed 4 min before: D-7 checkout 1.4.2 → production")
    assert "looks were good" not in read(card)
    confirm = buttons(card)["Roll back D-7…"].confirm
    assert confirm is not None
    assert confirm.text.endswith(f"None of its migrations is marked irreversible. {needs}")


async def test_a_deployment_that_is_under_way_when_it_fires_is_named_when_it_ends_and_its_remedy_is_not(firing: Rig):
    await firing.alerts.poller.look()
    now = firing.clock.now()
    data = {"version": "1.4.2", "previous_version": "1.4.1", "begun_at": (now - timedelta(minutes=3)).isoformat()}
    async with firing.store.write() as tx:
        await changes.record(tx, change(Kind.DEPLOYED, "D-7", now, data=data))
    await firing.alerts.poller.look()
    card = await firing.reads("before: D-7 checkout D-7")
    assert "Roll back D-7…" in buttons(card)
    await firing.move_on(minutes=2)
    data = {"version": "1.4.1", "previous_version": "1.4.2", "begun_at": firing.clock.now().isoformat()}
    async with firing.store.write() as tx:
        await changes.record(tx, change(Kind.DEPLOYED, "D-8", firing.clock.now(), data=data))
    await firing.alerts.poller.look()

    async def gone() -> bool:
        return "Roll back D-7…" not in buttons(await firing.reads("D-7"))

    async def why() -> str:
        return read(await firing.reads("D-7"))

    await firing.until(gone, why)
    assert "D-8" not in read(await firing.reads("D-7"))


async def test_a_silence_does_not_hide_the_end_and_none_is_made_after_it(firing: Rig):
    await firing.run(MIA, "silence A-1 --for 1h")
    await firing.stands(State.SILENCED)
    over = [replace(one, firing=False, ends_at=firing.clock.now()) for one in firing.source.alerts]
    await firing.notify(*over)
    await firing.stands(State.RESOLVED)
    assert (await firing.refused(MIA, "silence A-1 --for 1h")).code == "alert_resolved"
