"""Menus of forms: they offer what there is, to whom it may be shown."""

import copy
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.command import Call, Invocation, Trigger
from bot.identity import Person
from commands import choices
from tests.deployments.rig import CHECKOUT, CONFIG, MIA, ZOE, Rig, up


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    config = copy.deepcopy(CONFIG)
    config["permissions"] = [{"allow": ["*"], "to": ["developers"], "services": ["checkout"]}]
    async with up(tmp_path, config=config, engine=False) as made:
        made.history()
        yield made


def asking(rig: Rig, who: Person) -> Call:
    now = rig.clock.now()
    return Call(
        Invocation(delivery_id="menu", trigger=Trigger.SLASH, person=who, at=now, channel=CHECKOUT), rig.world, now
    )


async def test_deployments_are_offered_to_who_may_see_them(rig: Rig):
    asked = await rig.run(MIA, "deploy checkout@1.4.1 to staging")
    (offered,) = await choices.under_way(asking(rig, MIA), {}, "staging")
    assert (offered.value, "checkout" in offered.label) == (asked.subject, True)
    assert await choices.under_way(asking(rig, MIA), {}, "production") == []
    assert await choices.under_way(asking(rig, ZOE), {}, "") == []


async def test_versions_are_offered_to_who_may_see_the_service(rig: Rig):
    given = {"service": "checkout", "environment": "staging"}
    assert "v1.4.1" in [one.value for one in await choices.versions(asking(rig, MIA), given, "")]
    assert "main" in [one.value for one in await choices.refs(asking(rig, MIA), given, "")]
    for source in (choices.versions, choices.refs, choices.good_versions):
        assert await source(asking(rig, ZOE), given, "") == []
    assert await choices.versions(asking(rig, MIA), {"service": "unknown"}, "") == []
