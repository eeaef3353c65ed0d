"""Faults of what comes in: too large, hostile, twice, in another order, by a wrong clock, at two replicas at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientError
from msgspec.structs import replace

from bot.alerts import records
from bot.alerts.rules import State
from bot.slack import blocks
from tests.alerts.rig import TOKEN, read, up
from tests.deployments.rig import MIA

HOUR = timedelta(hours=1)
MEGABYTE = 1024 * 1024


def marked_up(part: Any) -> list[str]:
    """Return the texts that Slack reads as markup; the cells of a table it shows as they are."""
    if isinstance(part, dict):
        if part.get("type") == "raw_text":
            return []
        return [one for value in part.values() for one in marked_up(value)]
    if isinstance(part, list):
        return [one for value in part for one in marked_up(value)]
    return [part] if isinstance(part, str) else []


async def test_fifty_megabytes_are_refused_unread_and_what_they_told_is_found_by_asking(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(50):
                sent += 1
                yield b" " * MEGABYTE

        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            async with rig.http.post(rig.url, data=endless(), headers=headers) as answer:
                assert answer.status == 413
        except ClientError:
            pass  # cut off while it was sending: as good
        assert sent < 50, "the rest was not waited for"
        rig.source.alerts = [rig.alert(f"pod-{number}") for number in range(300)]
        await rig.alerts.poller.look()
        assert "300 alerts" in read(await rig.run(MIA, "alert A-1"))


async def test_a_notification_that_names_only_some_is_completed_by_asking(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        rig.source.alerts = [rig.alert(f"pod-{number}") for number in range(2500)]
        assert await rig.post(rig.body(*rig.source.alerts[:200], truncatedAlerts=2300)) == 204
        assert (await rig.group()).truncated == 2300
        await rig.alerts.poller.look()
        group = await rig.group()
        assert group.truncated == 0
        pages = {read(await rig.run(MIA, f"alert A-1 --page {number}")) for number in (1, 60, 125)}
        assert len(pages) == 3
        assert any("pod-2499" in page for page in pages)


async def test_hostile_labels_do_no_harm_in_a_storms_message_and_in_lists(tmp_path):
    async with up(tmp_path, engine=False, storm={"rate": 2}) as rig:
        evil = "<!here> <https://evil.example|click>"
        for number in range(8):
            alert = rig.alert("x", alertname=f"{evil} {number} " + "x" * 10_000, severity="<!channel>" + "y" * 10_000)
            assert await rig.post(rig.body(replace(alert, fingerprint=f"f{number}"))) == 204
        await rig.alerts.storms.look()
        (storm,) = [message for key, message in await rig.said("show") if key.endswith("/ST-1")]
        for message in (storm, await rig.run(MIA, "alerts"), await rig.run(MIA, "alerts --storm ST-1")):
            rendered = blocks.render(message)
            assert len(str(rendered)) < 20_000
            for text in marked_up(rendered):
                assert "<!" not in text.replace("<!date^", "")
                assert "<https://evil" not in text


async def test_all_orders_of_the_same_news_end_alike(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        a = rig.alert("a", began=HOUR)
        over = replace(a, firing=False, ends_at=rig.clock.now() - HOUR / 2)
        again = rig.alert("a", began=HOUR / 4)
        for news in ([over, a, again], [again, over, a], [again, a, over], [a, again, over]):
            for one in news:
                for copy in range(2):
                    assert await rig.post(rig.body(one, truncatedAlerts=copy)) == 204
            found = await rig.groups()
            assert [one.state for one in found if not one.over] == [State.FIRING]


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_a_source_whose_clock_is_an_hour_off_ends_nothing_wrongly(tmp_path, off):
    async with up(tmp_path, engine=False) as rig:
        rig.source.since = rig.clock.now() - 24 * HOUR + off
        a = replace(rig.alert("a"), starts_at=rig.clock.now() + off)
        await rig.notify(a)
        await rig.alerts.poller.look()
        rig.source.since, rig.source.alerts = rig.clock.now() + off, []
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.FIRING, "it was started anew, and knows nothing yet"
        await rig.move_on(minutes=6)
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.RESOLVED
        over = replace(a, firing=False, ends_at=a.starts_at + timedelta(minutes=1))
        assert await rig.post(rig.body(over)) == 204
        assert (await rig.group()).state is State.RESOLVED
        assert "resolved" in read(await rig.run(MIA, "alert A-1"))


async def test_two_replicas_of_a_source_are_both_known_after_a_while(tmp_path):
    async with up(tmp_path, engine=False) as rig:
        one, two = rig.clock.now() - HOUR, rig.clock.now() - 2 * HOUR
        await rig.notify(rig.alert("a"))
        for _ in range(4):
            for since in (one, two):
                rig.source.since = since
                await rig.alerts.poller.look()
            await rig.move_on(minutes=2)
        rig.source.alerts = []
        await rig.alerts.poller.look()
        assert (await rig.group()).state is State.RESOLVED


@pytest.mark.parametrize("crowded", [False, True], ids=["few", "crowd"])
async def test_two_replicas_given_the_same_notification_at_once_take_it_in_once(
    tmp_path, postgres_url, monkeypatch, crowded
):
    if crowded:
        monkeypatch.setattr("bot.crowd.CROWD", 1)
    other = tmp_path / "other"
    other.mkdir()
    async with (
        up(tmp_path, url=postgres_url, engine=False, crowded=crowded) as one,
        up(other, url=postgres_url, engine=False, crowded=crowded) as two,
    ):
        bodies = [one.body(one.alert("x", alertname=f"Rule{number}", severity="warning")) for number in range(12)]
        posted = [rig.post(body) for body in bodies for rig in (one, two)]
        assert set(await asyncio.gather(*posted)) == {204}
        await asyncio.gather(one.alerts.notices.drain(), two.alerts.notices.drain())
        found = await two.groups()
        assert len(found) == len({group.key for group in found}) == 12
        assert {group.version for group in found} == {1}, "the second of each changed nothing"
        async with one.store.read() as conn:
            assert (await conn.execute(sa.select(sa.func.count()).select_from(records.alerts))).scalar_one() == 12
