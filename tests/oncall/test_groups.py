"""A group narrowed to who is on call: it takes people away, never adds one, and what is not known is a no."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from bot.amendments.policy import policy_of
from bot.amendments.rules import compare
from bot.deployments.rules import State
from bot.permissions import MembershipUnreadable
from bot.settings import Settings, SettingsError, load
from tests.deployments.rig import ANA, CONFIG, MIA, RAJ, TOM
from tests.oncall.rig import PRIMARY, Rig, at, up

GROUP = {"people": ["mia", "ana", "raj"], "on_call": "primary"}


def configure(rig: Rig, **schedule: object) -> None:
    """Put a schedule in force, a group of who is on call there, and an emergency class that it approves."""
    rig.config["groups"] = {**CONFIG["groups"], "responders": GROUP}
    rig.config["policy"] = {"emergency": {"approvers": ["responders"]}}
    rig.configure(primary={**PRIMARY, **schedule})
    rig.permissions.replace(rig.settings)
    rig.catalog = type(rig.catalog)(rig.settings)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with up(tmp_path) as made:
        made.permissions.set_on_call(made.oncall.certain)
        configure(made)
        yield made


async def responders(rig: Rig) -> set[str]:
    found = {one for one in (MIA, TOM, ANA, RAJ) if "responders" in await rig.permissions.groups_of(one, fresh=True)}
    assert found == set(await rig.permissions.members("responders"))
    return {rig.permissions.name_of(one) for one in found}


async def test_of_its_people_those_belong_who_are_on_call_now(rig: Rig):
    assert await responders(rig) == {"mia"}
    await rig.set_clock(at("2026-01-06 12:00"))
    assert await responders(rig) == set(), "tom is on call, and none of the group's people"
    await rig.set_clock(at("2026-01-07 12:00"))
    assert await responders(rig) == {"ana"}


async def test_taking_a_shift_gives_nothing_to_who_is_not_named(rig: Rig):
    await rig.run(TOM, "oncall take primary --for 2h")
    assert await responders(rig) == set()
    await rig.run(RAJ, "oncall take primary --for 2h")
    assert await responders(rig) == {"raj"}


async def test_an_emergency_is_approved_by_who_is_on_call(rig: Rig):
    rig.history()
    await rig.deploy("v1.4.2")
    reply = await rig.run(TOM, "deploy checkout@v1.4.2 to production --class emergency --reason fire")
    await rig.reaches(reply.subject, State.AWAITING_APPROVAL)
    assert (await rig.refused(RAJ, f"approve {reply.subject}")).code == "not_an_approver"
    await rig.run(MIA, command="approve", deployment=reply.subject)
    await rig.reaches(reply.subject, State.SUCCEEDED)


async def test_a_calendar_that_cannot_be_read_is_a_no_until_an_override_says_who(rig: Rig):
    configure(rig, calendars=[{"name": "team", "url": "https://calendar.example.org/team.ics"}])
    with pytest.raises(MembershipUnreadable, match=r"primary, .*team"):
        await rig.permissions.groups_of(MIA, fresh=True)
    assert "responders" not in await rig.permissions.groups_of(TOM, among=["developers"])
    await rig.run(RAJ, "oncall take primary --for 2h")
    assert await responders(rig) == {"raj"}


def test_settings_name_a_schedule_that_is_none_and_a_group_without_people(tmp_path: Path):
    path = tmp_path / "shipmate.yaml"
    groups = {**CONFIG["groups"], "a": {"people": ["mia"], "on_call": "primry"}, "b": {"on_call": "primary"}}
    schedules = {"schedules": {"primary": PRIMARY}}
    path.write_text(yaml.safe_dump({**CONFIG, "groups": groups, "oncall": schedules}))
    with pytest.raises(SettingsError) as told:
        load(path, {})
    assert "groups.a.on_call: primry is no schedule of oncall.schedules" in str(told.value)
    assert "groups.b.on_call: on_call says which of its people count, and it has none" in str(told.value)


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [("", "primary", False), ("primary", "", True), ("primary", "nights", True), ("primary", "primary", False)],
)
def test_only_who_takes_the_condition_away_or_names_another_schedule_widens(before: str, after: str, widens: bool):
    def policy(schedule: str) -> dict[str, object]:
        group = {"people": ["mia"], **({"on_call": schedule} if schedule else {})}
        return {**policy_of(Settings()), "groups": {"responders": group}}

    found = compare(policy(before), policy(after))
    assert bool(found.widening) is widens
    assert found.kept["groups"]["responders"].get("on_call", "") == (before if widens else after)
