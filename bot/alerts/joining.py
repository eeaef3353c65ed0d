"""`Joining`: puts a group that begins under the message of another, where a rule of the configuration says so."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.alerts import joining_rules, records
from bot.alerts.joining_rules import Role, Rule
from bot.alerts.parts import Parts
from bot.alerts.records import OPEN, Group, groups
from bot.settings.alerts import TogetherRule
from bot.store import Tx, insert, metadata
from integrations.capabilities.matchers import all_match, read

MOST = 100
"""Effects that a cause takes to itself when it begins after them."""

joins = sa.Table(
    "alert_joins",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("group_id", sa.ForeignKey(groups.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("whole", sa.Boolean, nullable=False),
    sa.Column("part", sa.Boolean, nullable=False),
)
"""What open groups may be to others: under which key, a whole, a part or both."""


def rules_of(found: Sequence[TogetherRule]) -> Sequence[Rule]:
    """Return the rules of the configuration."""
    return [_rule(one) for one in found]


def _rule(one: TogetherRule) -> Rule:
    matchers, cause, effects = ([read(text) for text in some] for some in (one.matchers, one.cause, one.effects))
    return Rule(
        name=one.name,
        is_whole=lambda labels: all_match([*matchers, *cause], labels),
        is_part=lambda labels: (
            all_match([*matchers, *effects], labels) and not (cause and all_match([*matchers, *cause], labels))
        ),
        same=one.same,
        within=one.within,
    )


class Joining:
    """Knows what belongs together."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def roles(self, group: Group) -> Sequence[Role]:
        """Return what a group may be to others."""
        found = self._parts.settings().alerts.together
        return joining_rules.roles(rules_of(found), {**group.common, **group.labels}) if found else ()

    async def whole_of(self, tx: Tx, group: Group, mine: Sequence[Role], now: datetime) -> str:
        """Return the group that one which begins now is a part of, "" for none; the oldest that is open counts."""
        for role in mine:
            if not role.part:
                continue
            statement = self._others(role.part, group, now, role.rule).where(joins.c.whole, groups.c.part_of == "")
            found = (await tx.conn.execute(statement.limit(1))).scalar_one_or_none()
            if found is not None:
                return str(found)
        return ""

    async def parts_for(self, tx: Tx, group: Group, mine: Sequence[Role], now: datetime) -> Sequence[Group]:
        """Return the effects of a cause that began before it, their rows locked.

        What somebody is on stays theirs, and what has parts of its own keeps them.
        """
        found: dict[str, Group] = {}
        for role in mine:
            if not role.whole or role.part:
                continue
            parts = groups.alias()
            has_parts = sa.exists().where(parts.c.part_of == groups.c.id)
            statement = self._others(role.whole, group, now, role.rule)
            statement = statement.where(joins.c.part, groups.c.part_of == "", ~has_parts)
            for ident in (await tx.conn.execute(statement.limit(MOST))).scalars().all():
                other = await records.locked(tx, str(ident))
                if other is not None and not (other.over or other.hold.part_of or other.hold.acknowledged_by):
                    found[other.id] = other
        return list(found.values())

    async def note(self, tx: Tx, group: Group, mine: Sequence[Role]) -> None:
        """Keep what a group may be to those that begin after it."""
        rows = [
            {"key": role.whole or role.part, "group_id": group.id, "whole": bool(role.whole), "part": bool(role.part)}
            for role in mine
        ]
        if rows:
            await tx.conn.execute(insert(tx.conn, joins).values(rows).on_conflict_do_nothing())

    def _others(self, key: str, group: Group, now: datetime, rule: Rule) -> "sa.Select[tuple[str]]":
        return (
            sa.select(groups.c.id)
            .join(joins, joins.c.group_id == groups.c.id)
            .where(joins.c.key == key, OPEN, groups.c.id != group.id, groups.c.news_at >= now - rule.within)
            .order_by(groups.c.news_at, groups.c.id)
        )
