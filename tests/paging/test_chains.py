"""A chain from its first step to its last: who is told when, what stops it, what is said when nobody comes."""

import pytest

from bot.alerts.rules import State
from bot.paging.records import PageState
from bot.settings import SettingsError
from tests.alerts.rig import SETTINGS
from tests.paging.rig import MIA, PAGING, TOM, Rig, read, up


@pytest.fixture
async def firing(rig: Rig) -> Rig:
    await rig.fires(rig.alert("a"))
    await rig.look()
    await rig.slack_takes_all()
    return rig


async def test_each_step_is_done_in_its_time(firing: Rig):
    assert await firing.ways(PageState.QUEUED) == ["mia by slack"]
    assert await firing.ways(PageState.WAITING) == ["mia by push"]
    [asked] = await firing.pages_in_slack()
    assert "You are being paged: A-1 HighErrorRate" in asked
    assert "31 % of requests fail" in asked
    await firing.look(minutes=2, seconds=58)
    assert firing.phones.taken == []
    await firing.look(seconds=3)
    [push] = firing.phones.taken
    assert (push.way, push.to, push.page.subject) == ("push", "mia-topic", "A-1")
    assert push.page.title == "A-1 HighErrorRate · checkout production · critical"
    assert push.page.url == "https://slack.example/A-1"
    assert push.page.spoken == "critical alert: High Error Rate. checkout production. 31 % of requests fail"
    await firing.look(minutes=2)
    assert firing.phones.told() == [("push", "A-1"), ("push", "A-1")]
    assert firing.phones.taken[-1].to == "tom-topic"
    assert firing.phones.taken[-1].page.important
    await firing.look(minutes=2)
    assert firing.phones.taken[-1].way == "sms"
    await firing.look(minutes=8)
    assert firing.phones.taken[-1].to == "zoe-topic"


async def test_a_person_who_acknowledges_stops_it(firing: Rig):
    await firing.run(TOM, "acknowledge A-1")
    run = await firing.latest()
    assert (run.running, run.why, run.stopped_by) == (False, "acknowledged", TOM)
    await firing.look(hours=3)
    assert firing.phones.taken == []
    assert await firing.ways(PageState.DROPPED) == ["mia by push"]
    [asked] = await firing.pages_in_slack()
    assert "acknowledged by @tom" in asked
    assert "Acknowledge" not in asked, "nobody is asked any more"


async def test_who_lets_go_of_it_is_followed_by_a_new_beginning(firing: Rig):
    await firing.run(MIA, "acknowledge A-1")
    await firing.run(MIA, "unacknowledge A-1")
    run = await firing.latest()
    assert (run.number, run.running) == (2, True)
    await firing.look(minutes=2)
    assert len(await firing.pages_in_slack()) == 2


async def test_recovery_stops_it_and_says_so(firing: Rig):
    await firing.fires(firing.alert("a", firing=False))
    assert (await firing.group_row()).state is State.RESOLVED
    assert (await firing.latest()).why == "it is over"
    await firing.look(hours=1)
    assert firing.phones.taken == []


async def test_a_silence_stops_it_and_says_so(firing: Rig):
    firing.source.alerts = [firing.alert("a")]
    await firing.run(MIA, "silence A-1 --for 2h")
    await firing.alerts.silences.create("S-1")
    await firing.alerts.poller.ask("am")
    assert (await firing.group_row()).state is State.SILENCED
    run = await firing.latest()
    assert (run.running, run.why) == (False, "silenced")


async def test_when_nobody_comes_it_says_so_and_begins_anew(firing: Rig):
    await firing.look(minutes=5)
    await firing.slack_takes_all()
    await firing.look(minutes=10)
    taken = len(firing.phones.taken)
    await firing.look(minutes=5)
    run = await firing.latest()
    assert any("NOBODY CAME for A-1" in word and "@mia, @tom, @zoe" in word for word in run.words)
    assert run.running
    await firing.look(minutes=29)
    assert len(firing.phones.taken) == taken
    await firing.look(minutes=1)
    assert len(await firing.pages_in_slack()) == 2, "mia is asked again"


async def test_what_was_late_is_done_at_once_and_once(firing: Rig):
    await firing.look(hours=2)
    assert sorted(one.to for one in firing.phones.taken) == ["mia-topic", "tom-topic"]
    await firing.look(minutes=1)
    assert len(firing.phones.taken) == 2
    await firing.look(minutes=1)
    assert firing.phones.taken[-1].way == "sms", "who is told late has as long to answer as anybody"


async def test_a_deactivated_person_is_passed_over_at_once_and_it_is_said(tmp_path):
    async with up(tmp_path) as rig:
        rig.away = {MIA}
        await rig.fires(rig.alert("a"))
        await rig.look()
        assert [one.to for one in rig.phones.taken] == ["tom-topic"]
        assert "A-1: @mia is deactivated: not paged" in (await rig.latest()).words


async def test_a_gap_in_the_schedule_is_passed_over_and_said(tmp_path):
    async with up(tmp_path) as rig:
        rig.away, rig.second = {MIA}, ()
        await rig.fires(rig.alert("a"))
        await rig.look()
        assert [one.to for one in rig.phones.taken] == ["zoe-topic"]
        assert "A-1: nobody is on call by second" in (await rig.latest()).words


async def test_the_card_says_who_is_paged_and_what_is_next(firing: Rig):
    async with firing.store.write() as tx:
        [line] = await firing.paging.lines(tx.conn, "A-1")
    assert "Paging @mia (Slack)" in line
    assert "push to @mia" in line
    shown = read(await firing.run(MIA, "alert A-1"))
    assert "Paging by primary since" in shown
    assert "@mia by Slack: taken, not known to have arrived" in shown
    assert "@mia by push: due" in shown


async def test_no_address_is_kept_or_shown(firing: Rig):
    await firing.look(minutes=3)
    await firing.look(minutes=2)
    rows = f"{await firing.page_rows()} {await firing.latest()} {read(await firing.run(MIA, 'alert A-1'))}"
    assert "topic" not in rows
    assert "1234" not in rows


async def test_hours_and_numbers_pass_steps_over(tmp_path):
    never = {"every": "0 0 1 1 *", "for": "1m", "timezone": "Europe/Berlin"}
    chain = [
        {"notify": {"person": "mia"}, "only_in": never},
        {"wait": "5m"},
        {"notify": {"person": "tom"}, "only_if": {"alerts": 1, "within": "5m"}},
        {"wait": "5m"},
        {"notify": {"person": "zoe"}},
    ]
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": chain}}) as rig:
        await rig.fires(rig.alert("a"))
        await rig.look()
        assert await rig.ways() == ["zoe by push"], "nobody waits for who was not told"
        await rig.run(MIA, "acknowledge A-1")
        await rig.fires(rig.alert("a"), rig.alert("b"))
        await rig.run(MIA, "unacknowledge A-1")
        await rig.look()
        assert (await rig.ways())[1:] == ["tom by slack", "tom by push"]


async def test_it_repeats_as_often_as_it_is_told(tmp_path):
    chain = [{"notify": {"person": "zoe"}}, {"wait": "2m"}, {"repeat": {"times": 2, "after": "3m"}}]
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": chain}}) as rig:
        await rig.fires(rig.alert("a"))
        await rig.look()
        for _ in range(3):
            await rig.look(minutes=2)
            await rig.look(minutes=3)
        assert len(rig.phones.taken) == 3
        assert not [one for one in (await rig.latest()).words if "NOBODY CAME" in one]
        await rig.look(minutes=5)
        assert [one for one in (await rig.latest()).words if "NOBODY CAME" in one]


async def test_several_alerts_of_a_minute_are_one_page(tmp_path):
    chain = [{"notify": {"person": "zoe"}}]
    async with up(tmp_path, paging={**PAGING, "chains": {"primary": chain}}) as rig:
        await rig.fires(rig.alert("a"))
        await rig.look()
        for name in ("DiskFull", "Slow", "Queue"):
            await rig.fires(rig.alert("a", alertname=name))
            await rig.look(seconds=2)
        assert len(rig.phones.taken) == 1
        await rig.look(seconds=60)
        _first, second = rig.phones.taken
        assert second.page.title == "3 alerts: A-2, A-3, A-4"
        await rig.run(MIA, "acknowledge A-2")
        await rig.look(minutes=1)
        assert len(rig.phones.taken) == 2


async def test_settings_name_every_mistake(rig: Rig):
    wrong = {
        "chains": {
            "none": [{"wait": "1m"}],
            "first": [
                {"notify": {"person": "mai"}},
                {"notify": {"schedule": "secnd"}},
                {"notify": {"person": "mia", "group": "owners"}},
                {"repeat": {"times": 1}},
                {"webhook": {"with": "metrics", "to": "http://127.0.0.1:1"}},
                {"wait": "5m", "notify": {"person": "mia"}},
            ],
        },
        "people": {"nobody": {}, "mia": {"addresses": {"push": {"with": "phons", "to": "x"}}, "default": ["sms"]}},
        "severities": {"critical": "frist"},
    }
    with pytest.raises(SettingsError) as told:
        rig.configure(wrong)
    said = str(told.value)
    for part in (
        "paging.chains.none",
        "paging.chains.first[0].notify.person: mai is no person",
        "paging.chains.first[1].notify.schedule: secnd is no schedule",
        "one of person, schedule and group was expected",
        "what follows repeat is never done",
        "is no Pager",
        "one of notify, webhook, wait and repeat was expected",
        "nobody is no person",
        "phons is no integration",
        "there is no address for sms",
        "frist is no chain",
    ):
        assert part in said, said


async def test_a_watchdog_that_is_missing_pages_and_its_return_stops_it(rig: Rig):
    rig.configure(PAGING, alerts={**SETTINGS, "watchdogs": [{"name": "prod"}]})
    dog = rig.alert("w", alertname="Watchdog", severity="none")
    await rig.fires(dog)
    await rig.alerts.watchdogs.look()
    await rig.look()
    assert await rig.page_rows() == []
    await rig.look(minutes=10)
    await rig.alerts.watchdogs.look()
    await rig.look()
    [asked] = await rig.pages_in_slack()
    assert "You are being paged: A-1 WatchdogMissing" in asked
    await rig.fires(dog)
    assert not (await rig.latest()).running
