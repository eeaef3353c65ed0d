"""What commands name: a deployment, a release, a build, an alert group, a silence and a shift of each service."""

from datetime import datetime, timedelta
from typing import Any

from bot.alerts import records as alerts, silence_records as silences
from bot.alerts.rules import State as AlertState
from bot.alerts.silence_records import Quiet
from bot.builds import records as builds
from bot.deployments import records as deployments
from bot.identity import Person
from bot.oncall import records as shifts
from bot.releases import records as releases
from bot.slack.records import posts
from bot.store import Store, insert
from integrations.capabilities.alerts import Matcher
from tests.matrix.roles import MINE, THEIRS

NAMES: dict[str, dict[str, str]] = {
    MINE: {"checkout": MINE, "D-1042": "D-1042", "R-88": "R-88", "B-12": "B-12", "primary": "primary"},
    THEIRS: {"checkout": THEIRS, "D-1042": "D-2042", "R-88": "R-188", "B-12": "B-112", "primary": "secondary"},
}
"""How what the examples of commands name is called for each of the services; the rest get their ids from a counter."""

STAMPS = {MINE: "1700000001.000100", THEIRS: "1700000002.000100"}
"""Where the messages about each service's deployment stand; those about its alert group follow at .000200."""


async def make(store: Store, person: Person, channel: str, now: datetime) -> dict[str, dict[str, str]]:
    """Write one of each for both services; return their names, by service and the name in the examples."""
    names = {service: dict(known) for service, known in NAMES.items()}
    for service, named in names.items():
        common: dict[str, Any] = {
            "service": service, "requested_by": person, "state_since": now, "created_at": now, "sha": "a" * 40,
        }  # fmt: skip
        async with store.write() as tx:
            row = {"id": named["D-1042"], "request_id": f"d/{service}", "kind": "deploy", "state": "awaiting_approval"}
            place = {"environment": "staging", "version": "1.4.2"}
            assert await deployments.add(tx, **row, **place, **common)
            row = {"id": named["R-88"], "request_id": f"r/{service}", "state": "cut", "version": "1.4.2"}
            assert await releases.add(tx, **row, **common)
            row = {"id": named["B-12"], "request_id": f"b/{service}", "state": "succeeded"}
            assert await builds.add(tx, **row, **common)
        for name in ("A-7", "A-9"):
            labels = {"alertname": name, "service": service}
            async with store.write() as tx:
                group = await alerts.begin(
                    tx,
                    alerts.Group(
                        id="", instance="alertmanager", key=alerts.key_of(labels), labels=labels, opened_at=now,
                        state=AlertState.FIRING, state_since=now, service=service,
                    ),
                )  # fmt: skip
            assert group is not None
            named[name] = group.id
        async with store.write() as tx:
            quiet = await silences.begin(
                tx,
                Quiet(
                    id="", instance="alertmanager", matchers=(Matcher("service", service),), begins_at=now,
                    ends_at=now + timedelta(hours=1), changed_at=now, group_id=named["A-7"], silence_id=service,
                ),
            )  # fmt: skip
            shift = await shifts.make(
                tx,
                shifts.Override(
                    id="", schedule=named["primary"], people=(person,), begins_at=now,
                    ends_at=now + timedelta(hours=1), made_by=person, made_at=now,
                ),
                f"o/{service}",
            )  # fmt: skip
            assert quiet is not None
            named |= {"S-3": quiet.id, "O-3": shift.id}
            messages = ((STAMPS[service], "D-1042"), (STAMPS[service].replace(".0001", ".0002"), "A-7"))
            known = [
                {"channel": channel, "ts": ts, "subject": named[subject], "card": True, "posted_at": now}
                for ts, subject in messages
            ]
            await tx.conn.execute(insert(tx.conn, posts).values(known))
    return names
