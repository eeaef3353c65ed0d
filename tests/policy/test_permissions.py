"""People, groups and memberships: who counts as whom, and what happens when nobody can tell."""

from pathlib import Path

import pytest

from bot.command import Resource
from bot.identity import Person
from bot.permissions import MembershipUnreadable, Permissions
from bot.settings import Settings, load

from .conftest import HandClock

CONFIGURATION = """
slack: {bot_token: "${TOKEN}", app_token: "${TOKEN}"}
people:
  mia: {slack: U01MIA, emails: [Mia@Example.org], title: Mia Lind}
  tom: {slack: U01TOM}
  eve: {slack: T0OTHER/U01EVE}
  nobody: {}
groups:
  developers: [mia, tom]
  partners: [eve, T0OTHER/U77]
  oncall: {people: [tom], usergroup: S012}
  pipelines: ["account:ci"]
permissions:
  - {allow: [deployment.read], to: [everyone]}
  - {allow: [deployment.start], to: [developers, partners, pipelines], environments: [staging]}
  - {allow: [deployment.rollback], to: [oncall]}
  - {allow: [lock.take], to: [mia, "account:ci"]}
environments: {staging: {}, production: {}}
"""
HOME = "T0HOME"
MIA, TOM = Person(HOME, "U01MIA"), Person(HOME, "U01TOM")
RAJ = Person(HOME, "U01RAJ")
EVE = Person("T0OTHER", "U01EVE")
FALSE_MIA = Person("T0OTHER", "U01MIA")
STAGING = Resource("checkout", "staging")


class Usergroups:
    """A membership source whose answer a test sets."""

    def __init__(self) -> None:
        self.people = frozenset({RAJ})
        self.editable = False
        self.away = False
        self.asked = 0

    async def members(self, ident: str) -> frozenset[Person]:
        self.asked += 1
        assert ident == "S012"
        if self.away:
            raise TimeoutError("Slack does not answer")
        return self.people

    async def locked(self, ident: str) -> bool:
        if self.away:
            raise TimeoutError("Slack does not answer")
        return not self.editable


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "shipmate.yaml"
    path.write_text(CONFIGURATION)
    return load(path, {"TOKEN": "xoxb-0123456789abcdef"})


@pytest.fixture
def source() -> Usergroups:
    return Usergroups()


@pytest.fixture
def permissions(settings: Settings, clock: HandClock, source: Usergroups) -> Permissions:
    made = Permissions(settings, clock)
    made.set_home(HOME)
    made.add_source("usergroup", source)
    return made


async def _may(permissions: Permissions, person: Person, permission: str, resource: Resource = STAGING) -> bool:
    return (await permissions.check(person, permission, resource)).allowed


async def test_people_of_our_team_have_what_everyone_has(permissions: Permissions) -> None:
    assert await _may(permissions, RAJ, "deployment.read")
    assert not await _may(permissions, EVE, "deployment.read")
    assert not await _may(permissions, Person("account", "ci"), "deployment.read")


async def test_before_our_team_is_known_nobody_is_of_it(settings: Settings, clock: HandClock) -> None:
    unknown = Permissions(settings, clock)
    assert not await _may(unknown, MIA, "deployment.read")
    assert not await _may(unknown, Person("", "U01MIA"), "deployment.start")


async def test_guests_have_only_what_they_are_named_for(permissions: Permissions, source: Usergroups) -> None:
    source.people = frozenset({MIA, RAJ})

    async def nobody_is_a_member(_person: Person) -> bool:
        return False

    permissions.set_standing(nobody_is_a_member)
    assert not await _may(permissions, MIA, "deployment.read")
    assert await _may(permissions, MIA, "deployment.start")
    assert not await _may(permissions, MIA, "deployment.rollback")  # a user group does not name her in our files
    assert (await permissions.check(RAJ, "deployment.read", STAGING, member=True)).allowed
    assert not (await permissions.check(RAJ, "deployment.read", STAGING, member=False)).allowed


async def test_a_standing_that_cannot_be_read_means_guest(permissions: Permissions) -> None:
    async def away(_person: Person) -> bool:
        raise TimeoutError

    permissions.set_standing(away)
    assert not await _may(permissions, RAJ, "deployment.read")


async def test_the_same_user_id_in_another_workspace_is_somebody_else(permissions: Permissions) -> None:
    assert await _may(permissions, MIA, "deployment.start")
    assert not await _may(permissions, FALSE_MIA, "deployment.start")
    assert permissions.emails_of(FALSE_MIA) == frozenset()
    assert await _may(permissions, EVE, "deployment.start")  # named with her own workspace
    assert await _may(permissions, Person("T0OTHER", "U77"), "deployment.start")
    assert not await _may(permissions, Person(HOME, "U77"), "deployment.start")


async def test_an_account_cannot_be_taken_for_a_person_nor_a_person_for_an_account(permissions: Permissions) -> None:
    assert await _may(permissions, Person("account", "ci"), "deployment.start")
    assert await _may(permissions, Person("account", "ci"), "lock.take")
    assert not await _may(permissions, Person("account", "other"), "lock.take")
    assert not await _may(permissions, Person("account", "U01MIA"), "lock.take")
    assert not await _may(permissions, Person(HOME, "ci"), "lock.take")


async def test_members_of_a_user_group_count_while_they_cannot_edit_it(
    permissions: Permissions, source: Usergroups, clock: HandClock
) -> None:
    assert await _may(permissions, RAJ, "deployment.rollback")
    source.editable = True
    assert not (await permissions.check(RAJ, "deployment.rollback", STAGING, fresh=True)).allowed
    assert await _may(permissions, TOM, "deployment.rollback")  # named in our files


async def test_memberships_are_remembered_for_a_minute_unless_asked_fresh(
    permissions: Permissions, source: Usergroups, clock: HandClock
) -> None:
    assert await _may(permissions, RAJ, "deployment.rollback")
    source.people = frozenset()
    clock.pass_by(59)
    assert await _may(permissions, RAJ, "deployment.rollback")
    assert source.asked == 1
    assert not (await permissions.check(RAJ, "deployment.rollback", STAGING, fresh=True)).allowed
    assert not await _may(permissions, RAJ, "deployment.rollback")
    source.people = frozenset({RAJ})
    clock.pass_by(61)
    assert await _may(permissions, RAJ, "deployment.rollback")


async def test_a_group_that_cannot_be_read_is_a_no_that_says_so(permissions: Permissions, source: Usergroups) -> None:
    assert await _may(permissions, RAJ, "deployment.rollback")
    source.away = True
    decision = await permissions.check(RAJ, "deployment.rollback", STAGING, fresh=True)
    assert not decision.allowed
    assert "oncall cannot be read now" in decision.rule
    assert decision.who_could == ("oncall",)
    with pytest.raises(MembershipUnreadable, match="Slack does not answer"):
        await permissions.groups_of(RAJ, fresh=True)
    with pytest.raises(MembershipUnreadable):
        await permissions.members("oncall", fresh=True)
    # others are not concerned by it
    assert (await permissions.check(MIA, "deployment.start", STAGING, fresh=True)).allowed
    assert await permissions.groups_of(TOM, fresh=True) >= {"oncall", "developers", "everyone", "person:tom"}
    assert await permissions.groups_of(RAJ, fresh=True, among={"developers"}) == {"everyone"}


async def test_without_slack_a_user_group_cannot_be_read(settings: Settings, clock: HandClock) -> None:
    permissions = Permissions(settings, clock)
    permissions.set_home(HOME)
    with pytest.raises(MembershipUnreadable, match="Slack is not connected"):
        await permissions.members("oncall")


async def test_members_lists_people_by_name_and_by_id(permissions: Permissions) -> None:
    assert await permissions.members("developers") == {MIA, TOM}
    assert await permissions.members("partners") == {EVE, Person("T0OTHER", "U77")}
    assert await permissions.members("oncall") == {TOM, RAJ}
    assert await permissions.members("pipelines") == {Person("account", "ci")}
    assert await permissions.members("no such group") == frozenset()


async def test_an_enterprise_is_one_home(settings: Settings, clock: HandClock, source: Usergroups) -> None:
    permissions = Permissions(settings, clock)
    permissions.set_home(HOME, "E1")
    permissions.add_source("usergroup", source)
    source.people = frozenset({Person(HOME, "U01RAJ", "E1")})
    assert await _may(permissions, Person("T0SECOND", "U01RAJ", "E1"), "deployment.rollback")
    assert not await _may(permissions, Person("T0SECOND", "U01RAJ", "E2"), "deployment.rollback")
    elsewhere = Person("T0SECOND", "U01MIA", "E1")
    assert await _may(permissions, elsewhere, "deployment.start")
    assert not await _may(permissions, Person("T0SECOND", "U01MIA", "E2"), "deployment.start")


def test_people_are_found_by_name_and_address(permissions: Permissions) -> None:
    assert permissions.person("mia") == MIA
    assert permissions.person("nobody") is None
    assert permissions.person("stranger") is None
    assert permissions.people() == {"mia": MIA, "tom": TOM, "eve": EVE}
    assert permissions.person_by_email(" mia@example.ORG ") == MIA
    assert permissions.person_by_email("who@example.org") is None
    assert permissions.emails_of(MIA) == {"mia@example.org"}
    assert [permissions.name_of(one) for one in (MIA, TOM, RAJ)] == ["Mia Lind", "tom", "U01RAJ"]


async def test_a_reload_changes_rights_at_once(permissions: Permissions, settings: Settings) -> None:
    assert await _may(permissions, MIA, "deployment.start")
    permissions.replace(settings.model_copy(update={"permissions": ()}))
    decision = await permissions.check(MIA, "deployment.start", STAGING)
    assert (decision.allowed, decision.who_could) == (False, ())
