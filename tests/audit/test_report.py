"""`shipmate audit report`: production's changes, who and why; changes of rights; what runs by another's hand."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.__main__ import main
from bot.amendments import records as amendments
from bot.amendments.records import Amendment, Source, State as AmendmentState
from bot.app.reporting import Line, Report
from bot.approvals import records as approvals
from bot.approvals.records import Approval, Cast
from bot.approvals.rules import Rule, Vote
from bot.audit import Audit
from bot.catalog import Place
from bot.command import Resource
from bot.deployments import change_reviews, places, records
from bot.deployments.plan import Release
from bot.identity import Person
from bot.settings import Settings
from bot.store import Store
from bot.store.kept import keep
from bot.toolbox import Toolbox
from integrations.capabilities.deploys import Running
from tests.dispatch.conftest import SETTINGS
from tests.fakes.runs import FakeDeploys

from .conftest import HandClock, write

TOOLS: dict[str, Any] = {"integrations": {"local": {"type": "local", "root": "repositories"}}}
MIA, TOM = Person("T1", "U1MIA"), Person("T1", "U1TOM")
DAY = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def deployed(store: Store, ident: str, environment: str, at: datetime, **values: Any) -> None:
    known = {
        "id": ident,
        "request_id": f"request-{ident}",
        "kind": "deploy",
        "service": "checkout",
        "environment": environment,
        "target": "eu" if environment == "production" else "",
        "sha": "a" * 40,
        "version": "1.4.2",
        "requested_by": MIA,
        "reason": "=1+1",
        "state": "succeeded",
        "state_since": at,
        "created_at": at,
        "ended_at": at + timedelta(minutes=5),
    }
    async with store.write() as tx:
        assert await records.add(tx, **{**known, **values})


async def approved(store: Store, ident: str, at: datetime) -> None:
    rules = (Rule(count=1, groups=("release-managers",)),)
    asked: dict[str, Any] = {"subject": ident, "digest": "d" * 64, "rules": rules, "requester": MIA}
    async with store.write() as tx:
        await approvals.add(tx, Approval(id=f"{ident}/1", opened_at=at, expires_at=at + timedelta(days=1), **asked))
        vote = Cast(person=TOM, vote=Vote.APPROVE, groups=("release-managers",), at=at)
        await approvals.cast(tx, f"{ident}/1", vote)


@pytest.fixture
async def history(file_store: Store, clock: HandClock, tmp_path: Path) -> Path:
    """Return a configuration with a history: two deployments in production, one approved, and one in staging."""
    (tmp_path / "shipmate.yaml").write_text(yaml.safe_dump({"state_dir": ".", **SETTINGS, "permissions": [], **TOOLS}))
    audit = Audit(file_store, clock)
    await keep(file_store, "home", {"team": "T1", "enterprise": ""})
    place = Resource("checkout", "production", "eu")
    rule = "release-managers may deployment.start"
    await write(file_store, audit, 1, rule=rule, request_id="request-D-1", resource=place, subject="")
    await write(file_store, audit, 1, request_id="request-D-1", resource=place, subject="D-1")
    await deployed(file_store, "D-1", "production", DAY)
    await approved(file_store, "D-1", DAY)
    await deployed(file_store, "D-2", "staging", DAY)
    await deployed(file_store, "D-3", "production", DAY + timedelta(days=2), state="failed", ended_at=None)
    changed = {"changed": ["permissions"], "commit": "c0ffee"}
    await write(file_store, audit, 1, action="configuration.reloaded", resource=Resource(), subject="", data=changed)
    return tmp_path / "shipmate.yaml"


async def test_changes_of_production_and_of_rights(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audit", "report", "--offline", "--config", str(history)]
    capsys.readouterr()
    assert await asyncio.to_thread(main, words) == 0
    first, second, rights = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["id"], first["asked_by"], first["outcome"]) == ("D-1", "mia <-/T1/U1MIA>", "succeeded")
    assert first["approved_by"] == "tom <-/T1/U1TOM> (release-managers)"
    assert first["rule"] == "release-managers may deployment.start"
    assert (first["ended_at"], first["detail"]) == ("2026-03-01T12:05:00.000000+00:00", "'=1+1")
    assert (second["id"], second["approved_by"], second["outcome"], second["ended_at"]) == ("D-3", "", "failed", "")
    assert (rights["kind"], rights["outcome"]) == ("rights", "configuration.reloaded: allowed")
    assert rights["detail"] == '{"changed":["permissions"],"commit":"c0ffee"}'
    assert await asyncio.to_thread(main, [*words, "--from", "2026-03-02", "--to", "2026-03-03"]) == 0
    assert [row["id"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == ["D-3"]


async def test_what_runs_by_another_s_hand_is_found(file_store: Store, clock: HandClock) -> None:
    settings = Settings.model_validate(SETTINGS)
    report = Report(settings, file_store, Audit(file_store, clock), lambda person: person.user)
    toolbox, deploys = Toolbox(), FakeDeploys("local")

    async def found() -> list[Line]:
        return [line async for line in report.outside(toolbox, clock.now())]

    assert {line.kind for line in await found()} == {"unknown"}
    toolbox.add(deploys)
    assert await found() == []
    ours, theirs = Release(sha="a" * 40, version="1.4.2", deployment="D-1"), Running(sha="b" * 40, version="1.5.0")
    here = Place("checkout", "production", "eu")
    async with file_store.write() as tx:
        await places.hold(tx, here)
        await places.note_running(tx, here, ours, at=DAY, by=MIA, added=[ours.sha])
    deploys.running["x", "checkout", "production", "eu"] = Running(sha=ours.sha, version=ours.version)
    deploys.running["x", "checkout", "staging", ""] = theirs
    assert await found() == []
    deploys.running["x", "checkout", "production", "eu"] = theirs
    deploys.running["x", "search", "production", "us"] = theirs
    moved, unknown = await found()
    assert (moved.kind, moved.target, moved.sha, moved.version) == ("outside", "eu", "b" * 40, "1.5.0")
    assert "D-1 put 1.4.2" in moved.detail
    assert (unknown.service, unknown.target) == ("search", "us")
    assert "Shipmate never deployed there" in unknown.detail


async def test_forced_changes_stand_with_their_reviews(
    history: Path, file_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews: dict[str, dict[str, Any]] = {"D-1": {}, "D-3": {"signed_by": TOM, "signed_at": DAY, "note": "fine"}}
    async with file_store.write() as tx:
        for ident, values in reviews.items():
            wanted = change_reviews.ChangeReview(
                deployment=ident,
                change_class="emergency",
                person=MIA,
                reason="fire",
                skipped=("not_promoted",),
                groups=("owners",),
                opened_at=DAY,
                due_at=DAY + timedelta(days=1),
            )
            await change_reviews.add(tx, wanted)
            if values:
                await change_reviews.sign(tx, ident, by=TOM, at=DAY, note="fine")
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["audit", "report", "--offline", "--config", str(history)]) == 0
    first, second, *_ = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert first["review"] == "passed over: not_promoted; OPEN, due 2026-03-02T12:00:00.000000+00:00"
    assert "signed off by tom <-/T1/U1TOM> at 2026-03-01T12:00:00.000000+00:00: fine" in second["review"]


async def test_who_could_approve_on_a_day_and_what_is_not_proven(file_store: Store, clock: HandClock) -> None:
    settings = Settings.model_validate(SETTINGS)
    report = Report(settings, file_store, Audit(file_store, clock), lambda person: person.user)

    def policy(*people: str, **group: str) -> dict[str, Any]:
        guarded = {"approvals": [{"count": 2, "from": ["release-managers"]}]}
        return {
            "people": {"ana": {"slack": "U1ANA"}},
            "groups": {"release-managers": {"people": list(people), **group}},
            "environments": {"staging": {}, "production": {"production_like": True}},
            "services": {"checkout": {"environments": {"production": guarded, "staging": guarded}}},
        }

    async def written(after: str, at: datetime, content: dict[str, Any], **values: Any) -> str:
        known: dict[str, Any] = {"digest": "d", "wanted": content, "in_force": content, "source": Source()}
        known |= {"changes": (), "state": AmendmentState.IN_FORCE, **values}
        async with file_store.write() as tx:
            return await amendments.add(tx, Amendment(id="", after=after, read_at=at, **known))

    first = await written("", DAY, policy("ana"))
    await written(first, DAY + timedelta(days=2), policy(usergroup="S1"))
    await approved(file_store, "D-1", DAY + timedelta(days=3))
    before, after = [line async for line in report.approvers(DAY, None)]
    assert (before.service, before.environment, before.rule) == ("checkout", "production", "2 of release-managers")
    assert (before.approved_by, before.outcome, before.ended_at) == ("ana <U1ANA>", "proven", after.at)
    assert (after.outcome, after.approved_by) == ("partly proven", "")
    assert after.detail == "release-managers is the Slack user group S1: proven only of who voted: U1TOM"
    assert [line.id async for line in report.approvers(DAY + timedelta(days=3), None)] == ["PC-2"]
    assert [line.id async for line in report.approvers(None, DAY + timedelta(days=1))] == ["PC-1"]
