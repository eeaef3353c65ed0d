"""Rights for a while: asked for, decided by owners once, held until their end or until somebody takes them back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.access.access import Access, Parts, Wish
from bot.audit import Audit
from bot.catalog import Catalog
from bot.command import Resource
from bot.errors import UserError
from bot.identity import Channel, Person
from bot.permissions import ACCOUNT_TEAM, Permissions
from bot.settings import Settings
from bot.slack.outbox import Outbox
from bot.slack.records import outbox
from bot.store import Store

from .conftest import HandClock

HOME = "T0HOME"
MIA, TOM, ANA, RAJ, EVE = (Person(HOME, f"U01{name}") for name in ("MIA", "TOM", "ANA", "RAJ", "EVE"))
CONFIG: dict[str, Any] = {
    "slack": {"announce": "releases"},
    "people": {name: {"slack": f"U01{name.upper()}"} for name in ("mia", "tom", "ana", "raj")},
    "groups": {"owners": ["tom", "ana"], "security": ["raj"]},
    "permissions": [{"allow": ["access.grant"], "to": ["security"]}],
    "environments": {"staging": {}, "production": {"production_like": True}},
    "services": {
        "shop": {
            "owners": ["owners"],
            "repository": {"with": "gitlab", "project": "shop"},
            "environments": [
                {"name": name, "deploy": {"with": "jenkins", "job": name}} for name in ("staging", "production")
            ],
        }
    },
}
PRODUCTION, STAGING = Resource("shop", "production"), Resource("shop", "staging")


class Rig:
    def __init__(self, store: Store, audit: Audit, clock: HandClock) -> None:
        self.store, self.audit, self.clock = store, audit, clock
        settings = Settings.model_validate(CONFIG)
        self.permissions = Permissions(settings, clock)
        self.permissions.set_home(HOME)
        self.asked = 0
        self.access = Access(
            Parts(
                store=store,
                clock=clock,
                audit=audit,
                outbox=Outbox(store, clock),
                permissions=self.permissions,
                catalog=lambda: Catalog(settings),
                known={"deployment.start", "lock.take", "policy.approve", "access.grant"},
                channel_of=self._channel_of,
            )
        )
        self.permissions.set_for_a_while(self.access.held)

    async def _channel_of(self, _service: str) -> Channel:
        return Channel(HOME, "C01RELEASES")

    async def ask(self, person: Person = MIA, permission: str = "deployment.start", **more: Any) -> str:
        self.asked += 1
        wish = {"where": PRODUCTION, "length": timedelta(hours=8), "reason": "the fix", **more}
        reply = await self.access.ask(
            Wish(person=person, permission=permission, **{"request_id": f"delivery-{self.asked}", **wish})
        )
        return reply.subject

    async def may(
        self, person: Person = MIA, where: Resource = PRODUCTION, permission: str = "deployment.start"
    ) -> bool:
        return (await self.permissions.check(person, permission, where)).allowed

    async def told(self) -> list[str]:
        async with self.store.read() as conn:
            return [row.key for row in (await conn.execute(outbox.select().order_by(outbox.c.id))).all()]

    async def refusal(self, doing: Any) -> str:
        with pytest.raises(UserError) as refused:
            await doing
        return refused.value.code


@pytest.fixture
def rig(store: Store, audit: Audit, clock: HandClock) -> Rig:
    return Rig(store, audit, clock)


async def test_an_owner_gives_a_right_that_ends_by_itself(rig: Rig) -> None:
    assert not await rig.may()
    request = await rig.ask()
    assert await rig.told() == [f"direct/access/{request}/{one.key}" for one in (ANA, TOM)], "the owners are asked"
    assert not await rig.may()
    await rig.access.grant(request, TOM)
    assert await rig.may()
    rule = (await rig.permissions.check(MIA, "deployment.start", PRODUCTION)).rule
    assert rule == "@tom granted deployment.start on shop/production until 2026-03-01 20:00 UTC (AR-1)"
    assert not await rig.may(where=STAGING)
    assert not await rig.may(where=Resource())
    assert not await rig.may(permission="lock.take")
    assert not await rig.may(person=EVE)
    rig.clock.pass_by(8 * 3600 - 1)
    assert await rig.may()
    rig.clock.pass_by(1)
    assert not await rig.may(), "its last moment has passed"
    assert await rig.refusal(rig.access.revoke(request, TOM)) == "not_held"
    entries = [(one.action, one.actor) for one in reversed(await rig.audit.recent())]
    assert entries == [("access.asked", MIA), ("access.granted", TOM)]


async def test_who_may_not_decide_does_not(rig: Rig) -> None:
    own = await rig.ask(person=TOM)
    assert await rig.refusal(rig.access.grant(own, TOM)) == "not_by_you"
    request = await rig.ask()
    assert await rig.refusal(rig.access.grant(request, EVE)) == "not_an_owner"
    assert await rig.refusal(rig.access.grant("AR-99", TOM)) == "unknown_request"
    await rig.access.grant(own, RAJ)  # holds access.grant
    assert await rig.may(TOM)
    everywhere = await rig.ask(where=Resource())
    assert await rig.refusal(rig.access.grant(everywhere, TOM)) == "not_an_owner", "owners give what is theirs"
    await rig.access.reject(everywhere, RAJ)
    assert not await rig.may()
    assert await rig.refusal(rig.access.grant(everywhere, RAJ)) == "decided"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"permission": "deployment.strat"}, "unknown_permission"),
        ({"permission": "*"}, "unknown_permission"),
        ({"permission": "access.grant"}, "not_lendable"),
        ({"permission": "policy.approve"}, "not_lendable"),
        ({"reason": "  "}, "no_reason"),
        ({"length": timedelta(days=31)}, "bad_duration"),
        ({"length": timedelta(seconds=1)}, "bad_duration"),
        ({"person": Person(ACCOUNT_TEAM, "ci")}, "not_in_team"),
    ],
)
async def test_what_cannot_be_asked_for(rig: Rig, wish: dict[str, Any], code: str) -> None:
    assert await rig.refusal(rig.ask(**wish)) == code
    assert await rig.told() == []


async def test_a_right_is_taken_back_at_once_by_owners_and_given_back_by_its_holder(rig: Rig) -> None:
    for by in (ANA, MIA):
        request = await rig.ask()
        await rig.access.grant(request, TOM)
        assert await rig.may()
        assert await rig.refusal(rig.access.revoke(request, EVE)) == "not_an_owner"
        await rig.access.revoke(request, by)
        assert not await rig.may()


async def test_a_delivery_that_comes_twice_asks_once_and_an_old_question_is_over(rig: Rig) -> None:
    request = await rig.ask(request_id="same")
    assert await rig.ask(request_id="same") == request
    assert len(await rig.told()) == 2
    rig.clock.pass_by(86_400)
    assert await rig.refusal(rig.access.grant(request, TOM)) == "expired"


async def test_of_racing_decisions_one_wins(rig: Rig) -> None:
    request = await rig.ask()
    decisions = [(rig.access.grant, rig.access.reject)[number % 2] for number in range(20)]
    people = [(TOM, ANA, RAJ)[number % 3] for number in range(20)]
    answers = await asyncio.gather(
        *(decide(request, who) for decide, who in zip(decisions, people, strict=True)), return_exceptions=True
    )
    assert {getattr(one, "code", "") for one in answers if isinstance(one, Exception)} == {"decided"}
    entries = [one for one in await rig.audit.recent() if one.action in {"access.granted", "access.rejected"}]
    assert len(entries) == 1
    assert await rig.may() == (entries[0].action == "access.granted")


async def test_guests_and_people_of_others_hold_nothing(rig: Rig) -> None:
    request = await rig.ask()
    await rig.access.grant(request, TOM)

    async def no_member(_person: Person) -> bool:
        return False

    rig.permissions.set_standing(no_member)
    assert not await rig.may()
    assert (await rig.permissions.check(MIA, "deployment.start", PRODUCTION, member=True)).allowed


async def test_what_is_held_and_asked_for_is_listed_and_dropped_when_somebody_leaves(rig: Rig) -> None:
    held, asked = await rig.ask(), await rig.ask(permission="lock.take")
    await rig.access.grant(held, TOM)
    assert (await rig.access.list()).summary == "1 rights are held for a while, 1 are asked for"
    async with rig.store.write() as tx:
        assert [one.id for one in await rig.access.drop(tx, MIA, RAJ)] == [held, asked]
    assert not await rig.may()
    assert await rig.refusal(rig.access.grant(asked, TOM)) == "decided"
    assert "Nobody holds" in (await rig.access.list()).summary
