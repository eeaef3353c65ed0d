"""Freezes that follow an error budget: by their readings alone, and on the road with a real Prometheus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from hypothesis import given, strategies as st
from msgspec.structs import replace

from bot.deployments.rules import State
from bot.freezes.budgets import Budget, Limits, Unreadable, after
from bot.settings import SettingsError, load
from integrations.contract import Resources
from integrations.errors import Unavailable
from integrations.prometheus.client import connect
from integrations.prometheus.settings import PrometheusSettings
from tests.deployments.rig import CONFIG, MIA, Rig, up, words
from tests.fakes.metrics import Answer
from tests.freezes.conftest import Frozen

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = Limits(above=1.0, below=0.8, length=5 * MINUTE, unreadable=Unreadable.STAY)
QUERY = "budget_burnt"
BURN: dict[str, Any] = {"with": "metrics", "query": QUERY, "above": 1, "below": 0.8, "for": "5m"}
SPENT: dict[str, Any] = {
    "name": "budget",
    "reason": "the error budget is spent",
    "environments": ["staging"],
    "burn": BURN,
    "exceptions": ["owners"],
}


def read(limits: Limits, *values: float | None, step: timedelta = MINUTE) -> list[bool]:
    """Return how a budget stands after each of these readings, a minute apart."""
    budget, stands = Budget(name="b"), []
    for number, value in enumerate(values):
        budget = after(budget, limits, value, NOON + number * step)
        stands.append(budget.frozen)
    return stands


def test_it_freezes_after_its_time_and_opens_below_the_lower_limit():
    assert read(LIMITS, *[2.0] * 7) == [False] * 5 + [True] * 2
    assert read(replace(LIMITS, length=timedelta()), 1.0, 1.1, 0.9, 0.8, 0.7, 0.9) == [
        False, True, True, True, False, False,
    ]  # fmt: skip


def test_what_swings_about_the_limit_changes_nothing():
    assert not any(read(LIMITS, *[2.0, 2.0, 0.9] * 10))
    swinging = read(LIMITS, *[2.0] * 6, *[0.7, 0.9] * 10)
    assert swinging[5:] == [True] * 21


@pytest.mark.parametrize(("policy", "ends"), [("stay", False), ("hold", True), ("open", False)])
def test_unreadable_from_the_start(policy: str, ends: bool):
    limits = replace(LIMITS, unreadable=Unreadable(policy))
    assert read(limits, *[None] * 7) == [False] * 5 + [ends] * 2


@pytest.mark.parametrize(("policy", "ends"), [("stay", True), ("hold", True), ("open", False)])
def test_unreadable_while_frozen(policy: str, ends: bool):
    limits = replace(LIMITS, unreadable=Unreadable(policy))
    assert read(limits, *[2.0] * 6, *[None] * 7)[-1] is ends


def test_what_was_decided_blindly_ends_with_the_first_value():
    hold = replace(LIMITS, unreadable=Unreadable.HOLD)
    assert read(hold, *[None] * 6, 0.9)[-2:] == [True, False]
    assert read(hold, *[None] * 6, 1.5)[-2:] == [True, True]
    open_ = replace(LIMITS, unreadable=Unreadable.OPEN)
    assert read(open_, *[2.0] * 6, *[None] * 6, 1.5)[-2:] == [False, True]


@given(st.lists(st.one_of(st.none(), st.floats(0, 3), st.just(float("nan"))), max_size=60), st.sampled_from(Unreadable))
def test_any_readings(values: list[float | None], policy: Unreadable):
    """It changes at most once in its time, and never against what was read all that time."""
    limits = replace(LIMITS, unreadable=policy)
    budget, last = Budget(name="b"), None
    for number, value in enumerate(values):
        now = NOON + number * MINUTE
        before, budget = budget, after(budget, limits, value, now)
        assert budget.number - before.number == int(budget.frozen != before.frozen)
        if budget.frozen != before.frozen:
            assert budget.since == now
            assert budget.crossed_at is None
            if last is not None and not budget.blind and not before.blind:
                assert now - last >= limits.length
            last = now
        recent = values[max(0, number - 5) : number + 1]
        if policy is Unreadable.STAY and budget.frozen and not before.frozen:
            assert all(one is not None and one > limits.above for one in recent)


async def test_on_the_road(frozen: Frozen):
    """Spent: refused with value and limit, waited for, shown; a source that is away changes nothing; then it opens."""
    async with frozen(SPENT) as rig:
        watching = rig.freezes.watching
        rig.metrics.answers[QUERY] = [Answer(value=0.2), Answer(value=1.3)]
        await watching.look("budget")
        await rig.move_on(minutes=5)
        assert (budget := await watching.look("budget")) is not None
        assert budget.frozen
        error = await rig.refused(MIA, "deploy checkout@v1.4.1 to staging")
        assert error.code == "frozen"
        assert "the error budget is spent (1.3, limit 1)" in str(error.text)
        assert "until the budget has recovered, below 0.8 for 5 min" in str(error.text)
        waiting = (await rig.run(MIA, "deploy checkout@v1.4.1 to staging --queue")).subject
        await rig.reaches(waiting, State.QUEUED)
        rig.metrics.failure = Unavailable("metrics", "no answer")
        assert (away := await watching.look("budget")) is not None
        assert away.frozen
        assert "not readable since" in words(await rig.run(MIA, "calendar"))
        rig.metrics.failure = None
        rig.metrics.answers[QUERY] = [Answer(value=0.5)]
        for _ in range(2):
            await watching.look("budget")
            await rig.move_on(minutes=5)
        await rig.reaches(waiting, State.SUCCEEDED)
        assert "not frozen by budget: 0.5, limit 1" in words(await rig.run(MIA, "calendar"))
        told = [message.summary for key, message in await rig.said("post") if "freeze/budget" in key]
        assert told == [
            "Frozen by budget: the error budget is spent (1.3, limit 1)",
            "No longer frozen by budget (0.5, limit 1)",
        ]
        entries = [one.outcome for one in await rig.audit.recent() if one.action == "freeze.budget"]
        assert entries == ["open", "frozen"]


async def test_it_is_known_after_a_restart(tmp_path: Path, database_url: str):
    config = {**CONFIG, "freezes": [{**SPENT, "burn": {**BURN, "for": "0s"}}]}
    async with up(tmp_path, url=database_url, config=config) as rig:
        rig.history()
        rig.metrics.answers[QUERY] = [Answer(value=1.3)]
        await rig.freezes.watching.look("budget")
    async with up(tmp_path, url=database_url, config=config) as again:
        again.history()
        assert (await again.refused(MIA, "deploy checkout@v1.4.1 to staging")).code == "frozen"


@asynccontextmanager
async def measured() -> AsyncIterator[tuple[str, dict[str, int]]]:
    """Yield the address of a service that counts its requests, and how many of a hundred fail from now on."""
    failing, counted = {"of_100": 50}, {"requests": 0, "errors": 0}

    async def metrics(_request: web.Request) -> web.Response:
        counted["requests"] += 100
        counted["errors"] += failing["of_100"]
        return web.Response(text="".join(f"shop_{name}_total {value}\n" for name, value in counted.items()))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", failing
    finally:
        await runner.cleanup()


async def test_with_a_real_prometheus(tmp_path: Path, prometheus_server: Any):
    """The share of failed requests over a window, as a multiple of what the objective of 99 % allows."""
    query = "sum(rate(shop_errors_total[3s])) / sum(rate(shop_requests_total[3s])) / 0.01"
    config = {**CONFIG, "freezes": [{**SPENT, "burn": {**BURN, "query": query, "for": "0s"}}]}
    async with measured() as (target, failing), up(tmp_path, config=config) as rig:
        rig.history()
        url = prometheus_server({"shop": [target]}).url
        source = await connect("metrics", PrometheusSettings(url=url), Resources(state_dir=str(tmp_path)))
        rig.toolbox.add(source)
        try:
            for share, frozen in ((50, True), (0, False)):
                failing["of_100"] = share
                await rig.until(partial(stands, rig, frozen=frozen), partial(said, rig))
                refused = await rig.run(MIA, "deploy checkout@v1.4.1 to staging --explain")
                assert ("frozen by budget" in str(refused)) is frozen
        finally:
            await source.close()


async def stands(rig: Rig, *, frozen: bool) -> bool:
    budget = await rig.freezes.watching.look("budget")
    return budget is not None and budget.frozen is frozen


async def said(rig: Rig) -> str:
    return str(await rig.freezes.watching.look("budget"))


@pytest.mark.parametrize(
    ("burn", "words_of_it"),
    [
        ({**BURN, "with": "git"}, "is no MetricsSource"),
        ({**BURN, "below": 2}, "below is higher than above"),
        ({**BURN, "every": "1s"}, "every must be 10s or longer"),
        ({"with": "metrics", "above": 1}, "query"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, burn: dict[str, Any], words_of_it: str):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "freezes": [{**SPENT, "burn": burn}]}))
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert words_of_it in str(caught.value)


def test_a_window_beside_a_budget_is_a_mistake(tmp_path: Path):
    path = tmp_path / "shipmate.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "freezes": [{**SPENT, "from": "2026-12-01"}]}))
    with pytest.raises(SettingsError, match="cannot stand beside burn"):
        load(path, {})


async def test_replicas_that_read_at_once_tell_once(tmp_path: Path, database_url: str):
    config = {**CONFIG, "freezes": [{**SPENT, "burn": {**BURN, "for": "0s"}}]}
    async with up(tmp_path, url=database_url, config=config) as rig:
        rig.history()
        for value in (1.3, 0.1):
            rig.metrics.answers[QUERY] = [Answer(value=value)]
            await asyncio.gather(*(rig.freezes.watching.look("budget") for _ in range(6)))
        told = [key for key, _ in await rig.said("post") if "freeze/budget" in key]
        assert [key.split("/")[3] for key in told] == ["1", "2"]
        assert (await rig.audit.verify()).ok
