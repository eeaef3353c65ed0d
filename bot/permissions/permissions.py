"""`Permissions`: who holds what right now. Reads memberships that live elsewhere; what cannot be read is a no."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Set as AbstractSet
from typing import Literal, Protocol

from bot.clock import Clock
from bot.command import Resource
from bot.identity import Person
from bot.permissions.grants import PERSON, Decision, Grant, decided, grants_of
from bot.permissions.people import ACCOUNT_TEAM, People, keep
from bot.permissions.rosters import ACCOUNT, Roster
from bot.settings import GroupSettings, Settings

EVERYONE = "everyone"
"""The built-in group: all people of our own team, without guests."""

_FRESH_SECONDS = 60.0

_log = logging.getLogger(__name__)


ForAWhile = Callable[[Person, str, Resource], Awaitable[str]]
"""(person, permission, resource) -> the rule in words that allows it now beside the configuration's, "" for none."""

LENT = "deployment.approve"
"""The permission that people have in the place of others who lent them theirs."""


class MembershipUnreadable(Exception):
    """It cannot be told now who belongs to a group; that means no."""

    def __init__(self, group: str, reason: str) -> None:
        super().__init__(f"{group}: {reason}")
        self.group = group
        self.reason = reason

    @property
    def words(self) -> str:
        """What a refusal adds."""
        return f"who belongs to {self.group} cannot be read now, which means no"


class MembershipUntold(MembershipUnreadable):
    """The identity provider has told nothing of this person yet, or too long ago; `reason` says what to do.

    `ever` tells whether it once told that they belong.
    """

    def __init__(self, group: str, reason: str, *, ever: bool) -> None:
        super().__init__(group, reason)
        self.ever = ever

    @property
    def words(self) -> str:
        """What a refusal adds."""
        return f"whether you belong to {self.group} is not known: {self.reason}"


class MembershipSource(Protocol):
    """Where memberships of a kind live, such as Slack's user groups."""

    async def members(self, ident: str) -> frozenset[Person]:
        """Return who belongs to the group with this id now; any error means that it cannot be told."""
        ...

    async def locked(self, ident: str) -> bool:
        """Tell whether its members cannot add themselves; a group that anybody can join grants nothing."""
        ...


class ClaimSource(Protocol):
    """What the identity provider told of people when they last signed in."""

    async def members(self, claim: str) -> frozenset[Person]:
        """Return of whom it told lately enough that they belong to the group that it calls so."""
        ...

    async def holds(self, person: Person, group: str, claim: str) -> bool:
        """Tell whether a person belongs. Raises: MembershipUntold."""
        ...


class Permissions(People):
    """The grants and groups in force, and the people they are about."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        super().__init__(settings)
        self._clock = clock
        self._lent: Callable[[Person], Awaitable[frozenset[str]]] | None = None
        self._standing: Callable[[Person], Awaitable[bool]] | None = None
        self._for_a_while: ForAWhile | None = None
        self._gone: Callable[[Person], bool] = lambda _person: False
        self._has_left: Callable[[Person], Awaitable[bool]] | None = None
        self._sources: dict[str, MembershipSource] = {}
        self._claims: ClaimSource | None = None
        self._on_call: Callable[[str], Awaitable[Collection[Person]]] | None = None
        self._known: dict[str, tuple[float, frozenset[Person]]] = {}
        self._covering: dict[tuple[str, Resource], tuple[Grant, ...]] = {}
        self._grants = grants_of(settings)
        self._groups: Mapping[str, GroupSettings] = settings.groups
        self._rosters = {name: Roster(one.people, settings.people) for name, one in settings.groups.items()}

    def replace(self, settings: Settings) -> None:
        """Put other settings in force, after a reload."""
        super().replace(settings)
        self._grants = grants_of(settings)
        self._groups = settings.groups
        self._rosters = {name: Roster(one.people, settings.people) for name, one in settings.groups.items()}
        self._known.clear()
        self._covering.clear()

    def set_standing(self, standing: Callable[[Person], Awaitable[bool]]) -> None:
        """Tell how to ask whether somebody is of our own team and no guest; an error of it means no."""
        self._standing = standing

    def set_leavers(self, gone: Callable[[Person], bool], has_left: Callable[[Person], Awaitable[bool]]) -> None:
        """Tell how to know who left: they have no rights, whatever names them. `has_left` is asked when it counts."""
        self._gone, self._has_left = gone, has_left

    def set_for_a_while(self, held: ForAWhile) -> None:
        """Tell how to ask whether somebody holds a right for a while; only people of our own team can."""
        self._for_a_while = held

    def set_lent(self, lent: Callable[[Person], Awaitable[frozenset[str]]]) -> None:
        """Tell how to ask which groups of others somebody may approve for."""
        self._lent = lent

    def delegable(self, group: str) -> bool:
        """Tell whether a group is one of the configuration whose people may lend their right to approve."""
        return group in self._groups and self._groups[group].delegable

    def add_source(self, kind: Literal["usergroup"], source: MembershipSource) -> None:
        """Tell where memberships of a kind are read."""
        self._sources[kind] = source

    def set_claims(self, claims: ClaimSource) -> None:
        """Tell where the groups are known that the identity provider tells."""
        self._claims = claims

    def set_on_call(self, on_call: Callable[[str], Awaitable[Collection[Person]]]) -> None:
        """Tell how to ask who is on call in a schedule now; any error means that it cannot be told."""
        self._on_call = on_call

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants in the order of the file."""
        return self._grants

    async def check(
        self,
        person: Person,
        permission: str,
        resource: Resource,
        *,
        fresh: bool = False,
        member: bool | None = None,
    ) -> Decision:
        """Decide whether `person` holds `permission` on `resource`.

        With `fresh` memberships are read again, else those of the last minute count. `member` tells that the
        person is of our own team and no guest; None asks whoever knows. A group that cannot be read is a no.
        """
        covering = self._about(permission, resource)
        concerned = {group for grant in covering for group in grant.groups}
        groups, unreadable = await self._belongs(person, concerned, fresh=fresh, member=member)
        decision = decided(covering, groups, permission, resource)
        if not decision.allowed and permission == LENT and self._lent is not None and EVERYONE in groups:
            decision = decided(covering, groups | await self._lent(person), permission, resource)
        if not decision.allowed and self._for_a_while is not None and not self._holds_nothing(person):
            ours = await self._is_member(person) if member is None else member
            rule = await self._for_a_while(person, permission, resource) if ours else ""
            if rule:
                return Decision(True, rule, decision.who_could)  # noqa: FBT003 - a verdict
        if not decision.allowed and unreadable:
            rule = "; ".join((decision.rule, *(error.words for error in unreadable)))
            return Decision(False, rule, decision.who_could)  # noqa: FBT003 - a verdict
        return decision

    async def groups_of(
        self,
        person: Person,
        *,
        fresh: bool = False,
        member: bool | None = None,
        among: Collection[str] | None = None,
    ) -> frozenset[str]:
        """Return the groups that `person` belongs to, with "everyone" and "person:<name>" or "account:<name>".

        With `among` only these groups are looked at. Somebody of whom the identity provider never told that they belong
        to a group does not.

        Raises:
            MembershipUnreadable: one of them cannot be read, and the person is not named in it.
        """
        groups, unreadable = await self._belongs(person, among, fresh=fresh, member=member)
        for error in unreadable:
            if not isinstance(error, MembershipUntold) or error.ever:
                raise error
        return groups

    async def members(self, group: str, *, fresh: bool = False) -> frozenset[Person]:
        """Return the people of a group, those of another's user group included; none of an unknown group.

        "everyone" is never listed.

        Raises:
            MembershipUnreadable: its user group, or who is on call, cannot be read.
        """
        settings = self._groups.get(group)
        if settings is None:
            return frozenset()
        named = {person for entry in settings.people if (person := self.resolve(entry)) is not None}
        if settings.usergroup:
            named |= await self._usergroup(group, settings.usergroup, fresh=fresh)
        if settings.claim and self._claims is not None:
            named |= await self._claims.members(settings.claim)
        if settings.on_call:
            working = await self._working(group, settings.on_call)
            named = {one for one in named if self.among(one, working)}
        return frozenset(named)

    async def _belongs(
        self, person: Person, among: Collection[str] | None, *, fresh: bool, member: bool | None
    ) -> tuple[frozenset[str], list[MembershipUnreadable]]:
        if self._gone(person) or (fresh and self._has_left is not None and await self._has_left(person)):
            return frozenset(), []
        if person.team == ACCOUNT_TEAM:
            member = False  # an account has what is granted to it by name, never what everyone has
        elif member is None:
            member = await self._is_member(person)
        marks = self._marks(person, member=member)
        groups: set[str] = set(marks)
        unreadable: list[MembershipUnreadable] = []
        for name in self._groups if among is None else sorted(self._groups.keys() & among):
            settings = self._groups[name]
            named = self._is_named(person, name, marks)
            try:
                if (named or (member and await self._elsewhere(person, name, settings, fresh=fresh))) and (
                    not settings.on_call or self.among(person, await self._working(name, settings.on_call))
                ):
                    groups.add(name)
            except MembershipUnreadable as error:
                unreadable.append(error)
        return frozenset(groups), unreadable

    async def _elsewhere(self, person: Person, name: str, settings: GroupSettings, *, fresh: bool) -> bool:
        """Tell whether a person belongs by a Slack user group or by the identity provider. Either is enough."""
        if settings.usergroup and self.among(person, await self._usergroup(name, settings.usergroup, fresh=fresh)):
            return True
        if not settings.claim:
            return False
        if self._claims is None:
            raise MembershipUnreadable(name, "no identity provider is connected")
        return await self._claims.holds(person, name, settings.claim)

    async def _working(self, group: str, schedule: str) -> Collection[Person]:
        """Return who is on call in a schedule now. Raises: MembershipUnreadable."""
        if self._on_call is None:
            raise MembershipUnreadable(group, "who is on call is not known here")
        try:
            return await self._on_call(schedule)
        except Exception as error:
            raise MembershipUnreadable(group, str(error) or type(error).__name__) from error

    def _marks(self, person: Person, *, member: bool) -> set[str]:
        """Return what stands for a person among the holders of grants without any group."""
        if person.team == ACCOUNT_TEAM:
            return {f"{ACCOUNT}{person.user}"}
        marks = {f"{PERSON}{name}" for name in self.names(person)}
        return marks | {EVERYONE} if member else marks

    def _holds_nothing(self, person: Person) -> bool:
        return person.team == ACCOUNT_TEAM or self._gone(person)

    async def _is_member(self, person: Person) -> bool:
        if not self.is_ours(person):
            return False
        if self._standing is None:
            return True
        try:
            return await self._standing(person)
        except Exception:  # noqa: BLE001 - whatever keeps us from knowing means no
            _log.warning("it cannot be told whether %s is a guest: treated as one", person.key, exc_info=True)
            return False

    async def _usergroup(self, group: str, ident: str, *, fresh: bool) -> frozenset[Person]:
        kept = self._known.get(ident)
        if kept is not None and not fresh and self._clock.monotonic() - kept[0] < _FRESH_SECONDS:
            return kept[1]
        self._known.pop(ident, None)
        source = self._sources.get("usergroup")
        if source is None:
            raise MembershipUnreadable(group, "Slack is not connected")
        try:
            if not await source.locked(ident):
                _log.warning("the user group %s of %s can be edited by its members: it grants nothing", ident, group)
                people: frozenset[Person] = frozenset()
            else:
                people = await source.members(ident)
        except Exception as error:
            raise MembershipUnreadable(group, str(error) or type(error).__name__) from error
        self._known[ident] = (self._clock.monotonic(), people)
        return people

    def _about(self, permission: str, resource: Resource) -> tuple[Grant, ...]:
        """Return the grants about a permission and resource: the same for everybody, until the settings change."""
        key = (permission, resource)
        if key not in self._covering:
            keep(self._covering, key, tuple(one for one in self._grants if one.covers(permission, resource)))
        return self._covering[key]

    def _is_named(self, person: Person, group: str, marks: AbstractSet[str]) -> bool:
        roster = self._rosters[group]
        return roster.names(marks) or any(self.matches(person, one) for one in roster.references(person.user))
