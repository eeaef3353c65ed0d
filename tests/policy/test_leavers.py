"""People who leave: no right of theirs counts from then on, and what was theirs goes to the team, told once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.access.access import Access, Parts as AccessParts, Wish as AccessWish
from bot.approvals.approvals import Approvals, Ballot
from bot.approvals.records import Approval
from bot.approvals.rules import Rule, State, Vote
from bot.audit import Audit
from bot.catalog import Catalog
from bot.command import Resource
from bot.errors import Refused
from bot.identity import Channel, Person
from bot.leavers.leavers import Leavers, Parts
from bot.leavers.records import Why
from bot.locks.locks import Locks, Wish
from bot.locks.rules import Scope
from bot.permissions import Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.slack.records import outbox
from bot.store import Store

from .conftest import HandClock

HOME = "T0HOME"
MIA, TOM, ANA, RAJ = (Person(HOME, f"U01{name}") for name in ("MIA", "TOM", "ANA", "RAJ"))
CONFIG: dict[str, Any] = {
    "people": {name: {"slack": f"U01{name.upper()}"} for name in ("mia", "tom", "ana", "raj")},
    "groups": {"managers": ["tom", "ana", "raj"]},
    "permissions": [{"allow": ["lock.take"], "to": ["mia", "managers"]}],
    "services": {
        "shop": {
            "owners": ["managers"],
            "repository": {"with": "gitlab", "project": "shop"},
            "environments": [{"name": "production", "deploy": {"with": "jenkins", "job": "shop"}}],
        }
    },
    "environments": {"production": {}},
}
PLACE, WHERE = Scope("shop", "production"), Resource("shop", "production")


class Rig:
    def __init__(self, store: Store, audit: Audit, clock: HandClock) -> None:
        self.store, self.audit, self.clock = store, audit, clock
        settings = Settings.model_validate(CONFIG)
        self.permissions = Permissions(settings, clock)
        self.permissions.set_home(HOME)
        post = Outbox(store, clock)
        self.locks = Locks(store=store, clock=clock, audit=audit, outbox=post, name_of=self.permissions.name_of)
        self.approvals = Approvals(store=store, clock=clock, permissions=self.permissions)
        self.access = Access(
            AccessParts(
                store=store,
                clock=clock,
                audit=audit,
                outbox=post,
                permissions=self.permissions,
                catalog=lambda: Catalog(settings),
                known={"deployment.start"},
                channel_of=self._channel_of,
            )
        )
        self.deactivated: set[Person] = set()
        self.leavers = Leavers(
            Parts(
                store=store,
                clock=clock,
                audit=audit,
                outbox=post,
                access=self.access,
                name_of=self.permissions.name_of,
                deactivated=self._deactivated,
                channel_of=self._channel_of,
            )
        )
        self.permissions.set_for_a_while(self.access.held)
        self.permissions.set_leavers(self.leavers.gone, self.leavers.has_left)
        self.locks.ownerless = self.leavers.ownerless

    async def _channel_of(self, service: str) -> Channel:
        return Channel(HOME, f"C01{service.upper() or 'RELEASES'}")

    async def _deactivated(self, person: Person) -> bool:
        return person in self.deactivated

    async def may(self, person: Person, *, fresh: bool = False) -> bool:
        return (await self.permissions.check(person, "lock.take", WHERE, fresh=fresh)).allowed

    async def posts(self) -> list[tuple[str, str]]:
        async with self.store.read() as conn:
            rows = (await conn.execute(outbox.select().order_by(outbox.c.id))).all()
        return [(row.channel.channel, str(row.payload)) for row in rows if row.key.startswith("post/left/")]

    async def open(self, number: int) -> str:
        now = self.clock.now()
        approval = Approval(
            id=f"D-{number}/1",
            subject=f"D-{number}",
            digest="d" * 64,
            rules=(Rule(2, ("managers",)),),
            requester=MIA,
            opened_at=now,
            expires_at=now + timedelta(hours=4),
        )
        async with self.store.write() as tx:
            await self.approvals.open(tx, approval)
        return approval.id

    async def approve(self, approval_id: str, person: Person) -> State:
        vote = Ballot(approval_id=approval_id, person=person, vote=Vote.APPROVE)
        return (await self.approvals.vote(vote)).approval.state


@pytest.fixture
def rig(store: Store, audit: Audit, clock: HandClock) -> Rig:
    return Rig(store, audit, clock)


async def test_rights_end_at_once_and_come_back(rig: Rig) -> None:
    assert await rig.may(TOM)
    await rig.leavers.leave(TOM)
    assert not await rig.may(TOM)
    assert await rig.permissions.groups_of(TOM) == frozenset()
    await rig.leavers.back(TOM)
    assert await rig.may(TOM)
    assert [one.action for one in reversed(await rig.audit.recent())] == ["person.left", "person.back"]


async def test_where_it_counts_slack_is_asked_though_nobody_told(rig: Rig) -> None:
    rig.deactivated.add(TOM)
    assert not await rig.may(TOM, fresh=True)


async def test_an_approval_given_before_does_not_count_any_more(rig: Rig) -> None:
    first, second = await rig.open(1), await rig.open(2)
    assert await rig.approve(first, TOM) is State.OPEN
    assert await rig.approve(second, TOM) is State.OPEN
    assert await rig.approve(second, RAJ) is State.APPROVED, "as long as he is here"
    await rig.leavers.leave(TOM)
    assert await rig.approve(first, ANA) is State.OPEN, "one of two: his is void"
    with pytest.raises(Refused) as refused:
        await rig.approve(first, TOM)
    assert refused.value.code == "not_an_approver"
    assert await rig.approve(first, RAJ) is State.APPROVED


@pytest.mark.parametrize("why", list(Why))
async def test_a_lock_is_anybodys_and_the_team_is_told_once(rig: Rig, why: Why) -> None:
    await rig.locks.take(Wish(scope=PLACE, person=TOM, reason="migrating"))
    with pytest.raises(Refused):
        await rig.locks.take(Wish(scope=PLACE, person=ANA))
    told = await asyncio.gather(*(rig.leavers.leave(TOM, why) for _ in range(5)))
    assert sorted(told) == [False] * 4 + [True]
    ((channel, words),) = await rig.posts()
    assert channel == "C01SHOP"
    assert "migrating" in words
    async with rig.store.read() as conn:
        assert await rig.locks.blocking(conn, PLACE) is not None, "it goes on locking until somebody ends it"
    taken = await rig.locks.take(Wish(scope=PLACE, person=ANA, reason="I go on"))
    assert (taken.lock.person, taken.lock.reason) == (ANA, "I go on")
    with pytest.raises(Refused):
        await rig.locks.release(PLACE, RAJ)


async def test_a_leavers_lock_is_released_by_anybody(rig: Rig) -> None:
    await rig.locks.take(Wish(scope=PLACE, person=TOM))
    await rig.leavers.leave(TOM)
    await rig.locks.release(PLACE, RAJ)
    async with rig.store.read() as conn:
        assert await rig.locks.blocking(conn, PLACE) is None


async def test_what_was_lent_ends_and_a_person_out_of_the_file_keeps_what_everybody_has(rig: Rig) -> None:
    hour = timedelta(hours=1)
    wish = AccessWish(person=MIA, permission="deployment.start", where=WHERE, length=hour, reason="x", request_id="one")
    request = (await rig.access.ask(wish)).subject
    await rig.access.grant(request, TOM)
    assert (await rig.permissions.check(MIA, "deployment.start", WHERE)).allowed
    await rig.leavers.leave(MIA, Why.CONFIGURATION)
    assert not (await rig.permissions.check(MIA, "deployment.start", WHERE)).allowed
    assert "everyone" in await rig.permissions.groups_of(MIA)
    await rig.leavers.leave(MIA, Why.SLACK)
    assert "everyone" not in await rig.permissions.groups_of(MIA)
    await rig.leavers.back(MIA, Why.CONFIGURATION)
    assert rig.leavers.gone(MIA), "the file does not bring back whom Slack has deactivated"


async def test_a_sweep_finds_who_left_while_nobody_told_and_replicas_learn_it(
    rig: Rig, store: Store, audit: Audit, clock: HandClock
) -> None:
    await rig.locks.take(Wish(scope=Scope(), person=TOM))
    rig.deactivated |= {TOM, MIA}
    await rig.leavers.sweep([MIA])
    assert rig.leavers.gone(TOM)
    assert rig.leavers.gone(MIA)
    ((channel, _words),) = await rig.posts()
    assert channel == "C01RELEASES", "a lock on everything is told where all read"
    replica = Rig(store, audit, clock)
    assert await replica.may(TOM)
    await replica.leavers.load()
    assert not await replica.may(TOM)
