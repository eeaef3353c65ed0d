"""A group's one message, from a notification to its end: whatever comes twice, late, or not at all."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.alerts.rules import State
from bot.catalog import Catalog
from bot.slack import blocks
from integrations.errors import Unavailable
from tests.alerts.rig import Rig, read, up
from tests.deployments.rig import MIA, buttons

HOUR = timedelta(hours=1)


async def test_what_fires_has_one_message_that_tells_all_of_it(rig: Rig):
    await rig.notify(rig.alert("a", began=timedelta(minutes=6)), rig.alert("b"))
    await rig.stands(State.FIRING)
    card = await rig.reads("A-1 · HighErrorRate · checkout production · critical", "*firing*", "2 alerts firing")
    text = read(card)
    assert "31 % of requests fail" in text
    assert "<https://runbooks.example.org/errors|runbook>" in text
    assert "<http://prometheus.example.org/graph?g0.expr=errors|source>" in text
    assert "pod: `a`, `b`" in text
    assert "severity:" not in text, "what all share is no difference"
    assert "6 min" in text
    assert "On it: nobody" in text
    assert card.summary.startswith("A-1 firing: HighErrorRate")
    row, menu = ["Acknowledge", "Silence…", "Responders…", "Resolve"], ["Note…", "Attach to…"]
    assert [*buttons(card)] == [*row, *menu]
    assert await rig.cards() == [("A-1", "C0ALERTS")]
    (thread,) = await rig.thread()
    assert "pod=a" in thread
    assert "pod=b" in thread


async def test_it_is_edited_as_alerts_end_and_closed_with_the_last(rig: Rig):
    a, b = rig.alert("a"), rig.alert("b")
    await rig.notify(a, b)
    await rig.stands(State.FIRING)
    await rig.notify(a, replace(b, firing=False, ends_at=rig.clock.now()))
    await rig.reads("1 alert firing, 1 over")
    await rig.notify(replace(a, firing=False, ends_at=rig.clock.now()))
    await rig.stands(State.RESOLVED)
    card = await rig.reads("*resolved*", "2 over")
    assert "Acknowledge" not in buttons(card)
    assert len(await rig.cards()) == 1
    assert [line.count("resolved*") for line in await rig.thread()] == [0, 1, 1]


async def test_notifications_at_once_and_repeated_have_one_message(tmp_path, database_url):
    async with up(tmp_path, url=database_url) as rig:
        a = rig.alert("a", began=HOUR)
        rig.source.alerts = [a, rig.alert("b"), rig.alert("c")]
        bodies = [rig.body(a), rig.body(a, rig.source.alerts[1]), rig.body(a), rig.body(rig.source.alerts[2])]
        posted = [rig.post({**body, "truncatedAlerts": number}) for body in bodies for number in range(4)]
        asked = [rig.alerts.poller.ask("am") for _ in range(3)]
        assert set(await asyncio.gather(*posted, *asked)) == {204, None}
        await rig.settled()
        assert len(await rig.groups()) == len(await rig.cards()) == 1
        await rig.reads("3 alerts firing")


async def test_an_end_that_comes_before_its_beginning_is_no_alarm(rig: Rig):
    a = rig.alert("a", began=HOUR)
    await rig.notify(replace(a, firing=False, ends_at=rig.clock.now()))
    assert await rig.post(rig.body(a)) == 204
    await rig.settled()
    assert await rig.cards() == []
    (group,) = await rig.groups()
    assert group.state is State.RESOLVED


async def test_a_late_end_does_not_end_what_fires_anew(rig: Rig):
    first = rig.alert("a", began=HOUR)
    over = replace(first, firing=False, ends_at=rig.clock.now())
    await rig.notify(first)
    await rig.stands(State.FIRING)
    await rig.notify(over)
    await rig.stands(State.RESOLVED)
    await rig.notify(rig.alert("a"))
    await rig.stands(State.FIRING)
    await rig.post(rig.body(over, truncatedAlerts=1))
    await rig.post(rig.body(first, truncatedAlerts=2))
    await rig.settled()
    (group,) = await rig.groups()
    assert group.state is State.FIRING
    assert any("fires again" in said for said in await rig.thread()), "an edit notifies nobody"


async def test_what_fires_again_much_later_is_a_new_group(rig: Rig):
    first = rig.alert("a", began=HOUR)
    await rig.notify(first)
    await rig.notify(replace(first, firing=False, ends_at=rig.clock.now()))
    await rig.stands(State.RESOLVED)
    await rig.move_on(minutes=30)
    await rig.notify(rig.alert("a"))
    await rig.stands(State.FIRING, "A-2")
    assert [one.state for one in await rig.groups()] == [State.RESOLVED, State.FIRING]


async def test_what_was_not_told_is_found_by_asking(rig: Rig):
    rig.source.alerts = [rig.alert("a")]
    await rig.alerts.poller.look()
    await rig.stands(State.FIRING)
    rig.source.alerts = [rig.alert("a"), rig.alert("b")]
    await rig.alerts.poller.look()
    await rig.reads("2 alerts firing")
    rig.source.alerts = []
    await rig.alerts.poller.look()
    await rig.stands(State.RESOLVED)
    before = await rig.groups()
    await rig.alerts.poller.look()
    assert await rig.groups() == before


async def test_a_source_started_anew_ends_nothing_it_does_not_know_yet(rig: Rig):
    await rig.notify(rig.alert("a"))
    await rig.stands(State.FIRING)
    rig.source.since, rig.source.alerts = rig.clock.now(), []
    await rig.alerts.poller.look()
    assert (await rig.group()).state is State.FIRING
    await rig.move_on(minutes=6)
    await rig.alerts.poller.look()
    await rig.stands(State.RESOLVED)


async def test_a_source_that_goes_quiet_makes_it_unknown_and_not_over(rig: Rig):
    await rig.notify(rig.alert("a"))
    await rig.stands(State.FIRING)
    rig.source.failure = Unavailable("am", "does not answer")
    await rig.alerts.poller.look()
    assert (await rig.group()).state is State.FIRING, "not at once"
    await rig.move_on(minutes=6)
    await rig.alerts.poller.look()
    await rig.stands(State.UNKNOWN)
    await rig.reads("*unknown: its source is silent*", "am was last heard of")
    rig.source.failure = None
    await rig.alerts.poller.look()
    await rig.stands(State.FIRING)
    assert any("still fires" in said for said in await rig.thread())


async def test_what_is_kept_quiet_elsewhere_from_the_start_is_no_news(rig: Rig):
    rig.source.alerts = [replace(rig.alert("a"), inhibited=True)]
    await rig.alerts.poller.look()
    assert await rig.groups() == []


async def test_hostile_labels_do_no_harm_and_long_ones_are_cut(rig: Rig):
    evil = "<!here> <https://evil.example|click> *bold*"
    alert = rig.alert("a", alertname=evil, team="<!channel>" + "x" * 10_000, severity="<@U0MIA>")
    alert = replace(alert, annotations={"summary": evil + "y" * 10_000, "runbook_url": "javascript:alert(1)"})
    await rig.notify(alert, replace(alert, labels={**alert.labels, "pod": "<!everyone>"}, fingerprint="other"))
    await rig.stands(State.FIRING)
    card = await rig.reads("firing")
    for message in [card, *(message for _, message in await rig.said("post"))]:
        sent = str(blocks.render(message))
        assert not [part for part in ("<!", "<@U0MIA>", "<https://evil") if part in sent.replace("<!date^", "")]
        assert len(sent) < 12_000
    assert "javascript:" not in str(blocks.render(card))


async def test_a_group_goes_to_its_route_its_services_channel_or_the_common_one(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        service = rig.settings.services["checkout"].model_copy(update={"channel": "checkout"})
        rig.settings = rig.settings.model_copy(update={"services": {"checkout": service}})
        rig.catalog = Catalog(rig.settings)
        group = rig.body(rig.alert("a", alertname="Infra", team="platform"))
        for body in (group, rig.body(rig.alert("a")), rig.body(rig.alert("a", alertname="Disk", service="none"))):
            assert await rig.post(body) == 204
        found = [(await rig.alerts.showing.look(one.id)).channel for one in await rig.groups()]
        assert [one.channel if one else "" for one in found] == ["C0OPS", "C0CHECKOUT", "C0ALERTS"]


async def test_while_slack_is_away_nothing_is_lost(rig: Rig):
    rig.slack_is_away = True
    await rig.notify(rig.alert("a"))
    await rig.alerts.poller.look()
    assert await rig.cards() == []
    rig.slack_is_away = False
    await rig.move_on(minutes=1)
    await rig.alerts.poller.look()
    await rig.stands(State.FIRING)
    assert len(await rig.cards()) == 1


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        (b"[]", "s3cret-of-the-webhook", 400),
        (b'{"version": "3", "alerts": []}', "s3cret-of-the-webhook", 400),
        (b"{}", "wrong", 401),
        (b" " * (2 * 1024 * 1024), "s3cret-of-the-webhook", 413),
    ],
    ids=["garbage", "version-3", "forged", "too-large"],
)
async def test_what_is_no_notification_is_refused_at_the_door(tmp_path, body, token, status):
    async with up(tmp_path, engine=False) as rig:
        assert await rig.post(body, token=token) == status
        assert await rig.groups() == []


async def test_a_source_whose_clock_runs_ahead_is_shown_as_of_now(rig: Rig):
    await rig.notify(rig.alert("a", began=-HOUR))
    card = await rig.reads("firing")
    assert "(0 ms)" in read(card)


async def test_a_thousand_alerts_are_one_message_within_slacks_limits(rig: Rig):
    await rig.notify(*(rig.alert(f"pod-{number}") for number in range(1000)))
    await rig.stands(State.FIRING)
    card = await rig.reads("1000 alerts firing")
    assert len(blocks.render(card)) < 10
    (thread,) = await rig.thread()
    assert "… and 990 more." in thread


async def test_lists_and_single_groups_are_read_from_our_own_rows(rig: Rig):
    assert "Nothing fires" in (await rig.run(MIA, "alerts")).summary
    await rig.notify(rig.alert("a"), rig.alert("b"))
    await rig.stands(State.FIRING)
    rig.source.failure = Unavailable("am", "does not answer")
    listed = await rig.run(MIA, "alerts checkout")
    assert "1 alert group" in listed.summary
    shown = await rig.run(MIA, "alert a-1")
    assert "pod=b" in read(shown)
    assert (await rig.refused(MIA, "alert A-9")).code == "unknown_alert"
