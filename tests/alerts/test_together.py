"""Rules that put groups together under one message: a cause and its effects, or what shares labels; and the dry run."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st
from msgspec.structs import replace
from pydantic import SecretStr

from bot.alerts.joining import rules_of
from bot.alerts.joining_rules import Past, joined
from bot.alerts.rules import State
from bot.app.alert_trials import replay_alerts
from bot.settings import load
from bot.settings.alerts import TogetherRule
from bot.settings.mistakes import SettingsError
from integrations.capabilities.alerts import Alert
from tests.alerts.rig import SETTINGS, Rig, read, up
from tests.deployments.rig import CONFIG, MIA

NODE = {
    "name": "node-down",
    "cause": ['alertname="NodeDown"'],
    "effects": ['alertname=~"Pod.*"'],
    "same": ["cluster"],
    "within": "10m",
}
TEAM_RULE = {"name": "one-team", "matchers": ['alertname=~"Disk.*|PodA"'], "same": ["team"], "within": "5m"}


async def fire(rig: Rig, name: str, **labels: str) -> Alert:
    alert = rig.alert("x")
    told = {**alert.labels, "alertname": name, "cluster": "eu", **labels}
    alert = replace(alert, fingerprint=f"{name}-x", labels=told)
    rig.source.alerts.append(alert)
    assert await rig.post(rig.body(alert)) == 204
    return alert


async def end(rig: Rig, alert: Alert) -> None:
    rig.source.alerts.remove(alert)
    await rig.alerts.poller.look()


async def states(rig: Rig) -> dict[str, tuple[str, str]]:
    """Return where each group stands, and what it is a part of."""
    return {one.id: (one.state.value, one.hold.part_of) for one in await rig.groups()}


async def test_an_effect_is_told_of_in_the_message_of_its_cause_and_does_not_page_alone(tmp_path):
    async with up(tmp_path, together=[NODE]) as rig:
        turned: list[str] = []

        async def listen(_tx: object, _before: object, now: Any) -> None:
            turned.append(f"{now.id} {now.state.value}")

        rig.alerts.intake.on_turned.append(listen)
        await fire(rig, "NodeDown")
        await fire(rig, "PodDown")
        await fire(rig, "PodDown", service="search", cluster="us")
        await rig.reads("PodDown", ident="A-1")
        assert await states(rig) == {"A-1": ("firing", ""), "A-2": ("attached", "A-1"), "A-3": ("firing", "")}
        await rig.settled()
        assert {subject for subject, _ in await rig.cards()} == {"A-1", "A-3"}, "an effect has no message of its own"
        assert "A-2 firing" not in turned
        assert "Part of A-1" in read(await rig.run(MIA, "alert A-2"))


async def test_what_began_before_its_cause_is_taken_along(tmp_path):
    async with up(tmp_path, engine=False, together=[NODE]) as rig:
        await fire(rig, "PodDown")
        await fire(rig, "PodSlow")
        await rig.run(MIA, "acknowledge A-2")
        await rig.move_on(minutes=1)
        await fire(rig, "NodeDown")
        assert await states(rig) == {
            "A-1": ("attached", "A-3"),
            "A-2": ("acknowledged", ""),
            "A-3": ("firing", ""),
        }, "what somebody is on stays theirs"


async def test_an_effect_that_outlives_its_cause_stands_for_itself_with_a_message(tmp_path):
    async with up(tmp_path, together=[NODE]) as rig:
        node = await fire(rig, "NodeDown")
        await fire(rig, "PodDown")
        await end(rig, node)
        await rig.stands(State.FIRING, "A-2")
        assert {subject for subject, _ in await rig.cards()} == {"A-1", "A-2"}


async def test_what_shares_labels_joins_the_first_within_the_time(tmp_path):
    async with up(tmp_path, engine=False, together=[TEAM_RULE]) as rig:
        await fire(rig, "DiskFull", team="data")
        await fire(rig, "DiskSlow", team="data")
        await fire(rig, "DiskSlow", team="web", service="search")
        await fire(rig, "DiskDead", service="none")
        await rig.move_on(minutes=6)
        await fire(rig, "DiskOld", team="data")
        found = await states(rig)
        assert [part for _, part in found.values()] == ["", "A-1", "", "", ""]


async def test_parts_do_not_count_for_a_storm(tmp_path):
    async with up(tmp_path, engine=False, together=[NODE], storm={"rate": 3}) as rig:
        await fire(rig, "NodeDown", severity="warning")
        for number in range(10):
            await fire(rig, f"Pod{number}", severity="warning")
        assert {one.inside for one in await rig.groups()} == {"", "A-1"}


async def test_both_at_once_end_in_one_of_each(tmp_path, database_url):
    async with up(tmp_path, url=database_url, engine=False, together=[NODE]) as rig:
        rig.source.alerts = [
            rig.alert("x", alertname=name, cluster="eu") for name in ("PodDown", "NodeDown", "PodSlow", "PodGone")
        ]
        await rig.alerts.poller.ask("am")
        found = {one.name: one for one in await rig.groups()}
        node = found.pop("NodeDown")
        assert {one.hold.part_of for one in found.values()} == {node.id}


async def test_the_dry_run_says_what_last_week_would_have_become(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        await fire(rig, "PodDown")
        await fire(rig, "NodeDown")
        await fire(rig, "PodSlow")
        await fire(rig, "Other")
        alerts = rig.settings.alerts.model_copy(update={"together": (TogetherRule.model_validate(NODE),)})
        database = SecretStr(f"sqlite:///{tmp_path}/store.db")
        settings = rig.settings.model_copy(update={"alerts": alerts, "database": database})
        said: list[str] = []
        assert await replay_alerts(settings, said.append, since=timedelta(days=7), clock=rig.clock) == 0
        assert "A-1 PodDown → part of A-2 NodeDown  [node-down]" in said[0]
        assert said[-1].startswith("4 messages → 2")
        said.clear()
        await replay_alerts(settings, said.append, since=timedelta(days=7), as_json=True, clock=rig.clock)
        assert json.loads(said[-1]) == {"messages_before": 4, "messages_after": 2, "by_rule": {"node-down": 2}}
        said.clear()
        await rig.move_on(days=8)
        await replay_alerts(settings, said.append, since=timedelta(days=7), clock=rig.clock)
        assert said == ["0 messages → 0: 0 would have been told of in another's"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "x", "cause": ['a="b"']}, "give both or neither"),
        ({"name": "x", "matchers": ['a="b"']}, "give same, or cause and effects"),
        ({"name": "x", "same": ["a"], "matchers": ["b"]}, "is no matcher"),
    ],
    ids=["half", "nothing", "no-matcher"],
)
async def test_mistakes_are_told_with_their_place(tmp_path, wrong, says):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "alerts": {**SETTINGS, "together": [wrong]}}))
    with pytest.raises(SettingsError) as error:
        load(path, {})
    assert says in str(error.value)
    assert "alerts.together[0]" in str(error.value)


START = datetime(2026, 11, 1, tzinfo=UTC)
PASTS = st.lists(
    st.tuples(
        st.sampled_from(["NodeDown", "PodA", "PodB", "DiskA", "Other"]),
        st.sampled_from(["eu", "us"]),
        st.integers(0, 40),
        st.integers(0, 40),
    ),
    max_size=25,
)


@given(PASTS)
def test_whatever_came_when_nothing_is_a_part_of_a_part_and_all_meet(told):
    ordered = sorted(told, key=lambda one: one[2])
    pasts = [
        Past(
            id=f"A-{number}",
            labels={"alertname": name, "cluster": place, "team": place},
            began=START + timedelta(minutes=began),
            ended=START + timedelta(minutes=began + lasted) if lasted < 30 else None,
        )
        for number, (name, place, began, lasted) in enumerate(ordered)
    ]
    rules = rules_of([TogetherRule.model_validate(one) for one in (NODE, TEAM_RULE)])
    found = joined(pasts, rules)
    parts = {one.part.id for one in found}
    assert len(parts) == len(found), "a part of one"
    for one in found:
        assert one.whole.id not in parts
        assert one.part.labels["cluster"] == one.whole.labels["cluster"]
        first, second = sorted((one.part, one.whole), key=lambda past: past.began)
        assert second.began - first.began <= timedelta(minutes=10)
        assert first.ended is None or first.ended > second.began or first.began == second.began
