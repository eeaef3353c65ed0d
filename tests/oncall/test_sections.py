"""What who takes over is told to be open: from real alerts, silences and deployments."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.alerts import silence_records
from bot.alerts.rules import State
from bot.app.oncall import sections
from bot.deployments.rules import State as Stage
from bot.reply import Message
from integrations.capabilities.alerts import Matcher
from tests.alerts.rig import Rig, read, up
from tests.deployments.rig import MIA

SEVERAL = {"team": Matcher("team", "pay"), "service": Matcher("service", "checkout|search", is_regex=True)}


async def told(rig: Rig, *services: str) -> str:
    app: Any = rig  # what the running bot has of this, the rig has
    parts = [part for section in sections(app) for part in await section(services)]
    return read(Message(summary="", parts=tuple(parts)))


async def quiet(rig: Rig, *matchers: Matcher) -> str:
    """Note a silence, as one that was made at the source is noted."""
    now = rig.clock.now()
    wanted = silence_records.Quiet(
        id="",
        instance="am",
        silence_id=str(matchers),
        matchers=matchers,
        created_by="somebody",
        begins_at=now,
        ends_at=now + timedelta(hours=2),
        changed_at=now,
        state=silence_records.State.ACTIVE,
    )
    async with rig.store.write() as tx:
        made = await silence_records.begin(tx, wanted)
    assert made is not None
    return made.id


async def test_what_is_open_is_told_of_these_services_alone(tmp_path: Path):
    async with up(tmp_path) as rig:
        rig.history()
        assert await told(rig, "checkout") == await told(rig, "search")
        assert "Open alerts: none." in await told(rig, "checkout")
        reply = await rig.run(MIA, "deploy checkout@v1.4.0 to staging")
        await rig.reaches(reply.subject, Stage.SUCCEEDED)
        assert "Deployments under way: none." in await told(rig, "checkout")
        reply = await rig.run(MIA, "deploy checkout@v1.4.0 to production")
        await rig.reaches(reply.subject, Stage.AWAITING_APPROVAL)
        await rig.notify(rig.alert("a"))
        await rig.stands(State.FIRING)
        said = await told(rig, "checkout", "search")
        assert "A-1 HighErrorRate of checkout: firing" in said
        assert f"{reply.subject} " in said
        assert "Silences: none." in said
        others = await told(rig, "search")
        assert "A-1" not in others
        assert reply.subject not in others


async def test_a_silence_is_told_where_it_may_hold(tmp_path: Path):
    async with up(tmp_path, engine=False) as rig:
        exact = await quiet(rig, Matcher("service", "checkout"))
        some = await quiet(rig, *SEVERAL.values())
        every = await quiet(rig, Matcher("severity", "warning"))
        others = await quiet(rig, Matcher("service", "checkout", is_equal=False))
        unread = await quiet(rig, Matcher("service", "(?i", is_regex=True))
        for service, expected in (
            ("checkout", {exact, some, every, unread}),
            ("search", {some, every, others, unread}),
            ("ledger", {every, others, unread}),
        ):
            said = await told(rig, service)
            assert {one for one in (exact, some, every, others, unread) if f"{one} until" in said} == expected, service


async def test_of_much_that_is_open_ten_are_told_and_no_mention_gets_through(tmp_path: Path):
    async with up(tmp_path, engine=False) as rig:
        for number in range(12):
            await quiet(rig, Matcher("service", "checkout"), Matcher("pod", f"<!here>{number}"))
        said = await told(rig, "checkout")
        assert "…2 more" in said
        assert "<!here>" not in said
