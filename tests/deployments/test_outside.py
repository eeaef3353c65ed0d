"""What runs in production and nobody here put there is noticed once, written down, and reported with its moment."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.app.reporting import Line, Report
from bot.audit import Search
from bot.changes.records import changes
from bot.deployments.outside import EVERY, NOTICED, Outside
from bot.deployments.rules import State
from integrations.capabilities.deploys import Running
from integrations.errors import Unavailable
from tests.deployments.rig import MIA, Rig

PLACE = ("checkout/production", "checkout", "production", "")


async def rows(rig: Rig) -> Sequence[sa.Row[tuple[object, ...]]]:
    async with rig.store.read() as conn:
        chosen = sa.select(changes).where(changes.c.kind == NOTICED).order_by(changes.c.id)
        return (await conn.execute(chosen)).all()


async def test_it_is_noticed_once_with_its_moment(rig: Rig):
    shas = rig.history()
    await rig.deploy("v1.4.1")
    done = await rig.deploy("v1.4.1", "production")
    outside = Outside(rig.deployments.overview._parts)
    assert await outside.look() == 0
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    rig.deploys.running[PLACE] = Running(sha=shas["v1.4.2"], version="v1.4.2", since=moment)
    assert [await outside.look() for _ in range(3)] == [1, 0, 0]
    (row,) = await rows(rig)
    assert (row.at, row.environment, row.data["sha"], row.data["deployment"]) == (
        moment,
        "production",
        shas["v1.4.2"],
        done.id,
    )
    (entry,) = await rig.audit.find(Search(action=NOTICED))
    assert (entry.subject, entry.data["from"]) == (done.id, shas["v1.4.1"])
    rig.deploys.running[PLACE] = Running(sha=shas["v1.4.2"], version="v1.4.2", since=moment + timedelta(hours=1))
    assert await outside.look() == 1, "put there again"
    report = Report(rig.settings, rig.store, rig.audit, lambda person: person.user)
    told: list[Line] = [line async for line in report.noticed(moment, moment + timedelta(minutes=1))]
    assert [(line.kind, line.version, line.id) for line in told] == [("outside", "v1.4.2", done.id)]
    assert f"{done.id} put v1.4.1 there; noticed at " in told[0].detail
    assert [line async for line in report.outside(rig.toolbox, rig.clock.now())] == [], "it is in the report already"


async def test_that_nothing_runs_any_more_is_noticed_too(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.1")
    await rig.deploy("v1.4.1", "production")
    del rig.deploys.running[PLACE]
    assert await Outside(rig.deployments.overview._parts).look() == 1
    assert "says that nothing runs" in (await rows(rig))[0].summary


async def test_staging_silence_and_what_is_under_way_are_not_noticed(rig: Rig):
    shas = rig.history()
    await rig.deploy("v1.4.1")
    outside = Outside(rig.deployments.overview._parts)
    rig.deploys.running["checkout/staging", "checkout", "staging", ""] = Running(sha=shas["v1.4.2"], version="x")
    assert await outside.look() == 0
    rig.deploys.running["checkout/staging", "checkout", "staging", ""] = Running(sha=shas["v1.4.1"], version="v1.4.1")
    rig.deploys.running[PLACE] = Running(sha=shas["v1.4.2"], version="v1.4.2")
    rig.deploys.failure = Unavailable("deploys", "it sleeps")
    assert await outside.look() == 0
    rig.deploys.failure = None
    reply = await rig.run(MIA, "deploy checkout@v1.4.1 to production")
    at = await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    assert at.state is State.AWAITING_APPROVAL
    assert await outside.look() == 1, "what waits for approval holds nothing"


async def test_it_looks_again_and_again(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    shas = rig.history()
    await rig.deploy("v1.4.1")
    slept: list[float] = []
    as_before = rig.clock.sleep

    async def counting(seconds: float) -> None:
        slept.append(seconds)
        await as_before(seconds)

    monkeypatch.setattr(rig.clock, "sleep", counting)
    rig.deployments.outside.start()

    async def looked() -> bool:
        return EVERY in slept

    async def why() -> str:
        return f"it never looked: {slept}"

    await rig.until(looked, why)
    rig.deploys.running[PLACE] = Running(sha=shas["v1.4.2"], version="v1.4.2")
    await rig.until(lambda: rows(rig), why)
    await rig.deployments.outside.stop()
