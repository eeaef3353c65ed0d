"""Grants and the one decision: who may do what, where. Pure; the default is no."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from bot.command import Resource
from bot.settings import Settings

PERSON = "person:"
_ANY = "*"


class Grant(Struct, frozen=True):
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


class Decision(Struct, frozen=True):
    """Yes or no, the rule in words that a person understands, and the groups that could, in the order of the file."""

    allowed: bool
    rule: str
    who_could: tuple[str, ...]


def decide(grants: Iterable[Grant], groups_of_person: Collection[str], permission: str, resource: Resource) -> Decision:
    """Decide whether somebody in these groups holds `permission` on `resource`. Pure; the default is no."""
    return decided(
        [grant for grant in grants if grant.covers(permission, resource)], groups_of_person, permission, resource
    )


def decided(
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
    return f"{PERSON}{name}" if name in settings.people and name not in settings.groups else name


def _shown(group: str) -> str:
    return group.removeprefix(PERSON)
