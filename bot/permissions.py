"""Who may do what, where. The default is no.

`decide` is the one decision and a pure function of grants and groups; `Permissions` knows the people and groups of
the configuration and reads memberships that live elsewhere.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from bot.clock import Clock
from bot.command import Resource
from bot.identity import Person
from bot.settings import GroupSettings, PersonEntry, Settings

EVERYONE = "everyone"
"""The built-in group: all people of our own team, without guests."""

ACCOUNT_TEAM = "account"
_ACCOUNT = "account:"
_PERSON = "person:"
_ANY = "*"
_FRESH_SECONDS = 60.0
_MOST_KEPT = 4096

_K = TypeVar("_K")
_V = TypeVar("_V")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant of the configuration: these groups hold these permissions there. `number` is its place in the file.

    `groups` also names single holders: "person:mia", "account:ci". "*" stands for anything, "deployment.*" for all
    permissions of that family, "*.read" for reading anything.
    """

    permissions: tuple[str, ...]
    groups: tuple[str, ...]
    services: tuple[str, ...] = (_ANY,)
    environments: tuple[str, ...] = (_ANY,)
    targets: tuple[str, ...] = (_ANY,)
    number: int = 0

    def covers(self, permission: str, resource: Resource) -> bool:
        """Tell whether this grant is about the permission and the resource, whoever asks.

        An empty field of the resource means that all of them are touched: only "*" covers that.
        """
        return (
            any(_holds(pattern, permission) for pattern in self.permissions)
            and _within(resource.service, self.services)
            and _within(resource.environment, self.environments)
            and _within(resource.target, self.targets)
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, the rule in words that a person understands, and the groups that could, in the order of the file."""

    allowed: bool
    rule: str
    who_could: tuple[str, ...]


class MembershipUnreadable(Exception):
    """It cannot be told now who belongs to a group; that means no."""

    def __init__(self, group: str, reason: str) -> None:
        super().__init__(f"{group}: {reason}")
        self.group = group
        self.reason = reason


class MembershipSource(Protocol):
    """Where memberships of a kind live, such as Slack's user groups."""

    async def members(self, ident: str) -> frozenset[Person]:
        """Return who belongs to the group with this id now; any error means that it cannot be told."""
        ...

    async def locked(self, ident: str) -> bool:
        """Tell whether its members cannot add themselves; a group that anybody can join grants nothing."""
        ...


def decide(grants: Iterable[Grant], groups_of_person: Collection[str], permission: str, resource: Resource) -> Decision:
    """Decide whether somebody in these groups holds `permission` on `resource`. Pure; the default is no."""
    return _decided(
        [grant for grant in grants if grant.covers(permission, resource)], groups_of_person, permission, resource
    )


def _decided(
    covering: Sequence[Grant], groups_of_person: Collection[str], permission: str, resource: Resource
) -> Decision:
    """Decide by the grants that are about this permission and resource."""
    who_could = tuple(dict.fromkeys(_shown(group) for grant in covering for group in grant.groups))
    what = f"{permission} on {_words(resource)}"
    for grant in covering:
        for group in grant.groups:
            if group in groups_of_person:
                return Decision(True, f"{_shown(group)} may {what} (permissions[{grant.number}])", who_could)  # noqa: FBT003 - a verdict
    return Decision(False, f"no grant of yours gives {what}", who_could)  # noqa: FBT003 - the same


def grants_of(settings: Settings) -> tuple[Grant, ...]:
    """Return the grants of the configuration; a person among the holders becomes "person:<name>"."""
    return tuple(
        Grant(
            permissions=one.allow,
            groups=tuple(_holder(name, settings) for name in one.to),
            services=one.services,
            environments=one.environments,
            targets=one.targets,
            number=number,
        )
        for number, one in enumerate(settings.permissions)
    )


class Permissions:
    """The grants, people and groups in force. Our own team is known once Slack told who we are: `set_home`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._home_team = ""
        self._home_enterprise = ""
        self._standing: Callable[[Person], Awaitable[bool]] | None = None
        self._sources: dict[str, MembershipSource] = {}
        self._known: dict[str, tuple[float, frozenset[Person]]] = {}
        self._grants: tuple[Grant, ...] = ()
        self._people: Mapping[str, PersonEntry] = {}
        self._groups: Mapping[str, GroupSettings] = {}
        self._covering: dict[tuple[str, Resource], tuple[Grant, ...]] = {}
        self._named: dict[Person, tuple[str, ...]] = {}
        self.replace(settings)

    def replace(self, settings: Settings) -> None:
        """Put other settings in force, after a reload."""
        self._grants = grants_of(settings)
        self._people = settings.people
        self._groups = settings.groups
        self._known.clear()
        self._covering.clear()
        self._named.clear()

    def set_home(self, team: str, enterprise: str = "") -> None:
        """Tell which workspace is ours: people named by user id alone are of it."""
        self._home_team = team
        self._home_enterprise = enterprise
        self._named.clear()

    def is_ours(self, person: Person) -> bool:
        """Tell whether the person's account is of our own workspace or organisation; a guest's is, too."""
        return self._at_home(person)

    def set_standing(self, standing: Callable[[Person], Awaitable[bool]]) -> None:
        """Tell how to ask whether somebody is of our own team and no guest; an error of it means no."""
        self._standing = standing

    def add_source(self, kind: Literal["usergroup"], source: MembershipSource) -> None:
        """Tell where memberships of a kind are read."""
        self._sources[kind] = source

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
        decision = _decided(covering, groups, permission, resource)
        if not decision.allowed and unreadable:
            names = ", ".join(error.group for error in unreadable)
            rule = f"{decision.rule}; who belongs to {names} cannot be read now, which means no"
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

        With `among` only these groups are looked at.

        Raises:
            MembershipUnreadable: one of them cannot be read, and the person is not named in it.
        """
        groups, unreadable = await self._belongs(person, among, fresh=fresh, member=member)
        if unreadable:
            raise unreadable[0]
        return groups

    async def members(self, group: str, *, fresh: bool = False) -> frozenset[Person]:
        """Return the people of a group, those of another's user group included; none of an unknown group.

        "everyone" is never listed.

        Raises:
            MembershipUnreadable: its user group cannot be read.
        """
        settings = self._groups.get(group)
        if settings is None:
            return frozenset()
        named = {person for entry in settings.people if (person := self._resolve(entry)) is not None}
        if settings.usergroup:
            named |= await self._usergroup(group, settings.usergroup, fresh=fresh)
        return frozenset(named)

    def people(self) -> Mapping[str, Person]:
        """Return the people of the configuration by name, without those whose Slack id is not known."""
        found = ((name, self._resolve(name)) for name in self._people)
        return {name: person for name, person in found if person is not None}

    def person(self, name: str) -> Person | None:
        """Return the person of this name in the configuration."""
        return self._resolve(name) if name in self._people else None

    def person_by_email(self, email: str) -> Person | None:
        """Return who writes commits under this address, as far as the configuration tells."""
        wanted = email.strip().lower()
        known = (name for name, entry in self._people.items() if wanted in {one.lower() for one in entry.emails})
        return next((self._resolve(name) for name in known), None)

    def emails_of(self, person: Person) -> frozenset[str]:
        """Return the addresses of a person that the configuration tells, in lower case."""
        return frozenset(email.lower() for name in self._names(person) for email in self._people[name].emails)

    def account_of(self, person: Person, instance: str) -> str:
        """Return the user name that the configuration gives this person in a tool, "" where it says nothing."""
        return next((found for one in self._names(person) if (found := self._people[one].accounts.get(instance))), "")

    def name_of(self, person: Person) -> str:
        """Return the name people read: from the configuration, else the id."""
        for name in self._names(person):
            return self._people[name].title or name
        return person.user

    async def _belongs(
        self, person: Person, among: Collection[str] | None, *, fresh: bool, member: bool | None
    ) -> tuple[frozenset[str], list[MembershipUnreadable]]:
        if person.team == ACCOUNT_TEAM:
            marks = {f"{_ACCOUNT}{person.user}"}
            member = False  # an account has what is granted to it by name, never what everyone has
        else:
            marks = {f"{_PERSON}{name}" for name in self._names(person)}
            if member is None:
                member = await self._is_member(person)
        if member:
            marks.add(EVERYONE)
        groups: set[str] = set(marks)
        unreadable: list[MembershipUnreadable] = []
        for name, settings in self._groups.items():
            if among is not None and name not in among:
                continue
            if any(self._is(person, entry, marks) for entry in settings.people):
                groups.add(name)
            elif settings.usergroup and member:
                try:
                    if self._among(person, await self._usergroup(name, settings.usergroup, fresh=fresh)):
                        groups.add(name)
                except MembershipUnreadable as error:
                    unreadable.append(error)
        return frozenset(groups), unreadable

    async def _is_member(self, person: Person) -> bool:
        if not self._at_home(person):
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
            _keep(self._covering, key, tuple(one for one in self._grants if one.covers(permission, resource)))
        return self._covering[key]

    def _names(self, person: Person) -> tuple[str, ...]:
        """Return what the configuration calls a person; kept, because everybody else is looked through for it."""
        if person not in self._named:
            people = ((name, entry.slack) for name, entry in self._people.items() if entry.slack)
            _keep(self._named, person, tuple(name for name, slack in people if self._matches(person, slack)))
        return self._named[person]

    def _is(self, person: Person, entry: str, marks: Collection[str]) -> bool:
        if entry in self._people:
            return f"{_PERSON}{entry}" in marks
        if entry.startswith(_ACCOUNT):
            return entry in marks
        return self._matches(person, entry)

    def _matches(self, person: Person, reference: str) -> bool:
        *above, user = reference.split("/")
        if person.user != user or person.team == ACCOUNT_TEAM:
            return False
        return person.team == above[-1] if above else self._at_home(person)

    def _among(self, person: Person, people: Collection[Person]) -> bool:
        """Tell whether `people` holds the person; in an enterprise one id is one person in all its workspaces."""
        if person in people:
            return True
        return self._at_home(person) and any(one.user == person.user and self._at_home(one) for one in people)

    def _at_home(self, person: Person) -> bool:
        if self._home_enterprise and person.enterprise == self._home_enterprise:
            return True
        return bool(self._home_team) and person.team == self._home_team

    def _resolve(self, entry: str) -> Person | None:
        if entry.startswith(_ACCOUNT):
            return Person(team=ACCOUNT_TEAM, user=entry.removeprefix(_ACCOUNT))
        reference = self._people[entry].slack if entry in self._people else entry
        *above, user = reference.split("/")
        if not user:
            return None
        if above:
            return Person(team=above[-1], user=user, enterprise=above[0] if len(above) > 1 else "")
        return Person(team=self._home_team, user=user, enterprise=self._home_enterprise) if self._home_team else None


def _keep(kept: dict[_K, _V], key: _K, value: _V) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value


def _holds(pattern: str, permission: str) -> bool:
    if pattern.endswith(".*"):
        return permission.startswith(pattern.removesuffix("*"))
    if pattern.startswith("*."):
        return permission.endswith(pattern.removeprefix("*"))
    return pattern in {_ANY, permission}


def _within(name: str, patterns: Collection[str]) -> bool:
    return _ANY in patterns or (bool(name) and name in patterns)


def _words(resource: Resource) -> str:
    parts = [resource.service or "all services", resource.environment, resource.target]
    return "/".join(part for part in parts if part)


def _holder(name: str, settings: Settings) -> str:
    return f"{_PERSON}{name}" if name in settings.people and name not in settings.groups else name


def _shown(group: str) -> str:
    return group.removeprefix(_PERSON)
