"""`shipmate alerts replay`: what the rules of the file at hand would have put together of past alert groups."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from bot.alerts.joining import rules_of
from bot.alerts.joining_rules import Join, Past, joined
from bot.alerts.records import Group, groups, read
from bot.app.auditing import opened
from bot.app.trials import Say
from bot.clock import Clock, SystemClock
from bot.settings import Settings

_BATCH = 500


async def replay_alerts(
    settings: Settings, say: Say, *, since: timedelta, as_json: bool = False, clock: Clock | None = None
) -> int:
    """Say which groups since then would have been parts of others, and how many messages that leaves; 0.

    Groups that were put together by hand count as messages of their own.

    Raises:
        ValueError: the store cannot be opened.
    """
    clock = clock or SystemClock()
    past: list[Past] = []
    names: dict[str, str] = {}
    async with opened(settings, clock) as store:
        moment = clock.now() - since
        wanted = sa.select(groups).where(groups.c.opened_at >= moment, groups.c.news_at.is_not(None))
        wanted = wanted.order_by(groups.c.opened_at, groups.c.id)
        while True:
            async with store.read() as conn:
                rows = (await conn.execute(wanted.limit(_BATCH).offset(len(past)))).all()
            for group in map(read, rows):
                past.append(_past(group))
                names[group.id] = group.name
            if len(rows) < _BATCH:
                break
    found = joined(past, rules_of(settings.alerts.together))
    for one in found:
        say(_line(one, names, as_json=as_json))
    _sum_up(say, len(past), found, as_json=as_json)
    return 0


def _past(group: Group) -> Past:
    labels = {**group.common, **group.labels}
    return Past(id=group.id, labels=labels, began=group.opened_at, ended=group.state_since if group.over else None)


def _line(one: Join, names: dict[str, str], *, as_json: bool) -> str:
    if as_json:
        told = {"group": one.part.id, "at": one.part.began.isoformat(), "part_of": one.whole.id, "rule": one.rule}
        return json.dumps(told)
    part, whole = (f"{past.id} {_plain(names[past.id])}" for past in (one.part, one.whole))
    return f"{one.part.began:%Y-%m-%d %H:%M} {part} → part of {whole}  [{one.rule}]"


def _sum_up(say: Say, before: int, found: Sequence[Join], *, as_json: bool) -> None:
    by_rule = Counter(one.rule for one in found)
    if as_json:
        say(json.dumps({"messages_before": before, "messages_after": before - len(found), "by_rule": dict(by_rule)}))
        return
    for rule, number in by_rule.most_common():
        say(f"{number:>6}  {rule}")
    say(f"{before} messages → {before - len(found)}: {len(found)} would have been told of in another's")


def _plain(text: str) -> str:
    return " ".join(text.split())[:80]
