"""Deployments of the past, written straight into the table: what replay reads."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.deployments.records import deployments
from bot.identity import Person
from bot.policy.evaluator import evaluate
from bot.policy.facts import Facts
from bot.policy.policy import PlacePolicy
from bot.settings import Settings
from bot.store import Store

MIA = Person("T0HOME", "U01MIA")


def row_of(number: int, facts: Facts, settings: Settings) -> dict[str, Any]:
    """Return the row of a deployment that was decided from these facts by these settings."""
    judged = evaluate(facts, PlacePolicy.of(settings, facts.service, facts.environment))
    plan = {
        "verdicts": [{"rule": one.rule, "ok": one.ok, "words": one.words, "code": one.code} for one in judged.verdicts],
        "asks": [{"count": one.count, "groups": list(one.groups)} for one in judged.asks],
        "change_class": judged.change_class,
    }
    told = {
        "id": f"D-{number}",
        "request_id": f"past-{number}",
        "kind": facts.kind,
        "service": facts.service,
        "environment": facts.environment,
        "target": facts.target,
        "version": facts.version,
        "requested_by": MIA,
        "state": "succeeded",
        "facts": facts.to_json(),
        "plan": plan,
    }
    return {column.name: told.get(column.name, _nothing(column, facts.at)) for column in deployments.columns}


async def write(store: Store, rows: list[dict[str, Any]]) -> None:
    """Write the rows."""
    async with store.write() as tx:
        await tx.conn.execute(sa.insert(deployments), rows)


def _nothing(column: sa.Column[Any], at: datetime) -> object:
    if column.name in {"created_at", "state_since"}:
        return at
    if column.nullable:
        return None
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, sa.Integer):
        return 0
    return {} if column.name == "progress" else ""
