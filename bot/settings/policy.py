"""The policy: what need not wait for approval, who may pass rules over when it burns, and how all of it may change."""

from collections.abc import Collection
from typing import Any, Literal

from pydantic import Field

from bot.closest import did_you_mean
from bot.settings.mistakes import Where
from bot.settings.services import Word
from bot.settings.source import Source
from bot.settings.values import Model, Name, Timezone

Skippable = Literal["approvals", "checks", "freezes", "locks", "promotion", "blocked", "gates"]


class StandardChange(Model):
    """A kind of change that is approved once and for all, as long as it is what this says."""

    name: Name = Field(description="What it is called where it needs no approval.")
    services: tuple[Word, ...] = Field(("*",), min_length=1, description="Services it holds for.")
    environments: tuple[Word, ...] = Field(("*",), min_length=1, description="Environments it holds for.")
    kinds: tuple[Literal["deploy", "rollback"], ...] = Field(
        ("deploy",), min_length=1, description="Whether it is about deployments, rollbacks or both."
    )
    paths: tuple[Word, ...] = Field(
        (), description="Patterns that each changed file must fit; none means that any file may change."
    )


class EmergencyChange(Model):
    """What an emergency may shorten."""

    approvers: tuple[Word, ...] = Field(
        min_length=1, description="Groups one of whose people must approve: who is on call."
    )
    checks: tuple[Word, ...] = Field((), description="The required checks that are waited for all the same.")
    services: tuple[Word, ...] = Field(("*",), min_length=1, description="Services that may have emergencies.")
    environments: tuple[Word, ...] = Field(("*",), min_length=1, description="Environments that may have them.")


class BreakGlass(Model):
    """What `--force` passes over, for those who hold deployment.force."""

    skips: tuple[Skippable, ...] = Field(min_length=1, description="The rules that are passed over.")
    services: tuple[Word, ...] = Field(("*",), min_length=1, description="Services that may be forced.")
    environments: tuple[Word, ...] = Field(("*",), min_length=1, description="Environments that may be forced.")


class Review(Model):
    """Who looks at emergencies and forced deployments afterwards."""

    groups: tuple[Word, ...] = Field((), description="Groups that are reminded; the owners of the service without.")
    hour: int = Field(10, ge=0, le=23, description="The hour of the next working day by which it is reviewed.")
    timezone: Timezone = Field("UTC", description="The time zone of that hour.")


class PolicySettings(Model):
    """Change classes and break-glass: what is not named here does not exist. And how the policy itself may change."""

    second_person: bool = Field(
        default=False, description="Whether a change that widens rights waits until a second person confirms it."
    )
    standard: tuple[StandardChange, ...] = Field((), description="Changes that need no approval.")
    emergency: EmergencyChange | None = Field(None, description="What an emergency may shorten.")
    force: BreakGlass | None = Field(None, description="What --force passes over.")
    review: Review = Field(
        default_factory=Review.model_construct, description="Who looks at it afterwards, and by when."
    )


def check(source: Source, *, groups: Collection[str], environments: Collection[str], services: Collection[str]) -> None:
    """Note names that must exist elsewhere. Values of a wrong form are told by the model."""
    found = source.data.get("policy")
    if not isinstance(found, dict):
        return
    named: list[tuple[Where, Any]] = [
        (("policy", "emergency"), found.get("emergency")),
        (("policy", "force"), found.get("force")),
        (("policy", "review"), found.get("review")),
    ]
    standard = found.get("standard")
    listed = standard if isinstance(standard, list) else []
    named += [(("policy", "standard", number), one) for number, one in enumerate(listed)]
    known = {"approvers": groups, "groups": groups, "environments": environments, "services": services}
    for where, one in named:
        for key, names in known.items() if isinstance(one, dict) else ():
            _check_names(source, (*where, key), one.get(key), names)
    seen: set[str] = set()
    for number, one in enumerate(listed):
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and name in seen:
            source.note(("policy", "standard", number, "name"), f"there are two changes named {name}", "Rename one.")
        seen.add(str(name))


def _check_names(source: Source, where: Where, value: object, known: Collection[str]) -> None:
    kind = {"approvers": "group", "groups": "group"}.get(str(where[-1]), str(where[-1]).removesuffix("s"))
    for index, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, str) and one not in known and not (one == "*" and kind != "group"):
            source.note((*where, index), f"{one} is no {kind}", did_you_mean(one, sorted(known)))
