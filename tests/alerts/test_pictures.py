"""A group's picture and what its signal says of causes: after the message, once, and never in its way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from bot.alerts import cause_records
from bot.alerts.rules import State
from bot.catalog import Catalog
from bot.changes import records as changes
from bot.changes.records import Change, Kind
from bot.charts import Chart, Charts
from bot.errors import Degraded
from bot.slack.records import outbox, pictures
from integrations.capabilities.metrics import AlertRule
from integrations.errors import Unavailable
from tests.alerts.rig import LABELS, Rig, read, up
from tests.deployments.rig import MIA, buttons
from tests.fakes.metrics import Answer

RULE = "job:errors:ratio > 0.05"
SIGNAL = "job:errors:ratio{}"
LINK = "http://prometheus.example.org/graph?g0.expr=job%3Aerrors%3Aratio+%3E+0.05&g0.tab=1"
SERIES = {"service": "checkout", "environment": "production"}


class Easel(Charts):
    """Keeps what it is asked to draw; `failures` are raised first."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Chart] = []
        self.failures: list[Degraded] = []

    async def draw(self, chart: Chart) -> bytes:
        if self.failures:
            raise self.failures.pop(0)
        self.drawn.append(chart)
        return b"\x89PNG" + bytes([len(self.drawn)])


@pytest.fixture
async def easel() -> Easel:
    return Easel()


@pytest.fixture
async def rig(tmp_path, easel) -> AsyncIterator[Rig]:
    async with up(tmp_path, charts=easel) as made:
        yield made


def rose(at: datetime, low: float = 0.004, high: float = 0.31):
    return lambda moment: low if moment < at else high


def measured(rig: Rig, at: datetime, **labels: str) -> None:
    rig.metrics.answers[SIGNAL] = [Answer(value=0.31, labels={**SERIES, **labels}, over=rose(at))]


def fired(rig: Rig, pod: str = "a", **values):
    return replace(rig.alert(pod, began=timedelta(minutes=4), **values), generator_url=LINK)


async def change(rig: Rig, subject: str, minutes: float, kind: Kind = Kind.DEPLOYED, **values) -> None:
    told: dict[str, Any] = {"version": "1.4.2", "previous_version": "1.4.1", "sha": "b" * 40, "previous_sha": "a" * 40}
    told |= {"irreversible": False, **values.pop("data", {})}
    place = {"service": "checkout", "environment": "production", "summary": f"checkout {subject}", **values}
    at = rig.clock.now() - timedelta(minutes=minutes)
    async with rig.store.write() as tx:
        await changes.record(tx, Change(kind=kind, subject=subject, at=at, data=told, **place))


async def looked(rig: Rig, version: int = 1) -> cause_records.Looked:
    """Wait until the signal of A-1 was looked at as of a version."""

    async def there() -> cause_records.Looked | None:
        async with rig.store.read() as conn:
            found = await cause_records.looked(conn, "A-1")
        return found if found is not None and found.version >= version else None

    async def why() -> str:
        return f"A-1 was not looked at: {await rig.groups()}"

    found: cause_records.Looked = await rig.until(there, why)
    return found


async def posted(rig: Rig) -> list[tuple[int, bytes, str]]:
    """Return (wanted version, bytes, thread) of the pictures of groups."""
    columns = (outbox.c.wanted, pictures.c.png, outbox.c.in_thread_of)
    statement = sa.select(*columns).join(pictures, pictures.c.outbox_id == outbox.c.id)
    async with rig.store.read() as conn:
        rows = await conn.execute(statement.where(outbox.c.key.like("post/%/picture")))
        return [(row.wanted, row.png, row.in_thread_of) for row in rows.all()]


async def test_the_picture_follows_with_limit_span_and_marks(rig: Rig, easel: Easel):
    await change(rig, "D-7", 8)
    await change(rig, "L-1", 6, Kind.LOCKED)
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    await rig.notify(fired(rig))
    await looked(rig)
    ((version, png, thread),) = await posted(rig)
    assert (version, png[:4], thread) == (1, b"\x89PNG", "show/A-1")
    (chart,) = easel.drawn
    assert "A-1 HighErrorRate" in chart.title
    assert (chart.limit, chart.unit, len(chart.lines), chart.left_out) == (0.05, "ratio", 1, 0)
    assert {mark.label for mark in chart.marks} == {"D-7", "L-1"}
    (span,) = chart.spans
    now = rig.clock.now().timestamp()
    assert abs(now - span.start - 240) < 30
    assert chart.lines[0].points[0][0] < span.start - 1700, "half an hour before it"


async def test_the_message_names_what_moved_the_signal_and_says_so(rig: Rig):
    await change(rig, "D-6", 30)
    await change(rig, "D-7", 14)
    await change(rig, "D-8", 5, environment="production", service="checkout")
    measured(rig, rig.clock.now() - timedelta(minutes=13))
    await rig.notify(fired(rig))
    card = await rig.reads("D-7 checkout D-7", "job:errors:ratio rose from 0.4 % to 31 % after it")
    assert "10 min before" in read(card)
    assert "(1 of 3 changes within 1 h)" in read(card)
    assert "Roll back D-7…" not in buttons(card), "D-8 came after it: going back would undo that too"
    assert [one for one in buttons(card) if one in {"Show diff", "Not this"}] == ["Show diff", "Not this"]


async def test_show_diff_asks_for_what_the_deployment_brought_and_roll_back_says_what_it_needs(rig: Rig):
    await change(rig, "D-7", 8)
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    await rig.notify(fired(rig))
    card = await rig.reads("after it")
    shown = buttons(card)["Show diff"]
    assert (shown.command, dict(shown.args)) == ("diff", {"service": "checkout", "range": f"{'a' * 40}..{'b' * 40}"})
    confirm = buttons(card)["Roll back D-7…"].confirm
    assert confirm is not None
    for words in (
        "checkout/production goes back from 1.4.2 to 1.4.1",
        "None of its migrations",
        "1 from release-manag",
    ):
        assert words in confirm.text


async def test_what_a_service_depends_on_counts_less_and_is_said_to_be_that(tmp_path, easel):
    async with up(tmp_path, charts=easel) as rig:
        checkout = rig.settings.services["checkout"]
        services = {"checkout": checkout.model_copy(update={"depends_on": ("payments",)}), "payments": checkout}
        rig.settings = rig.settings.model_copy(update={"services": services})
        rig.catalog = Catalog(rig.settings)
        await change(rig, "D-7", 8, service="payments", summary="payments 2.0")
        measured(rig, rig.clock.now() - timedelta(minutes=8))
        await rig.notify(fired(rig))
        card = await rig.reads("Changed in payments, which checkout depends on, 4 min before: D-7 payments 2.0", "rose")
        assert buttons(card)["Roll back D-7…"].args["service"] == "payments"


async def test_it_is_drawn_anew_in_place_when_the_state_changes_and_not_for_less(rig: Rig, easel: Easel):
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    await rig.notify(fired(rig))
    await looked(rig)
    await rig.notify(fired(rig), fired(rig, "b"))
    await rig.reads("2 alerts firing")
    await rig.run(MIA, "acknowledge A-1")
    await rig.stands(State.ACKNOWLEDGED)
    await rig.notify(*(replace(fired(rig, pod), firing=False, ends_at=rig.clock.now()) for pod in "ab"))
    group = await rig.stands(State.RESOLVED)
    await looked(rig, group.version)
    assert len(easel.drawn) == 2, "at its start and its end; what came in between was within a minute"
    ((version, png, _),) = await posted(rig)
    assert (version, png[-1]) == (2, 2)


async def test_of_a_thousand_series_the_worst_few_are_drawn_and_the_rest_counted(rig: Rig, easel: Easel):
    at = rig.clock.now() - timedelta(minutes=8)
    pods = [f"pod-{number}" for number in range(1000)]
    rig.metrics.answers[SIGNAL] = [
        Answer(value=0.0, labels={**SERIES, "pod": pod}, over=rose(at, high=0.1 + number / 1000))
        for number, pod in enumerate(pods)
    ]
    asked: list[str] = []
    whole = rig.metrics.query_range

    async def some(expression, *window):
        asked.append(expression)
        return (await whole(SIGNAL, *window))[-5:]

    rig.metrics.query_range = some  # type: ignore[method-assign]
    await rig.notify(*(fired(rig, pod) for pod in pods))
    await looked(rig)
    (chart,) = easel.drawn
    assert chart.left_out == 995
    assert [line.label for line in chart.lines] == pods[-5:]
    (expression,) = asked
    assert expression.count("label_replace") == 5 * 3
    assert '"pod-999"' in expression


@pytest.mark.parametrize("failure", [Unavailable("metrics", "does not answer"), None], ids=["away", "no-data"])
async def test_without_an_answer_the_message_stands_and_who_asks_is_told_why(rig: Rig, easel: Easel, failure):
    rig.metrics.failure = failure
    await rig.notify(fired(rig))
    look = await looked(rig)
    assert look.problem
    assert (await rig.stands(State.FIRING)).shown_state == "firing"
    assert not await posted(rig)
    assert not easel.drawn
    assert "No picture: metrics: " in read(await rig.run(MIA, "alert A-1"))


async def test_a_source_that_hangs_is_given_up_and_the_message_is_there_meanwhile(rig: Rig, monkeypatch):
    monkeypatch.setattr("bot.alerts.signals.DEADLINE", 0.05)
    rig.metrics.waiting = asyncio.Event()
    await rig.notify(fired(rig))
    await rig.stands(State.FIRING)
    assert "took too long" in (await looked(rig)).problem


async def test_where_nothing_can_be_known_of_a_signal_there_is_no_noise(rig: Rig, easel: Easel):
    await rig.notify(replace(rig.alert("a"), generator_url="https://elsewhere.example.org/rule/7"))
    look = await looked(rig)
    assert (look.problem, easel.drawn, rig.metrics.queries) == ("", [], [])
    assert "No picture" not in read(await rig.run(MIA, "alert A-1"))


async def test_an_alert_without_a_link_is_drawn_by_the_rule_of_its_name(rig: Rig, easel: Easel):
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    rig.metrics.rules = [
        AlertRule(name="HighErrorRate", expression="other > 1", labels={"severity": "info"}),
        AlertRule(name="HighErrorRate", expression=RULE, labels={"severity": LABELS["severity"]}),
    ]
    await rig.notify(replace(fired(rig), generator_url=""))
    await looked(rig)
    assert [chart.limit for chart in easel.drawn] == [0.05]


async def test_a_worker_that_died_is_asked_once_more_and_then_the_picture_is_given_up(rig: Rig, easel: Easel):
    died = Degraded("charts_unavailable", "The chart could not be drawn: the drawing process gave no answer.")
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    easel.failures = [died]
    await rig.notify(fired(rig))
    await looked(rig)
    assert len(await posted(rig)) == 1
    easel.failures = [died, died]
    await rig.run(MIA, "resolve A-1")
    group = await rig.stands(State.RESOLVED)
    assert "gave no answer" in (await looked(rig, group.version)).problem
    assert len(await posted(rig)) == 1


async def test_of_several_who_look_at_once_one_posts(tmp_path, easel, database_url):
    async with up(tmp_path, url=database_url, charts=easel, engine=False) as rig:
        measured(rig, rig.clock.now() - timedelta(minutes=8))
        await rig.notify(fired(rig))
        outlook = await rig.alerts.showing.look("A-1")
        async with rig.store.write() as tx:
            await rig.alerts.showing.show(tx, "A-1", outlook)
        await asyncio.gather(*(rig.alerts.studying.study("A-1", 1, "firing") for _ in range(4)))
        assert [version for version, _, _ in await posted(rig)] == [1]


async def test_what_is_asked_for_in_a_storm_has_a_bound(rig: Rig, easel: Easel, monkeypatch):
    monkeypatch.setattr("bot.alerts.studying._LINE", 0)
    await rig.notify(fired(rig))
    assert "too much fires" in (await looked(rig)).problem
    assert easel.drawn == []


async def test_rolled_back_and_over_the_cause_is_confirmed_and_the_precision_reported(rig: Rig):
    assert "No cause" in (await rig.run(MIA, "alerts --precision")).summary
    await change(rig, "D-7", 8)
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    await rig.notify(fired(rig))
    await rig.reads("D-7 checkout D-7", "after it")
    await looked(rig)
    assert (
        "1 cause named first in the last 30 days: 0 confirmed, 0 refused, 1 unanswered."
        in (await rig.run(MIA, "alerts --precision")).summary
    )
    await rig.alerts.poller.look()
    begun = (rig.clock.now() - timedelta(minutes=1)).isoformat()
    back = {"kind": "rollback", "previous_sha": "b" * 40, "sha": "a" * 40, "begun_at": begun}
    await rig.notify(replace(fired(rig), firing=False, ends_at=rig.clock.now()))
    card = await rig.reads("*resolved*", "Named as its cause: D-7 checkout D-7. Was it?")
    assert [*buttons(card)][:2] == ["This it was", "Not this"]
    await change(rig, "D-8", 0, data=back)  # it ends after what it ended
    await rig.alerts.poller.look()
    card = await rig.reads("Cause: D-7 checkout D-7 (it ended once that was rolled back)")
    assert "This it was" not in buttons(card)
    assert "1 confirmed, 0 refused, 0 unanswered: 100 %" in (await rig.run(MIA, "alerts checkout --precision")).summary


async def test_what_people_say_is_remembered_and_the_last_word_counts(rig: Rig):
    await change(rig, "D-7", 8)
    await rig.notify(fired(rig))
    await looked(rig)
    await rig.run(MIA, command="not-this", alert="A-1", change="D-7")

    async def says(words: str) -> bool:
        return words in (await rig.run(MIA, "alerts --precision")).summary

    assert await says("0 confirmed, 1 refused, 0 unanswered")
    await rig.run(MIA, command="this-it-was", alert="A-1", change="D-7")
    await rig.reads("Cause: D-7 checkout D-7 (says @mia)")
    assert await says("1 confirmed, 0 refused, 0 unanswered")
    await rig.run(MIA, command="not-this", alert="A-1", change="D-7")
    assert await says("0 confirmed, 1 refused, 0 unanswered")


async def test_ended_between_message_and_picture_the_next_process_lets_it_follow_once(tmp_path, easel):
    async with up(tmp_path, charts=easel, engine=False) as rig:
        await rig.notify(fired(rig))
        outlook = await rig.alerts.showing.look("A-1")
        async with rig.store.write() as tx:
            await rig.alerts.showing.show(tx, "A-1", outlook)
        assert await rig.cards() == [("A-1", "C0ALERTS")]
        assert easel.drawn == []
    for _ in range(2):
        async with up(tmp_path, charts=easel) as rig:
            measured(rig, rig.clock.now() - timedelta(minutes=8))
            await looked(rig)
            assert [version for version, _, _ in await posted(rig)] == [1]
    assert len(easel.drawn) == 1


async def test_a_drawing_process_killed_in_the_middle_is_replaced(tmp_path):
    charts = Charts()
    try:
        async with up(tmp_path, charts=charts) as rig:
            measured(rig, rig.clock.now() - timedelta(minutes=8))
            drawing = asyncio.create_task(charts.draw(Chart(title="warm", lines=[])))
            while not charts.running:  # noqa: ASYNC110 - a process has no event for having been started
                await asyncio.sleep(0)
            worker = charts._worker
            assert worker is not None
            worker.kill()
            with pytest.raises(Degraded):
                await drawing
            await rig.notify(fired(rig))
            look = await looked(rig)
            assert look.problem == ""
            ((_, png, _),) = await posted(rig)
            assert png.startswith(b"\x89PNG\r\n")
    finally:
        await charts.close()


async def test_of_a_deployment_that_ends_while_it_fires_the_signal_is_looked_at_then(rig: Rig, easel: Easel):
    measured(rig, rig.clock.now() - timedelta(minutes=8))
    await rig.notify(fired(rig))
    await looked(rig)
    await rig.alerts.poller.look()
    begun = (rig.clock.now() - timedelta(minutes=8)).isoformat()
    await change(rig, "D-7", 0, data={"begun_at": begun})
    await rig.alerts.poller.look()
    card = await rig.reads("D-7 checkout D-7")
    assert "after it" not in read(card)
    await rig.move_on(minutes=2)
    await rig.reads("D-7 checkout D-7", "rose from 0.4 % to 31 % after it")

    async def drawn() -> bool:
        return len(await posted(rig)) == 1 and (await posted(rig))[0][0] == 2

    async def why() -> str:
        return f"not drawn anew: {easel.drawn}"

    await rig.until(drawn, why)
    assert [mark.label for mark in easel.drawn[-1].marks] == ["D-7"]


async def test_what_changed_only_just_before_it_is_looked_at_again(rig: Rig):
    now = rig.clock.now()
    measured(rig, now - timedelta(seconds=6))
    await change(rig, "D-7", 0.1)
    await rig.notify(replace(rig.alert("a"), generator_url=LINK))
    await looked(rig)
    assert "after it" not in read(await rig.reads("D-7 checkout D-7"))
    await rig.move_on(minutes=3)
    await rig.reads("D-7 checkout D-7", "rose from 0.4 % to 31 % after it")
