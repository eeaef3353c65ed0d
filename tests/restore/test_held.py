"""Somebody copies older files back: nothing goes on by itself, and people say what shall become of each thing."""

from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

from bot.app.composition import App
from bot.deployments.rules import State
from bot.slack.records import State as Told, outbox
from integrations.capabilities.runs import RunRef
from tests.deployments.rig import ANA
from tests.fakes.runs import Outcome
from tests.restore.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def ready(app: App) -> dict[str, str]:
    """Return what /readyz says."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{app.web.port}/readyz") as answer:
        assert answer.status == 200
        said: dict[str, str] = await answer.json()
    return said


async def in_flight(office: Office) -> Path:
    """Have 1.4.1 on staging, 1.4.2 on its way to staging, and copy the files; then let it arrive."""
    async with office.open():
        await office.deploy("v1.4.1")
        office.deploys.outcomes["checkout/staging"] = Outcome(state=None)
        begun = await office.say("deploy checkout@v1.4.2 to staging")

        async def sent() -> bool:
            return bool((await office.get(begun.subject)).deploy_run)

        await office.until(sent, lambda: f"{begun.subject} was not sent")
        lock = await office.say("lock checkout production --reason audit")
        assert not lock.code
        assert (await office.get(begun.subject)).id == "D-1002"
    copied = office.copy()
    async with office.open() as app:
        assert app.restoring.hold is None
        office.deploys.finish(RunRef.parse((await office.get("D-1002")).deploy_run))
        await office.reaches("D-1002", State.SUCCEEDED)
    return copied


async def test_nothing_is_held_when_it_only_starts_again(office: Office) -> None:
    async with office.open() as app:
        assert (await office.deploy("v1.4.1")).state is State.SUCCEEDED
        assert await ready(app) == {"status": "ready"}
    async with office.open() as app:
        assert app.restoring.hold is None
        assert (await office.deploy("v1.4.2")).id == "D-1002"
        assert (await office.say("restore all give-up")).code == "no_restore"


async def test_an_older_copy_is_held_until_everything_is_answered(office: Office) -> None:
    copied = await in_flight(office)
    before = list(office.sent)
    office.put_back(copied)

    async with office.open() as app:
        assert app.engine is None
        assert (await ready(app))["status"] == "held"
        assert not (await app.restoring.health()).ok
        assert not (await office.say("where checkout")).code
        assert (await office.say("deploy checkout@v1.4.0 to staging")).code == "held"
        shown = str(await office.say("restore show"))
        assert "D-1002 was deploying" in shown
        assert "checkout/staging runs v1.4.2" in shown
        assert "its run at deploys is succeeded" in shown
        assert (await office.say("restore decide D-1002 done")).code == ""
        assert (await office.say("restore decide D-1002 give-up", ANA)).code == "answered_already"
        assert (await office.get("D-1002")).state is State.SUCCEEDED

    # A crash, a stop, a start in the middle: it is still held, and what was answered is kept.
    async with office.open() as app:
        assert app.restoring.hold is not None
        assert [item.id for item in await app.restoring.open_items()] == ["L-1", "messages"]
        assert (await office.say("restore decide L-1 done")).code == "answer_not_offered"
        assert (await office.say("restore decide L-9 carry-on")).code == "unknown_item"
        assert (await office.say("restore decide L-1 carry-on")).code == ""
        assert office.sent == before
        assert (await office.say("restore decide messages give-up")).summary.startswith("Everything is answered")

        async def going() -> bool:
            return app.engine is not None

        await office.until(going, lambda: "it does not go on")
        assert await ready(app) == {"status": "ready"}
        office.deploys.outcomes.clear()
        again = await office.deploy("v1.4.1")
        assert again.state is State.SUCCEEDED, "a place refuses claims older than those it has seen"
        assert again.id == "D-2003", "ids that were given after the copy was made are not given again"
        assert office.sent == [*before, "D-2003/deploy"]
        answered = [one.action for one in await app.audit.recent(limit=200) if one.action.startswith("restore.")]
        assert answered.count("restore.answered") == 3
        assert {"restore.held", "restore.over"} <= set(answered)
        assert (await app.audit.verify()).ok
    async with office.open() as app:
        assert app.restoring.hold is None


async def test_what_is_carried_on_is_looked_up_and_not_sent_again(office: Office) -> None:
    copied = await in_flight(office)
    before = list(office.sent)
    office.put_back(copied)
    async with office.open() as app:
        assert (await office.say("restore all carry-on")).code == ""
        await office.reaches("D-1002", State.SUCCEEDED)
        assert office.sent == before
        assert app.restoring.hold is None


async def test_what_is_given_up_leaves_what_runs_and_frees_its_place(office: Office) -> None:
    copied = await in_flight(office)
    before = list(office.sent)
    office.put_back(copied)
    async with office.open() as app:
        assert (await office.say("restore all give-up")).code == ""
        given_up = await office.get("D-1002")
        assert (given_up.state, given_up.code) == (State.FAILED, "given_up")
        assert "unlocked" not in (await office.say("restore show")).summary
        async with app.store.read() as conn:
            left = sa.select(sa.func.count()).where(outbox.c.state == Told.HELD)
            assert (await conn.execute(left)).scalar_one() == 0
        office.deploys.outcomes.clear()
        assert (await office.deploy("v1.4.0")).state is State.SUCCEEDED
        assert office.sent[: len(before)] == before


async def test_a_place_that_moved_on_since_is_written_down_when_somebody_says_so(office: Office) -> None:
    async with office.open():
        await office.deploy("v1.4.1")
    copied = office.copy()
    async with office.open():
        await office.deploy("v1.4.2")
    office.put_back(copied)
    async with office.open() as app:
        (item, *_) = await app.restoring.open_items()
        assert (item.id, item.was) == ("checkout/staging", "checkout/staging ran v1.4.1 by the record")
        assert (await office.say("restore decide checkout/staging done")).code == ""
        assert (await office.say("restore all give-up")).code in {"", "no_restore"}
        assert "v1.4.2" in str(await office.say("where checkout"))


async def test_a_stop_while_it_begins_to_go_on_is_an_orderly_one(office: Office) -> None:
    copied = await in_flight(office)
    office.put_back(copied)
    async with office.open() as app:
        assert (await office.say("restore all give-up")).code == ""
    assert app.restoring.outrun == ""
    async with office.open() as app:
        office.deploys.outcomes.clear()
        assert (await office.deploy("v1.4.0")).state is State.SUCCEEDED
