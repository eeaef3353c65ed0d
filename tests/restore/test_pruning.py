"""What is over for long is forgotten, what may still be wanted is not."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.alerts.records import alerts, groups
from bot.app.composition import engine_url
from bot.app.pruning import Pruning
from bot.crowd import seen
from bot.deployments.rules import State
from bot.settings import SettingsError
from bot.slack.records import posts
from bot.store import engine_rows
from bot.store.starts import starts
from integrations.capabilities.runs import RunRef
from tests.fakes.runs import Outcome
from tests.restore.office import Clock, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_what_is_over_is_forgotten_and_what_is_under_way_goes_on(office: Office) -> None:
    async with office.open() as app:
        await office.deploy("v1.4.1")
        office.deploys.outcomes["checkout/staging"] = Outcome(state=None)
        begun = (await office.say("deploy checkout@v1.4.2 to staging")).subject

        async def sent() -> bool:
            return bool((await office.get(begun)).deploy_run)

        await office.until(sent, lambda: "it was not sent")
        url = engine_url(app.settings)
        later = Clock()
        pruning = Pruning(app.store, later, lambda: app.settings, url)
        assert not any((await pruning.prune()).values()), "all of it is young"
        later.ahead = timedelta(days=31)
        done = await engine_rows.over(url, later.now(), limit=500)
        assert "D-1001/execute/1/1" in done
        assert f"{begun}/execute/2/1" not in done
        outputs = sa.table("datasource_outputs", *map(sa.column, ("workflow_id", "step_id", "created_at")))
        mine = sa.select(sa.func.count()).select_from(outputs).where(outputs.c.workflow_id.in_(done))
        async with app.store.write() as tx:  # the engine removes them at the end of a workflow, but for a crash
            await tx.conn.execute(sa.insert(outputs).values(workflow_id=done[0], step_id=1, created_at=1))
        assert (await pruning.prune())["workflows"] == len(done)
        assert await engine_rows.over(url, later.now(), limit=500) == []
        async with app.store.read() as conn:
            assert (await conn.execute(mine)).scalar_one() == 0
            known = sa.select(sa.func.count()).select_from(starts).where(starts.c.workflow_id.in_(done))
            assert (await conn.execute(known)).scalar_one() == len(done), "none of them is started again"
        office.deploys.finish(RunRef.parse((await office.get(begun)).deploy_run))
        await office.reaches(begun, State.SUCCEEDED)


async def test_notes_of_what_came_and_went_end(office: Office) -> None:
    async with office.open() as app:
        now = office.clock.now()
        async with app.store.write() as tx:
            for age, name in ((1, "new"), (400, "old")):
                at = now - timedelta(days=age)
                await tx.conn.execute(sa.insert(seen).values(instance="git", event_id=name, received_at=at))
                await tx.conn.execute(
                    sa.insert(posts).values(channel="C1", ts=name, subject="D-1", card=True, posted_at=at)
                )
                for state in ("firing", "resolved"):
                    ident = f"{name}-{state}"
                    group = {column.name: _blank(column) for column in groups.c if not column.nullable}
                    group |= {"id": ident, "key": ident, "state": state, "state_since": at, "opened_at": at}
                    await tx.conn.execute(sa.insert(groups).values(group))
                    alert = {column.name: _blank(column) for column in alerts.c if not column.nullable}
                    alert |= {"group_id": ident, "starts_at": at, "seen_at": at}
                    await tx.conn.execute(sa.insert(alerts).values(alert))
        pruning = Pruning(app.store, app.clock, lambda: app.settings, engine_url(app.settings))
        gone = await pruning.prune()
        assert {name: gone[name] for name in ("webhook_events", "slack_posts", "alert_groups")} == {
            "webhook_events": 1,
            "slack_posts": 1,
            "alert_groups": 1,
        }
        async with app.store.read() as conn:
            left = set((await conn.execute(sa.select(alerts.c.group_id))).scalars())
        assert left == {"new-firing", "new-resolved", "old-firing"}


def test_nothing_is_kept_for_less_than_a_week(office: Office) -> None:
    office.config["retention"] = {"work": "6d"}
    with pytest.raises(SettingsError, match="at least 7d"):
        office.settings()


def _blank(column: sa.Column[object]) -> object:
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.Integer):
        return 0
    return {} if "Json" in type(kind).__name__ else ""
