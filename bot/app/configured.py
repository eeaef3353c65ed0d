"""What the configuration of each service was, so that a change of it, by reload or restart, is a change like others."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import structlog

from bot.changes import records as changes
from bot.clock import Clock
from bot.settings import ServiceSettings, Settings
from bot.store import Store
from bot.store.kept import keep, recall

_NAME = "configuration/services"
_SILENT = {"title", "channel", "owners", "review_reminders", "review_timezone", "news", "tickets", "issues"}
"""What no running service notices."""

log = structlog.get_logger()


async def note(store: Store, clock: Clock, services: Mapping[str, ServiceSettings]) -> None:
    """Record, for each service whose configuration is not what it was when this was last called, that it changed.

    Of several replicas that read the same file one records it. A service that is new is no change.
    """
    told_now = Settings.model_construct(services=dict(services)).model_dump(mode="json", include={"services"})
    now = {name: _digests(one) for name, one in told_now["services"].items()}
    told = await recall(store, _NAME)
    if told == now:
        return
    before = told if isinstance(told, dict) else {}
    moment = clock.now()
    async with store.write() as tx:
        for name, fields in now.items():
            was = before.get(name)
            if not isinstance(was, dict) or was == fields:
                continue
            moved = sorted(key for key in {*was, *fields} if was.get(key) != fields.get(key))
            mark = json.dumps([name, was, fields, f"{moment:%Y%m%d%H}"], sort_keys=True)
            subject = f"config-{hashlib.sha256(mark.encode()).hexdigest()[:8]}"
            change = changes.Change(
                kind=changes.Kind.CONFIGURED,
                subject=subject,
                summary=f"the configuration of {name} changed: {', '.join(moved)}",
                at=moment,
                service=name,
                data={"fields": list(moved)},
            )
            if await changes.record(tx, change):
                log.info("configuration.changed", service=name, fields=moved, change=subject)
    await keep(store, _NAME, {name: dict(fields) for name, fields in now.items()})


def _digests(service: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
        for name, value in service.items()
        if name not in _SILENT
    }
