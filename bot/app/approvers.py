"""Who could approve: what the policies that were in force say of production, version by version.

What cannot be proven is said: who belonged to a group of Slack or of the identity provider is known only of those who
voted, and where no policy was recorded nothing is known. Never counted, though named here, are who asked for a change
and who wrote it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from bot.amendments.records import Amendment, State, amendments, read
from bot.approvals import records as approval_records
from bot.approvals.rules import Vote
from bot.identity import Person
from bot.store import Store

Policy = Mapping[str, Any]


class Could(Struct, frozen=True, kw_only=True):
    """One approval rule of a place, from a moment on until the next policy (None: until now).

    `named` are the people that the policy names, as "name <Slack id>"; `elsewhere` are the groups of it whose members
    live in another system, each with where.
    """

    begins: datetime
    ends: datetime | None
    policy: str
    service: str
    environment: str
    count: int
    groups: tuple[str, ...]
    named: tuple[str, ...]
    elsewhere: Mapping[str, str]


async def who_could(store: Store, since: datetime | None, until: datetime | None) -> AsyncIterator[Could]:
    """Yield the approval rules of production-like places of every policy that was in force in a span, oldest first."""
    async with store.read() as conn:
        rows = (await conn.execute(sa.select(amendments))).all()
    versions = sorted(((_begins(one), one) for one in map(read, rows)), key=lambda found: (found[0], found[1].id))
    for number, (begins, amendment) in enumerate(versions):
        ends = versions[number + 1][0] if number + 1 < len(versions) else None
        if (until and begins >= until) or (since and ends and ends <= since):
            continue
        for could in _rules(amendment, begins, ends):
            yield could


async def seen_in(store: Store, group: str, begins: datetime, ends: datetime | None) -> Sequence[Person]:
    """Return who voted in a span and belonged to a group at that moment: the proof that there is of a membership."""
    table = approval_records.votes
    wanted = [table.c.at >= begins, table.c.vote.in_([Vote.APPROVE.value, Vote.REJECT.value])]
    wanted += [table.c.at < ends] if ends else []
    async with store.read() as conn:
        rows = (await conn.execute(sa.select(table.c.person, table.c.groups).where(*wanted))).all()
    return sorted({row.person for row in rows if group in row.groups})


def _begins(amendment: Amendment) -> datetime:
    """Return from when on a policy held as it is kept: what widened it waited for a second person."""
    decided = amendment.decided_at if amendment.state is State.CONFIRMED else None
    return decided or amendment.read_at


def _rules(amendment: Amendment, begins: datetime, ends: datetime | None) -> Iterator[Could]:
    policy: Policy = amendment.in_force
    production = {name for name, kind in policy["environments"].items() if kind.get("production_like")}
    for service, declared in sorted(policy["services"].items()):
        for environment, guarded in sorted(declared.get("environments", {}).items()):
            if environment not in production:
                continue
            for rule in guarded.get("approvals", ()):
                groups = tuple(rule["from"])
                found = {name: policy["groups"].get(name, {}) for name in groups}
                people = [person for group in found.values() for person in group.get("people", ())]
                yield Could(
                    begins=begins,
                    ends=ends,
                    policy=amendment.id,
                    service=service,
                    environment=environment,
                    count=int(rule.get("count", 1)),
                    groups=groups,
                    named=tuple(_named(policy, person) for person in dict.fromkeys(people)),
                    elsewhere={name: where for name, group in found.items() if (where := _elsewhere(group))},
                )


def _named(policy: Policy, entry: str) -> str:
    slack = policy["people"].get(entry, {}).get("slack", "")
    return f"{entry} <{slack}>" if slack else entry


def _elsewhere(group: Mapping[str, Any]) -> str:
    if group.get("usergroup"):
        return f"Slack user group {group['usergroup']}"
    return f"claim {group['claim']} of the identity provider" if group.get("claim") else ""
