"""A storm: many groups at once become few messages, nothing is lost, and at its end every group's state is right."""

import asyncio
from datetime import timedelta

from msgspec.structs import replace

from bot.alerts import storm_records
from bot.alerts.rules import State
from bot.alerts.storms import Storms
from integrations.capabilities.alerts import Alert
from tests.alerts.rig import CHANNELS, Rig, read, up
from tests.deployments.rig import MIA, buttons

SMALL = {"rate": 5, "calm": "2m", "after": 3}


async def storm(rig: Rig, number: int, *, severity: str = "warning", first: int = 0) -> list[Alert]:
    """Have so many groups begin at once; return their alerts."""
    alerts = [rig.alert("x", alertname=f"Rule{one}", severity=severity) for one in range(first, first + number)]
    rig.source.alerts = [*rig.source.alerts, *alerts]
    for one in alerts:
        assert await rig.post(rig.body(one)) == 204
    return alerts


async def end(rig: Rig, alerts: list[Alert]) -> None:
    """Have these end."""
    over = {one.fingerprint for one in alerts}
    rig.source.alerts = [one for one in rig.source.alerts if one.fingerprint not in over]
    for one in alerts:
        assert await rig.post(rig.body(replace(one, firing=False, ends_at=rig.clock.now()))) == 204


async def shown(rig: Rig, ident: str = "ST-1") -> str:
    """Return what the message of a storm says."""
    await rig.alerts.storms.look()
    return next(read(message) for key, message in await rig.said("show") if key.endswith(f"/{ident}"))


async def gathered(rig: Rig) -> list[str]:
    return [one.id for one in await rig.groups() if one.inside]


async def test_above_the_rate_groups_are_gathered_in_one_message_that_stays_live(tmp_path):
    async with up(tmp_path, storm=SMALL) as rig:
        alerts = await storm(rig, 40)
        await rig.settled()
        said = await shown(rig)
        assert len(await rig.cards()) == 5 + 1, "the first five, and the storm"
        assert "*35 firing*" in said
        assert "By severity: warning 35" in said
        assert "By service: checkout 35" in said
        assert "40 groups began in the last minute" in said
        assert "… and 25 more." in said
        assert len(await rig.thread()) <= 5
        await end(rig, alerts[20:])
        assert "*20 over, 15 firing*" in await shown(rig)
        assert len(await rig.cards()) == 6


async def test_what_is_grave_has_its_own_message_and_the_gravest_stand_first(tmp_path):
    async with up(tmp_path, storm={**SMALL, "priority": ["critical"]}) as rig:
        await storm(rig, 8, severity="info")
        await storm(rig, 8, severity="error", first=10)
        await storm(rig, 3, severity="Critical", first=20)
        await rig.settled()
        cards = {subject for subject, _ in await rig.cards()}
        assert {"A-17", "A-18", "A-19"} <= cards
        said = await shown(rig)
        assert "By severity: error 8 · info 3" in said
        assert said.index("A-9") < said.index("A-6"), "errors before information"


async def test_nothing_is_lost_and_all_can_be_seen(tmp_path):
    async with up(tmp_path, storm=SMALL, engine=False) as rig:
        await storm(rig, 80)
        listed = await rig.run(MIA, "alerts")
        assert listed.summary == "80 alert groups not over"
        assert buttons(listed)["Next 30"].args == {"page": "2"}
        last = await rig.run(MIA, "alerts --page 3")
        assert "Page 3 of 3" in read(last)
        names = {one.id for one in await rig.groups()}
        pages = [str(await rig.run(MIA, f"alerts --page {number}")) for number in (1, 2, 3)]
        assert all(any(f"{name} Rule" in page for page in pages) for name in names)
        assert "75 alert groups of ST-1" in (await rig.run(MIA, "alerts --storm st-1")).summary
        assert (await rig.refused(MIA, "alerts --page 9")).code == "no_such_page"
        assert "Rule79" in read(await rig.run(MIA, "alert A-80"))


async def test_when_it_is_over_it_says_so_and_the_gravest_that_still_fire_get_their_messages(tmp_path):
    async with up(tmp_path, storm=SMALL) as rig:
        alerts = await storm(rig, 20)
        await shown(rig)
        await end(rig, alerts[:12])
        await rig.move_on(minutes=1)
        assert "over:" not in await shown(rig), "it was calm for a minute only"
        await rig.move_on(minutes=3)
        said = await shown(rig)
        assert "Alert storm, over" in said
        await rig.settled()
        assert len(await gathered(rig)) == 15 - 3
        assert any("the alert storm is over: 5 groups still not over" in one for one in await rig.thread())
        await end(rig, alerts)
        await rig.settled()
        said = await shown(rig)
        assert "over: all resolved" in said
        assert {one.state for one in await rig.groups()} == {State.RESOLVED}
        async with rig.store.read() as conn:
            assert await storm_records.live(conn) == []


async def test_who_acknowledges_a_gathered_group_gets_its_message(tmp_path):
    async with up(tmp_path, storm=SMALL) as rig:
        await storm(rig, 10)
        await rig.run(MIA, "acknowledge A-9")
        await rig.reads("On it: @mia", ident="A-9")
        assert "A-9" not in await gathered(rig)
        assert ("A-9", "C0ALERTS") in await rig.cards()


async def test_single_alerts_are_not_told_in_threads_meanwhile_and_not_forgotten(tmp_path):
    async with up(tmp_path, storm=SMALL) as rig:
        first = rig.alert("a", severity="warning")
        await rig.notify(first)
        await rig.stands(State.FIRING)
        before = len(await rig.thread())
        await storm(rig, 10)
        await rig.notify(first, rig.alert("b", severity="warning"))
        await rig.reads("2 alerts firing")
        await rig.settled()
        heard = await rig.thread()
        assert not [one for one in heard[before:] if "pod=b" in one]
        await rig.move_on(minutes=4)
        await rig.alerts.storms.look()
        await rig.notify(first, rig.alert("b", severity="warning"), rig.alert("c", severity="warning"))
        await rig.settled()
        assert [one for one in await rig.thread() if "pod=b" in one and "pod=c" in one]


async def test_more_grave_groups_than_slack_takes_come_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr("bot.alerts.gathering.MOST_OWN", 6)
    async with up(tmp_path, storm=SMALL) as rig:
        await storm(rig, 12, severity="critical")
        assert len(await gathered(rig)) == 6
        await rig.alerts.storms.look()
        assert len(await gathered(rig)) == 4
        for _ in range(2):
            await rig.alerts.storms.look()
        assert await gathered(rig) == []
        await rig.settled()
        assert len(await rig.cards()) == 12 + 1


async def test_a_storm_in_one_channel_leaves_the_others_alone(tmp_path):
    async with up(tmp_path, storm=SMALL, engine=False) as rig:
        await storm(rig, 10)
        assert await rig.post(rig.body(rig.alert("a", alertname="Infra", team="platform"))) == 204
        assert (await rig.groups())[-1].inside == ""
        assert (await rig.groups())[-1].address == "ops"


async def test_what_fires_again_in_a_storm_stays_in_its_message(tmp_path):
    async with up(tmp_path, storm=SMALL, engine=False) as rig:
        alerts = await storm(rig, 10)
        await end(rig, alerts[9:])
        assert await rig.post(rig.body(rig.alert("x", alertname="Rule9", severity="warning"))) == 204
        (last,) = [one for one in await rig.groups() if one.id == "A-10"]
        assert (last.state, last.inside) == (State.FIRING, "ST-1")


async def test_groups_that_fire_again_all_at_once_are_a_storm_too_and_told_of_once(tmp_path):
    async with up(tmp_path, storm={**SMALL, "rate": 20}) as rig:
        alerts = await storm(rig, 15)
        await rig.settled()
        await end(rig, alerts)
        await rig.settled()
        rig.settings = rig.settings.model_copy(
            update={
                "alerts": rig.settings.alerts.model_copy(
                    update={"storm": rig.settings.alerts.storm.model_copy(update={"rate": 5})}
                )
            }
        )
        said = len(await rig.thread())
        await rig.move_on(minutes=2)
        await storm(rig, 15)
        await rig.settled()
        again = [one for one in (await rig.thread())[said:] if "fires again" in one]
        assert len(await rig.groups()) == 15
        assert len(again) <= 5


async def test_a_restart_in_the_middle_changes_nothing(tmp_path):
    async with up(tmp_path, storm=SMALL, engine=False) as rig:
        alerts = await storm(rig, 12)
        await shown(rig)
        found = rig.alerts
        other = Storms(rig.alert_parts(), found.intake.gathering, found.intake, found.showing)
        await end(rig, alerts[6:])
        await rig.move_on(minutes=4)
        await other.look()
        await found.storms.look()
        said = next(read(message) for key, message in await rig.said("show") if key.endswith("/ST-1"))
        assert "6 over" in said
        assert len([one for one in await rig.said("post") if one[0] == "post/ST-1/over"]) == 1


async def test_it_follows_when_slack_was_away_at_its_beginning(tmp_path):
    async with up(tmp_path, storm=SMALL, engine=False) as rig:
        rig.slack_is_away = True
        await storm(rig, 10)
        await rig.alerts.storms.look()
        assert await rig.cards() == []
        rig.slack_is_away = False
        assert "*5 firing*" in await shown(rig)
        assert await rig.cards() == [("ST-1", CHANNELS["alerts"].channel)]


async def test_a_storm_can_be_left_out_by_configuration(tmp_path):
    async with up(tmp_path, storm={"rate": 0}, engine=False) as rig:
        await storm(rig, 40)
        assert await gathered(rig) == []


async def test_a_storm_is_one_on_two_replicas_at_once(tmp_path, database_url):
    async with up(tmp_path, url=database_url, engine=False, storm=SMALL) as rig:
        await storm(rig, 10)
        found = rig.alerts
        other = Storms(rig.alert_parts(), found.intake.gathering, found.intake, found.showing)
        await asyncio.gather(*(one.look() for one in (found.storms, other, found.storms, other)))
        assert await rig.cards() == [("ST-1", CHANNELS["alerts"].channel)]


async def test_a_later_storm_is_another(tmp_path):
    async with up(tmp_path, storm=SMALL, engine=False) as rig:
        first = await storm(rig, 10)
        await end(rig, first)
        await rig.move_on(minutes=4)
        assert "all resolved" in await shown(rig)
        await rig.move_on(minutes=30)
        await storm(rig, 10, first=20)
        assert "*5 firing*" in await shown(rig, "ST-2")
        assert timedelta() <= rig.clock.now() - (await rig.groups())[-1].opened_at
