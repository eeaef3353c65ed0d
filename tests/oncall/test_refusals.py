"""Who may change who is on call: the road with its permissions, for people with and without the right."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.audit import Search
from bot.catalog import Catalog
from bot.command import Invocation, Trigger
from bot.dispatch import Dispatcher
from bot.identity import Person
from bot.oncall.records import overrides
from bot.reply import Reply
from tests.builds.rig import read
from tests.deployments.rig import ANA, CONFIG, MIA, RAJ, TOM, ZOE
from tests.oncall.rig import PRIMARY, Rig, up

NONE: Any = None
GUEST = Person(team=MIA.team, user="U0GUEST")
EVE = Person(team="T0OTHER", user="U0EVE")
PIPELINE = Person(team="account", user="ci")
GRANTS = [
    {"allow": ["oncall.read"], "to": ["everyone"], "services": ["checkout"]},
    {"allow": ["oncall.read"], "to": ["raj"], "services": ["search"]},
    {"allow": ["oncall.take"], "to": ["mia", "account:ci"]},
    {"allow": ["oncall.take"], "to": ["tom", "pat"], "services": ["checkout"]},
    {"allow": ["oncall.*"], "to": ["zoe"]},
]
SERVICE: dict[str, Any] = {**CONFIG["services"]["checkout"], "oncall": "both"}


class Road:
    """The dispatcher over the rig, its permissions from the configuration."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._ids = count(1)
        self.dispatcher = Dispatcher(
            registry=rig.registry,
            permissions=rig.permissions,
            audit=rig.audit,
            deliveries=NONE,
            store=rig.store,
            world=rig.world,
            clock=rig.clock,
            replier=NONE,
        )

    async def asks(self, who: Person, text: str, **more: Any) -> Reply:
        """Return the answer to a line that somebody types."""
        told = {"trigger": Trigger.SLASH, "ours": who.team == MIA.team, "guest": who == GUEST, **more}
        asked = Invocation(delivery_id=f"d{next(self._ids)}", person=who, at=self.rig.clock.now(), text=text, **told)
        return await self.dispatcher.answer(asked, self.dispatcher.parse(asked))

    async def made(self) -> int:
        async with self.rig.store.read() as conn:
            return (await conn.execute(sa.select(sa.func.count()).select_from(overrides))).scalar_one()


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    async with up(tmp_path, engine=False, schedules={"primary": PRIMARY, "both": PRIMARY, "alone": PRIMARY}) as rig:
        rig.config |= {
            "permissions": GRANTS,
            "services": {**rig.config["services"], "search": SERVICE, "ledger": SERVICE},
        }
        rig.config["people"] = {**rig.config["people"], "pat": {"slack": "T0OTHER/U0PAT"}}
        rig.config["services"]["ledger"] = {**SERVICE, "oncall": "both"}
        rig.config["services"]["checkout"]["oncall"] = "primary"
        rig.configure(**rig.config["oncall"]["schedules"])
        rig.permissions.replace(rig.settings)
        rig.catalog = Catalog(rig.settings)
        rig.world.add(rig.catalog)
        yield Road(rig)


EVERYTHING = (
    "oncall take primary",
    "oncall hand primary to @raj",
    "oncall override primary @raj --for 2h",
    "oncall cancel O-1",
)


async def test_who_has_no_right_changes_nothing_and_it_is_recorded(road: Road):
    assert not (await road.asks(ZOE, "oncall override primary @zoe --for 2h")).code
    for text in EVERYTHING:
        assert (await road.asks(RAJ, text)).code == "not_allowed", text
    assert await road.made() == 1
    refused = [one async for one in road.rig.audit.stream(Search()) if one.outcome == "refused"]
    assert len(refused) == len(EVERYTHING)
    assert {one.resource.service for one in refused} == {"checkout"}


@pytest.mark.parametrize("who", [GUEST, EVE])
async def test_guests_and_people_of_others_change_nothing(road: Road, who: Person):
    assert not (await road.asks(ZOE, "oncall override primary @zoe --for 2h")).code
    for text in (*EVERYTHING, "oncall show primary", "oncall mine"):
        assert (await road.asks(who, text)).code, text
    assert await road.made() == 1


async def test_the_right_to_take_is_not_the_right_to_put_others_there(road: Road):
    assert not (await road.asks(TOM, "oncall take primary --for 2h")).code
    assert (await road.asks(TOM, "oncall override primary @raj --for 2h")).code == "not_allowed"
    assert not (await road.asks(MIA, "oncall cancel O-1")).code


async def test_the_right_is_needed_on_every_service_of_the_schedule(road: Road):
    assert (await road.asks(TOM, "oncall take both --for 2h")).code == "not_allowed"
    assert (await road.asks(TOM, "oncall take search --for 2h")).code == "not_allowed"
    assert (await road.asks(TOM, "oncall take alone --for 2h")).code == "not_allowed", "it is no service's"
    assert not (await road.asks(MIA, "oncall hand both to @raj")).code
    assert (await road.asks(TOM, "oncall cancel O-1")).code == "not_allowed"
    assert await road.made() == 1


async def test_who_cannot_be_on_call_cannot_take_over(road: Road):
    """An account of a pipeline, and somebody of another organisation, may hold the right and be no one to wake."""
    assert (await road.asks(PIPELINE, "oncall take primary --for 2h", trigger=Trigger.TERMINAL)).code == "nobody_there"
    pat = Person(team="T0OTHER", user="U0PAT")
    road.rig.deactivated.add(pat)  # as Slack tells of whoever is no member of ours
    assert (await road.asks(pat, "oncall take primary --for 2h")).code == "nobody_there"
    assert await road.made() == 0


async def test_a_mention_gets_a_button_that_only_its_person_can_press(road: Road):
    assert "oncall take" in str((await road.asks(MIA, "oncall take primary --for 2h", trigger=Trigger.MENTION)).parts)
    assert await road.made() == 0


async def test_services_that_one_may_not_see_are_not_named(road: Road):
    shown = read(await road.asks(ANA, "oncall"))
    assert "primary" in shown
    assert "search" not in shown
    assert (await road.asks(ANA, "oncall both")).code == "not_allowed"
    assert (await road.asks(ANA, "oncall search")).code == "not_allowed"
    some = read(await road.asks(RAJ, "oncall both"))
    assert "For search." in some
    assert "For ledger, search." in read(await road.asks(ZOE, "oncall both"))
