"""Reminders on a schedule: planned one after the other, said once, and not at all where nothing waits."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from bot.catalog import Catalog
from bot.engine import Engine
from bot.identity import Channel
from bot.reviews import workflow
from bot.reviews.reminders import Reminders, following
from bot.settings import Settings
from bot.slack import codec
from bot.slack.outbox import Outbox
from bot.slack.records import outbox as outbox_rows
from bot.store.starts import SIGNAL, next_due
from integrations.errors import Unavailable
from tests.grants.conftest import SETTINGS, TEAM, words
from tests.reviews.conftest import SHOP

CHANNEL = Channel(TEAM, "C1")
DAILY = {"review_reminders": "0 9 * * 1-5", "review_timezone": "Europe/Berlin"}


@pytest.fixture
def reminders(reviewed):
    services = {**SETTINGS["services"], "checkout": {**SETTINGS["services"]["checkout"], **DAILY}}
    catalog = Catalog(Settings.model_validate({**SETTINGS, "services": services}))

    async def channel_of(*_):
        return CHANNEL

    return Reminders(
        store=reviewed.store,
        clock=reviewed.clock,
        catalog=lambda: catalog,
        reviews=reviewed.reviews,
        outbox=Outbox(reviewed.store, reviewed.clock),
        channel_of=channel_of,
    )


async def said(store):
    async with store.read() as conn:
        rows = (await conn.execute(sa.select(outbox_rows).where(outbox_rows.c.kind == "post"))).all()
    return [(row.key, codec.load(row.payload["message"])) for row in rows]


def test_a_schedule_is_read_in_its_time_zone():
    friday = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
    assert following("0 9 * * 1-5", "Europe/Berlin", friday) == datetime(2026, 3, 30, 7, 0, tzinfo=UTC), "summer time"
    assert following("0 9 * * 1-5", "UTC", friday) == datetime(2026, 3, 30, 9, 0, tzinfo=UTC)


async def test_a_reminder_comes_when_it_is_due_and_the_next_one_is_planned(reminders, reviewed, clock, tmp_path):
    clock.moment = datetime(2026, 3, 2, 7, 59, tzinfo=UTC)  # a Monday
    await reminders.begin()
    workflow.bind(reminders)
    store = reviewed.store
    engine = await Engine.launch(store, clock=clock, engine_url=f"sqlite:///{tmp_path / 'engine.db'}")
    try:
        assert await said(store) == []
        clock.pass_by(minutes=1, seconds=1)
        store.signal(SIGNAL).set()
        async with asyncio.timeout(45):
            while not await said(store):  # noqa: ASYNC110 - the rows of a workflow that runs beside
                await asyncio.sleep(0.02)
    finally:
        await engine.stop(grace=10)
    ((key, message),) = await said(store)
    assert key == "post/review-reminder/checkout/2026-03-02T08:00:00+00:00"
    assert "!12 Retry" in words(message)
    assert await next_due(store, clock.now()) == datetime(2026, 3, 3, 8, 0, tzinfo=UTC)


async def test_what_is_late_or_of_another_schedule_or_unanswered_is_left_out(reminders, forge, clock):
    due = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    clock.moment = due + timedelta(hours=1, minutes=1)
    assert await reminders.look("checkout", due.isoformat()) is None
    clock.moment = due
    assert await reminders.look("checkout", (due - timedelta(minutes=5)).isoformat()) is None
    assert await reminders.look("search", due.isoformat()) is None
    assert await reminders.look("checkout", due.isoformat()) is not None
    forge.failure = Unavailable("forge", "no answer")
    assert await reminders.look("checkout", due.isoformat()) is None


async def test_nothing_is_said_where_nothing_waits(reminders, forge, clock):
    clock.moment = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    forge.change(SHOP, 12, draft=True)
    assert await reminders.look("checkout", clock.moment.isoformat()) is None
