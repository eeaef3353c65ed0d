"""Each invariant holds in a sound world, and is broken by a world that is doctored against it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.crash.invariants import INVARIANTS, broken
from tests.crash.world import Row, Said, World

SHA = "a" * 40
WAY = ("asked", "awaiting_approval", "deploying", "verifying", "succeeded")


def sound() -> World:
    """Return what is left of one deployment, one release and one alert that went well."""
    card, title = "show/D-1", "D-1 checkout 1.0 → production: done"
    audit = (
        ("deploy", "allowed", "r1", ""), ("deployment.deploy", "started", "r1", "D-1"),
        ("deploy", "succeeded", "r1", "D-1"),
        ("deployment.vote.approve", "counted", "r2", "D-1"), ("deployment.succeeded", "succeeded", "", "D-1"),
    )  # fmt: skip
    tables: dict[str, list[Row]] = {
        "deployments": [
            {"id": "D-1", "state": "succeeded", "parked_why": "", "sha": SHA, "version": "1.0", "previous_version": "",
             "build_run": "local:1", "deploy_run": "local:2", "rollback_run": ""}
        ],
        "deployment_events": [{"id": number, "deployment_id": "D-1", "kind": kind} for number, kind in enumerate(WAY)],
        "releases": [
            {"id": "R-1", "state": "cut", "parked_why": "", "sha": "b" * 40, "tag": "v1", "build_run": "local:3"}
        ],
        "alert_groups": [{"id": "A-1", "state": "resolved"}],
        "paging_runs": [{"subject": "A-1", "running": 0}],
        "pages": [{"id": "A-1.1.1", "state": "queued", "way": "push"}],
        "paging_errands": [],
        "deliveries": [
            {"delivery_id": "r1", "state": "done", "outcome": "ok", "invocation": '{"text": "deploy checkout@1.0"}'},
            {"delivery_id": "r2", "state": "done", "outcome": "ok", "invocation": '{"command": "approve"}'},
        ],
        "starts": [{"workflow_id": "D-1/plan/1/1", "not_before": None, "started_at": "2026-11-24"}],
        "slack_outbox": [
            {"key": card, "kind": "show", "state": "sent", "subject": "D-1", "place": "C1", "ts": "1.1", "reason": "",
             "sent": 3, "wanted": 3, "payload": {"message": {"summary": title}}}
        ],
        "audit_entries": [
            {"number": number, "action": action, "outcome": outcome, "request_id": request, "subject": subject}
            for number, (action, outcome, request, subject) in enumerate(audit)
        ],
        "approval_votes": [{"person": "raj"}],
        "places": [{"service": "checkout", "environment": "production", "holder": "", "version": "1.0"}],
    }  # fmt: skip
    return World(
        tables=tables,
        workflows=[{"workflow_uuid": "D-1/plan/1/1", "status": "SUCCESS"}],
        said=[Said(key=card, channel="C1", ts="1.1", summary=title, text=title)],
        wishes=("deploy", "approve"),
        builds=(SHA, "b" * 40),
        starts=("1.0",),
        running={"checkout/production": "1.0"},
        pages=("page-1",),
        tags={"v1": "b" * 40},
    )


def row(table: str, **values: Any) -> Callable[[World], World]:
    """Return the doctor that changes the first row of a table."""

    def doctor(world: World) -> World:
        first, *others = world.rows(table)
        return replace(world, tables={**world.tables, table: [{**first, **values}, *others]})

    return doctor


def more(table: str, **values: Any) -> Callable[[World], World]:
    """Return the doctor that adds a row to a table, the first one but for these values."""

    def doctor(world: World) -> World:
        kept = list(world.rows(table))
        return replace(world, tables={**world.tables, table: [*kept, {**(kept[0] if kept else {}), **values}]})

    return doctor


def less(table: str) -> Callable[[World], World]:
    """Return the doctor that loses the last row of a table."""
    return lambda world: replace(world, tables={**world.tables, table: list(world.rows(table))[:-1]})


def plain(**values: Any) -> Callable[[World], World]:
    """Return the doctor that changes what is no row."""
    return lambda world: replace(world, **values)


CARD = Said(key="show/D-1", channel="C1", ts="1.2", summary="D-1", text="D-1")
SICK: dict[str, list[Callable[[World], World]]] = {
    "ended_once": [
        row("deployments", state="deploying"), row("deployments", parked_why="five times"),
        more("deployment_events", id=9, kind="succeeded"), less("deployment_events"),
        row("deployment_events", kind="rolled_back"),
    ],
    "nothing_is_open": [
        row("releases", state="tagging"), row("alert_groups", state="firing"), row("paging_runs", running=1),
    ],
    "nothing_lost": [
        less("deliveries"), row("deliveries", state="parked"), row("deliveries", outcome=""),
        row("starts", started_at=None), plain(wishes=("deploy", "deploy", "approve")),
    ],
    "nothing_built_twice": [
        plain(builds=(SHA, SHA, "b" * 40)), plain(builds=(SHA,)), plain(builds=(SHA, "b" * 40, "c" * 40)),
    ],
    "nothing_deployed_twice": [plain(starts=("1.0", "1.0")), plain(starts=()), plain(starts=("1.0", "0.9"))],
    "nothing_posted_twice": [
        lambda world: replace(world, said=[*world.said, CARD]),
        lambda world: replace(world, said=[*world.said, replace(CARD, key="post/D-1/ask/1")]),
        row("slack_outbox", ts="9.9"),
    ],
    "nothing_paged_twice": [plain(pages=("page-1", "page-1")), plain(pages=()), plain(pages=("page-1", "page-2"))],
    "cards_tell_the_rows": [
        row("slack_outbox", sent=2), row("slack_outbox", payload={"message": {"summary": "D-1: deploying"}}),
        row("deployments", state="failed"), less("slack_outbox"),
        lambda world: replace(world, said=[replace(world.said[0], summary="D-1: deploying")]),
    ],
    "audit_is_whole": [plain(audit="broken at entry 7")],
    "audit_tells_the_rows": [
        less("audit_entries"), more("audit_entries", number=9, action="deployment.succeeded", subject="D-1"),
        less("approval_votes"), more("audit_entries", number=9, action="deploy", outcome="succeeded"),
        row("audit_entries", request_id="r9"),
    ],
    "no_claim_is_left": [
        row("places", holder="D-1"), row("pages", state="sending"), more("paging_errands", id="ack"),
    ],
    "outbox_is_drained": [row("slack_outbox", state=state) for state in ("waiting", "sending", "doubt", "parked")],
    "engine_is_at_rest": [
        plain(workflows=[{"workflow_uuid": "x", "status": status}]) for status in ("PENDING", "ERROR", "ENQUEUED")
    ],
    "places_run_what_is_written": [plain(running={}), plain(running={"checkout/production": "0.9"})],
    "releases_are_out_once": [plain(tags={}), plain(tags={"v1": SHA}), more("releases", id="R-2")],
}  # fmt: skip


def test_a_sound_world_is_found_sound():
    assert broken(sound()) == []


def test_every_invariant_has_its_sick_worlds():
    assert set(SICK) == {one.__name__ for one in INVARIANTS}


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name, doctors in SICK.items() for number in range(len(doctors))]
)
def test_a_sick_world_is_found_out(name: str, number: int):
    found = broken(SICK[name][number](sound()))
    assert name in {one.partition(":")[0] for one in found}
