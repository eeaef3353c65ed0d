"""The record of what a fleet did, for `tests.replicas.history`: of the database, the targets, Slack and the places."""

import asyncio
import contextlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from tests.replicas.fleet import Fleet
from tests.replicas.history import Event

_DEPLOYMENTS = """
SELECT id, service, environment, state, request_id, created_at, ended_at,
       (SELECT max(at) FROM shipmate.deployment_events
        WHERE deployment_id = d.id AND kind = 'deploying') AS claimed
FROM shipmate.deployments d ORDER BY id
"""


async def record(fleet: Fleet, *, sent: int, acknowledged: int) -> list[Event]:
    """Return the record: `sent` wishes to deploy were made, of which so many were acknowledged."""
    events = await asyncio.to_thread(_of_the_store, fleet)
    events += await asyncio.to_thread(_of_the_targets, fleet.folder / "state" / "integrations" / "local" / "runs")
    events += [_of_message(one) for one in await fleet.messages("")]
    events += [await _of_place(fleet, row) for row in fleet.rows("SELECT * FROM shipmate.places")]
    return [*events, {"kind": "wish", "sent": sent, "acknowledged": acknowledged}]


def write(events: list[Event], path: Path) -> None:
    """Write a record as the checker reads it."""
    path.write_text("".join(f"{json.dumps(event)}\n" for event in events))


def _of_the_store(fleet: Fleet) -> list[Event]:
    events: list[Event] = [
        {
            "kind": "deployment",
            "id": row["id"],
            "place": f"{row['service']}/{row['environment']}",
            "state": row["state"],
            "request": row["request_id"],
            "asked_at": _seconds(row["created_at"]),
            "claimed_at": _seconds(row["claimed"]),
            "ended_at": _seconds(row["ended_at"]),
        }
        for row in fleet.rows(_DEPLOYMENTS)
    ]
    entries = fleet.rows("SELECT number, subject, action, outcome FROM shipmate.audit_entries ORDER BY number")
    events += [{"kind": "audit", **row} for row in entries]
    deliveries = fleet.rows("SELECT delivery_id AS id, state, attempts FROM shipmate.deliveries")
    return [*events, *({"kind": "delivery", **row} for row in deliveries)]


def _of_the_targets(folder: Path) -> list[Event]:
    events = []
    for run in sorted(folder.iterdir()):
        asked = json.loads((run / "request.json").read_text())
        began = run / "started.json"
        if not began.exists():
            continue
        ended = run / "exit.json"
        place = f"{asked['service']}/{asked['environment']}" if asked["kind"] == "deploy" else ""
        events.append(
            {
                "kind": "run",
                "request": asked["request_id"],
                "what": asked["kind"],
                "place": place,
                "fence": asked.get("fence", 0),
                "began": _moment(began),
                "ended": _moment(ended) if ended.exists() else 0.0,
            }
        )
    return events


def _of_message(message: dict[str, Any]) -> Event:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return {
        "kind": "message",
        "key": payload.get("key", ""),
        "channel": message["channel"],
        "ts": message["ts"],
        "text": message["text"],
        "ephemeral": bool(message.get("ephemeral_to")),
    }


async def _of_place(fleet: Fleet, row: dict[str, Any]) -> Event:
    job = f"{row['service']}/{row['environment']}"
    port = fleet.settings["integrations"]["local"]["places"][job]["port"]
    runs = ""
    with contextlib.suppress(aiohttp.ClientError, OSError):
        async with fleet.http.get(f"http://127.0.0.1:{port}/version") as answer:
            runs = str((await answer.json())["version"])
    return {"kind": "place", "place": job, "holder": row["holder"], "runs": runs, "version": row["version"]}


def _moment(file: Path) -> float:
    return datetime.fromisoformat(json.loads(file.read_text())["at"]).timestamp()


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
